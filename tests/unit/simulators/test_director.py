"""A scenario played: upsets and wire faults at their instants, and the truth about them."""

from __future__ import annotations

from typing import Any

import pytest

from plantroom.clock import NS, iso
from plantroom.errors import BadInput
from simulators.control import obey
from simulators.director import Director
from simulators.scenario import parse_scenario
from simulators.wire import WireFault
from simulators.world import World
from tests.kit.plant import WEDNESDAY_TEN, instant, tower

START = instant(WEDNESDAY_TEN)


class Wires:
    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def disturb(self, connection: str, unit: int | str | None, fault: WireFault) -> None:
        self.said.append(("disturb", connection, unit, fault.name))

    def mend(self, connection: str, unit: int | str | None) -> None:
        self.said.append(("mend", connection, unit))


class Stage:
    def __init__(self, events: str = "") -> None:
        self.world, self.wires = World(tower(), 1, START, tick_s=0.5), Wires()
        self.truth: list[dict[str, Any]] = []
        self.others: list[Any] = []
        scenario = parse_scenario(f"seed: 1\nevents:\n{events}", "s.yaml", tower())
        self.director = Director(scenario, self.world, self.wires, self.truth.append, self.others.append)

    def to(self, seconds: float) -> None:
        goal = START + round(seconds * NS)
        while (due := self.director.next_ns()) is not None and due <= goal:
            self.world.step(due)
            self.director.play(due)
        self.world.step(goal)


def test_an_upset_begins_and_ends_at_its_instants_and_the_truth_says_so() -> None:
    stage = Stage("  - {at: 10s, upset: {equipment: gen-1, fault: not_in_auto, for: 30s}}\n")
    stage.to(9.5)
    assert not stage.world.plants["gen-1"].upsets and not stage.truth
    stage.to(12.0)
    assert stage.world.plants["gen-1"].points["not_in_auto"] == 1
    assert stage.truth == [
        {
            "at": iso(START + 10 * NS),
            "event": "begun",
            "fault": "not_in_auto",
            "equipment": "gen-1",
            "settings": {"manual": 0.0},
            "found_by": "not_in_auto",
            "leads_to": [],
            "until": iso(START + 40 * NS),
        }
    ]
    stage.to(41.0)
    assert stage.world.plants["gen-1"].points["not_in_auto"] == 0
    assert (stage.truth[1]["event"], stage.truth[1]["at"]) == ("ended", iso(START + 40 * NS))


def test_a_silent_device_is_the_wires_doing_and_names_all_it_touches() -> None:
    stage = Stage("  - {at: 1s, upset: {equipment: lift-2, fault: device_offline, for: 5s}}\n")
    stage.to(10.0)
    assert stage.wires.said == [
        ("disturb", "lift-contacts", 1, "silence"),
        ("disturb", "lift-contacts", 11, "silence"),
        ("mend", "lift-contacts", 1),
        ("mend", "lift-contacts", 11),
    ]
    assert stage.truth[0]["found_by"] == "device_offline"
    touched = [*(f"lift-{n}" for n in range(1, 9)), "@lift-contacts"]  # module 1: lifts 1..4, current meter: 1..8; and the line itself
    assert stage.truth[0]["touches"] == touched


def test_a_published_device_is_named_by_its_id() -> None:
    stage = Stage(
        "  - {at: 1s, upset: {equipment: lift-22, fault: device_offline}}\n"
        "  - {at: 2s, wire: {connection: fire-room, fault: busy}}\n"
    )
    stage.to(3.0)
    assert stage.wires.said == [("disturb", "broker", "lift-22", "silence"), ("disturb", "fire-room", None, "busy")]
    assert stage.truth[1]["touches"] == ["fp-1", "fp-2"] and "until" in stage.truth[1]


def test_people_and_the_monitor_are_handed_on() -> None:
    stage = Stage(
        "  - {at: 1s, person: {who: li.wei, does: accept, equipment: gen-1, rule: not_in_auto}}\n"
        "  - {at: 2s, monitor: {service: rules, fault: kill}}\n"
    )
    stage.to(3.0)
    assert len(stage.others) == 2 and not stage.truth and stage.director.next_ns() is None


def test_control_lines_do_it_now() -> None:
    stage = Stage("  - {at: 1h, upset: {equipment: gen-1, fault: not_in_auto}}\n")
    assert obey('{"upset": {"equipment": "fp-1", "fault": "phase_loss", "phase": 3}}', stage.director, stage.world)["did"] == "upset"
    assert stage.world.plants["fp-1"].upsets == {"phase_loss": {"phase": 3.0, "left": 0.6}}
    assert obey('{"end": {"equipment": "fp-1", "fault": "phase_loss"}}', stage.director, stage.world) == {"did": "end"}
    assert not stage.world.plants["fp-1"].upsets
    obey('{"wire": {"connection": "fire-room", "fault": "slow", "unit": 1, "delay_s": 2}}', stage.director, stage.world)
    obey('{"end": {"connection": "fire-room", "fault": "slow", "unit": 1}}', stage.director, stage.world)
    assert stage.wires.said == [("disturb", "fire-room", 1, "slow"), ("mend", "fire-room", 1)]


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "[1]",
        "{",
        '{"upset": {"equipment": "fp-9", "fault": "phase_loss"}}',
        '{"end": 3}',
        '{"monitor": {"service": "rules", "fault": "kill"}}',
    ],
)
def test_a_line_that_says_nothing_good_is_answered_with_what_is_wrong(line: str) -> None:
    stage = Stage("  - {at: 1h, upset: {equipment: gen-1, fault: not_in_auto}}\n")
    with pytest.raises(BadInput):
        obey(line, stage.director, stage.world)
