"""Several machines behind one gateway: one plan for all of them, each value at its own machine, and a simulator that answers for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.bindings import MOST_TURN_S, Planner, plan_profile, wanted_spans
from collector.image import load_image, reply
from collector.look import plan_of
from collector.poll_plan import Read, Span, line_time_s, plan_reads
from plantroom.kinds import load_kind
from plantroom.model import Quality
from plantroom.profile_file import load_profile, parse_profile
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


@pytest.mark.parametrize("name", ["lg-pmbusb00a", "daikin-ekmbdxb7"])
def test_a_large_gateway_is_asked_in_short_turns(name: str) -> None:
    """The flags that say who is there go with each turn: a lost answer costs a few machines their values, and others wait for a third of a second."""
    profile = load_profile(name)
    turns = plan_profile(profile, list(profile.points))
    assert len(turns) > 3 and all(line_time_s(reads, gap_s=profile.bus.gap_s) <= MOST_TURN_S for reads, _ in turns)
    assert sorted(point for _, brought in turns for point in brought) == sorted(profile.points), "each once"
    flags = plan_of(profile, [f"{part}.connected" for part in profile.parts])["requests"]
    assert all(any(read.covers(Span(Table(each["table"]), each["address"], each["count"])) for read in reads) for reads, _ in turns for each in flags)
    once = plan_reads([span for point in profile.points.values() for span in wanted_spans(point, profile.bus)], profile.bus)
    extra_s = sum(line_time_s(reads, gap_s=profile.bus.gap_s) for reads, _ in turns) - line_time_s(once, gap_s=profile.bus.gap_s)
    assert extra_s == pytest.approx((len(turns) - 1) * line_time_s([turns[0][0][0]], gap_s=profile.bus.gap_s), rel=0.2)


def test_what_belongs_together_is_never_parted() -> None:
    """A code told by many flags far apart comes in one turn, however long it is."""
    text = "model: M\nsource: {document: d}\nbus: {max_hole: 0, gap: 50ms}\nkind: elevator\npoints: {car_mode: {table: coil, one_hot: {%s}}}\n"
    codes = list(load_kind("elevator").points["car_mode"].codes)[:12]
    profile = parse_profile(text % ", ".join(f"{code}: {100 * i}" for i, code in enumerate(codes)), "m.yaml")
    ((reads, brought),) = plan_profile(profile, ["car_mode"])
    assert len(reads) == len(codes) and brought == {"car_mode"} and line_time_s(reads, gap_s=0.05) > MOST_TURN_S


def test_the_plan_of_a_part_alone() -> None:
    profile = load_profile("lg-pmbusb00a")
    plan = plan_of(profile, [point.name for point in profile.parts["unit_15"].points.values()])
    assert plan["requests"] == [
        {"table": "coil", "address": 240, "count": 7},
        {"table": "discrete", "address": 240, "count": 3},
        {"table": "holding", "address": 300, "count": 5},
        {"table": "input", "address": 300, "count": 4},
    ]
