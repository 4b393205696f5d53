"""A contact that chatters: a change counts once it held. Pure, per job; the time is that of the samples."""

from __future__ import annotations

from collections.abc import Mapping

from plantroom.clock import NS
from plantroom.model import Batch, Qualities, Values


class Debounce:
    """Holds the last settled value of some columns until another one held for its patience.

    patience: column -> seconds. The first good value counts at once: there is nothing it could have changed from. A bad sample stays
    bad and begins the waiting anew.
    """

    def __init__(self, patience: Mapping[int, float]) -> None:
        self._patience_ns = {column: round(seconds * NS) for column, seconds in patience.items()}
        self._settled: dict[int, float] = {}
        self._candidate: dict[int, tuple[float, int]] = {}  # column -> (value, since ns)

    @property
    def longest_s(self) -> float:
        """The longest patience of any of the columns."""
        return max(self._patience_ns.values(), default=0) / NS

    def interrupt(self) -> None:
        """A read failed: waiting begins anew."""
        self._candidate.clear()

    def apply(self, at_ns: int, values: Values, quality: Qualities) -> None:
        """One row, in place. at_ns: any clock that only goes forward (ns since boot)."""
        for column, patience_ns in self._patience_ns.items():
            if quality[column] == Batch.ABSENT:
                continue
            if quality[column]:
                self._candidate.pop(column, None)
                continue
            value = float(values[column])
            settled = self._settled.setdefault(column, value)
            if value == settled:
                self._candidate.pop(column, None)
                continue
            candidate, since_ns = self._candidate.setdefault(column, (value, at_ns))
            if candidate != value:
                self._candidate[column] = (value, at_ns)
            elif at_ns - since_ns >= patience_ns:
                self._settled[column] = value
                del self._candidate[column]
                continue
            values[column] = settled
