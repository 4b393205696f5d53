"""Several machines behind one gateway: one plan for all of them, each value at its own machine, and a simulator that answers for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.bindings import Planner
from collector.image import load_image, reply
from collector.look import plan_of
from collector.poll_plan import Read
from plantroom.model import Quality
from plantroom.profile_file import load_profile
from plantroom.profiles import Table
from plantroom.site import Site
from plantroom.site_file import load_site
from simulators.encode import Encoder
from simulators.memory import Memory
from simulators.world import World

IMAGE = Path(__file__).parents[2] / "cases" / "profiles" / "lg-pmbusb00a"
SITE = """site: {id: s, name: S, zone: UTC}
connections: [{id: c, modbus_tcp: {host: 127.0.0.1}}]
devices: [{id: gw, profile: lg-pmbusb00a, connection: c}]
equipment:
  - {each: 6..9, id: "ac-{n}", kind: fcu, points: [{device: gw, part: "{n}"}, {device: gw, part: "{n}", take: {alarm: condensate_high}}]}
"""
START = 1_772_380_800_000_000_000


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    return load_site(tmp_path / "site.yaml")


def test_one_plan_serves_all_parts_of_a_device(site: Site) -> None:
    jobs = Planner().jobs(site.devices["gw"], site.bindings_of_device("gw"))
    by_period = {period: sorted({read for job in jobs if job.period_s == period for read in job.reads}) for period in (5.0, 30.0, 300.0)}
    units = range(6, 10)
    assert by_period[300.0] == [Read(Table.DISCRETE, 96, 51)], "four filter flags, and the four that say who is there"
    measured = [Read(Table.HOLDING, 20 * n + 1, 2) for n in units] + [Read(Table.INPUT, 20 * n + 1, 1) for n in units]
    assert by_period[30.0] == [Read(Table.DISCRETE, 96, 49), *measured]
    state = [Read(Table.HOLDING, 20 * n, 1) for n in units] + [Read(Table.INPUT, 20 * n, 1) for n in units]
    assert by_period[5.0] == [Read(Table.COIL, 96, 49), Read(Table.DISCRETE, 96, 50), *state]


def test_every_value_comes_to_its_own_machine(site: Site) -> None:
    image, by_hand = load_image(IMAGE)
    found: dict[str, tuple[float, int]] = {}
    for job in Planner().jobs(site.devices["gw"], site.bindings_of_device("gw")):
        values, quality = job.decoder.decode(b"".join(reply(image, read) for read in job.reads))
        found |= zip(job.frame.points, zip(values.tolist(), quality.tolist(), strict=True), strict=True)
    for n in (6, 8, 9):
        assert {name: found[f"ac-{n}.{name}"] for name in ("room_temp", "setpoint", "mode", "error_code")} == {
            name: (by_hand[f"unit_{n}.{name}"].value, 0) for name in ("room_temp", "setpoint", "mode", "error_code")
        }
    assert {quality for point, (_, quality) in found.items() if point.startswith("ac-7.")} == {Quality.SENTINEL}, "it is not connected"


def test_a_simulated_gateway_answers_for_every_part(site: Site) -> None:
    """What the machines show comes back through the gateway; a part nobody has bound answers too."""
    world = World(site, seed=3, start_ns=START)
    assert world.step(START + 5_000_000_000)
    encoder = Encoder(site.devices["gw"].profile)
    memory = Memory(encoder(world.device_values("gw")))
    judged = 0
    for job in Planner().jobs(site.devices["gw"], site.bindings_of_device("gw")):
        data = [memory.read(read.table.function, read.address, read.count) for read in job.reads]
        values, quality = job.decoder.decode(b"".join(part[1:] for part in data if part is not None))
        assert quality.tolist() == [0] * len(quality)
        for point, value in zip(job.frame.points, values.tolist(), strict=True):
            machine, _, name = point.partition(".")
            assert value == pytest.approx(world.plants[machine].points.get(name, 0.0), abs=0.051 if name.endswith("temp") else 0.5), point
            judged += 1
    assert judged == 4 * 8
    assert memory.read(4, 300, 4) is not None and memory.read(4, 320, 1) is None, "unit 15 is the last one"


def test_the_plan_of_a_part_alone() -> None:
    profile = load_profile("lg-pmbusb00a")
    plan = plan_of(profile, [point.name for point in profile.parts["unit_15"].points.values()])
    assert plan["requests"] == [
        {"table": "coil", "address": 240, "count": 7},
        {"table": "discrete", "address": 240, "count": 3},
        {"table": "holding", "address": 300, "count": 5},
        {"table": "input", "address": 300, "count": 4},
    ]
