"""How long a machine's devices have said nothing: the derived inputs `silence` (s) and `polls_missed`.

An answer is a sample that shows the device speaking well: good, a sentinel, out of range, a skewed clock, an unconfirmed change. No
answer, an exception, garbage, stale and retained (not fresh) samples are silence. Of several devices the one that missed most polls
counts. Before the first answer silence runs from the first look at the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.kinds import Kind
from plantroom.model import Qualities, Quality
from plantroom.site import Equipment
from rules.windows import NEVER, Bools, Floats, Ints, Rows

ANSWERS = (Quality.GOOD, Quality.SENTINEL, Quality.OUT_OF_RANGE, Quality.CLOCK_SKEW, Quality.UNCONFIRMED)
_ANSWERED = np.isin(np.arange(256), [int(quality) for quality in ANSWERS])


class Silence:
    """answered: [devices, machines], instant of the last answer; a machine's devices in the order of its bindings."""

    def __init__(self, kind: Kind, equipment: Sequence[Equipment]) -> None:
        devices = [tuple(dict.fromkeys(binding.device for binding in machine.bindings)) for machine in equipment]
        most, size = max(map(len, devices), default=0), len(equipment)
        self._devices = devices
        self._kind_columns = {name: column for column, name in enumerate(kind.points)}
        self._slot = np.full((len(kind.points), size), -1, np.int16)  # which of its devices gives a machine's point
        self._period_s = np.full((most, size), np.nan)
        for row, machine in enumerate(equipment):
            for binding in machine.bindings:
                slot = devices[row].index(binding.device)
                self._slot[self._kind_columns[binding.kind_point.name], row] = slot
                self._period_s[slot, row] = np.fmin(self._period_s[slot, row], binding.period_s)
        self._single = most == 1 and not np.isnan(self._period_s).any()
        self._paused_at: int | None = None
        self.answered = np.full((most, size), NEVER, np.int64)

    def begin(self, rows: npt.NDArray[np.intp], at_ns: Ints) -> None:
        """First look at some machines: silence counts from here."""
        self.answered[:, rows] = at_ns

    def heard(self, where: Rows, at_ns: Ints, quality: Qualities, columns: npt.NDArray[np.intp] | None) -> None:
        """Notes which devices answered in a step. quality: [rows, columns]."""
        answered = _ANSWERED[quality]
        if self._single:
            self._note(0, where, at_ns, np.logical_or.reduce(answered, axis=1))
            return
        slots = (self._slot if columns is None else self._slot[columns])[:, where].T
        for device in range(self.answered.shape[0]):
            self._note(device, where, at_ns, np.logical_or.reduce(answered & (slots == device), axis=1))

    def _note(self, device: int, where: Rows, at_ns: Ints, answered: Bools) -> None:
        before = self.answered[device, where]
        self.answered[device, where] = np.where(answered, np.maximum(before, at_ns), before)

    def seconds(self, where: Rows, now: Ints) -> tuple[Floats, Floats]:
        """(silence in s, polls missed) per row; NaN for a machine without devices."""
        if not self.answered.shape[0]:
            return np.full(now.size, np.nan), np.full(now.size, np.nan)
        if self._paused_at is not None:
            now = np.minimum(now, self._paused_at)
        silent = np.maximum(now - self.answered[:, where], 0) / NS
        missed = silent / self._period_s[:, where]
        if self._single:
            return silent[0], missed[0]
        worst = np.argmax(np.where(np.isnan(missed), -1.0, missed), axis=0)
        rows = np.arange(now.size)
        return np.where(np.isnan(missed[worst, rows]), np.nan, silent[worst, rows]), missed[worst, rows]

    def inherit(self, old: Silence, pairs: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]) -> None:
        """Answers of the devices that a machine had before; a new device's silence starts with its machine's next look."""
        for here, there in zip(*pairs, strict=True):
            latest = old.answered[:, there].max(initial=NEVER)
            for slot, device in enumerate(self._devices[here]):
                known = device in old._devices[there]
                self.answered[slot, here] = old.answered[old._devices[there].index(device), there] if known else latest

    def pause(self, at_ns: int) -> None:
        """Nobody was listening from this instant on: silence stands still until `resume`."""
        self._paused_at = at_ns

    @property
    def paused(self) -> bool:
        return self._paused_at is not None

    def resume(self, at_ns: int) -> None:
        if self._paused_at is not None:
            self.answered[self.answered != NEVER] += at_ns - self._paused_at
        self._paused_at = None

    def shift(self, ns: int) -> None:
        self.answered[self.answered != NEVER] += ns

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield "answered", self.answered
