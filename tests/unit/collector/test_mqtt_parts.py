"""Small parts of MQTT: topics, duplicates, floods, availability, stamps, units, rows."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from collector.availability import Presence
from collector.duplicates import Marks, Redelivery
from collector.flood import AT_ONCE_S, OVER_S, Allowance, Begun, Floods, Over
from collector.intake import Intake
from collector.mqtt_packets import Publish
from collector.publishers import publishers
from collector.stamps import read_stamp
from collector.topics import Directory, Taken
from plantroom.clock import NS, Reading
from plantroom.kinds import KindPoint, PointType
from plantroom.model import Batch, Frame, Quality, all_bad
from plantroom.profile_file import parse_profile
from plantroom.profile_mqtt import overlap
from plantroom.profiles import Availability
from plantroom.site import Binding, Device
from tests.unit.collector.lines import WALL_NS

PATIENT = settings(deadline=None, max_examples=60)  # the machine may be busy
AT = Reading(WALL_NS, 1_000 * NS, "boot0000")


class Named:
    def __init__(self, name: str) -> None:
        self.device = name

    def take(self, topic: bytes, payload: bytes, at: Reading, *, retained: bool) -> Taken:
        return Taken()

    def refuse(self, topic: bytes, at: Reading, why: str) -> Taken:
        return Taken()


def intake(text: str, devices: list[str], max_payload: int = 1000, device_rate: float = 1e6) -> Intake:
    profile = parse_profile(text, "p.yaml")
    found = [
        (Device(name, profile, "broker"),
         [Binding(f"{name}.{point}", name, point, KindPoint(point, PointType.FLOAT, p.unit, {}, {}), period_s=10.0) for point, p in profile.points.items()])
        for name in devices
    ]  # fmt: skip
    return Intake("broker", publishers(found), max_payload, device_rate, AT.boot_ns / NS)


def said(it: Intake, topic: str, payload: object, *, mid: int = 0, dup: bool = False, retained: bool = False, at: Reading = AT) -> list[Batch]:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return it.take(Publish(topic.encode(), raw, 1 if mid else 0, mid, dup, retained, len(raw)), at)


def samples(batches: list[Batch]) -> list[tuple[int, str, object]]:
    """(s from WALL_NS, point, value or reason)."""
    found: list[tuple[int, str, object]] = []
    for batch in batches:
        for at_ns, values, codes in zip(batch.at_ns.tolist(), batch.values.tolist(), batch.quality.tolist(), strict=True):
            pairs = zip(batch.frame.points, values, codes, strict=True)
            found += [((at_ns - WALL_NS) // NS, p.split(".")[1], v if c == 0 else Quality(c).word) for p, v, c in pairs if c != Batch.ABSENT]
    return found


# topics


LEVELS = st.lists(st.sampled_from(["a", "b", "", "$s"]), min_size=1, max_size=4).map("/".join)
FILTERS = st.lists(st.sampled_from(["a", "b", "+", ""]), min_size=1, max_size=4).map("/".join) | st.sampled_from(["#", "a/#", "+/#", "a/+/#"])


@PATIENT
@given(FILTERS, LEVELS)
def test_a_filter_finds_what_paho_says_it_matches(pattern: str, topic: str) -> None:
    from paho.mqtt.client import topic_matches_sub

    found = Directory([(pattern, Named("x"))], [pattern]).find(topic.encode())
    assert bool(found) == topic_matches_sub(pattern, topic)


@PATIENT
@given(FILTERS, FILTERS, LEVELS)
def test_filters_that_share_a_topic_overlap(one: str, other: str, topic: str) -> None:
    both = Directory([(one, Named("1")), (other, Named("2"))], []).find(topic.encode())
    assert overlap(one, other) == overlap(other, one)
    if len(both) == 2:
        assert overlap(one, other)


def test_a_taker_under_two_filters_takes_a_message_once_and_strangers_are_known() -> None:
    x = Named("x")
    it = Directory([("a/+", x), ("a/b", x)], [])
    assert it.find(b"a/b") == (x,) and it.find(b"c") == it.find(b"c") == () and it.strangers == {b"c": 2}


# duplicates


def test_marks_are_remembered_within_bounds_and_only_with_identical_bytes() -> None:
    marks = Marks(most=10)
    assert not marks.seen(b"t", 1, b"x") and marks.seen(b"t", 1, b"x")
    assert not marks.seen(b"t", 1, b"y") and not marks.seen(b"u", 1, b"x") and not marks.seen(b"t", 2, b"x")
    for n in range(100):
        marks.seen(b"t", 1000 + n, b"x")
    assert len(marks._young) + len(marks._old) <= 20 and not marks.seen(b"t", 1, b"x")


def test_the_broker_repeats_what_it_did_not_hear_acknowledged() -> None:
    it = Redelivery()
    it.connected(same_session=True)
    assert not it.repeated(1, b"t", b"x", dup=False)
    assert not it.repeated(1, b"t", b"x", dup=True), "on the same connection it is another message"
    it.connected(same_session=True)
    assert it.repeated(1, b"t", b"x", dup=True)
    it.connected(same_session=True)
    assert not it.repeated(1, b"t", b"y", dup=True), "other bytes are another message"
    it.connected(same_session=True)
    assert not it.repeated(1, b"t", b"y", dup=False), "the broker does not say that it came before"


def test_a_repetition_is_believed_only_where_it_cannot_be_a_new_message() -> None:
    it = Redelivery()
    it.connected(same_session=True)
    it.repeated(1, b"t", b"x", dup=False)
    it.repeated(2, b"t", b"x", dup=False)
    it.acknowledged([1])
    it.pinged()
    it.acknowledged([2])
    it.answered()  # the broker has read the acknowledgement of 1, perhaps not that of 2
    it.connected(same_session=True)
    assert not it.repeated(1, b"t", b"x", dup=True) and it.repeated(2, b"t", b"x", dup=True)
    it.connected(same_session=False)
    assert not it.repeated(2, b"t", b"x", dup=True), "another session: its ids mean nothing"
    it.connected(same_session=True)
    it.connected(same_session=True)
    assert not it.repeated(2, b"t", b"x", dup=True), "one connection later at most"


STORE = """profile: p
model: M
source: {document: d}
mqtt: {topic: "t/{device}", at: ts, at_format: s, rows: samples, seq: n}
points: {x: {path: v}, y: {path: w}}
"""


def test_what_a_device_has_kept_is_stored_at_its_own_instants_and_repetitions_are_dropped() -> None:
    it = intake(STORE, ["d"])
    now = WALL_NS // NS
    kept = {"n": 7, "samples": [{"ts": now - 60, "v": 2}, {"ts": now - 7200, "v": 1, "w": 5}, {"v": 3}]}
    batches = said(it, "t/d", kept)
    assert samples(batches) == [(-7200, "x", 1.0), (-7200, "y", 5.0), (-60, "x", 2.0), (0, "x", 3.0)]
    assert [batch.stamped for batch in batches] == [True, False], "only what the device has stamped can be late"
    assert said(it, "t/d", kept) == [] and it.counts["duplicate"] == 1
    assert said(it, "t/d", {**kept, "n": 10}) and it.counts["missing messages"] == 2
    assert said(it, "t/d", {"n": 1, "samples": []}) == [] and it.counts["missing messages"] == 2, "a count that begins anew misses nothing"


def test_a_message_without_a_mark_is_stored_again_unless_the_broker_says_that_it_came_before() -> None:
    it = intake("profile: p\nmodel: M\nsource: {document: d}\nmqtt: {topic: 't/{device}'}\npoints: {x: {path: v}}\n", ["d"])
    it.redelivery.connected(same_session=True)
    assert said(it, "t/d", {"v": 1}, mid=1) and said(it, "t/d", {"v": 1}, mid=2), "the same again is a sample of its own"
    it.redelivery.connected(same_session=True)
    assert not said(it, "t/d", {"v": 1}, mid=1, dup=True) and said(it, "t/d", {"v": 1}, mid=3, dup=True)
    assert it.counts["delivered again"] == 1


# floods


def test_an_allowance_lets_through_what_was_kept_and_then_its_rate() -> None:
    it = Allowance(2.0, 10.0, 0.0)
    assert sum(it.take(0.0) for _ in range(50)) == 10 and it.wait_s(0.0) == pytest.approx(0.5)
    assert sum(it.take(3.0) for _ in range(50)) == 6
    assert all(Allowance(0.0, 1.0, 0.0).take(0.0) for _ in range(1000)), "0 is no limit"


def test_a_flood_is_said_when_it_begins_and_counted_when_it_is_over() -> None:
    it = Floods(1.0)
    admitted = sum(it.admits("d", 0.0) for _ in range(1000))
    assert admitted == AT_ONCE_S and it.news(1.0) == [Begun("d")] and it.news(2.0) == []
    assert it.admits("other", 0.0)
    assert it.news(OVER_S) == [Over("d", 400, 0.0, 0.0)] and it.news(999.0) == []


def test_what_a_flood_drops_is_declared_and_the_others_go_on() -> None:
    text = "profile: p\nmodel: M\nsource: {document: d}\nmqtt: {topic: 't/{device}'}\npoints: {x: {path: v}}\n"
    it = intake(text, ["d", "e"], device_rate=0.01)
    assert sum(bool(said(it, "t/d", {"v": n})) for n in range(50)) == 6 and said(it, "t/e", {"v": 1})
    assert it.floods(AT)[0]["event"] == "device_flood"
    (over,) = it.floods(Reading(AT.wall_ns + 61 * NS, AT.boot_ns + 61 * NS, AT.boot))
    assert over["event"] == "device_flood_over" and over["dropped"] == 44 and it.counts["too many messages"] == 44


def test_a_payload_that_is_too_large_makes_the_points_bad_and_is_counted() -> None:
    it = intake("profile: p\nmodel: M\nsource: {document: d}\nmqtt: {topic: 't/{device}'}\npoints: {x: {path: v}}\n", ["d"])
    assert samples(it.take(Publish(b"t/d", None, 1, 5, False, False, 1_000_000), AT)) == [(0, "x", "decode")]
    assert it.counts["payload too large"] == 1


def test_a_mistake_of_ours_over_one_message_is_said_and_the_next_one_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    it = intake("profile: p\nmodel: M\nsource: {document: d}\nmqtt: {topic: 't/{device}'}\npoints: {x: {path: v}}\n", ["d"])
    with monkeypatch.context() as patched:
        patched.setattr("collector.payloads._parse", lambda payload: 1 / 0)
        assert samples(said(it, "t/d", {"v": 1})) == [(0, "x", "decode")]
    assert it.counts["defect of Plantroom"] == 1 and "ZeroDivisionError" in capsys.readouterr().out
    assert samples(said(it, "t/d", {"v": 1})) == [(0, "x", 1.0)]


# plain values, units, own stamps


PLAIN = """profile: p
model: M
source: {document: d}
mqtt: {availability_topic: "h/{device}/there", payload_available: "1", payload_not_available: "0"}
points:
  power: {topic: "h/{device}/power", unit: W, range: [0, 5000]}
  relay: {topic: "h/{device}/relay", values: {"on": 1, "off": 0}}
  temp: {topic: "h/{device}/+/json", path: t.value, unit_path: t.unit, units: {C: degC, F: degF}, unit: degC, at: t.when}
