"""A device's memory as the world moves on: what is written bit by bit is what encoding it whole would give."""

from __future__ import annotations

from plantroom.clock import NS
from simulators.device_image import DeviceImage
from simulators.encode import encode_registers, layout_of
from simulators.memory import Cells
from simulators.wire import OF_IMAGE
from simulators.world import World
from tests.kit.plant import WEDNESDAY_TEN, instant, tower


def shown(image: DeviceImage, layout: Cells) -> Cells:
    """Every cell that can be read by itself."""
    found: dict[int, dict[int, int]] = {}
    for function, table in layout.items():
        for address in table:
            reply = image.memory.read(function, address, 1)
            if reply is not None:
                found.setdefault(function, {})[address] = int.from_bytes(reply[1:])
    return found


def test_what_has_changed_is_written_and_the_rest_stands() -> None:
    world = World(tower(), 1, instant(WEDNESDAY_TEN), 0.5)
    devices = {id: device for id, device in world.site.devices.items() if device.profile.mqtt is None}
    images = {id: DeviceImage(world, device) for id, device in devices.items()}
    for step in range(16):
        if step == 4:
            world.plants["gen-1"].upset("mains_lost")
        if step == 8:
            world.plants["fp-2"].upset("fail_to_start")
        for n, image in enumerate(images.values()):
            image.fault = OF_IMAGE[1 + (n + step) % 3] if step in (5, 9) else ""
        world.step(world.now_ns + 3 * NS)
        for id, device in devices.items():
            layout = layout_of(device.profile)
            found = shown(images[id], layout.cells)
            if images[id].fault:
                continue
            wanted = {f: dict(table) for f, table in encode_registers(device.profile, layout, world.device_values(id)).items()}
            for (function, address), word in layout.told.items():
                wanted[function][address] = word
            assert found and all(found[f][a] == wanted[f][a] for f, table in found.items() for a in table), (step, id)


def test_a_stuck_one_keeps_what_it_showed_and_catches_up() -> None:
    world = World(tower(), 1, instant(WEDNESDAY_TEN), 0.5)
    image = DeviceImage(world, world.site.devices["ahu-1"])
    layout = layout_of(world.site.devices["ahu-1"].profile).cells
    before, image.fault = shown(image, layout), "stuck"
    world.step(world.now_ns + 60 * NS)
    assert shown(image, layout) == before
    image.fault = ""
    assert shown(image, layout) != before
