"""JSON payloads: every way a device can be wrong becomes a bad sample or a declared drop, never an exception."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from collector.paths import NOTHING, finder, steps
from collector.payloads import Decoded, PayloadDecoder
from collector.stamps import read_stamp
from plantroom.clock import NS
from plantroom.kinds import PointType
from plantroom.model import Batch, Quality
from plantroom.profiles import BusLimits, DevicePoint, JsonPath, MqttShape, Profile
from plantroom.site import Binding
from tests.unit.collector.lines import WALL_NS, number

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

POINTS = {
    "speed": DevicePoint("speed", JsonPath("car.speed", scale=0.001), "m/s", (0.0, 10.0)),
    "door": DevicePoint("door", JsonPath("doors[1].state", values={"closed": 0.0, "open": 1.0, "3": 3.0, "true": 7.0})),
    "alarm": DevicePoint("alarm", JsonPath("alarm")),
}
KINDS = {"speed": number("speed", range=(0.0, 10.0)), "door": number("door", PointType.ENUM, codes={"closed": 0, "open": 1, "fault": 3}),
         "alarm": number("alarm", PointType.BOOL)}  # fmt: skip


def decoder(**shape: Any) -> PayloadDecoder:
    mqtt = MqttShape("lifts/{device}/state", **{"at": "ts", **shape})
    profile = Profile("m", "M", None, {}, BusLimits(), POINTS, mqtt)
    return PayloadDecoder(profile, [Binding(f"l-1.{name}", "d", name, KINDS[name]) for name in POINTS])


def decode(payload: object, **more: Any) -> Decoded:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return decoder(**more.pop("shape", {})).decode(raw, WALL_NS, 0, **more)


def words(decoded: Decoded) -> list[object]:
    """Per point its value, its reason, or None where the payload does not speak of it."""
    (batch,) = decoded.batches
    return [
        None if q == Batch.ABSENT else v if q == 0 else Quality(q).word
        for v, q in zip(batch.values[0].tolist(), batch.quality[0].tolist(), strict=True)
    ]


def test_a_full_payload_with_its_own_time() -> None:
    stamp_ms = WALL_NS // 1_000_000 - 1500
    decoded = decode({"ts": stamp_ms, "car": {"speed": 1750}, "doors": [{}, {"state": "open"}], "alarm": True})
    assert words(decoded) == [1.75, 1.0, 1.0]
    assert decoded.batches[0].stamped and decoded.batches[0].at_ns.tolist() == [stamp_ms * 1_000_000]


def test_what_is_not_in_the_payload_is_no_sample_and_null_is_a_bad_one() -> None:
    assert words(decode({"car": {"speed": None}})) == ["sentinel", None, None]
    assert decode({"hello": 1}) == Decoded((), "nothing of ours in the payload")


@pytest.mark.parametrize(
    ("speed", "expected"),
    [
        ("NaN", "sentinel"), ("Infinity", "out_of_range"), ("-Infinity", "out_of_range"), ('"1750"', "decode"), ("[1]", "decode"),
        ("1e308", "out_of_range"), ("-1", "out_of_range"), ("10001", "out_of_range"), ("9" * 400, "out_of_range"), ("1750", 1.75),
    ],
)  # fmt: skip
def test_numbers_that_are_none(speed: str, expected: object) -> None:
    assert words(decode(f'{{"car": {{"speed": {speed}}}, "alarm": 0}}'.encode()))[0] == expected


STATES = [("closed", 0.0), (3, 3.0), (3.0, 3.0), ("ajar", "decode"), (True, "decode"), ({}, "decode")]


@pytest.mark.parametrize(("state", "expected"), STATES)
def test_words_become_codes_and_unknown_words_are_bad(state: object, expected: object) -> None:
    assert words(decode({"doors": [0, {"state": state}]}))[1] == expected


def test_a_retained_message_is_never_fresh() -> None:
    decoded = decode({"car": {"speed": 1750}}, retained=True)
    assert words(decoded) == ["not_fresh"] * 3
    assert not decoded.batches[0].stamped


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"null", b"5", b'"text"', b"[" * 100_000, b'{"a": NaN, '])
def test_a_payload_that_cannot_be_read_makes_all_points_bad_and_says_why(payload: bytes) -> None:
    decoded = decode(payload)
    assert words(decoded) == ["decode"] * 3 and decoded.fault


@pytest.mark.parametrize("ahead_s", [121, 86_400, 10**9])
def test_a_stamp_from_the_future_is_replaced_by_the_receipt_and_said(ahead_s: int) -> None:
    decoded = decode({"ts": WALL_NS // 1_000_000 + 1000 * ahead_s, "car": {"speed": 1}})
    assert words(decoded) == ["clock_skew"] * 3
    assert decoded.batches[0].at_ns.tolist() == [WALL_NS] and not decoded.batches[0].stamped


def test_a_stamp_a_little_ahead_is_believed() -> None:
    assert words(decode({"ts": WALL_NS // 1_000_000 + 119_000, "alarm": 1}))[2] == 1.0


@pytest.mark.parametrize("stamp", ["soon", None, [], True, -5, 0, 12, 10**30, "2026-11-21T12:00:00Z"])
def test_a_stamp_that_names_no_instant_is_clock_skew(stamp: object) -> None:
    assert words(decode({"ts": stamp, "alarm": 1})) == ["clock_skew"] * 3


def test_a_payload_without_its_stamp_counts_when_it_came() -> None:
    decoded = decode({"alarm": 1})
    assert decoded.batches[0].at_ns.tolist() == [WALL_NS] and not decoded.batches[0].stamped


def test_stamps_in_three_forms_are_one_instant() -> None:
    at_ns = 1_795_262_400 * NS + 250_000_000
    assert read_stamp(1_795_262_400_250, "ms") == at_ns
    assert read_stamp(1_795_262_400.25, "s") == at_ns
    assert read_stamp("2026-11-21T20:00:00.250+08:00", "iso") == at_ns
    assert read_stamp("2026-11-21T12:00:00.25Z", "iso") == at_ns
    assert read_stamp("2026-11-21T12:00:00.25", "iso") is None, "no zone, no instant"


def test_paths() -> None:
    assert steps("car.doors[0].state") == ("car", "doors", 0, "state")
    assert steps("[2][0].x") == (2, 0, "x")
    document = {"a": [{"b": 1}, [5]], "c.d": {"e": 2}, "s": "text", "e": [{"n": "hum", "v": 40}, {"n": "temp", "v": 21}, {"id": 7, "v": 8}]}
    found = {path: finder(path)(document) for path in ("a[0].b", "a[1][0]", "['c.d'].e", "e[n=temp].v", "e[id=7].v")}
    assert found == {"a[0].b": 1, "a[1][0]": 5, "['c.d'].e": 2, "e[n=temp].v": 21, "e[id=7].v": 8}
    for path in ("a[7]", "a.b", "x", "s[0]", "s.t", "e[n=rain].v", "a[0].b.c", "x.y"):
        assert finder(path)(document) is NOTHING, path


KEYS = st.sampled_from(["ts", "car", "speed", "doors", "state", "alarm"])
JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


PAYLOADS = JSONS.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=200)


FORMS = st.sampled_from(["s", "ms", "us", "ns", "iso"])


@PATIENT
@given(PAYLOADS, st.booleans(), FORMS)
def test_no_payload_raises_and_no_bad_value_stays(payload: bytes, retained: bool, form: str) -> None:
    _judged(payload, retained, form)


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PAYLOADS, st.booleans(), FORMS)
def test_no_payload_raises_and_no_bad_value_stays_at_length(payload: bytes, retained: bool, form: str) -> None:
    _judged(payload, retained, form)


def _judged(payload: bytes, retained: bool, form: str) -> None:
    decoded = decoder(at_format=form).decode(payload, WALL_NS, 0, retained=retained)
    assert decoded.batches or decoded.fault
    for batch in decoded.batches:
        assert np.array_equal(np.isfinite(batch.values), batch.quality == Quality.GOOD)
        assert batch.at_ns[0] <= WALL_NS + 120 * NS


@pytest.mark.parametrize("deep", [b'{"car":' * 2000 + b"1" + b"}" * 2000, b"[" * 70 + b"]" * 69])
def test_what_is_nested_too_deep_is_said(deep: bytes) -> None:
    assert words(decode(deep)) == ["decode"] * 3 and "no JSON" in decode(deep).fault


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert words(decode(b'{"alarm": 0, "alarm": 1}'))[2] == 1.0


def test_numbers_as_text_only_where_the_profile_says_so() -> None:
    payload = {"car": {"speed": "1750"}, "alarm": "true"}
    assert words(decode(payload)) == ["decode", None, 1.0], "a yes/no may always be a word"
    assert words(decode(payload, shape={"quoted": True})) == [1.75, None, 1.0]
    assert words(decode({"car": {"speed": "unavailable"}}, shape={"quoted": True}))[0] == "sentinel"


def test_a_change_settles_in_the_devices_own_time_and_late_rows_settle_nothing() -> None:
    profile = Profile("m", "M", None, {}, BusLimits(), POINTS, MqttShape("t", at="ts", rows="$"))
    it = PayloadDecoder(profile, [Binding("l-1.alarm", "d", "alarm", KINDS["alarm"], debounce_s=2.0)])
    now_ms = WALL_NS // 1_000_000

    def alarms(*rows: tuple[int, int]) -> list[float]:
        raw = json.dumps([{"ts": now_ms + 1000 * at_s, "alarm": value} for at_s, value in rows]).encode()
        return [value for batch in it.decode(raw, WALL_NS, 10**12).batches for value in batch.values[:, 0].tolist()]

    assert alarms((-20, 0), (-10, 1), (-9, 1), (-8, 1), (-7, 1)) == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert alarms((-15, 0)) == [0.0] and alarms((-6, 1)) == [1.0]
