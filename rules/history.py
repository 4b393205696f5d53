"""History, whatever it is kept in: spans of time that follow each other, each with the samples of the machines in it.

F.csv, F.csv.gz, F.parquet     a table: time,equipment.point,...              rules/history_csv.py, rules/history_parquet.py
DATA or DATA/<site>            Plantroom's own history and journal            rules/history_own.py
influx:http://host:8086/db     as our own writer stores it; `influx:` alone = the site file's `influxdb`   rules/history_influx.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.model import Qualities
from rules.windows import Floats, Ints

SPAN_CELLS = 12_000_000  # of a span: 100 MB of values
HOLDS_SPACINGS = 2.5  # a thinned point is not stale before its longest usual spacing (95th percentile)
USUAL_S = 60.0
RECORDER_OFF_NS = 6 * 3600 * NS  # nothing from anywhere for so long: nobody was listening


@dataclass(frozen=True, slots=True)
class Samples:
    """One machine's. points: of its kind; at_ns: ascending; values: [rows, points], NaN = no sample, or a bad one where quality says so.

    quality: as in a Batch; None: what is a number is good.
    """

    points: tuple[str, ...]
    at_ns: Ints
    values: Floats
    quality: Qualities | None = None

    def of(self, point: str) -> Ints:
        """The instants of a point's samples, good and bad."""
        column = self.points.index(point)
        there = ~np.isnan(self.values[:, column]) if self.quality is None else self.quality[:, column] != 255
        return self.at_ns[there]


@dataclass(frozen=True, slots=True)
class Span:
    """[begin, end) of history: samples by equipment. Nothing is known of what lies at or after its end."""

    begin_ns: int
    end_ns: int
    machines: Mapping[str, Samples]


class History(Protocol):
    """points: by equipment those it may have samples of; a point that has none at all is absent from the machine. devices: whether the
    samples came by the site's own devices, so that each device's silence can be told; a table is one device a machine."""

    @property
    def points(self) -> Mapping[str, tuple[str, ...]]: ...

    @property
    def devices(self) -> bool: ...

    def spans(self, start_ns: int | None, end_ns: int | None) -> Iterator[Span]:
        """In order, without a gap between them. start: what lies long before may be left out; end: where to stop.

        Raises BadInput, with the place, where the history cannot be used.
        """
        ...

    def close(self) -> None: ...


def spacing_s(at_ns: npt.NDArray[np.int64], otherwise: float = USUAL_S) -> float:
    """The usual time between samples: the median, or for a thinned point what keeps its longest usual spacing from being stale."""
    if at_ns.size < 3:
        return otherwise
    gaps = np.diff(at_ns) / NS
    gaps = gaps[gaps <= RECORDER_OFF_NS / NS] if gaps.min() <= RECORDER_OFF_NS / NS else gaps
    return max(float(np.median(gaps)), float(np.percentile(gaps, 95)) / HOLDS_SPACINGS, 0.001)
