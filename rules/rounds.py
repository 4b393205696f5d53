"""Telemetry records -> rounds of steps: each round takes at most one step of each machine, so that all machines of a kind go at once.

Bodies with the same number of points are decoded together, whatever their frames, and all machines of a kind that are in a round are
looked at together, whatever points they bring: that is most of the speed.

A step is one row of one record for one machine. Which records come together never changes a result: machines are independent, a
machine's steps keep their order, and transitions are handed on in the order of their records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import structlog

from plantroom.journal.columns import Columns, frame_id_of, rows_of, size_of, stack, stamped_of
from plantroom.journal.record import Record
from plantroom.model import Batch, Frame, Qualities, Values
from rules.condition import Transition
from rules.evaluate import KindEvaluator

log = structlog.get_logger()

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class Layout:
    """What the steps of one call share. One object for each combination, compared by identity: it is a key in the inner loop.

    width: points of the frame. give: the evaluator's columns that its steps bring. whole: these are all the frame's, in its order.
    """

    kind: str
    width: int
    give: npt.NDArray[np.intp]
    whole: bool
    _spots: dict[tuple[int, ...], int] = field(default_factory=dict)
    _table: npt.NDArray[np.intp] | None = None

    def spot(self, take: tuple[int, ...]) -> int:
        """The number by which `takes` knows a machine whose samples stand in these columns of its frame."""
        self._table = None
        return self._spots.setdefault(take, len(self._spots))

    def takes(self, spots: Sequence[int]) -> npt.NDArray[np.intp]:
        """A row of the frame's columns for each of some machines."""
        if self._table is None:
            self._table = np.array(list(self._spots), np.intp)
        return self._table[np.array(spots, np.intp)]


@dataclass(frozen=True, slots=True)
class Part:
    """The samples of one machine in a frame. row: in its evaluator; machine: its number over all kinds; spot: in its layout."""

    layout: Layout
    row: int
    machine: int
    spot: int


@dataclass(frozen=True, slots=True)
class Came:
    """A transition and where it came from: the record's seq and its header's wall instant."""

    seq: int
    wall_ns: int
    transition: Transition


@dataclass(frozen=True, slots=True)
class Single:
    """One step: of the machine in this row of its kind's evaluator."""

    kind: str
    row: int
    run: Callable[[], list[Came]]


@dataclass(slots=True)
class _Call:
    """The steps one evaluator takes at once. index: their rows in the stacked columns; spots: in the layout; order: (record, row, part)."""

    rows: list[int]
    index: list[int]
    spots: list[int]
    order: list[tuple[int, int, int]]


@dataclass(slots=True)
class _Stack:
    """Records whose frames have the same number of points, to be decoded together. counts: of each one's rows."""

    frame: Frame
    records: list[Record]
    counts: list[int]
    total: int = 0


# Samples of one step of each of some machines: (the evaluator's columns, at_ns[rows], values and quality [rows, columns]).
_Samples = tuple[npt.NDArray[np.intp], Ints, Values, Qualities]

# Event times to judge by: (at_ns, stamped, header's wall, header's boot), an array of each over rows -> int64[rows].
Judged = Callable[[Ints, Bools, Ints, Ints], Ints]


