"""Air on its way: what fan, openings, mixing and coils make of it."""

from __future__ import annotations

import pytest

from simulators.devices.air import DUCT_PA, FAN_PA, FILTER_PA, after_coils, blow, mixed


def test_boxes_fully_open_at_duct_pressure_pass_the_nominal_flow() -> None:
    speed = ((DUCT_PA + 300.0 + FILTER_PA) / FAN_PA) ** 0.5
    blown = blow(speed, FILTER_PA, 1.0, 0.0)
    assert blown.static == pytest.approx(DUCT_PA) and blown.flow == blown.served == pytest.approx(1.0)


def test_flow_goes_with_speed_and_pressure_with_its_square() -> None:
    half, full = blow(0.5, FILTER_PA, 0.8, 0.0), blow(1.0, FILTER_PA, 0.8, 0.0)
    assert full.flow == pytest.approx(2.0 * half.flow) and full.static == pytest.approx(4.0 * half.static)


def test_a_leak_takes_pressure_and_what_reaches_the_rooms() -> None:
    tight, torn = blow(1.0, FILTER_PA, 0.8, 0.0), blow(1.0, FILTER_PA, 0.8, 1.2)
    assert torn.static < 0.4 * tight.static and torn.served < 0.7 * tight.served and torn.flow > tight.flow


def test_a_loaded_filter_takes_flow() -> None:
    assert blow(0.8, 700.0, 0.8, 0.0).flow < 0.85 * blow(0.8, FILTER_PA, 0.8, 0.0).flow


def test_mixed_air_lies_between_and_a_shut_damper_lets_a_little_in() -> None:
    assert mixed(0.0, 20.0, 0.0, 0.0) == 20.0 and mixed(0.0, 20.0, 1.0) == 0.0
    assert mixed(0.0, 20.0, 0.0, 0.1) == pytest.approx(18.0)


def test_a_coil_takes_the_air_part_of_the_way_to_its_water() -> None:
    assert after_coils(20.0, 0.0, 0.0) == 20.0
    assert after_coils(20.0, 0.5, 0.0) == pytest.approx(30.0)
    assert after_coils(27.0, 0.0, 1.0) == pytest.approx(9.0)
    assert after_coils(20.0, 0.0, 1.0, chilled=60.0) == 20.0  # water warmer than the air: no cooling
