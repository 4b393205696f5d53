"""MQTT packets: any cut of the bytes gives the same packets, nothing that comes raises anything but NotMqtt, and nothing writes."""

from __future__ import annotations

import ast
import struct
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from collector import mqtt_packets
from collector.duplicates import Redelivery
from collector.mqtt_packets import V3, V5, Bye, Connack, NotMqtt, Packet, Pong, Publish, Reader, Suback, _packet
from collector.mqtt_session import FILTERS_AT_ONCE, KEEPALIVE_S, Subscriber, Unheard, Unwelcome, Welcome
from plantroom.site import Mqtt

PATIENT = settings(deadline=None, max_examples=60)  # the machine may be busy
MOST = 300


def publish(topic: bytes, payload: bytes, mid: int = 0, *, level: int = V3, flags: int = 0, properties: bytes = b"") -> bytes:
    body = struct.pack(">H", len(topic)) + topic + (struct.pack(">H", mid) if mid else b"")
    body += (bytes([len(properties)]) + properties if level == V5 else b"") + payload
    return _packet(0x30 | flags | (2 if mid else 0), body)


def read(data: bytes, level: int = V3, cuts: tuple[int, ...] = ()) -> list[Packet]:
    reader, found, last = Reader(level, MOST), list[Packet](), 0
    for cut in (*sorted(c % (len(data) + 1) for c in cuts), len(data)):
        found += reader.feed(data[last:cut])
        last = cut
    return found


TOPICS = st.sampled_from([b"a", b"lifts/1/state", b"\xff\xfe", b"x" * 200])
PUBLISHES = st.builds(publish, TOPICS, st.binary(max_size=400), st.integers(1, 65_535))
OTHERS = st.sampled_from([b"\xd0\x00", b"\x20\x02\x01\x00", b"\x90\x03\x00\x01\x80", publish(b"t", b"qos0")])


@PATIENT
@given(st.lists(PUBLISHES | OTHERS, max_size=8), st.lists(st.integers(0, 4000), max_size=30))
def test_however_the_bytes_are_cut_the_packets_are_the_same(packets: list[bytes], cuts: list[int]) -> None:
    data = b"".join(packets)
    whole = read(data)
    assert read(data, cuts=tuple(cuts)) == whole == read(data, cuts=tuple(range(len(data))))
    assert len(whole) == len(packets)


@PATIENT
@given(st.binary(max_size=120) | st.lists(PUBLISHES | OTHERS | st.binary(max_size=6), max_size=5).map(b"".join), st.sampled_from([V3, V5]))
def test_nothing_that_comes_raises_but_not_mqtt(data: bytes, level: int) -> None:
    try:
        found = read(data, level)
    except NotMqtt:
        return
    assert all(len(p.payload or b"") <= MOST for p in found if isinstance(p, Publish))


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([V3, V5]), st.lists(st.integers(0, 400), max_size=6))
def test_nothing_that_comes_raises_but_not_mqtt_at_length(data: bytes, level: int, cuts: list[int]) -> None:
    try:
        read(data, level, tuple(cuts))
    except NotMqtt:
        return


def test_a_publish_in_both_versions() -> None:
    expiry = b"\x02\x00\x00\x00\x3c"
    for level, properties in ((V3, b""), (V5, b""), (V5, expiry)):
        (found,) = read(publish(b"a/b", b"{}", 7, level=level, flags=9, properties=properties), level)
        assert found == Publish(b"a/b", b"{}", 1, 7, True, True, 2)


def test_what_is_too_large_is_passed_over_with_its_topic_and_id_and_the_next_one_stands() -> None:
    huge = publish(b"big", b"x" * 5000, 9)
    assert read(huge + publish(b"a", b"y", 10)) == [Publish(b"big", None, 1, 9, False, False, 5000), Publish(b"a", b"y", 1, 10, False, False, 1)]
    reader = Reader(V3, MOST)
    for at in range(0, len(huge), 7):
        reader.feed(huge[at : at + 7])
        assert len(reader._rest) <= MOST, "it is not held"


@pytest.mark.parametrize(
    ("data", "level"),
    [
        (publish(b"a", b"x", 1, flags=4)[:0] + b"\x34\x06\x00\x01a\x00\x01x", V3),  # QoS 2
        (b"\x32\x05\x00\x01a\x00\x00", V3),  # id 0
        (b"\x30\x02\x00\x09", V3),  # a topic longer than the packet
        (b"\x30\x80\x80\x80\x80\x01", V3),  # a length of five bytes
        (b"\x10\x00", V3), (b"\xf0\x00", V3), (b"\xe0\x00", V3), (b"\x21\x02\x00\x00", V3),  # none of a broker's
        (b"\x20\x05\x00\x00\x02\xee\x01", V5), (b"\x20\x06\x00\x00\x03\x1f\x00\x09", V5),  # no such property; a text too long
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", V3),
    ],
)  # fmt: skip
def test_what_no_broker_sends_is_said_to_be_none(data: bytes, level: int) -> None:
    with pytest.raises(NotMqtt):
        read(data + b"\0" * 8, level)


