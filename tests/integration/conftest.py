"""The longest files first: with several workers nobody waits for them at the end."""

from __future__ import annotations

import pytest

LONGEST = ("test_whole_house", "test_demo", "test_rules_service")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))
