"""Devices whose wire is well and whose image is not: seen by the collector's own decoder."""

from __future__ import annotations

from math import isnan

import pytest

from plantroom.clock import NS
from simulators import image
from simulators.encode import Encoder
from simulators.serve import SiteOnTheWire
from simulators.wire import OF_IMAGE, WireFault
from simulators.world import World
from tests.kit.plant import WEDNESDAY_TEN, instant, tower

START = instant(WEDNESDAY_TEN)


class At:
    def read(self) -> object:
        raise AssertionError("nothing here asks the time")


@pytest.fixture
def wires() -> SiteOnTheWire:
    return SiteOnTheWire(World(tower(), 1, START, tick_s=0.5), At())  # type: ignore[arg-type]


def words(wires: SiteOnTheWire, device: str) -> dict[tuple[int, int], bytes | None]:
    """Every cell of a device, read one by one."""
    found = tower().devices[device]
    server = wires.servers[tower().connections[found.connection].link.address]
    layout = Encoder(found.profile).layout
    return {(f, a): server.units[found.unit].read(f, a, 1) for f, table in layout.cells.items() for a in table}


def test_a_stuck_device_goes_on_with_what_it_said_last(wires: SiteOnTheWire) -> None:
    device = tower().devices["gen-1"]
    before = words(wires, "gen-1")
    wires.disturb(device.connection, device.unit, WireFault("stuck"))
    wires.world.plants["gen-1"].upset("test_run")
    wires.world.step(START + 60 * NS)
    assert words(wires, "gen-1") == before
    wires.mend(device.connection, device.unit)
    assert words(wires, "gen-1") != before


def test_one_units_image_is_its_own(wires: SiteOnTheWire) -> None:
    device = tower().devices["gen-1"]
    other = words(wires, "gen-2")
    wires.disturb(device.connection, device.unit, WireFault("wild"))
    wires.world.step(START + NS)
    assert words(wires, "gen-1") != words(wires, "gen-2")
    wires.mend(device.connection, device.unit)
    assert set(words(wires, "gen-2")) == set(other)


def test_nonsense_is_out_of_range_or_no_value_for_the_collector(wires: SiteOnTheWire) -> None:
    """Of what a generator's controller measures nothing wild may pass as a good value but what has no range to leave."""
    profile = tower().devices["gen-1"].profile
    encode = Encoder(profile)
    values = wires.world.device_values("gen-1")
    wild = image.reworded("wild", profile, encode(values))
    assert wild != encode(values)
    numbers = [word for table in (wild.get(3, {}), wild.get(4, {})) for word in table.values()]
    assert numbers.count(image.NONSENSE) > 20


def test_swapped_words_come_back_when_swapped_again(wires: SiteOnTheWire) -> None:
    profile = tower().devices["gen-1"].profile
    cells = Encoder(profile)(wires.world.device_values("gen-1"))
    once = image.reworded("word_swap", profile, cells)
    assert once != cells and image.reworded("word_swap", profile, once) == cells


def test_sensors_that_can_say_so_give_nothing() -> None:
    profile = tower().devices["gen-1"].profile
    shown = image.silenced(profile, dict.fromkeys(profile.points, 1.0))
    assert any(isnan(value) for value in shown.values()) and not all(isnan(value) for value in shown.values())


def test_every_fault_of_an_image_can_be_had(wires: SiteOnTheWire) -> None:
    device = tower().devices["fp-1-ctl"] if "fp-1-ctl" in tower().devices else tower().devices["gen-1"]
    for name in OF_IMAGE:
        wires.disturb(device.connection, device.unit, WireFault(name))
        wires.world.step(wires.world.now_ns + NS)
        assert words(wires, device.id)
