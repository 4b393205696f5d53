"""What an MQTT device says from message to message: as if each were written anew."""

from __future__ import annotations

import json
from math import nan

import pytest

from plantroom.profiles import BusLimits, DevicePoint, JsonPath, MqttShape, Profile
from simulators.sheets import Sheets, teller

AT_NS = 1_772_380_800_250_000_000


def sheets(shape: MqttShape, **sources: JsonPath | DevicePoint) -> Sheets:
    points = {n: s if isinstance(s, DevicePoint) else DevicePoint(n, s) for n, s in sources.items()}
    tellers = {n: teller(shape, point.source) for n, point in points.items() if isinstance(point.source, JsonPath)}
    return Sheets(Profile("p", "p", None, {}, BusLimits(), points), shape, tuple(points), tellers)


def test_what_changed_is_said_anew_and_the_rest_again() -> None:
    said = sheets(
        MqttShape("t", at="ts"),
        speed=JsonPath("car.speed", scale=0.5),
        door=JsonPath("doors[1].state", values={"open": 1.0, "shut": 2.0}),
        chain=DevicePoint("chain", JsonPath("safe['the chain']", values={"true": 1.0, "false": 0.0}), invert=True),
        temp=JsonPath("e[n=temp].v", at="e[n=temp].t"),
    )
    [(topic, first)] = said.filled([1.0, 1.0, 0.0, 21.00004], AT_NS, 1)
    assert topic == "t" and json.loads(first) == {
        "car": {"speed": 2}, "doors": [None, {"state": "open"}], "safe": {"the chain": True},
        "e": [{"n": "temp", "v": 21, "t": AT_NS // 1_000_000}], "ts": AT_NS // 1_000_000,
    }  # fmt: skip
    [(_, second)] = said.filled([1.25, 1.0, 0.0, nan], AT_NS + 10**9, 2)
    assert json.loads(second) == {
        "car": {"speed": 2.5}, "doors": [None, {"state": "open"}], "safe": {"the chain": True},
        "e": [{"n": "temp", "v": None, "t": AT_NS // 1_000_000 + 1000}], "ts": AT_NS // 1_000_000 + 1000,
    }  # fmt: skip
    assert said.filled([1.0, 1.0, 0.0, 21.00004], AT_NS, 3) == [("t", first)]


def test_topics_of_their_own_and_plain_values() -> None:
    said = sheets(MqttShape("t"), a=JsonPath("a", topic="t/a"), b=JsonPath("", topic="t/b"), c=JsonPath("c"), d=JsonPath("", topic="t/d"))
    assert said.filled([1.0, 2.5, 3.0, nan], AT_NS, 1) == [("t/a", b'{"a":1}'), ("t", b'{"c":3}'), ("t/b", b"2.5"), ("t/d", b"nan")]


def test_rows_and_counts_stand_round_the_document() -> None:
    point = {"a": JsonPath("a", units={"kW": (2.0, 1.0)}, unit_path="u")}
    assert sheets(MqttShape("t", rows="$"), **point).filled([5.0], AT_NS, 1) == [("t", b'[{"a":2,"u":"kW"}]')]
    [(_, payload)] = sheets(MqttShape("t", rows="data.rows", seq="n", quoted=True), **point).filled([5.0], AT_NS, 7)
    assert json.loads(payload) == {"data": {"rows": [{"a": "2", "u": "kW"}]}, "n": 7}


def test_a_number_of_more_than_64_bits_is_said_whole() -> None:
    assert sheets(MqttShape("t"), a=JsonPath("a")).filled([2.0**70], AT_NS, 1) == [("t", b'{"a":1180591620717411303424}')]


def test_a_code_without_a_word_is_an_error_not_a_lie() -> None:
    with pytest.raises(ValueError, match="no word for code 3"):
        sheets(MqttShape("t"), a=JsonPath("a", values={"on": 1.0})).filled([3.0], AT_NS, 1)
