"""Sparkplug B: payloads made by the simulator's own encoder and by hand; births, aliases, gaps and deaths; any bytes at all."""

from __future__ import annotations

import struct

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from collector.edge_node import TABLE, Heard, Life
from collector.intake import Intake
from collector.mqtt_packets import Publish
from collector.publishers import publishers
from collector.sparkplug import UNREADABLE, NoSparkplug, parse, value_of
from plantroom.clock import NS, Reading
from plantroom.kinds import KindPoint, PointType
from plantroom.model import Batch, Quality
from plantroom.profile_file import parse_profile
from plantroom.site import Binding, Device
from simulators.sparkplug import Node, block, metric, number, text, varint
from tests.unit.collector.lines import WALL_NS

PATIENT = settings(deadline=None, max_examples=100)
AT = Reading(WALL_NS, 1_000 * NS, "boot0000")
NOW_MS = WALL_NS // 1_000_000


# the payload


def test_a_payload_worked_by_hand() -> None:
    """timestamp 1000, one metric {name "a", alias 2, timestamp 999, datatype Double, 1.5}, seq 3; byte by byte after the specification."""
    inner = b"\x0a\x01a" + b"\x10\x02" + b"\x18\xe7\x07" + b"\x20\x0a" + b"\x69" + struct.pack("<d", 1.5)
    read = parse(b"\x08\xe8\x07" + b"\x12" + bytes([len(inner)]) + inner + b"\x18\x03")
    (m,) = read.metrics
    assert (read.at_ms, read.seq) == (1000, 3)
    assert (m.name, m.alias, m.at_ms, m.datatype, m.historical, m.null, value_of(m, m.datatype)) == ("a", 2, 999, 10, False, False, 1.5)


@pytest.mark.parametrize(
    ("kind", "field", "raw", "value"),
    [
        (1, 10, 0xFF, -1), (1, 10, 0xFFFFFFFF, -1), (2, 10, 0xFFFF, -1), (2, 10, 0xFFFF8000, -32768), (3, 10, 0xFFFFFFFE, -2), (4, 11, 2**64 - 3, -3),
        (5, 10, 255, 255), (6, 10, 65_535, 65_535), (7, 10, 2**32 - 1, 2**32 - 1), (8, 11, 2**64 - 1, 2**64 - 1), (13, 11, 1_795_262_400_250, 1_795_262_400_250),
        (3, 11, 5, UNREADABLE), (10, 10, 5, UNREADABLE), (16, 10, 5, UNREADABLE), (0, 10, 5, UNREADABLE), (999, 10, 5, UNREADABLE),
    ],
)  # fmt: skip
def test_whole_numbers_are_what_their_type_says(kind: int, field: int, raw: int, value: object) -> None:
    (m,) = parse(block(2, number(4, kind) + number(field, raw))).metrics
    assert value_of(m, m.datatype) == value


def test_a_value_without_a_type_is_taken_only_where_it_can_mean_one_thing() -> None:
    for body, value in [(b"\x65" + struct.pack("<f", 0.5), 0.5), (number(14, 1), True), (text(15, "on"), "on"), (number(10, 200), UNREADABLE), (b"", UNREADABLE)]:
        (m,) = parse(block(2, body)).metrics
        assert value_of(m, None) == value


@pytest.mark.parametrize(
    "data",
    [b"\x08", b"\x12\x05a", b"\x0d\x01", b"\x13", b"\x12\x02\x0a\x05", b"\x00\x00", b"\x08" + b"\xff" * 11, b"\x12\x03\x52\x01x", b"\x12\x03\x0a\x01\xff",
     b"\x0a\x01x", b"\x12\x02" * 20_001],
)  # fmt: skip
def test_what_is_no_payload_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(NoSparkplug):
        parse(data)


@PATIENT
@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_none(data: bytes) -> None:
    _any_bytes(data)


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_payload_or_none_at_length(data: bytes) -> None:
    _any_bytes(data)


def _any_bytes(data: bytes) -> None:
    try:
        read = parse(data)
    except NoSparkplug:
        return
    for m in read.metrics:
        for kind in (m.datatype, None, 3, 10, 12):
            value_of(m, kind)


@PATIENT
@given(st.binary(max_size=60), st.sampled_from(["NBIRTH/n", "NDATA/n", "NDEATH/n", "DBIRTH/n/d", "DDATA/n/d", "DDEATH/n/d", "NCMD/n", "XX/n", "DDATA/n"]))
def test_no_message_of_a_node_raises(data: bytes, parts: str) -> None:
    kind, name = parts.split("/", 1)
    house = House()
    house.births()
    house.say(f"spBv1.0/g/{kind}/{name}", data)


# a node and what is read of it

PROFILE = """profile: p
model: M
source: {document: d}
mqtt: {form: sparkplug%s}
points:
  temp: {metric: Temp, unit: degC}
  fan: {metric: Fan/Running%s}
  mode: {metric: Mode, values: {auto: 1, hand: 2}}
"""


