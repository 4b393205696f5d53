"""What can be wrong with a device's image while its wire is well: frozen, nonsense, sentinels, words the wrong way round.

Names of simulators.wire.FAULTS too, so that a scenario has one list; here they act on what the device says, not on how it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan

from plantroom.profiles import Encoding, Profile, Register, registers_of
from simulators.encode import FUNCTION
from simulators.memory import Cells
from simulators.wire import OF_IMAGE

STUCK, WILD, SENTINEL, WORD_SWAP = OF_IMAGE
NONSENSE = 0x7FFE  # 32766: beyond anything a 16-bit register of a building machine measures, and no sentinel of the usual ones
_NUMBERS = frozenset({Encoding.U16, Encoding.I16, Encoding.U32, Encoding.I32, Encoding.F32})


def silenced(profile: Profile, values: Mapping[str, float]) -> dict[str, float]:
    """`sentinel`: every sensor that can say so gives nothing."""
    return {name: nan if _has_sentinel(profile, name) else value for name, value in values.items()}


def reworded(fault: str, profile: Profile, cells: Cells) -> Cells:
    """`wild`: every measured register holds nonsense. `word_swap`: every number of two registers has its words the wrong way round."""
    if fault not in (WILD, WORD_SWAP):
        return cells
    found = {function: dict(table) for function, table in cells.items()}
    for register in (r for point in profile.points.values() for r in registers_of(point.source)):
        if register.encoding not in _NUMBERS or register.bits != 1 or register.values:
            continue
        table, at = found[FUNCTION[register.table]], register.address
        if fault == WILD:
            table.update(dict.fromkeys(range(at, at + register.count), NONSENSE))
        elif register.count == 2:
            table[at], table[at + 1] = table[at + 1], table[at]
    return found


def _has_sentinel(profile: Profile, name: str) -> bool:
    source = profile.points[name].source
    return isinstance(source, Register) and bool(source.sentinels)