def test_the_small_packets_of_both_versions() -> None:
    assert read(b"\x20\x02\x01\x00\x90\x04\x00\x05\x01\x80\xd0\x00") == [Connack(True, 0), Suback(5, (1, 0x80)), Pong()]
    reason = b"\x1f\x00\x02no"
    told = b"\x13\x00\x1e" + reason
    data = _packet(0x20, b"\x00\x87" + bytes([len(told)]) + told) + _packet(0x90, b"\x00\x05" + b"\x05" + reason + b"\x87")
    assert read(data + _packet(0xE0, b"\x8e\x05" + reason) + b"\xe0\x00", V5) == [
        Connack(False, 0x87, "no", 30), Suback(5, (0x87,), "no"), Bye(0x8E, "no"), Bye(0)]  # fmt: skip


def subscriber(version: str = "3.1.1", filters: int = 1) -> Subscriber:
    link = Mqtt("h", user="u", password="p", version=version)
    return Subscriber(link, "me", [f"t/{n}" for n in range(filters)], Redelivery())


def test_greeting_subscribing_and_what_a_broker_may_answer() -> None:
    it = subscriber(filters=FILTERS_AT_ONCE + 1)
    assert it.sends.pop().startswith(b"\x10")
    assert it.receive(b"\x20\x02\x01\x00", 0.0) == [Welcome(True)]
    assert [data[:1] for data in it.sends] == [b"\x82", b"\x82"], "in portions some brokers want"
    refused = it.receive(b"\x90\x03\x00\x02\x80", 0.0)
    assert isinstance(refused[0], Unheard) and refused[0].topic == f"t/{FILTERS_AT_ONCE}" and "access list" in refused[0].why


@pytest.mark.parametrize(
    ("version", "data", "why"),
    [
        ("3.1.1", b"\x20\x02\x00\x04", "wrong user or password"), ("3.1.1", b"\x20\x02\x00\x01", "version: 5"),
        ("5", b"\x20\x03\x00\x84\x00", "version: 3.1.1"), ("5", b"\x20\x03\x00\x86\x00", "wrong user or password"),
        ("3.1.1", b"\xd0\x00", "pong while greeting"), ("3.1.1", publish(b"a", b"b"), "publish while greeting"), ("3.1.1", b"\x00\x00", "no MQTT"),
    ],
)  # fmt: skip
def test_why_a_connection_is_over_is_said(version: str, data: bytes, why: str) -> None:
    (event,) = subscriber(version).receive(data, 0.0)
    assert isinstance(event, Unwelcome) and why in event.why


def test_another_client_with_our_id_is_told_as_that() -> None:
    it = subscriber("5")
    it.receive(b"\x20\x03\x00\x00\x00", 0.0)
    (event,) = it.receive(b"\xe0\x01\x8e", 1.0)
    assert isinstance(event, Unwelcome) and "client_id" in event.why


def test_the_pulse_of_a_connection() -> None:
    it = subscriber()
    assert it.tick(0.0) == "" and "CONNECT" in it.tick(6.0)
    it.receive(b"\x20\x02\x00\x00", 10.0)
    it.sends.clear()
    assert it.tick(10.0 + KEEPALIVE_S / 2 - 1) == "" and it.sends == []
    assert it.tick(10.0 + KEEPALIVE_S / 2) == "" and it.sends == [mqtt_packets.PING]
    assert it.tick(11.0 + KEEPALIVE_S) == "" and "ping" in it.tick(11.0 + 2 * KEEPALIVE_S)
    it.receive(b"\xd0\x00", 12.0 + 2 * KEEPALIVE_S)
    assert it.tick(12.0 + 2 * KEEPALIVE_S) == ""


def test_the_collector_has_no_word_for_publish() -> None:
    """First bytes of packets are written in one module, and 0x30 is not among them."""
    tree = ast.parse(Path(mqtt_packets.__file__).read_text())
    made = {node.args[0].value for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_packet" and isinstance(node.args[0], ast.Constant)}  # fmt: skip
    assert made == {0x10, 0x82}, "CONNECT and SUBSCRIBE; PUBACK, PINGREQ and DISCONNECT are fixed bytes"
    assert mqtt_packets.acknowledgements([1, 65_535]) == b"\x40\x02\x00\x01\x40\x02\xff\xff"
    assert (mqtt_packets.PING, mqtt_packets.disconnect()) == (b"\xc0\x00", b"\xe0\x00")