class Router:
    """Frames mapped once to machines. One for each configuration. unreadable: bodies nobody could decode, each named in the log."""

    def __init__(self, evaluators: Mapping[str, KindEvaluator], frame_of: Callable[[bytes], Frame]) -> None:
        self._evaluators, self._frame_of = evaluators, frame_of
        self._kinds = {equipment: kind for kind, evaluator in evaluators.items() for equipment in evaluator.rows}
        self._numbers = {equipment: number for number, equipment in enumerate(self._kinds)}
        self._known: dict[bytes, tuple[Frame, tuple[Part, ...]]] = {}
        self._layouts: dict[tuple[str, int, tuple[int, ...], bool], Layout] = {}
        self._sizes: dict[tuple[bytes, int], int] = {}  # of bodies, by head (version, flags, rows) and points
        self.unreadable = 0

    def run(self, records: Sequence[Record], judged: Judged) -> list[Came]:
        """The transitions of telemetry records, in their order."""
        stacks: dict[int, _Stack] = {}
        rounds: list[dict[Layout, _Call]] = []
        turns: dict[int, int] = {}
        for place, record in enumerate(records):
            known = self._readable(record)
            if known is None:
                continue
            frame, parts = known
            width = len(frame.points)
            stacked = stacks.get(width)
            if stacked is None:
                stacked = stacks[width] = _Stack(frame, [], [])
            rows = rows_of(record.body)
            stacked.records.append(record)
            stacked.counts.append(rows)
            for line in range(rows):
                for n, part in enumerate(parts):
                    turn = turns.get(part.machine, 0)
                    turns[part.machine] = turn + 1
                    if turn == len(rounds):
                        rounds.append({})
                    call = rounds[turn].get(part.layout)
                    if call is None:
                        call = rounds[turn][part.layout] = _Call([], [], [], [])
                    call.rows.append(part.row)
                    call.index.append(stacked.total + line)
                    call.spots.append(part.spot)
                    call.order.append((place, line, n))
            stacked.total += rows
        columns = {width: _decoded(stacked, judged) for width, stacked in stacks.items() if stacked.total}
        found: list[tuple[tuple[int, int, int], Transition]] = []
        for calls in rounds:
            together: dict[str, list[tuple[Layout, _Call]]] = {}
            for layout, call in calls.items():
                together.setdefault(layout.kind, []).append((layout, call))
            for kind, some in together.items():
                found += self._step(kind, some, columns)
        found.sort(key=lambda came: came[0])
        return [Came(records[place].seq, records[place].at.wall_ns, transition) for (place, _, _), transition in found]

    def singly(self, record: Record, judged: Judged) -> list[Single]:
        """The steps of one record, each apart, in their order: what `run` does at once, for a record that something is wrong with."""
        known = self._readable(record)
        if known is None:
            return []
        frame, parts = known
        rows = rows_of(record.body)
        decoded = {len(frame.points): _decoded(_Stack(frame, [record], [rows], rows), judged)}

        def single(line: int, n: int, part: Part) -> Single:
            def run() -> list[Came]:
                call = _Call([part.row], [line], [part.spot], [(0, line, n)])
                came = self._step(part.layout.kind, [(part.layout, call)], decoded)
                return [Came(record.seq, record.at.wall_ns, transition) for _, transition in came]

            return Single(part.layout.kind, part.row, run)

        return [single(line, n, part) for line in range(rows) for n, part in enumerate(parts)]

    def _readable(self, record: Record) -> tuple[Frame, tuple[Part, ...]] | None:
        """Frame and machines of a body that can be decoded; None where it speaks of no machine that is judged."""
        body = record.body
        known = self._known.get(body[4:12]) or self._look_up(record)
        if known is None or not known[1]:
            return None
        shape = (body[:4], len(known[0].points))
        if len(body) != (self._sizes.get(shape) or self._size(shape, body)):
            self._bad(record, f"{len(body)} bytes, version {body[0]}: not the length or the version that was announced")
            return None
        return known

    def _step(
        self, kind: str, calls: Sequence[tuple[Layout, _Call]], decoded: Mapping[int, tuple[Columns, Ints]]
    ) -> Iterable[tuple[tuple[int, int, int], Transition]]:
        """One step of each machine of a kind that is in the round. decoded: by width."""
        evaluator = self._evaluators[kind]
        parts = [_cut(layout, call, *decoded[layout.width]) for layout, call in calls]
        give, at_ns, values, quality = parts[0] if len(parts) == 1 else _side_by_side(parts)
        rows = [row for _, call in calls for row in call.rows]
        transitions = evaluator.step(np.array(rows, np.intp), at_ns, values, quality, give)
        if not transitions:
            return ()
        order = dict(zip(rows, (order for _, call in calls for order in call.order), strict=True))
        return [(order[evaluator.rows[t.equipment]], t) for t in transitions]

    def _look_up(self, record: Record) -> tuple[Frame, tuple[Part, ...]] | None:
        try:
            frame = self._frame_of(frame_id_of(record.body))
        except (ValueError, KeyError) as error:
            self._bad(record, f"{type(error).__name__}: {error}")
            return None
        known = self._known[frame.id] = (frame, self._map(frame))
        return known

    def _size(self, shape: tuple[bytes, int], body: bytes) -> int:
        """How long a body of this head and so many points is; -1 for a version this release does not read."""
        try:
            frame_id_of(body)
        except ValueError:
            self._sizes[shape] = -1
        else:
            self._sizes[shape] = size_of(body, shape[1])
        return self._sizes[shape]

    def _bad(self, record: Record, error: str) -> None:
        self.unreadable += 1
        log.error("telemetry.unreadable", seq=record.seq, source=record.source, error=error)

    def _map(self, frame: Frame) -> tuple[Part, ...]:
        """The machines a frame speaks of, in its order. Points nobody judges are left out."""
        columns: dict[str, list[tuple[int, int]]] = {}
        for n, point in enumerate(frame.points):
            equipment, _, name = point.partition(".")
            kind = self._kinds.get(equipment)
            column = self._evaluators[kind].columns.get(name) if kind is not None else None
            if column is not None:
                columns.setdefault(equipment, []).append((n, column))
        parts = []
        for equipment, pairs in columns.items():
            kind = self._kinds[equipment]
            take = tuple(n for n, _ in pairs)
            layout = self._layout(kind, len(frame.points), tuple(column for _, column in pairs), take == tuple(range(len(frame.points))))
            spot = 0 if layout.whole else layout.spot(take)
            parts.append(Part(layout, self._evaluators[kind].rows[equipment], self._numbers[equipment], spot))
        return tuple(parts)

    def _layout(self, kind: str, width: int, give: tuple[int, ...], whole: bool) -> Layout:
        known = self._layouts.get((kind, width, give, whole))
        if known is None:
            known = self._layouts[kind, width, give, whole] = Layout(kind, width, np.array(give, np.intp), whole)
        return known


