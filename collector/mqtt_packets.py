"""MQTT 3.1.1 and 5 as a subscriber sees it: bytes in, packets out, and the five packets it sends. Pure.

PUBLISH is not among what can be sent: who has no word for it never writes to equipment by mistake.
Sources: OASIS MQTT 3.1.1 and 5.0, chapters 2 and 3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

V3, V5 = 4, 5  # protocol level on the wire
CONNACK, PUBLISH, SUBACK, PINGRESP, DISCONNECT, AUTH = 2, 3, 9, 13, 14, 15
MOST_SMALL = 1 << 16  # bytes of a packet that is no PUBLISH
PING = b"\xc0\x00"
_EXPIRY, _KEEPALIVE, _REASON, _RECEIVE = 0x11, 0x13, 0x1F, 0x21
_SIZES = {  # property -> bytes of its value; text and pairs of texts are in _TEXTS
    0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x17: 1, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1,
}  # fmt: skip
_TEXTS = {0x03: 1, 0x08: 1, 0x09: 1, 0x12: 1, 0x15: 1, 0x16: 1, 0x1A: 1, 0x1C: 1, 0x1F: 1, 0x26: 2}


class NotMqtt(ValueError):
    """What came is no MQTT, or no packet a broker may send; the connection has to be closed."""


class Publish(NamedTuple):
    """topic, payload as on the wire. payload None: it was larger than may be and has been passed over; size says how large."""

    topic: bytes
    payload: bytes | None
    qos: int
    mid: int
    dup: bool
    retained: bool
    size: int


@dataclass(frozen=True, slots=True)
class Connack:
    """session: the broker still has our session. keepalive_s: what it wants instead of ours; None = as asked."""

    session: bool
    code: int
    reason: str = ""
    keepalive_s: int | None = None


@dataclass(frozen=True, slots=True)
class Suback:
    mid: int
    codes: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pong:
    """The broker lives."""


@dataclass(frozen=True, slots=True)
class Bye:
    """MQTT 5: the broker ends the connection and says why."""

    code: int
    reason: str = ""


Packet = Publish | Connack | Suback | Pong | Bye


class Reader:
    """Bytes of one connection, in pieces of any size. Never holds more than one packet of `most` bytes and the piece just given."""

    def __init__(self, level: int, most: int) -> None:
        self._level, self._most = level, most
        self._rest = bytearray()
        self._need = 2  # bytes until the next packet, or its header, can be read
        self._skip = 0  # bytes still to come of a packet that is passed over

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that are whole now. Raises NotMqtt."""
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        packets: list[Packet] = []
        at = self._read(data, packets)
        if at < len(data):
            self._rest += data[at:]
        return packets

    def _read(self, data: bytes, packets: list[Packet]) -> int:
        """Appends the packets of `data`; returns where the first one that is not whole begins."""
        at, size = 0, len(data)
        while size - at >= 2:
            first, length, body = data[at], data[at + 1], at + 2
            if length > 127:
                length, body = _length(data, at + 1)
                if not body:
                    break
            end = body + length
            if first >> 4 == PUBLISH:
                if length > self._most:
                    missing = self._pass_over(first, data[body : body + MOST_SMALL + 4], length, packets)
                    if missing:
                        self._need = size - at + missing
                        return at
                    self._skip = max(end - size, 0)
                    at = min(end, size)
                    continue
                if end > size:
                    self._need = end - at
                    return at
                packets.append(self._publish(first, data, body, end))
            else:
                if first >> 4 not in _SMALL or first & 15 or length > MOST_SMALL:
                    raise NotMqtt(f"a packet that begins with {first:#04x} and has {length} bytes, which no broker sends to a subscriber")
                if end > size:
                    self._need = end - at
                    return at
                packets.append(self._small(first, data[body:end]))
            at = end
        self._need = size - at + 1
        return at

    def _publish(self, first: int, data: bytes, at: int, end: int) -> Publish:
        topic_end = at + 2 + (data[at] << 8 | data[at + 1]) if end - at >= 2 else end + 1
        qos, payload, mid = first >> 1 & 3, topic_end, 0
        if qos:
            payload += 2
            if payload <= end:
                mid = data[topic_end] << 8 | data[topic_end + 1]
        if self._level == V5 and payload < end:
            length, payload = (data[payload], payload + 1) if data[payload] < 128 else _length(data, payload)
            payload = payload + length if payload else end + 1
        elif self._level == V5:
            payload = end + 1
        if payload > end or qos > 1 or (qos and not mid):
            raise NotMqtt("a PUBLISH of QoS 2, which was not asked for" if qos == 2 else "a PUBLISH whose parts do not fit into it")
        return Publish(data[at + 2 : topic_end], data[payload:end], qos, mid, bool(first & 8), bool(first & 1), end - payload)

    def _pass_over(self, first: int, head: bytes, length: int, packets: list[Packet]) -> int:
        """Reads topic and id of a packet that is too large; returns how many bytes are missing for that."""
        qos = first >> 1 & 3
        topic_end = 2 + (head[0] << 8 | head[1]) if len(head) >= 2 else 2
        payload = topic_end + (2 if qos else 0)
        if payload > length or qos > 1:
            raise NotMqtt("a PUBLISH whose parts do not fit into it")
        if len(head) < max(payload, 2):
            return max(payload, 2) - len(head)
        mid = head[topic_end] << 8 | head[topic_end + 1] if qos else 0
        packets.append(Publish(head[2:topic_end], None, qos, mid, bool(first & 8), bool(first & 1), length - payload))
        return 0

    def _small(self, first: int, body: bytes) -> Packet:
        kind = first >> 4
        try:
            return _SMALL[kind](body, self._level)
        except (IndexError, struct.error, UnicodeDecodeError):
            raise NotMqtt(f"a packet of type {kind} whose parts do not fit into it") from None


