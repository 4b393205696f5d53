"""A Sparkplug B edge node with one device: births, data in aliases, death. Its own small encoder, apart from the collector's decoder.

Source: Eclipse Sparkplug 3.0.0, chapters 4 and 6.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

INT64, DOUBLE, BOOLEAN, STRING = 4, 10, 11, 12
Said = tuple[str, bytes]  # topic, payload


class Node:
    """name: `group/node` for values of the node itself, `group/node/device` for those of a device on it."""

    def __init__(self, name: str, prefix: str = "") -> None:
        self._group, self._edge, self._device = [*name.split("/", 2), "", ""][:3]
        if not self._edge:
            raise ValueError(f"{name!r} names no Sparkplug node; write topic: group/node or group/node/device")
        self._prefix = prefix
        self._seq = self._bd_seq = -1
        self._aliases: dict[str, int] = {}

    def will(self) -> Said:
        """Of the connection that is about to be made; the births after it carry the same number."""
        self._bd_seq = (self._bd_seq + 1) % 256
        return self.death()

    def death(self) -> Said:
        """Of the connection there is."""
        return self._topic("NDEATH"), metric("bdSeq", self._bd_seq, kind=INT64)

    def births(self, values: Mapping[str, object], at_ns: int) -> list[Said]:
        """Everything by name, with the aliases that stand for the names from now on."""
        self._seq = -1
        self._aliases = {name: number for number, name in enumerate(values, 1)}
        own = metric("bdSeq", max(self._bd_seq, 0), kind=INT64) + metric("Node Control/Rebirth", False)
        named = b"".join(metric(name, value, alias=self._aliases[name]) for name, value in values.items())
        if not self._device:
            return [(self._topic("NBIRTH"), self._payload(own + named, at_ns))]
        return [(self._topic("NBIRTH"), self._payload(own, at_ns)), (self._topic("DBIRTH"), self._payload(named, at_ns))]

    def data(self, values: Mapping[str, object], at_ns: int) -> Said:
        metrics = b"".join(metric(None, value, alias=self._aliases[name]) for name, value in values.items())
        return self._topic("DDATA" if self._device else "NDATA"), self._payload(metrics, at_ns)

    def _topic(self, kind: str) -> str:
        of_device = f"/{self._device}" if kind.startswith("D") else ""
        return f"{self._prefix}spBv1.0/{self._group}/{kind}/{self._edge}{of_device}"

    def _payload(self, metrics: bytes, at_ns: int) -> bytes:
        self._seq = (self._seq + 1) % 256
        return number(1, at_ns // 1_000_000) + metrics + number(3, self._seq)


def metric(
    name: str | None,
    value: object,
    *,
    alias: int | None = None,
    at_ms: int | None = None,
    kind: int | None = None,
    historical: bool = False,
    quality: int | None = None,
) -> bytes:
    """One metric as it stands in a payload. kind: data type; by default boolean, string or double, as the value is; None is a null."""
    if kind is None:
        kind = BOOLEAN if isinstance(value, bool) else STRING if isinstance(value, str) else DOUBLE
    body = b"" if name is None else text(1, name)
    body += b"" if alias is None else number(2, alias)
    body += b"" if at_ms is None else number(3, at_ms)
    body += number(4, kind) + (number(5, 1) if historical else b"")
    body += b"" if quality is None else block(9, text(1, "Quality") + block(2, number(1, 3) + number(3, quality)))
    if value is None:
        return block(2, body + number(7, 1))
    if isinstance(value, bool):
        return block(2, body + number(14, int(value)))
    if isinstance(value, str):
        return block(2, body + text(15, value))
    assert isinstance(value, int | float)
    if kind == DOUBLE:
        return block(2, body + b"\x69" + struct.pack("<d", value))
    if kind == 9:
        return block(2, body + b"\x65" + struct.pack("<f", value))
    wide = kind in (INT64, 8, 13)
    return block(2, body + number(11 if wide else 10, int(value) % 2 ** (64 if wide else 32)))


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def text(field: int, value: str) -> bytes:
    return block(field, value.encode())


def block(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])