def _decoded(stacked: _Stack, judged: Judged) -> tuple[Columns, Ints]:
    """The rows of all its records, and the event times to judge them by."""
    columns = stack([record.body for record in stacked.records], stacked.frame)
    headers = np.array([(r.at.wall_ns, r.at.boot_ns, stamped_of(r.body)) for r in stacked.records], np.int64)
    wall, boot, stamped = headers.T if stacked.counts.count(1) == len(stacked.counts) else np.repeat(headers, stacked.counts, axis=0).T
    return columns, judged(columns.at_ns, stamped != 0, wall, boot)


def _cut(layout: Layout, call: _Call, columns: Columns, at_ns: Ints) -> _Samples:
    index = np.array(call.index, np.intp)
    if layout.whole:
        return layout.give, at_ns[index], columns.values[index], columns.quality[index]
    spots = index[:, None], layout.takes(call.spots)
    return layout.give, at_ns[index], columns.values[spots], columns.quality[spots]


def _side_by_side(parts: Sequence[_Samples]) -> _Samples:
    """Steps of several layouts as one, over all their columns: a look at three machines costs hardly more than at one."""
    give = np.unique(np.concatenate([own for own, _, _, _ in parts]))
    shape = sum(at_ns.size for _, at_ns, _, _ in parts), give.size
    values, quality = np.full(shape, np.nan), np.full(shape, Batch.ABSENT, np.uint8)
    first = 0
    for own, at_ns, some, of in parts:
        spot = slice(first, first + at_ns.size), np.searchsorted(give, own)
        values[spot], quality[spot] = some, of
        first += at_ns.size
    return give, np.concatenate([at_ns for _, at_ns, _, _ in parts]), values, quality
