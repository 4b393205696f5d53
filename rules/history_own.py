"""Plantroom's own history as spans: the Parquet parts and the journal's tail of DATA/<site>, every sample with its quality.

A span is a UTC day, or a piece of one where a site has many points, and ends with a sample; its own rows belong to the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from plantroom.clock import NS, SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.history import EmbeddedHistory
from plantroom.history.parts import DAY_NS, days_in
from plantroom.journal import Journal
from plantroom.model import Batch
from plantroom.site import Site
from rules.history import SPAN_CELLS, Samples, Span

WARM_DAYS = 40  # before --from: as far as nearly any rule looks back (35 d windows)
HOLD_NS = NS  # what the last samples say holds a moment longer


class OwnHistory:
    """A History over what Plantroom itself recorded of this site."""

    devices = True

    def __init__(self, folder: Path, site: Site) -> None:
        """folder: DATA/<site>, or DATA with the site's folder in it. Raises BadInput where there is neither history nor journal."""
        if (folder / site.id / "journal").is_dir():
            folder = folder / site.id
        if not (folder / "journal").is_dir() and not (folder / "history").is_dir():
            said = f"holds no history of {site.id}; name the data folder of `plantroom run`, or DATA/{site.id}"
            raise BadInput([Problem(str(folder), 0, "--history", said)])
        self._folder = folder
        self._history = EmbeddedHistory(folder / "history", Journal(folder / "journal", SystemClock()).reader())
        bound = {name: tuple(b.kind_point.name for b in machine.bindings) for name, machine in site.equipment.items()}
        self.points = {name: points for name, points in bound.items() if points}

    def close(self) -> None:
        self._history.close()

    def spans(self, start_ns: int | None, end_ns: int | None) -> Iterator[Span]:
        wanted = [f"{machine}.{point}" for machine, points in self.points.items() for point in points]
        first, last = self._extent(start_ns, end_ns)
        held: list[Mapping[str, Samples]] = []
        begin: int | None = None
        cells = 0
        for day in range(first, last, DAY_NS):
            until = min(day + DAY_NS, last)
            found = {name: samples for name, samples in self._machines(wanted, day, until).items() if samples.at_ns.size}
            if not found:
                continue
            begin = min(int(samples.at_ns[0]) for samples in found.values()) if begin is None else begin
            held.append(found)
            cells += sum(samples.values.size for samples in found.values())
            if cells < SPAN_CELLS:
                continue
            whole = _after_one_another(held)
            end = max(int(samples.at_ns[-1]) for samples in whole.values())
            yield Span(begin, end, {name: _cut(samples, None, end) for name, samples in whole.items()})
            held, begin, cells = [{name: _cut(samples, end, None) for name, samples in whole.items()}], end, 0
        if begin is not None:
            whole = _after_one_another(held)
            end = max((int(samples.at_ns[-1]) for samples in whole.values() if samples.at_ns.size), default=begin) + HOLD_NS
            yield Span(begin, end if end_ns is None else max(begin, min(end, end_ns)), whole)

    def _extent(self, start_ns: int | None, end_ns: int | None) -> tuple[int, int]:
        """From the first day of the parts, or of the journal's tail, up to now or `end`."""
        days = sorted(days_in(self._folder / "history"))
        last = SystemClock().read().wall_ns + DAY_NS if end_ns is None else end_ns
        first = int(np.datetime64(days[0], "ns").astype(np.int64)) if days else self._tail_begins(last)
        if start_ns is not None:
            first = max(first, (start_ns // DAY_NS - WARM_DAYS) * DAY_NS)
        return first // DAY_NS * DAY_NS, last

    def _tail_begins(self, last: int) -> int:
        wanted = [f"{machine}.{point}" for machine, points in self.points.items() for point in points]
        found = self._history.samples(wanted, 0, last)
        return min((int(at_ns[0]) for at_ns, _, _ in found.values() if at_ns.size), default=last)

    def _machines(self, wanted: list[str], begin_ns: int, end_ns: int) -> Mapping[str, Samples]:
        series = self._history.samples(wanted, begin_ns, end_ns)
        found: dict[str, Samples] = {}
        for machine, points in self.points.items():
            mine = [series[f"{machine}.{point}"] for point in points]
            at = np.unique(np.concatenate([at_ns for at_ns, _, _ in mine]))
            values = np.full((at.size, len(points)), np.nan)
            quality = np.full(values.shape, Batch.ABSENT, np.uint8)
            for column, (at_ns, value, how) in enumerate(mine):
                places = np.searchsorted(at, at_ns)
                values[places, column], quality[places, column] = value, how
            found[machine] = Samples(points, at, values, quality)
        return found


def _after_one_another(parts: list[Mapping[str, Samples]]) -> dict[str, Samples]:
    found: dict[str, list[Samples]] = {}
    for part in parts:
        for name, samples in part.items():
            found.setdefault(name, []).append(samples)
    return {
        name: Samples(
            some[0].points,
            np.concatenate([one.at_ns for one in some]),
            np.concatenate([one.values for one in some]),
            np.concatenate([one.quality for one in some if one.quality is not None]),
        )
        for name, some in found.items()
    }


def _cut(samples: Samples, begin_ns: int | None, end_ns: int | None) -> Samples:
    """Those with begin <= at < end."""
    first = 0 if begin_ns is None else int(np.searchsorted(samples.at_ns, begin_ns))
    last = samples.at_ns.size if end_ns is None else int(np.searchsorted(samples.at_ns, end_ns))
    quality = samples.quality
    return Samples(
        samples.points, samples.at_ns[first:last], samples.values[first:last], quality[first:last] if quality is not None else None
    )
