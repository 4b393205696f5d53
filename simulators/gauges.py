"""The plain numbers of a device into register words, all at once: what changes with every tick. The rest is simulators.encode's.

Gives the words that encode_registers gives. A plain number is a point of its own register, scaled, with no words or bits for its values.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from plantroom.profiles import Encoding, Profile, Register
from simulators.encode import FUNCTION, plain_points

_WHOLE = {  # lowest, highest; float64 has no room for all of the numbers of 64 bits
    Encoding.U16: (0, 2**16 - 1),
    Encoding.I16: (-(2**15), 2**15 - 1),
    Encoding.U32: (0, 2**32 - 1),
    Encoding.I32: (-(2**31), 2**31 - 1),
}
_MOST = 3.4e38  # of a single float

Words = npt.NDArray[np.int64]


class Gauges:
    """names: the points taken, in the order in which `words` wants their values. cells: per function the addresses that they fill.

    shown: the points that have a value. told: (function, address) of cells that are not theirs to fill.
    """

    def __init__(self, profile: Profile, shown: Iterable[str], told: Container[tuple[int, int]] = ()) -> None:
        plain = plain_points(profile)
        numbers = [(name, register) for name in shown if name in plain and (register := _number(profile, name)) is not None]
        found = [(name, r) for name, r in numbers if not any((FUNCTION[r.table], r.address + i) in told for i in range(r.count))]
        found.sort(key=lambda each: (FUNCTION[each[1].table], each[1].encoding is Encoding.F32))
        registers = [register for _, register in found]
        self.names = tuple(name for name, _ in found)
        self._offset, self._scale = np.array([r.offset for r in registers]), np.array([r.scale for r in registers])
        self.cells: list[tuple[int, list[int]]] = []
        self._parts: list[_Part] = []
        for (function, _), those in groupby(enumerate(registers), lambda each: (FUNCTION[each[1].table], each[1].encoding is Encoding.F32)):
            taken = list(those)
            part = _Part(taken[0][0], [register for _, register in taken])
            self._parts.append(part)
            self.cells.append((function, part.addresses))

    def words(self, values: Sequence[float]) -> list[Words] | None:
        """Per entry of `cells` what it holds. None where a value is none or beyond all range: encode_registers knows what to do then."""
        raw = self._raw(np.array(values))
        if not np.abs(raw).sum() < _MOST:
            return None
        return [part.words(raw) for part in self._parts]

    def rows(self, values: npt.NDArray[np.float64]) -> tuple[list[Words], npt.NDArray[np.bool_]]:
        """Of many devices, a row each: per entry of `cells` int64[devices, cells], and for which devices `words` would have an answer.

        The rows of the others hold nothing of use.
        """
        raw = self._raw(values.copy())
        sound: npt.NDArray[np.bool_] = np.abs(raw).sum(axis=1) < _MOST
        if not sound.all():
            raw[~sound] = 0.0
        return [part.words(raw) for part in self._parts], sound

    def _raw(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """In place."""
        values -= self._offset
        values /= self._scale
        return values


class _Part:
    """Of one table: the whole numbers, or the floats, from `first` on."""

    def __init__(self, first: int, registers: Sequence[Register]) -> None:
        self.addresses = [register.address + i for register in registers for i in range(register.count)]
        self._of = slice(first, first + len(registers))
        self._float = registers[0].encoding is Encoding.F32
        limits = [_WHOLE.get(register.encoding, (0, 0)) for register in registers]
        self._low, self._high = np.array([float(low) for low, _ in limits]), np.array([float(high) for _, high in limits])
        self._which = np.array([n for n, register in enumerate(registers) for _ in range(register.count)], np.intp)
        self._shift = np.array(
            [16 * (i if register.low_word_first else register.count - 1 - i) for register in registers for i in range(register.count)]
        )

    def words(self, raw: npt.NDArray[np.float64]) -> Words:
        own = raw[..., self._of]
        if self._float:
            number = own.astype(np.float32).view(np.uint32).astype(np.int64)
        else:
            number = np.minimum(np.maximum(np.rint(own), self._low), self._high).astype(np.int64)
        number = number.take(self._which, -1)
        number >>= self._shift
        number &= 0xFFFF
        return number


def _number(profile: Profile, name: str) -> Register | None:
    point = profile.points[name]
    register = point.source
    if not isinstance(register, Register) or register.values or point.invert:
        return None
    return register if register.encoding in _WHOLE or register.encoding is Encoding.F32 else None
