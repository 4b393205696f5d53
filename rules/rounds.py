"""Telemetry records -> rounds of steps: each round takes at most one step of each machine, so that all machines of a kind go at once.

A step is one row of one record for one machine. Which records come together never changes a result: machines are independent, a
machine's steps keep their order, and transitions are handed on in the order of their records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import structlog

from plantroom.journal.record import Record, decode_batch
from plantroom.model import Batch, Frame
from rules.condition import Transition
from rules.evaluate import KindEvaluator

log = structlog.get_logger()

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What the steps of one call share. One object for each combination, compared by identity: it is a key in the inner loop.

    take: columns of the frame, None = all of them in order; give: the evaluator's columns they go to.
    """

    kind: str
    take: npt.NDArray[np.intp] | None
    give: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Part:
    """The samples of one machine in a frame. row: the machine's in its evaluator."""

    layout: Layout
    row: int


@dataclass(frozen=True, slots=True)
class Came:
    """A transition and where it came from: the record's seq and its header's wall instant."""

    seq: int
    wall_ns: int
    transition: Transition


class Router:
    """Frames mapped once to machines. One for each configuration."""

    def __init__(self, evaluators: Mapping[str, KindEvaluator], frame_of: Callable[[bytes], Frame]) -> None:
        self._evaluators, self._frame_of = evaluators, frame_of
        self._kinds = {equipment: kind for kind, evaluator in evaluators.items() for equipment in evaluator.rows}
        self._parts: dict[bytes, tuple[Part, ...]] = {}
        self._layouts: dict[tuple[str, int, tuple[int, ...], tuple[int, ...]], Layout] = {}
        self.unreadable = 0

    def parts(self, frame: Frame) -> tuple[Part, ...]:
        """The machines a frame speaks of, in its order. Points nobody judges are left out."""
        known = self._parts.get(frame.id)
        if known is None:
            known = self._parts[frame.id] = self._map(frame)
        return known

    def run(self, records: Sequence[Record], at_ns: Callable[[Record, Batch], Ints]) -> list[Came]:
        """The transitions of telemetry records, in their order. at_ns: the event times to judge by, for a record's rows."""
        rounds: list[dict[Layout, _Call]] = []
        taken: dict[tuple[str, int], int] = {}
        for place, record in enumerate(records):
            try:
                batch = decode_batch(record.body, self._frame_of)
            except (ValueError, KeyError) as error:
                self.unreadable += 1
                log.error("telemetry.unreadable", seq=record.seq, source=record.source, error=str(error))
                continue
            parts = self.parts(batch.frame)
            if not parts:
                continue
            times = at_ns(record, batch)
            for line in range(len(times)):
                for n, part in enumerate(parts):
                    machine = (part.layout.kind, part.row)
                    turn = taken.get(machine, 0)
                    taken[machine] = turn + 1
                    if turn == len(rounds):
                        rounds.append({})
                    call = rounds[turn].get(part.layout)
                    if call is None:
                        call = rounds[turn][part.layout] = _Call([], [], [], [], [])
                    call.rows.append(part.row)
                    call.at_ns.append(int(times[line]))
                    call.values.append(batch.values[line])
                    call.quality.append(batch.quality[line])
                    call.order.append((place, line, n))
        found: list[tuple[tuple[int, int, int], Transition]] = []
        for calls in rounds:
            for layout, call in calls.items():
                found += self._step(layout, call)
        found.sort(key=lambda came: came[0])
        return [Came(records[place].seq, records[place].at.wall_ns, transition) for (place, _, _), transition in found]

    def _step(self, layout: Layout, call: _Call) -> Iterable[tuple[tuple[int, int, int], Transition]]:
        evaluator = self._evaluators[layout.kind]
        values, quality = np.array(call.values), np.array(call.quality)
        if layout.take is not None:
            values, quality = values[:, layout.take], quality[:, layout.take]
        rows = np.array(call.rows, np.intp)
        transitions = evaluator.step(rows, np.array(call.at_ns, np.int64), values, quality, layout.give)
        if not transitions:
            return ()
        order = dict(zip(call.rows, call.order, strict=True))
        return [(order[evaluator.rows[t.equipment]], t) for t in transitions]

    def _map(self, frame: Frame) -> tuple[Part, ...]:
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
            layout = self._layout(kind, len(frame.points), tuple(n for n, _ in pairs), tuple(column for _, column in pairs))
            parts.append(Part(layout, self._evaluators[kind].rows[equipment]))
        return tuple(parts)

    def _layout(self, kind: str, width: int, take: tuple[int, ...], give: tuple[int, ...]) -> Layout:
        known = self._layouts.get((kind, width, take, give))
        if known is None:
            whole = take == tuple(range(width))
            known = Layout(kind, None if whole else np.array(take, np.intp), np.array(give, np.intp))
            self._layouts[kind, width, take, give] = known
        return known


@dataclass(slots=True)
class _Call:
    """The steps one evaluator takes at once."""

    rows: list[int]
    at_ns: list[int]
    values: list[npt.NDArray[np.float64]]
    quality: list[npt.NDArray[np.uint8]]
    order: list[tuple[int, int, int]]