class House:
    """One node with device d (bound as `ahu`) and its own values (bound as `edge`)."""

    def __init__(self, promise: str = "", alias: str = "") -> None:
        profile = parse_profile(PROFILE % (promise, alias), "p.yaml")
        devices = []
        for name, topic in (("ahu", "g/n/d"), ("edge", "g/n")):
            points = [Binding(f"{name}.{p}", name, p, KindPoint(p, PointType.FLOAT, "", {}, {}), period_s=10.0) for p in profile.points]
            devices.append((Device(name, profile, "broker", topic=topic), points))
        self.publishers = {p.device: p for p in publishers(devices)}
        self.intake = Intake("broker", list(self.publishers.values()), 10_000, 1e6, AT.boot_ns / NS)
        self.seq = -1

    def say(self, topic: str, payload: bytes, *, retained: bool = False) -> list[tuple[str, object]]:
        batches = self.intake.take(Publish(topic.encode(), payload, 0, 0, False, retained, len(payload)), AT)
        return samples(batches)

    def births(self, bd_seq: int = 0) -> list[tuple[str, object]]:
        self.seq = -1
        self.next("NBIRTH", metric("bdSeq", bd_seq, kind=4))
        return self.next("DBIRTH", metric("Temp", 20.0, alias=1) + metric("Fan/Running", True, alias=2) + metric("Mode", "auto", alias=3))

    def next(self, kind: str, metrics: bytes, *, skip: int = 0, at_ms: int = NOW_MS) -> list[tuple[str, object]]:
        self.seq = (self.seq + 1 + skip) % 256
        of = "/d" if kind.startswith("D") else ""
        return self.say(f"spBv1.0/g/{kind}/n{of}", number(1, at_ms) + metrics + number(3, self.seq))

    def death(self, bd_seq: int = 0) -> list[tuple[str, object]]:
        return self.say("spBv1.0/g/NDEATH/n", metric("bdSeq", bd_seq, kind=4))


def samples(batches: list[Batch]) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for batch in batches:
        for values, codes in zip(batch.values.tolist(), batch.quality.tolist(), strict=True):
            pairs = zip(batch.frame.points, values, codes, strict=True)
            found += [(p, v if c == 0 else Quality(c).word) for p, v, c in pairs if c != Batch.ABSENT]
    return found


def whys(found: list[tuple[str, object]]) -> set[tuple[str, object]]:
    return {(point.split(".")[0], what) for point, what in found}


def test_births_name_and_data_speaks_in_aliases() -> None:
    house = House()
    assert house.births() == [("ahu.temp", 20.0), ("ahu.fan", 1.0), ("ahu.mode", 1.0)]
    assert house.next("DDATA", metric(None, 21.5, alias=1)) == [("ahu.temp", 21.5)]
    assert house.next("DDATA", metric(None, None, alias=1) + metric(None, "none such", alias=3)) == [("ahu.temp", "sentinel"), ("ahu.mode", "decode")]
    assert house.next("NDATA", metric("Temp", 5.0)) == [("edge.temp", 5.0)]
    assert house.next("DDATA", metric(None, 3, alias=1, kind=3)) == [("ahu.temp", 3.0)]
    assert house.intake.last_seen.keys() == {"ahu", "edge"}


def test_a_gap_puts_all_of_the_node_in_doubt_until_it_is_said_again() -> None:
    house = House()
    house.births()
    told = house.next("DDATA", metric(None, 21.5, alias=1), skip=2)
    assert whys(told) == {("ahu", "stale"), ("edge", "stale")}, "what was missed may have changed anything, and aliases too"
    assert house.intake.counts["missing messages"] == 2 and house.intake.counts["sequence gap"] == 1
    assert house.next("DDATA", metric(None, 22.0, alias=1)) == [], "an alias means nothing now"
    assert house.next("DDATA", metric("Temp", 23.0)) == [("ahu.temp", 23.0)], "a name does"
    silent = house.publishers["ahu"].silent
    assert [{Quality(code).word for code in silent(WALL_NS).quality[0].tolist()} for _ in range(2)] == [{"unconfirmed"}, {"no_answer"}], (
        "it speaks and is not understood; then it does not speak any more"
    )
    house.births()
    assert house.next("DDATA", metric(None, 24.0, alias=1)) == [("ahu.temp", 24.0)]


def test_where_the_maker_has_fixed_the_aliases_they_outlast_a_gap_and_need_no_birth() -> None:
    house = House(", aliases: fixed", ", alias: 2")
    assert house.next("DDATA", metric(None, True, alias=2)) == [("ahu.fan", 1.0)]
    assert ("ahu.fan", 0.0) in house.next("DDATA", metric(None, False, alias=2), skip=1)


