"""axe-core, the accessibility checker, for the browser tests: fetched from npm through tests/browser/package-lock.json, kept in .cache.

`make test-environment` runs this as a program; it does nothing where the lock file has not changed since.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from dashboards.console.build_assets import npm, run

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "browser"
SERIOUS = ("serious", "critical")
# The rules of WCAG 2.2 A and AA, and what axe holds for good practice.
OPTIONS = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}



def kept() -> Path:
    lock = (HERE / "package-lock.json").read_bytes()
    return ROOT / ".cache" / f"axe-{hashlib.sha256(lock).hexdigest()[:16]}.js"


def fetch() -> Path:
    """Raises CannotFetch where there is no npm or no registry."""
    path = kept()
    if not path.is_file():
        with npm() as command, tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            run([*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(folder / "cache")], folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / "node_modules" / "axe-core" / "axe.min.js", path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
    return path


@lru_cache(maxsize=1)
def source() -> str:
    return fetch().read_text("utf-8")


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical on the page as it stands: rule, and the first places."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())  # through the debugger: the page's own policy against foreign scripts stays as it is
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", OPTIONS)
    return [
        f"{each['impact']} {each['id']}: {each['help']}: "
        + "; ".join(f"{node['target']} {node['failureSummary'].splitlines()[-1].strip()}" for node in each["nodes"][:4])
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]


if __name__ == "__main__":
    sys.stdout.write(f"{fetch()}\n")