"""


def test_plain_values_each_on_its_topic() -> None:
    it = intake(PLAIN, ["d"])
    for payload, expected in [(b"12.5", 12.5), (b" 7 ", 7.0), (b"nan", "sentinel"), (b"", "sentinel"), (b"9999", "out_of_range"), (b"1_0", "decode"),
                              (b"0x10", "decode"), (b"{}", "decode"), (b"\xff", "decode"), (b"inf", "out_of_range"), (b"1" * 70, "decode")]:  # fmt: skip
        assert samples(said(it, "h/d/power", payload)) == [(0, "power", expected)], payload
    assert samples(said(it, "h/d/relay", b"on")) == [(0, "relay", 1.0)] and samples(said(it, "h/d/relay", b"ON")) == [(0, "relay", "decode")]


def test_a_value_with_its_unit_and_its_own_stamp() -> None:
    it = intake(PLAIN, ["d"])
    stamp = WALL_NS // 1_000_000 - 5_000
    got = samples(said(it, "h/d/x/json", {"t": {"value": 212, "unit": "F", "when": stamp}}))
    assert [(at, name) for at, name, _ in got] == [(-5, "temp")] and got[0][2] == pytest.approx(100.0)
    assert samples(said(it, "h/d/y/json", {"t": {"value": 20, "unit": "C"}})) == [(0, "temp", 20.0)]
    assert samples(said(it, "h/d/y/json", {"t": {"value": 20, "unit": "K"}})) == [(0, "temp", "decode")], "a unit nobody has named"
    assert samples(said(it, "h/d/y/json", {"t": {"value": 20, "unit": "C", "when": 5}})) == [(0, "temp", "clock_skew")]


def test_home_assistants_availability_makes_every_point_unanswered() -> None:
    it = intake(PLAIN, ["d"])
    assert said(it, "h/d/there", b"1", retained=True) == []
    assert {what for _, _, what in samples(said(it, "h/d/there", b"0", retained=True))} == {"no_answer"}
    assert said(it, "h/d/there", b"maybe") == [] and sum(n for kind, n in it.counts.items() if kind.startswith("status is neither")) == 1


@pytest.mark.parametrize(("payload", "gone"), [(b'{"state": "offline"}', True), (b'{"state": "online"}', False), (b"offline", True), (b"", False), (b"{}", False)])
def test_availability_in_json(payload: bytes, gone: bool) -> None:
    frame = Frame(("d.x",))
    it = Presence("d", Availability("z/d/availability", path="state"), lambda wall_ns: all_bad(frame, wall_ns, Quality.NO_ANSWER))
    assert bool(it.take(b"z/d/availability", payload, AT, retained=False).batches) is gone


INSTANT = 1_795_262_400 * NS + 250_000_000


@pytest.mark.parametrize(
    ("stamp", "form"),
    [(1_795_262_400.25, "s"), ("1795262400.25", "s"), (1_795_262_400_250, "ms"), ("1795262400250", "ms"), (1_795_262_400_250_000, "us"),
     (INSTANT, "ns"), (str(INSTANT), "ns"), ("2026-11-21T12:00:00.250Z", "iso"), ("2026-11-21T20:00:00,25+08:00", "iso"),
     ("20261121T120000.25Z", "iso"), ("2026-11-21 12:00:00.250000000Z", "iso")],
)  # fmt: skip
def test_stamps_in_every_form_are_one_instant(stamp: object, form: str) -> None:
    assert read_stamp(stamp, form) == INSTANT


def test_nanoseconds_are_kept() -> None:
    assert read_stamp("2026-11-21T12:00:00.250000123Z", "iso") == INSTANT + 123 and read_stamp(INSTANT + 1, "ns") == INSTANT + 1


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.lists(st.integers(), max_size=2)


@PATIENT
@given(JUNK, st.sampled_from(["s", "ms", "us", "ns", "iso"]))
def test_no_stamp_raises(stamp: object, form: str) -> None:
    at_ns = read_stamp(stamp, form)
    assert at_ns is None or 0 <= at_ns < 2**63


@PATIENT
@given(st.binary(max_size=60), st.sampled_from(["h/d/power", "h/d/relay", "h/d/a/json", "h/d/there"]), st.booleans())
def test_no_message_raises(payload: bytes, topic: str, retained: bool) -> None:
    said(intake(PLAIN, ["d"]), topic, payload, retained=retained)
