"""The table of upsets: every machine knows its own, every rule of the packs that has one is named right, the page tells them all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from plantroom.clock import NS
from simulators.upset import DEVICE_OFFLINE, Setting, Upset
from simulators.upset_page import page
from simulators.upsets import UPSETS
from simulators.wire import FAULTS
from simulators.world import World
from tests.kit.plant import WEDNESDAY_TEN, instant, tower

ROOT = Path(__file__).parents[3]
RULES = {path.parent.name: set[str]() for path in (ROOT / "rules" / "packs").glob("*/*.yaml")}
BY_NO_MACHINE = ("on_report: true", "on_certificate:")  # raised by a tap, by the plan, by a date
for _path in (ROOT / "rules" / "packs").glob("*/*.yaml"):
    if not any(mark in _path.read_text("utf-8") for mark in BY_NO_MACHINE):
        RULES[_path.parent.name].add(_path.stem)


def test_every_rule_of_the_machines_has_an_upset_that_it_must_find_or_may_follow_from() -> None:
    wires = {DEVICE_OFFLINE.name, *_rules_of(FAULTS)}
    without = {kind: sorted(RULES[kind] - _rules_of(UPSETS[kind]) - wires) for kind in UPSETS if kind in RULES}
    assert {kind: rules for kind, rules in without.items() if rules} == {}
    assert RULES["any"] <= wires
    assert RULES.keys() - UPSETS.keys() <= {"any", "monitor", "connection", "bank"}, "a kind with rules and no machine to prove them"


def _rules_of(upsets: Mapping[str, Upset]) -> set[str | None]:
    return {upset.found_by for upset in upsets.values()} | {rule for upset in upsets.values() for rule in upset.leads_to}


def test_the_page_is_current() -> None:
    told = (ROOT / "docs" / "upsets.md").read_text("utf-8")
    assert told == page(), "python -m simulators.upset_page > docs/upsets.md"


def test_every_plant_takes_every_upset_of_its_kind_at_both_ends_of_its_settings() -> None:
    world = World(tower(), 1, instant(WEDNESDAY_TEN), tick_s=0.5)
    for id in ("lift-20", "fp-1", "fp-2", "ahu-1", "gen-1", "ats-1"):
        plant = world.plants[id]
        for upset in UPSETS[world.site.equipment[id].kind.name].values():
            for end in ("low", "high"):
                plant.upset(upset.name, **{name: getattr(setting, end) for name, setting in upset.settings.items()})
                world.step(world.now_ns + 2 * NS)
                plant.end_upset(upset.name)
                world.step(world.now_ns + NS // 2)
                assert [name for name, value in plant.points.items() if value != value] == [], upset.name


def test_settings_are_filled_and_judged() -> None:
    upset = Upset("x", "x", {"a": Setting(1.0, 0.0, 2.0, "m", "")})
    assert upset.filled({}) == {"a": 1.0} and upset.filled({"a": 2.0}) == {"a": 2.0}
    with pytest.raises(ValueError, match=r"a 3 is outside 0..2 m"):
        upset.filled({"a": 3.0})
    with pytest.raises(ValueError, match="no setting b; it has a"):
        upset.filled({"b": 1.0})
    assert (upset.found_by, Upset("x", "x", rule="y").found_by, Upset("x", "x", rule="-").found_by) == ("x", "y", None)
