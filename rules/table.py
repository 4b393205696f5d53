"""A table of samples, whatever file it is in: blocks of rows with a column for each equipment.point -> spans of machines' samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from plantroom.errors import BadInput, Problem
from plantroom.kinds import KindPoint
from plantroom.site import Equipment
from plantroom.yaml_file import nearest
from rules.history import SPAN_CELLS, Samples, Span, spacing_s
from rules.windows import Floats, Ints

MOST_PROBLEMS = 20
MOST_COLUMNS = 100_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file. at: its position among the sample columns."""

    at: int
    equipment: str
    point: KindPoint


@dataclass(frozen=True, slots=True)
class Block:
    """at_ns: ascending instants. values: [rows, columns], NaN = no sample."""

    at_ns: Ints
    values: Floats


class Source(Protocol):
    """An open file."""

    columns: tuple[Column, ...]

    def blocks(self) -> Iterator[Block]: ...

    def close(self) -> None: ...


def named(names: Sequence[str], equipment: Mapping[str, Equipment], path: Path) -> tuple[Column, ...]:
    """The columns after `time`. Raises BadInput for what is no equipment.point of the site."""
    problems: list[Problem] = []
    columns: list[Column] = []
    seen: set[str] = set()
    for at, name in enumerate(text.strip() for text in names):
        owner, _, point_name = name.partition(".")
        machine = equipment.get(owner)
        point = machine.kind.points.get(point_name) if machine else None
        said = f"column {name} stands twice" if name in seen else ""
        seen.add(name)
        if not said and machine is None:
            said = f"{owner!r} is no equipment of the site{nearest(owner, equipment)}; columns are equipment.point"
        elif not said and machine is not None and point is None:
            said = f"{point_name!r} is no point of {machine.kind.name}{nearest(point_name, machine.kind.points)}"
        if said:
            problems.append(Problem(str(path), 1, name, said))
        elif point is not None:
            columns.append(Column(at, owner, point))
    if len(names) >= MOST_COLUMNS:
        problems = [Problem(str(path), 1, "", f"has {len(names) + 1:,} columns; at most {MOST_COLUMNS:,}")]
    if problems:
        raise BadInput(problems[:MOST_PROBLEMS])
    if not columns:
        raise BadInput([Problem(str(path), 1, "", "names no points; write time,equipment.point,...")])
    return tuple(columns)


class Table:
    """A History over one file."""

    devices = False

    def __init__(self, source: Source) -> None:
        self._source = source
        self._of: dict[str, list[Column]] = {}
        for column in source.columns:
            self._of.setdefault(column.equipment, []).append(column)
        self.points = {machine: tuple(column.point.name for column in columns) for machine, columns in self._of.items()}

    def close(self) -> None:
        self._source.close()

    def spans(self, start_ns: int | None, end_ns: int | None) -> Iterator[Span]:
        """Each ends with an instant of the table, whose own rows belong to the next one; the last rows hold for one spacing more."""
        blocks = self._source.blocks()
        most = max(1, SPAN_CELLS // len(self._source.columns))
        held: list[Block] = []
        begin: int | None = None
        hold_ns = 0
        while True:
            block = next(blocks, None)
            if block is not None and not block.at_ns.size:
                continue
            if block is not None:
                held.append(block)
                begin = int(block.at_ns[0]) if begin is None else begin
                hold_ns = hold_ns or round(spacing_s(block.at_ns) * 1e9)
            over = block is None or (end_ns is not None and int(block.at_ns[-1]) >= end_ns)
            if begin is None or not held:
                return
            if not over and sum(part.at_ns.size for part in held) < most:
                continue
            at, values = np.concatenate([part.at_ns for part in held]), np.concatenate([part.values for part in held])
            last = int(at[-1])
            end = last if not over else last + hold_ns if end_ns is None else min(last + hold_ns, end_ns)
            cut = int(np.searchsorted(at, end))
            yield Span(begin, max(begin, end), dict(self._machines(at[:cut], values[:cut])))
            if over:
                return
            begin, held = end, [Block(at[cut:], values[cut:])]

    def _machines(self, at_ns: Ints, values: Floats) -> Iterator[tuple[str, Samples]]:
        for machine, columns in self._of.items():
            mine = values[:, [column.at for column in columns]]
            there = ~np.isnan(mine).all(axis=1)
            yield machine, Samples(self.points[machine], at_ns[there], mine[there])
