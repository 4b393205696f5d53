"""Scenario files: what they say, and everything wrong with one in a single pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.errors import BadInput
from plantroom.site_file import load_site
from simulators.scenario import MonitorEvent, PersonEvent, UpsetEvent, WireEvent, load_scenario, parse_scenario
from tests.kit.plant import instant, tower

SCENARIOS = Path(__file__).parents[3] / "simulators" / "scenarios"

WHOLE = """\
seed: 7
start: 2026-03-01T00:00:00+08:00
days: 3
events:
  - {at: 2h11m, person: {who: li.wei, does: accept, equipment: gen-1, rule: fail_to_start}}
  - {at: 2h, upset: {equipment: gen-1, fault: fail_to_start, for: 40m}}
  - {at: 5h, wire: {connection: power-room, fault: silence, unit: 2, for: 10m, rate: 0.5}}
  - {at: 6h, monitor: {service: rules, fault: kill}}
  - {at: 7h, upset: {equipment: lift-21, fault: passenger_entrapment, alarm_after_s: 30s}}
  - {at: 8h, wire: {connection: broker, fault: cut, unit: lift-22}}
  - {at: 9h, upset: {equipment: lift-3, fault: device_offline, for: 1h}}
"""


def test_a_whole_scenario_is_read_in_the_order_of_time() -> None:
    scenario = parse_scenario(WHOLE, "night.yaml", tower())
    assert (scenario.seed, scenario.length_s, scenario.start_ns) == (7, 3 * 86_400.0, instant("2026-03-01T00:00:00+08:00"))
    assert [e.at_s for e in scenario.events] == [7200.0, 7860.0, 18_000.0, 21_600.0, 25_200.0, 28_800.0, 32_400.0]
    assert [e.what for e in scenario.events] == [
        UpsetEvent("gen-1", "fail_to_start", 2400.0, {}),
        PersonEvent("li.wei", "accept", "gen-1", "fail_to_start"),
        WireEvent("power-room", "silence", 2, 600.0, {"rate": 0.5}),
        MonitorEvent("rules", "kill", None),
        UpsetEvent("lift-21", "passenger_entrapment", None, {"alarm_after_s": 30.0}),
        WireEvent("broker", "cut", "lift-22", None, {}),
        UpsetEvent("lift-3", "device_offline", 3600.0, {}),
    ]


BAD = """\
sead: 7
start: yesterday
events:
  - {at: 2h, upset: {equipment: gen-9, fault: fail_to_start}}
  - {at: 2, upset: {equipment: gen-1, fault: not_in_auto}}
  - {at: 2h, upset: {equipment: gen-1, fault: gremlins}}
  - {at: 2h, upset: {equipment: gen-1, fault: low_fuel, level: 95}}
  - {at: 2h, wire: {connection: power-room, fault: silence, unit: 300}}
  - {at: 2h, wire: {connection: broker, fault: half_open}}
  - {at: 2h}
  - {at: 2h, upset: {equipment: gen-1, fault: not_in_auto}, wire: {connection: broker, fault: cut}}
  - {at: 2h, person: {who: li.wei, does: sleep, equipment: gen-1, rule: x}}
"""


def test_all_that_is_wrong_is_said_at_once_with_its_line() -> None:
    with pytest.raises(BadInput) as caught:
        parse_scenario(BAD, "bad.yaml", tower())
    said = {problem.line: problem.text for problem in caught.value.problems}
    assert set(said) == {1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12}
    assert "seed" in said[1] and "gen-" in said[4] and "0..24 %" in said[7] and "accept" in said[12]


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_scenarios_that_ship_fit_the_site_of_their_name_or_the_tower(path: Path) -> None:
    own = SCENARIOS.parent / "sites" / path.name
    assert load_scenario(path, load_site(own, env={}) if own.is_file() else tower()).events


def test_the_demo_has_an_urgent_fault_within_ten_seconds_and_one_of_each_kind() -> None:
    scenario = load_scenario(SCENARIOS / "demo.yaml", tower())
    first = scenario.events[0]
    assert first.at_s <= 10.0 and isinstance(first.what, UpsetEvent) and first.what.fault == "phase_loss"
    kinds = {tower().equipment[e.what.equipment].kind.name for e in scenario.events if isinstance(e.what, UpsetEvent)}
    assert kinds == {"elevator", "fire_pump", "ahu", "generator"}
