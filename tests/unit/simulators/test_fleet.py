"""A block of devices of one profile answers, row by row, as each device's own memory does."""

from __future__ import annotations

import numpy as np

from collector.bindings import Planner
from plantroom.clock import NS
from plantroom.site import Site
from simulators.device_image import DeviceImage
from simulators.encode import FUNCTION
from simulators.fleet import Fleet, Rows
from simulators.world import World
from tests.kit.plant import WEDNESDAY_TEN, instant, tower

UPSETS = {4: ("gen-1", "mains_lost"), 6: ("fp-2", "fail_to_start"), 8: ("fp-1", "phase_loss"), 10: ("ahu-1", "fan_drive_fault")}


def alike(site: Site) -> list[list[str]]:
    """Modbus devices by profile and what is bound of them."""
    found: dict[object, list[str]] = {}
    for id, device in site.devices.items():
        if device.profile.mqtt is None:
            found.setdefault((device.profile.name, tuple(b.source for b in site.bindings_of_device(id))), []).append(id)
    return list(found.values())


class Pair:
    """Devices that are alike, in a block and each by itself."""

    def __init__(self, world: World, ids: list[str]) -> None:
        devices = [world.site.devices[id] for id in ids]
        self.alone = [DeviceImage(world, device) for device in devices]
        self.fleet = Fleet([DeviceImage(world, device) for device in devices], [world.readout(id) for id in ids])
        self.reads = {read for job in Planner().jobs(devices[0], world.site.bindings_of_device(ids[0])) for read in job.reads}

    def compare(self, rows: Rows) -> None:
        try:
            wanted = {read: [self.alone[row].memory.read(FUNCTION[read.table], read.address, read.count) for row in rows] for read in self.reads}
        except ValueError:  # an enumeration has no word for nothing
            return
        self.fleet.renew(rows)
        for read, replies in wanted.items():
            found = self.fleet.read(rows, FUNCTION[read.table], read.address, read.count)
            assert [bytes((len(row),)) + row.tobytes() for row in found] == replies, read


def test_each_row_is_what_the_device_alone_shows() -> None:
    world = World(tower(), 1, instant(WEDNESDAY_TEN), 1.0)
    pairs = [Pair(world, ids) for ids in alike(world.site)]
    assert max(len(pair.alone) for pair in pairs) > 1
    for step in range(14):
        if step in UPSETS:
            world.plants[UPSETS[step][0]].upset(UPSETS[step][1])
        world.step(world.now_ns + 2 * NS)
        if step == 12:  # sensors that give nothing
            for plant in world.plants.values():
                plant.points.update(dict.fromkeys(list(plant.points)[::3], float("nan")))
        for pair in pairs:
            pair.compare(np.arange(0, len(pair.alone), 1 if step % 3 else 2))


def test_a_read_that_the_devices_refuse_is_known_before() -> None:
    world = World(tower(), 1, instant(WEDNESDAY_TEN), 0.5)
    fleet = Fleet([DeviceImage(world, world.site.devices["ahu-1"])], [world.readout("ahu-1")])
    assert not fleet.answers(4, 60_000, 2)
