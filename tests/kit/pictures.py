"""The documentation's pictures, taken by the browser tests when asked for: PLANTROOM_PICTURES=1. Look at them before they are committed."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SETTLE_MS = 300


def picture(page: Page, name: str) -> None:
    """docs/pictures/NAME.png of what the window shows now."""
    if os.environ.get("PLANTROOM_PICTURES"):
        page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=FOLDER / f"{name}.png")
