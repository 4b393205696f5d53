"""A fire panel: alarm, confirmation, what it starts, what it lives on."""

from __future__ import annotations

from simulators.devices.fire_panel import FirePanel
from tests.kit.plant import Bench


def panel(tick_s: float = 1.0) -> Bench:
    return Bench(FirePanel, "fire_panel", tick_s=tick_s)


def test_it_watches_and_says_nothing() -> None:
    course = panel().record(600.0, "fire", "fire_confirmed", "manual_mode", "mains_fault", "isolation", "fault")
    assert not any(course[name].any() for name in course)


def test_a_fire_is_confirmed_then_sounders_and_fans_answer_and_the_site_knows() -> None:
    bench = panel()
    bench.plant.upset("confirmed_fire", confirm_s=30.0)
    bench.run(10.0)
    assert bench.points["fire"] == 1 and bench.points["fire_confirmed"] == 0 and not bench.around.fire
    assert 25.0 <= bench.until(lambda p: p["fire_confirmed"] == 1) + 10.0 <= 35.0
    assert bench.around.fire
    assert bench.until(lambda p: p["sounder_active"] == 1) < 6.0
    assert bench.until(lambda p: p["output_feedback"] == 1) < 25.0
    bench.plant.end_upset("confirmed_fire")
    bench.run(2.0)
    assert not bench.around.fire and bench.points["fire"] == 0


def test_in_manual_a_fire_starts_nothing() -> None:
    bench = panel()
    bench.plant.upset("panel_manual_in_fire")
    bench.run(60.0)
    assert bench.points["fire_confirmed"] == 1
    assert bench.points["sounder_active"] == bench.points["output_feedback"] == bench.points["recall_command"] == 0


def test_without_mains_the_battery_lasts_for_hours_and_says_when_it_is_gone() -> None:
    bench = panel(tick_s=10.0)
    bench.plant.upset("panel_mains_lost")
    bench.run(30.0)
    assert bench.points["mains_fault"] == 1 and bench.points["battery_fault"] == 0
    hours = bench.until(lambda p: p["battery_fault"] == 1, 10 * 3600.0) / 3600.0
    assert 6.5 < hours < 8.0
