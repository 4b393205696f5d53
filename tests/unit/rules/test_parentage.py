"""Who explains whom, asked from both ends, on the ready sites with everything that ships."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.model import Severity
from plantroom.site_file import load_site
from rules.book import pack
from rules.house import House
from rules.parentage import Key, candidates, explained_by
from rules.rows import Fault

SITES = Path(__file__).parents[3] / "simulators" / "sites"


def faults(house: House) -> Iterator[Fault]:
    """One of every condition there may be, as it would stand in the records."""
    kinds = {e.id: e.kind.name for e in house.site.equipment.values()} | {g.id: g.kind for g in house.groups.values()}
    for equipment, kind in kinds.items():
        for rule in house.book.rules:
            if house.rule(kind, rule.id) is rule:
                severity = rule.severity_for(kind)
                yield Fault(f"F-{equipment}-{rule.id}", rule.id, rule.hash, equipment, kind, severity, "active", "live", False, 0, 0, "{}", "{}", "{}")


@pytest.mark.parametrize("site", ["tower.yaml", "plantrooms.yaml"])
def test_what_a_fault_explains_is_what_names_it_as_its_explanation(site: str) -> None:
    house = House(load_site(SITES / site), pack())
    by_child: set[tuple[Key, Key]] = set()
    by_parent: set[tuple[Key, Key]] = set()
    for fault in faults(house):
        key = (fault.equipment, fault.rule)
        by_child |= {(key, parent) for parent in candidates(house, fault)}
        by_parent |= {(child, key) for child in explained_by(house, fault)}
    known = {(fault.equipment, fault.rule): fault for fault in faults(house)}
    by_child = {(child, parent) for child, parent in by_child if parent in known}  # a feeder may have no such rule
    by_parent = {(child, parent) for child, parent in by_parent if known[child].severity is not Severity.DANGER}
    assert by_parent == by_child
    assert len(by_child) > 300
