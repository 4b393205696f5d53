"""A site's world: the same from the same seed, and every device says something its bindings read back."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from math import isfinite

import numpy as np
import pytest

from plantroom.clock import NS
from plantroom.kinds import PointType
from plantroom.profiles import JsonPath
from plantroom.site import Binding
from simulators.encode import Encoder, encode_registers, layout_of
from simulators.publish import encode_payload
from simulators.upsets import UPSETS
from simulators.world import World, device_value
from tests.kit.plant import WEDNESDAY_TEN, instant, tower

START = instant(WEDNESDAY_TEN)


def world(seed: int = 1, **more: float) -> World:
    return World(tower(), seed, START, **more)


def values(of: World) -> dict[str, dict[str, float]]:
    return {device: of.device_values(device) for device in of.site.devices}


def test_the_same_seed_gives_the_same_world_bit_for_bit() -> None:
    one, other = world(), world()
    for machine in (one, other):
        machine.plants["gen-1"].upset("mains_lost")
    one.step(START + 60 * NS)
    for ms in range(0, 60_001, 370):  # asked often, or once
        other.step(START + ms * 1_000_000)
    other.step(START + 60 * NS)
    assert values(one) == values(other)
    assert values(one) != values(world(seed=2))


def test_another_machine_more_or_less_changes_nothing_for_the_rest() -> None:
    without = replace(tower(), equipment={id: e for id, e in tower().equipment.items() if id != "lift-1"})
    one, other = world(), World(without, 1, START)
    for machine in (one, other):
        machine.step(START + 30 * NS)
    assert one.plants["lift-7"].points == other.plants["lift-7"].points
    assert one.plants["gen-1"].points == other.plants["gen-1"].points


def test_every_bound_point_is_a_plants_point_in_the_range_of_its_kind() -> None:
    machine = world()
    machine.step(START + 20 * NS)
    for equipment in machine.site.equipment.values():
        for binding in equipment.bindings:
            value = machine.plants[equipment.id].points[binding.kind_point.name]
            assert isfinite(value)
            if binding.kind_point.range is not None:
                assert binding.kind_point.range[0] <= value <= binding.kind_point.range[1], binding.point


def test_a_binding_reads_back_what_the_device_says() -> None:
    """The seam's own words: inverted, spanned, factor and offset; here by hand, not by the collector's code."""
    machine = world()
    machine.step(START + 20 * NS)
    checked = 0
    for equipment in machine.site.equipment.values():
        for binding in equipment.bindings:
            if binding.kind_point.type in (PointType.ENUM, PointType.TIME):
                continue
            value = machine.plants[equipment.id].points[binding.kind_point.name]
            assert read(binding, device_value(binding, value)) == pytest.approx(value, abs=1e-9)
            checked += 1
    assert checked > 500


def read(binding: Binding, value: float) -> float:
    if binding.invert:
        value = 1.0 - value
    if binding.span is not None:
        from_low, from_high, to_low, to_high = binding.span
        value = (value - from_low) / (from_high - from_low) * (to_high - to_low) + to_low
    return value * binding.factor + binding.offset


def test_a_contact_that_tells_two_codes_is_open_at_any_third() -> None:
    """A selector in `off` must not read as auto on a contact that says manual or auto."""
    binding = next(b for b in tower().equipment["fp-1"].bindings if b.kind_point.name == "control_mode")
    codes = binding.kind_point.codes
    shown = {word: device_value(binding, float(codes[word])) for word in ("auto", "manual", "off")}
    assert shown == {"auto": 1.0, "manual": 0.0, "off": 0.0}


def test_a_state_the_maker_has_no_number_for_shows_as_the_nearest() -> None:
    """SmartGen knows `running` and not `loaded`; nobody says `stopped` of an engine under load."""
    machine = world(tick_s=0.5)
    machine.plants["gen-1"].upset("mains_lost")
    machine.step(START + 30 * NS)
    codes = tower().equipment["gen-1"].kind.points["engine_state"].codes
    assert machine.plants["gen-1"].points["engine_state"] == codes["loaded"]
    assert machine.device_values("gen-1")["engine_state"] == codes["running"]


def test_every_device_encodes_in_every_upset_of_every_machine() -> None:
    """All machines take an upset of their own at a time: as many rounds as the richest kind has upsets."""
    machine = world(tick_s=0.5)
    for upsets in zip_longest(*([(plant, name) for name in UPSETS.get(plant.kind, {})] for plant in machine.plants.values())):
        taken = [upset for upset in upsets if upset is not None]
        for plant, name in taken:
            plant.upset(name)
        machine.step(machine.now_ns + 5 * NS)
        encode_all(machine)
        for plant, name in taken:
            plant.end_upset(name)
    machine.step(machine.now_ns + 60 * NS)
    encode_all(machine)


def encode_all(machine: World) -> None:
    for id, device in machine.site.devices.items():
        shown = machine.device_values(id)
        if device.profile.mqtt is not None:
            assert encode_payload(device.profile, shown, machine.now_ns).startswith(b"{")
        else:
            encode_registers(device.profile, layout_of(device.profile), shown)


def test_encoding_only_what_changed_gives_the_same_cells() -> None:
    machine = world(tick_s=0.5)
    devices = {id: device for id, device in machine.site.devices.items() if device.profile.mqtt is None}
    encoders = {id: Encoder(device.profile) for id, device in devices.items()}
    for step in range(40):
        if step == 10:
            machine.plants["gen-1"].upset("mains_lost")
        if step == 20:
            machine.plants["fp-2"].upset("fail_to_start")
        machine.step(machine.now_ns + 2 * NS)
        for id, device in devices.items():
            shown = machine.device_values(id)
            assert encoders[id](shown) == encode_registers(device.profile, layout_of(device.profile), shown), id


def test_what_nobody_has_wired_still_says_something() -> None:
    machine = world()
    shown = machine.device_values("ahu-1")
    points = machine.site.devices["ahu-1"].profile.points
    unbound = set(points) - {b.source for b in machine.site.bindings_of_device("ahu-1")}
    analogue = [p for p in unbound if not points[p].source.values and not isinstance(points[p].source, JsonPath)]  # type: ignore[union-attr]
    assert len(analogue) > 10 and all(shown[p] != 0 for p in analogue)


def test_instants_follow_the_devices_own_clock() -> None:
    machine = world()
    machine.clock_lead_s = 1000.0
    plain = machine.plants["lift-20"].points["last_alarm_test"]
    assert machine.device_values("lift-20")["last_alarm_test"] == pytest.approx(plain + 1000.0)


def test_a_mains_failure_is_felt_by_the_whole_building() -> None:
    machine = world(tick_s=0.5)
    machine.plants["gen-1"].upset("not_in_auto")
    machine.plants["gen-2"].upset("not_in_auto")
    machine.plants["gen-1"].upset("mains_lost")
    machine.step(START + 30 * NS)
    assert machine.plants["lift-20"].points["mains_ok"] == 0
    assert machine.plants["fp-1"].points["power_available"] == 0
    assert machine.plants["ahu-1"].points["fan_status"] == 0
    assert machine.plants["ats-1"].points["normal_ok"] == 0
    machine.plants["gen-1"].end_upset("mains_lost")
    machine.step(machine.now_ns + 60 * NS)
    assert machine.plants["lift-20"].points["mains_ok"] == 1 and machine.plants["ahu-1"].points["fan_status"] == 1


def test_a_site_nobody_modelled_still_answers() -> None:
    """A kind without a plant stands steady in the middle of its ranges."""
    from simulators.devices.steady import Steady
    from tests.kit.plant import Bench

    bench = Bench(Steady, "elevator")
    bench.run(60.0)
    assert bench.points["motor_temp"] != 0 and bench.points["car_mode"] == 1 and bench.points["common_fault"] == 0


def test_time_costs_little(capsys: pytest.CaptureFixture[str]) -> None:
    """The tower's tick is a small part of its 100 ms; a generous bound, the figure is printed."""
    from time import process_time

    machine = world()
    began = process_time()
    machine.step(START + 20 * NS)
    ms = (process_time() - began) / 200 * 1000
    with capsys.disabled():
        print(f"\n[tower] {len(machine.plants)} machines: {ms:.2f} ms CPU a tick of 100 ms")
    assert ms < 50 and np.isfinite(ms)