def _connack(body: bytes, level: int) -> Connack:
    told = _properties(body, 2) if level == V5 and len(body) > 2 else {}
    keepalive = told.get(_KEEPALIVE)
    return Connack(bool(body[0] & 1), body[1], _text(told), int.from_bytes(keepalive) if keepalive is not None else None)


def _suback(body: bytes, level: int) -> Suback:
    (mid,) = struct.unpack_from(">H", body)
    if level != V5:
        return Suback(mid, tuple(body[2:]))
    length, at = _length(body, 2)
    if not at or at + length > len(body):
        raise IndexError
    return Suback(mid, tuple(body[at + length :]), _text(_properties(body, 2)))


def _bye(body: bytes, level: int) -> Bye:
    if level != V5:
        raise NotMqtt("a DISCONNECT, which brokers of MQTT 3.1.1 do not send")
    return Bye(body[0] if body else 0, _text(_properties(body, 1)) if len(body) > 1 else "")


_SMALL: dict[int, Callable[[bytes, int], Packet]] = {
    CONNACK: _connack,
    SUBACK: _suback,
    PINGRESP: lambda body, level: Pong(),
    DISCONNECT: _bye,
}


def _text(told: dict[int, bytes]) -> str:
    return told.get(_REASON, b"").decode()


def _properties(data: bytes, at: int) -> dict[int, bytes]:
    """MQTT 5, 2.2.2: by identifier, the last one of each. Raises IndexError or struct.error where they do not fit."""
    length, at = _length(data, at)
    end = at + length
    if not at or end > len(data):
        raise IndexError
    found: dict[int, bytes] = {}
    while at < end:
        key = data[at]
        at += 1
        if key == 0x0B:  # subscription identifier, a number of 1 to 4 bytes
            _, past = _length(data, at)
            found[key] = data[at:past]
        elif key in _TEXTS:
            for _ in range(_TEXTS[key]):
                (size,) = struct.unpack_from(">H", data, at)
                past = at + 2 + size
                found[key] = data[at + 2 : past]
                at = past
        elif key in _SIZES:
            past = at + _SIZES[key]
            found[key] = data[at:past]
        else:
            raise IndexError
        if not past or past > end:
            raise IndexError
        at = past
    return found


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 4 bytes and where it ends; 0 = it is not whole yet. Raises NotMqtt for a fifth byte."""
    value = 0
    for n in range(4):
        if at + n >= len(data):
            return 0, 0
        value |= (data[at + n] & 127) << 7 * n
        if data[at + n] < 128:
            return value, at + n + 1
    raise NotMqtt("a length of more than four bytes")


# what is sent


def connect(
    level: int, client_id: str, user: str | None, password: str | None, keepalive_s: int, *, fresh: bool, expiry_s: int, in_flight: int
) -> bytes:
    """fresh: begin a new session. expiry_s, in_flight: MQTT 5 only, how long the session outlives the connection, unanswered at a time."""
    flags = (2 if fresh else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = b"\x00\x04MQTT" + struct.pack(">BBH", level, flags, keepalive_s)
    if level == V5:
        told = struct.pack(">BIBH", _EXPIRY, expiry_s, _RECEIVE, in_flight)
        body += bytes([len(told)]) + told
    for part in (client_id, user, password):
        if part is not None:
            body += _string(part)
    return _packet(0x10, body)


def subscribe(level: int, mid: int, filters: Sequence[str]) -> bytes:
    """All at QoS 1."""
    body = struct.pack(">H", mid) + (b"\x00" if level == V5 else b"")
    return _packet(0x82, body + b"".join(_string(topic) + b"\x01" for topic in filters))


def acknowledgements(mids: Iterable[int]) -> bytes:
    """PUBACKs; the same four bytes in both versions, where all is well."""
    return b"".join([_PUBACK(0x40, 2, mid) for mid in mids])


def disconnect() -> bytes:
    return b"\xe0\x00"


_PUBACK = struct.Struct(">BBH").pack


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _packet(first: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        length += bytes([size % 128 | (128 if size > 127 else 0)])
        size //= 128
        if not size:
            return bytes([first]) + length + body
