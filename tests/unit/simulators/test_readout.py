"""What a device reports of its plants."""

from __future__ import annotations

from typing import cast

import numpy as np

from simulators.devices.plant import Plant
from simulators.readout import Measurement, Readout


class Machine:
    """As much of a plant as a readout sees."""

    def __init__(self, **points: float) -> None:
        self.points = dict(points)


def test_values_of_several_machines_in_the_devices_own_words() -> None:
    one, other = Machine(a=1.0, b=2.0), Machine(a=np.float64(5.0))
    readout = Readout(
        {"free": 9.0},
        [
            Measurement("x", cast(Plant, one), "a", None),
            Measurement("y", cast(Plant, one), "b", lambda value: 10.0 * value),
            Measurement("z", cast(Plant, other), "a", None),
        ],
    )
    assert readout() == {"free": 9.0, "x": 1.0, "y": 20.0, "z": 5.0}
    assert type(readout()["z"]) is float
    one.points["b"] = 3.0
    assert readout()["y"] == 30.0


def test_a_sensor_the_machine_does_not_have_shows_nought() -> None:
    machine = Machine(a=1.0)
    readout = Readout({}, [Measurement("x", cast(Plant, machine), "a", None), Measurement("y", cast(Plant, machine), "c", None)])
    assert readout() == {"x": 1.0, "y": 0.0}
    machine.points["c"] = 4.0
    assert readout() == {"x": 1.0, "y": 4.0}