def test_the_sequence_goes_round() -> None:
    house = House()
    house.births()
    for n in range(600):
        assert house.next("DDATA", metric("Temp", float(n))) == [("ahu.temp", float(n))]
    assert not house.intake.counts["sequence gap"]


def test_the_same_message_twice_is_taken_once() -> None:
    house = House()
    house.births()
    house.next("DDATA", metric("Temp", 1.0))
    house.seq -= 1
    assert house.next("DDATA", metric("Temp", 1.0)) == [] and house.intake.counts["duplicate"] == 1
    assert house.next("DDATA", metric("Temp", 2.0)) == [("ahu.temp", 2.0)]


def test_deaths() -> None:
    house = House()
    house.births(bd_seq=4)
    assert house.death(bd_seq=3) == [], "the will of a connection before"
    assert whys(house.next("DDEATH", b"")) == {("ahu", "no_answer")}
    assert whys(house.death(bd_seq=4)) == {("edge", "no_answer")}, "the device is known to be gone already"
    assert house.births(bd_seq=5)[0] == ("ahu.temp", 20.0)


@pytest.mark.parametrize("seq", [None, 256, 99_999])
def test_a_wrong_sequence_number_is_said(seq: int | None) -> None:
    house = House()
    house.births()
    payload = metric("Temp", 1.0) + (b"" if seq is None else number(3, seq))
    assert ("ahu.temp", 1.0) in house.say("spBv1.0/g/DDATA/n/d", payload)
    assert house.intake.counts["wrong sequence number"] == 1


def test_stamps_of_metrics_make_rows_of_their_own_and_the_past_stays_the_past() -> None:
    house = House()
    house.births()
    batches = house.intake.take(Publish(b"spBv1.0/g/DDATA/n/d", number(1, NOW_MS) + metric("Temp", 1.0, at_ms=NOW_MS - 5000, historical=True)
                                        + metric("Temp", 2.0, at_ms=NOW_MS - 4000, historical=True) + metric("Mode", "hand") + number(3, 2), 0, 0, False, False, 99), AT)  # fmt: skip
    (batch,) = batches
    assert batch.stamped and [(at - WALL_NS) // NS for at in batch.at_ns.tolist()] == [-5, -4, 0]
    assert samples([batch]) == [("ahu.temp", 1.0), ("ahu.temp", 2.0), ("ahu.mode", 2.0)]


def test_quality_of_the_host_and_clocks_that_are_wrong() -> None:
    house = House()
    house.births()
    assert house.next("DDATA", metric("Temp", 9.0, quality=192) + metric("Mode", "hand", quality=0)) == [("ahu.temp", 9.0), ("ahu.mode", "sentinel")]
    assert house.next("DDATA", metric("Temp", 9.0, quality=500)) == [("ahu.temp", "stale")]
    assert house.next("DDATA", metric("Temp", 9.0), at_ms=NOW_MS + 10_000_000) == [("ahu.temp", "clock_skew")]


def test_what_is_retained_or_broken_or_commanded() -> None:
    house = House()
    house.births()
    assert house.say("spBv1.0/g/DCMD/n/d", b"\xff") == [] == house.say("spBv1.0/g/NCMD/n", metric("Node Control/Rebirth", True))
    assert whys(house.say("spBv1.0/g/DDATA/n/d", b"", retained=True)) == {("ahu", "not_fresh")}
    assert whys(house.say("spBv1.0/g/DDATA/n/d", b"\xff")) == {("ahu", "stale"), ("edge", "stale")} and house.intake.counts["no Sparkplug"] == 1


def test_a_birth_that_lacks_what_the_profile_wants_says_what_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    house = House()
    house.next("NBIRTH", metric("bdSeq", 0, kind=4))
    house.next("DBIRTH", metric("temp", 20.0) + metric("Mode", "auto"))
    assert house.intake.counts["not in its birth"] == 2, "the node's own values, and two of the device's"
    assert "Temp, Fan/Running; it has temp" in capsys.readouterr().out


def test_the_table_answers_every_pair() -> None:
    assert set(TABLE) == {(life, heard) for life in Life for heard in Heard}


def test_the_simulators_node_is_understood() -> None:
    house, node = House(), Node("g/n/d")
    node.will()
    values: dict[str, object] = {"Temp": 18.25, "Fan/Running": None, "Mode": "hand"}
    said = [house.say(topic, payload) for topic, payload in [*node.births(values, WALL_NS), node.data(values, WALL_NS), node.death()]]
    expected = [("ahu.temp", 18.25), ("ahu.fan", "sentinel"), ("ahu.mode", 2.0)]
    assert said[1] == expected == said[2] and not house.intake.counts["sequence gap"]


def test_a_long_name_is_a_name() -> None:
    assert varint(300) == b"\xac\x02"
    assert [m.name for m in parse(metric("x" * 300, 1.0)).metrics] == ["x" * 300]
