"""One register-level number: where its bytes stand, which raw numbers are sound, how it is scaled. Pure; used at compile time only."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from plantroom.profiles import Encoding, Register

Range = tuple[float, float]
Number = float | Fraction

DTYPE = {
    Encoding.U16: "<u2",
    Encoding.I16: "<i2",
    Encoding.U32: "<u4",
    Encoding.I32: "<i4",
    Encoding.U64: "<u8",
    Encoding.I64: "<i8",
    Encoding.F32: "<f4",
    Encoding.F64: "<f8",
}
BYTE_FIELD, WORD_FIELD = "u1", "<u2 field"  # bit fields: within one byte, across the two bytes of a register
SECTIONS = ("<u8", "<i8", "<f8", "<u4", "<i4", "<f4", "<u2", "<i2", WORD_FIELD, BYTE_FIELD)  # widest first, so that each stays aligned
FLOATS = (Encoding.F32, Encoding.F64)
_LARGEST = {Encoding.F32: float.fromhex("0x1.fffffep+127"), Encoding.F64: float.fromhex("0x1.fffffffffffffp+1023")}
MOST_EXACT = 1_000_000  # times a raw number of 32 bits, a float64 still holds it exactly
_TOLERANCE = {Encoding.F32: 1e-6, Encoding.F64: 1e-12}  # a limit written in decimals is met although binary floats miss it by a hair


@dataclass(frozen=True, slots=True)
class Scale:
    """value = (raw * n + c) / d. Decimals become whole numbers, rounded once: 3 * 0.1 is 0.30000000000000004, 3 / 10 is 0.3."""

    n: float = 1.0
    d: float = 1.0
    c: float = 0.0

    def __call__(self, raw: float) -> float:
        return (raw * self.n + self.c) / self.d

    def raw(self, value: float) -> float:
        return (value * self.d - self.c) / self.n

    @classmethod
    def of(cls, factor: Number, offset: Number = 0.0) -> Scale:
        """value = raw * factor + offset."""
        factor, offset = _exact(factor), _exact(offset)
        d = math.lcm(factor.denominator, offset.denominator)
        n, c = factor * d, offset * d
        if d <= MOST_EXACT and abs(n) <= MOST_EXACT and abs(c) < 2**52:
            return cls(float(n), float(d), float(c))
        return cls(float(factor), 1.0, float(offset))


def final_scale(factor: Number, offset: Number, invert: bool, gain: Number, bias: Number) -> Scale:
    """A device value of raw * factor + offset, then 1 - value where inverted, then * gain + bias."""
    factor, offset, gain = _exact(factor), _exact(offset), _exact(gain)
    if invert:
        factor, offset = -factor, 1 - offset
    return Scale.of(factor * gain, offset * gain + _exact(bias))


def _exact(number: Number) -> Fraction:
    """A decimal as it was written, not as binary floats come near it."""
    return number if isinstance(number, Fraction) else Fraction(repr(float(number)))


@dataclass(frozen=True, slots=True)
class Cell:
    """at: byte offset in the joined replies. bit: of that byte, for a cell of a bit table. column: the value it is, or
    is part of; part: which.

    device, final: raw -> the device's value, -> the value as bound; limits: plausible values after each of them.
    codes: raw number -> the number it stands for, any other being bad (decode); () = every number for itself.
    """

    register: Register
    at: int
    column: int
    bit: int = 0
    device: Scale = Scale()
    final: Scale = Scale()
    device_range: Range | None = None
    final_range: Range | None = None
    codes: tuple[tuple[float, float], ...] = ()
    part: int = 0

    @property
    def field(self) -> tuple[int, int, int] | None:
        """(byte offset, shift, width) of a bit field within a byte or, where it crosses bytes, within its register; None = whole words."""
        r = self.register
        if r.table.bits:
            return self.at, self.bit, 1
        if r.bit is None:
            if r.encoding is Encoding.BIT:
                raise ValueError(f"{r.table} {r.address}: a bit of a register needs its number, `bit: 0..15`")
            return None
        if r.bit % 8 + r.bits <= 8:
            return self.at + (r.bit < 8), r.bit % 8, r.bits
        return self.at, r.bit, r.bits

    @property
    def section(self) -> str:
        field = self.field
        if field is None:
            return DTYPE[self.register.encoding]
        return BYTE_FIELD if field[1] + field[2] <= 8 else WORD_FIELD

    def little_endian(self) -> list[int]:
        """The byte offsets in the order of a little-endian number."""
        field = self.field
        if field is not None:
            return [field[0]] if self.section == BYTE_FIELD else [self.at + 1, self.at]
        words = range(self.register.count) if self.register.low_word_first else range(self.register.count - 1, -1, -1)
        return [self.at + 2 * word + half for word in words for half in (1, 0)]

    def sentinels(self) -> frozenset[float]:
        """The raw numbers that mean a word of the profile. A NaN pattern is left out: every NaN is a sentinel."""
        patterns = (self._number(pattern) for pattern in self.register.sentinels)
        return frozenset(p for p in patterns if not math.isnan(p))

    def sound(self) -> Range:
        """Lowest and highest raw number that is neither impossible nor implausible."""
        low, high = self._representable()
        if self.codes:
            return low, high
        for limits, scale in ((self.device_range, self.device), (self.final_range, self.final)):
            if limits is not None and scale.n != 0:
                first, last = self._raw_range(limits, scale)
                low, high = max(low, first), min(high, last)
        return low, high

    def _representable(self) -> Range:
        field, encoding = self.field, self.register.encoding
        if field is not None:
            return 0.0, float(2 ** field[2] - 1)
        if encoding in FLOATS:
            most = min(_LARGEST[encoding], _LARGEST[Encoding.F64] / max(1.0, 4 * abs(self.device.n), 4 * abs(self.final.n)))
            return -most, most  # nor one that scaling would make infinite
        bits = 16 * encoding.words
        if encoding.value.startswith("i"):
            return float(-(2 ** (bits - 1))), float(2 ** (bits - 1) - 1)
        return 0.0, float(2**bits - 1)

    def _raw_range(self, limits: Range, scale: Scale) -> Range:
        """The raw numbers whose scaled values lie within the limits, exact for integers by trying the neighbours of the inverse."""
        ends = sorted(scale.raw(limit) for limit in limits)
        if self.field is None and self.register.encoding in FLOATS:
            slack = _TOLERANCE[self.register.encoding] * max(map(abs, ends))
            return ends[0] - slack, ends[1] + slack
        low, high = math.floor(ends[0]) - 1, math.ceil(ends[1]) + 1
        while low <= high and not limits[0] <= scale(low) <= limits[1]:
            low += 1
        while high >= low and not limits[0] <= scale(high) <= limits[1]:
            high -= 1
        return float(low), float(high)

    def _number(self, pattern: int) -> float:
        """The raw number an unsigned full-width pattern stands for."""
        encoding = self.register.encoding
        if self.field is not None or encoding.value.startswith("u"):
            return float(pattern)
        size = 2 * encoding.words
        if encoding in FLOATS:
            return float(struct.unpack(">f" if size == 4 else ">d", pattern.to_bytes(size, "big"))[0])
        return float(int.from_bytes(pattern.to_bytes(size, "big"), "big", signed=True))


def clean_window(sound: Range, sentinels: Iterable[float]) -> Range:
    """The sound range less its sentinels, each cut off at the nearer end: what lies inside needs no second look."""
    low, high = sound
    for sentinel in sorted(sentinels, key=lambda s: min(abs(s - sound[0]), abs(s - sound[1]))):
        if not low <= sentinel <= high:
            continue
        if sentinel - low < high - sentinel:
            low = math.nextafter(sentinel, math.inf)
        else:
            high = math.nextafter(sentinel, -math.inf)
    return low, high
