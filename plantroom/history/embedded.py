"""The embedded history: DuckDB in memory over the Parquet parts and the journal's tail. Any process may read while one writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from plantroom.history.parts import counting, found, sealed_upto
from plantroom.history.series import Series, no_series, of_buckets, of_samples
from plantroom.history.tail import Samples, Tail
from plantroom.journal import Reader
from plantroom.model import Instants, Qualities, Values

Arrays = Mapping[str, npt.NDArray[Any]]

_TRIES = 3
_PARTS = """
  SELECT CAST(list_position($points, point) - 1 AS INTEGER) AS which, at_ns, value, quality FROM read_parquet($files)
  WHERE list_contains($points, point) AND at_ns >= $start AND at_ns < $end UNION ALL
"""
_TAIL = "SELECT which, at_ns, value, quality FROM tail"
_SAMPLES = "SELECT which, at_ns, value, quality FROM ({source}) ORDER BY which, at_ns"
_BUCKETS = """
  SELECT which, at_ns // $step * $step AS bucket,
    coalesce(sum(value) FILTER (quality = 0), 0) AS total, coalesce(min(value) FILTER (quality = 0), 0) AS least,
    coalesce(max(value) FILTER (quality = 0), 0) AS most, coalesce(arg_max(value, at_ns) FILTER (quality = 0), 0) AS last,
    count(*) FILTER (quality = 0) AS good, coalesce(arg_max(quality, at_ns) FILTER (quality <> 0), 0) AS reason
  FROM ({source}) GROUP BY ALL ORDER BY which, bucket
"""


class EmbeddedHistory:
    """A site's samples, sealed or not. Safe to call from several threads."""

    def __init__(self, folder: Path, reader: Reader) -> None:
        """folder: the site's history folder; it need not exist yet. reader: of the same site's journal."""
        self._folder = folder
        self._lock = Lock()  # the tail and the DuckDB connection are shared by the callers
        self._reader = reader
        self._tail = Tail(reader)
        self._duckdb = connect()

    def query(self, points: Sequence[str], start_ns: int, end_ns: int, step_ns: int | None = None) -> dict[str, Series]:
        """Samples of [start_ns, end_ns) by point, or with step_ns (> 0) buckets that begin at its multiples since the epoch.

        A point without samples has an empty series; a bucket without samples has no row. Raises ValueError for an empty or
        doubled list of points, a range before 1970 or a step that is not positive.
        """
        asked = list(points)
        if len(set(asked)) != len(asked):
            raise ValueError("a point is asked for twice")
        if start_ns < 0 or (step_ns is not None and step_ns <= 0):
            raise ValueError("start and step count from 1970-01-01 in ns; the step is above 0")
        if not asked or end_ns <= start_ns:
            return {point: no_series() for point in asked}
        rows = self._rows(asked, start_ns, end_ns, step_ns)
        edges = np.searchsorted(rows["which"], np.arange(len(asked) + 1))
        return {point: _series(rows, slice(edges[i], edges[i + 1]), step_ns is not None) for i, point in enumerate(asked)}

    def samples(self, points: Sequence[str], start_ns: int, end_ns: int) -> dict[str, tuple[Instants, Values, Qualities]]:
        """Every sample of [start_ns, end_ns), the bad ones too, each with its instant: (at_ns, values, quality) by point, ascending."""
        asked = list(points)
        rows = self._rows(asked, start_ns, end_ns, None)
        edges = np.searchsorted(rows["which"], np.arange(len(asked) + 1))
        at_ns, values, quality = (np.asarray(rows[name]) for name in ("at_ns", "value", "quality"))
        parts = (slice(edges[i], edges[i + 1]) for i in range(len(asked)))
        return {point: (at_ns[part], values[part], quality[part]) for point, part in zip(asked, parts, strict=True)}

    def close(self) -> None:
        self._duckdb.close()
        self._reader.close()

    def _rows(self, points: list[str], start_ns: int, end_ns: int, step_ns: int | None) -> Arrays:
        for attempt in range(_TRIES):
            with self._lock:
                sealed = sealed_upto(self._folder)
                files = [str(part.path) for part in counting(found(self._folder, start_ns, end_ns), sealed)]
                self._tail.refresh(sealed)
                tail = self._tail.samples(points, start_ns, end_ns)
                try:
                    return self._ask(files, tail, points, start_ns, end_ns, step_ns)
                except duckdb.IOException:  # a part went (compaction, retention) between the listing and the reading
                    if attempt == _TRIES - 1:
                        raise
        raise AssertionError("unreachable")

    def _ask(self, files: list[str], tail: Samples, points: list[str], start_ns: int, end_ns: int, step_ns: int | None) -> Arrays:
        parameters: dict[str, object] = {}
        if files:
            parameters |= {"files": files, "points": points, "start": start_ns, "end": end_ns}
        if step_ns is not None:
            parameters["step"] = step_ns
        source = _PARTS + _TAIL if files else _TAIL
        self._duckdb.register("tail", {"which": tail.which, "at_ns": tail.at_ns, "value": tail.values, "quality": tail.quality})
        try:
            text = (_SAMPLES if step_ns is None else _BUCKETS).format(source=source)
            answer: Arrays = self._duckdb.execute(text, parameters).fetchnumpy()
        finally:
            self._duckdb.unregister("tail")
        return answer


def _series(rows: Arrays, part: slice, bucketed: bool) -> Series:
    if bucketed:
        names = ("bucket", "total", "least", "most", "last", "good", "reason")
        bucket, total, least, most, last, good, reason = (np.asarray(rows[name][part]) for name in names)
        return of_buckets(bucket, total, least, most, last, good, reason)
    return of_samples(*(np.asarray(rows[name][part]) for name in ("at_ns", "value", "quality")))


def connect(memory: str = "512MB", threads: int = 2) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that fetches nothing from the internet and keeps what it learned of the parts' footers."""
    connection = duckdb.connect(
        config={"threads": threads, "memory_limit": memory, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute("LOAD parquet")  # built in
    connection.execute("SET parquet_metadata_cache = true")
    connection.execute("SET temp_directory = ''")
    return connection
