"""A meter: a day's load, and what its feeder suffers."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.devices.meter import Meter
from tests.kit.plant import Bench


def meter(tick_s: float = 10.0, start: str = "2026-07-15T10:00:00+08:00") -> Bench:
    return Bench(Meter, "meter", tick_s=tick_s, start=start, parameters=dict(Meter.PARAMETERS))


def test_an_offices_day_has_a_morning_and_a_night() -> None:
    course = meter(60.0, "2026-07-15T00:00:00+08:00").record(86_400.0, "power_total", "energy", "voltage_l1n")
    night, day = course["power_total"][60:240].mean(), course["power_total"][600:660].mean()
    assert day > 2.5 * night
    counted = course["energy"][-1] - course["energy"][0]
    assert counted == pytest.approx(course["power_total"].sum() / 60.0, rel=0.02)  # kWh are kW times hours
    assert course["voltage_l1n"].min() > 215.0 and course["voltage_l1n"].max() < 240.0


def test_what_it_shows_agrees_with_itself() -> None:
    bench = meter()
    bench.run(60.0)
    p = bench.points
    assert np.hypot(p["power_total"], p["reactive_power_total"]) == pytest.approx(p["apparent_power_total"], rel=1e-6)
    assert p["voltage_l1l2"] == pytest.approx(p["voltage_l1n"] * 3**0.5, rel=0.01)


def test_a_lost_phase_carries_no_current_and_pulls_its_line_voltages_down() -> None:
    bench = meter()
    bench.plant.upset("phase_lost", phase=2, left=0.0)
    bench.run(20.0)
    p = bench.points
    assert p["voltage_l2n"] < 1.0 and p["current_l2"] == 0.0
    assert p["voltage_l3l1"] > 380.0 and p["voltage_l1l2"] < 250.0


def test_third_harmonics_add_up_in_the_neutral() -> None:
    bench = meter()
    before = bench.points["current_n"]
    bench.plant.upset("neutral_overload", thd=75.0)
    bench.run(20.0)
    assert bench.points["current_n"] > bench.points["current_l1"] > before


def test_a_bad_joint_heats_with_the_load_and_slowly() -> None:
    bench = meter()
    bench.plant.upset("cable_hot", rise=45.0)
    bench.run(60.0)
    assert bench.points["cable_temp"] < 60.0
    assert 300.0 < bench.until(lambda p: p["cable_temp"] > 70.0, 3600.0) < 3600.0
