"""One expression of the rings of a kind, for what is kept, moved and handed on expression by expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.rings import Rings
from rules.windows import Pairs, Remembers, copy


class Ring:
    """The memory is that of the rings."""

    def __init__(self, rings: Rings, number: int) -> None:
        self._rings, self._number = rings, number
        self.width = int(rings.width[number])

    def shift(self, ns: int) -> None:
        self._rings.origin[self._number] += ns

    def inherit(self, old: Remembers, pairs: Pairs) -> None:
        """The old ring of the same width; its origin is taken over with it."""
        copy(self, old, pairs)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        rings, number = self._rings, self._number
        yield "origin", rings.origin[number : number + 1]
        for name in ("index", "held", "last", "reference", "middle"):
            yield name, getattr(rings, name)[number]
        names = rings.windows[number].names
        groups: tuple[tuple[str, Any], ...] = (("past", rings.past), ("closed", rings.closed.__getitem__), ("open", rings.open.__getitem__))
        for group, of in groups:
            for name in names:
                yield f"{group}.{name}", of(rings.slot[name, number])
