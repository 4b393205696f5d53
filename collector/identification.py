"""Read Device Identification (function 43, MEI type 14): a device's own words about itself. Pure; the one request besides the four reads.

    request   transaction u16 | protocol 0 | length 5 | unit u8 | 43 | 14 | category u8 | first object u8
    reply     ... | 43 | 14 | category | conformity | more (0 or 255) | next object | objects u8 | {object u8, length u8, text}
    exception transaction u16 | protocol 0 | length 3 | unit u8 | 171 | code u8

It reads and nothing else; a few devices answer it badly, so it is asked only where somebody wants it.
Source: MODBUS Application Protocol V1.1b3, 6.21.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

FUNCTION, MEI = 43, 14
BASIC, REGULAR = 1, 2
FIRST_REGULAR = 3
OBJECTS = ("vendor", "product_code", "revision", "url", "product", "model", "application")  # 0x00 .. 0x06
MOST_REPLIES = 8  # each brings at least one of seven objects
_REQUEST = struct.Struct(">HHHBBBBB")
_HEAD = struct.Struct(">HHHBBB")


@dataclass(frozen=True, slots=True)
class Told:
    """What one reply says, by the names in OBJECTS. following: the object to ask for next, None where this was all."""

    texts: dict[str, str]
    following: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    code: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    why: str


def request(transaction: int, unit: int, category: int = BASIC, first: int = 0) -> bytes:
    return _REQUEST.pack(transaction, 0, 5, unit, FUNCTION, MEI, category, first)


def whole(data: bytes) -> int | None:
    """The length of the frame these bytes begin with, None while that cannot be told. Below 8 it is no Modbus."""
    if len(data) < 6:
        return None
    length = int.from_bytes(data[4:6], "big")
    return 6 + length if data[2:4] == b"\0\0" and 2 < length <= 254 else 0


def read(frame: bytes, transaction: int, unit: int) -> Told | Refused | Unreadable | None:
    """One whole frame; None where it is not the answer to this transaction of this unit."""
    if len(frame) < 9:
        return Unreadable("no Modbus frame")
    number, _, _, who, function, mei = _HEAD.unpack_from(frame)
    if (number, who) != (transaction, unit):
        return None
    if function == FUNCTION | 0x80 and len(frame) == 9:
        return Refused(mei)
    if function != FUNCTION or mei != MEI or len(frame) < 14:
        return Unreadable(f"function {function} answered where {FUNCTION} was asked, {len(frame)} bytes")
    more, following, count = frame[11:14]
    texts: dict[str, str] = {}
    rest = frame[14:]
    for _ in range(count):
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            return Unreadable("an object is cut short")
        if rest[0] < len(OBJECTS):
            texts[OBJECTS[rest[0]]] = _plain(rest[2 : 2 + rest[1]])
        rest = rest[2 + rest[1] :]
    return Told({name: text for name, text in texts.items() if text}, following if more == 0xFF else None)


def _plain(data: bytes) -> str:
    """ASCII as the standard has it; what else a device sends is shown as a question mark, padding is dropped."""
    text = data.decode("ascii", "replace").replace("\ufffd", "?").strip(" \0")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
