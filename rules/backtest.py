"""Rules over history: what the engine would have raised, from a table of samples instead of a journal.

The same evaluator as live. There are no ticks in a table, so time is moved to every instant at which time alone changes something:
`for` and `clear_after` running full, a value going stale, a duration crossing its limit. Rules with windows look at every row. Each
point's poll period is read off the table (its usual spacing). A stretch of more than six hours without any row is the recorder's
silence, not the machines': no device is called silent for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.model import Batch, Severity
from plantroom.site import Site
from rules.applies import settings_of
from rules.book import Rulebook
from rules.condition import State, Transition
from rules.evaluate import KindEvaluator
from rules.history_csv import Block, Column, HistoryFile
from rules.virtual import bound

RECORDER_OFF_NS = 6 * 3600 * NS
HOLDS_SPACINGS = 2.5  # a thinned point is not stale before its longest usual spacing (95th percentile)
USUAL_S = 60.0


@dataclass(frozen=True, slots=True)
class Event:
    """raised: the fault became active; cleared: it ended. since_ns: its onset."""

    at_ns: int
    since_ns: int
    event: str
    rule: str
    equipment: str
    severity: Severity
    no_data: bool


def backtest(site: Site, history: Path, book: Rulebook, start_ns: int | None = None, end_ns: int | None = None) -> Iterator[Event]:
    """Events in the order of time with start <= at < end. What lies before start still counts: windows and timers are warm by then.

    Raises BadInput with file:line where the table cannot be used; events of blocks before the bad one have been yielded then.
    """
    with HistoryFile(history, site.equipment) as table:
        blocks = table.blocks()
        first = next(blocks, None)
        if first is None:
            return
        replay = _Replay(site, table.columns, first, book)
        for block in itertools.chain([first], blocks):
            over = end_ns is not None and bool(block.at_ns.size) and int(block.at_ns[-1]) >= end_ns
            yield from _within(replay.take(_before(block, end_ns)), start_ns, end_ns)
            if over:
                return
        yield from _within(replay.finish(), start_ns, end_ns)


def _within(events: Iterator[Event], start_ns: int | None, end_ns: int | None) -> Iterator[Event]:
    for event in events:
        if (start_ns is None or event.at_ns >= start_ns) and (end_ns is None or event.at_ns < end_ns):
            yield event


def _before(block: Block, end_ns: int | None) -> Block:
    keep = slice(None) if end_ns is None else slice(0, int(np.searchsorted(block.at_ns, end_ns)))
    return Block(block.at_ns[keep], block.values[keep])


class _Replay:
    """One evaluator per kind, fed row by row."""

    def __init__(self, site: Site, columns: Sequence[Column], first: Block, book: Rulebook) -> None:
        usual_s = _spacing_s(first.at_ns, USUAL_S)
        self._hold_ns = round(usual_s * NS)
        self._last: int | None = None
        self._lanes: list[_Lane] = []
        by_kind: dict[str, dict[str, dict[str, float]]] = {}  # kind -> equipment -> point -> period
        lanes: dict[str, list[Column]] = {}
        for column in columns:
            kind = site.equipment[column.equipment].kind.name
            sampled = first.at_ns[~np.isnan(first.values[:, column.at])]
            by_kind.setdefault(kind, {}).setdefault(column.equipment, {})[column.point.name] = _spacing_s(sampled, usual_s)
            lanes.setdefault(kind, []).append(column)
        for kind, machines in sorted(by_kind.items()):
            equipment = [bound(site.equipment[name], periods) for name, periods in machines.items()]
            evaluator = KindEvaluator(equipment[0].kind, equipment, book.for_kind(kind), settings_of(site))
            self._lanes.append(_Lane(evaluator, lanes[kind]))

    def take(self, block: Block) -> Iterator[Event]:
        for at, row in zip(block.at_ns.tolist(), block.values, strict=True):
            paused = self._last is not None and at - self._last > RECORDER_OFF_NS
            moved = [transition for lane in self._lanes for transition in lane.row(at, row, self._last if paused else None)]
            self._last = at
            yield from self._events(moved)

    def finish(self) -> Iterator[Event]:
        """The last row's values hold for one more spacing."""
        if self._last is not None:
            yield from self._events([t for lane in self._lanes for t in lane.until(self._last + self._hold_ns)])

    def _events(self, moved: list[Transition]) -> Iterator[Event]:
        for t in sorted(moved, key=lambda t: t.at_ns):
            open_before, open_after = (state in (State.ACTIVE, State.RECOVERING) for state in (t.before, t.after))
            if open_before != open_after:
                lane = next(lane for lane in self._lanes if t.equipment in lane.evaluator.rows)
                what = "raised" if open_after else "cleared"
                yield Event(t.at_ns, t.onset_ns, what, t.rule, t.equipment, lane.severity(t.rule), t.no_data)


class _Lane:
    """All machines of one kind in the table."""

    def __init__(self, evaluator: KindEvaluator, columns: Sequence[Column]) -> None:
        self.evaluator = evaluator
        self._severity: Mapping[str, Severity] = {rule.id: rule.severity_for(evaluator.kind.name) for rule in evaluator.rules}
        self._from = np.array([column.at for column in columns])
        names = list(dict.fromkeys(column.point.name for column in columns))
        self._points = np.array([evaluator.columns[name] for name in names])
        self._machine = np.array([evaluator.rows[column.equipment] for column in columns])
        self._place = np.array([names.index(column.point.name) for column in columns])
        self._shape = len(evaluator.rows), len(names)

    def severity(self, rule: str) -> Severity:
        return self._severity[rule]

    def row(self, at_ns: int, cells: npt.NDArray[np.float64], paused_at: int | None) -> Iterator[Transition]:
        """One row of the table. paused_at: the instant of the row before, where the recorder was off in between."""
        silence = self.evaluator.silence
        if paused_at is not None and silence is not None:
            silence.pause(paused_at)
        yield from self.until(at_ns)
        if paused_at is not None and silence is not None:
            silence.resume(at_ns)
        values = np.full(self._shape, np.nan)
        values[self._machine, self._place] = cells[self._from]
        known = values == values
        rows = np.flatnonzero(known.any(axis=1))
        if rows.size:
            quality = np.where(known, 0, Batch.ABSENT).astype(np.uint8)
            yield from self.evaluator.step(rows, np.full(rows.size, at_ns, np.int64), values[rows], quality[rows], self._points)
        if rows.size < self._shape[0]:
            yield from self.evaluator.tick(at_ns)

    def until(self, now_ns: int) -> Iterator[Transition]:
        """Looks at whatever instants before now matter."""
        while (due := self.evaluator.due()) < now_ns:
            yield from self.evaluator.tick(due)


def _spacing_s(at_ns: npt.NDArray[np.int64], otherwise: float) -> float:
    """The usual time between samples: the median, or for a thinned point what keeps its longest usual spacing from being stale."""
    if at_ns.size < 3:
        return otherwise
    gaps = np.diff(at_ns) / NS
    return max(float(np.median(gaps)), float(np.percentile(gaps, 95)) / HOLDS_SPACINGS, 0.001)
