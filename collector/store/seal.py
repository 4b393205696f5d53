"""Writing parts so that a crash at any instant leaves the old state or the new one. The rules stand in plantroom.history.parts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from collector.store.gather import Flat, days_of
from plantroom.history.parts import SEALED, Part, found, name_of
from plantroom.journal.shelf import sync_folder

_COPY = "COPY ({select}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, USE_TMP_FILE false)"
_SAMPLES = "SELECT getvariable('points')[which + 1] AS point, at_ns, value, quality FROM cells"  # in the order they come
_MERGED = "SELECT point, at_ns, value, quality FROM read_parquet([{files}]) ORDER BY point, at_ns"


def write_parts(db: duckdb.DuckDBPyConnection, folder: Path, samples: Flat, first: int, last: int) -> list[Path]:
    """One part for each day in `samples`, which are the journal records first..last. They do not count before `mark` has said so.

    Sorted here and not by DuckDB, which would need three times the memory and time.
    """
    db.execute("SET VARIABLE points = $points", {"points": list(samples.points)})
    order = np.lexsort((samples.at_ns, samples.which))
    written: list[Path] = []
    try:
        for day, of_day in days_of(samples.at_ns):
            rows = order if isinstance(of_day, slice) else order[of_day[order]]
            cells = {
                "which": samples.which[rows],
                "at_ns": samples.at_ns[rows],
                "value": samples.values[rows],
                "quality": samples.quality[rows],
            }
            db.register("cells", cells)
            written.append(_durable(folder / f"day={day}" / name_of(first, last), lambda path: _copy(db, _SAMPLES, path)))
    finally:
        db.unregister("cells")
        db.execute("RESET VARIABLE points")
    return written


def write_merged(db: duckdb.DuckDBPyConnection, parts: list[Part]) -> Path:
    """One part instead of several of one day; they may be removed once no reader can hold them any more."""
    files = ", ".join(f"'{_quoted(part.path)}'" for part in parts)
    target = parts[0].path.with_name(name_of(min(part.first for part in parts), max(part.last for part in parts)))
    return _durable(target, lambda path: _copy(db, _MERGED.format(files=files), path))


def mark(folder: Path, sealed: int) -> None:
    """From here on the parts up to `sealed` count."""
    folder.mkdir(parents=True, exist_ok=True)
    _durable(folder / SEALED, lambda path: path.write_text(json.dumps({"last": sealed}) + "\n"))


def clean(folder: Path, sealed: int) -> list[Path]:
    """Removes what an interrupted seal or merge left behind: parts beyond the marker, temporary files. Only for the one writer."""
    leftovers = [part.path for part in found(folder) if part.last > sealed]
    leftovers += sorted(folder.glob(".*.tmp")) + sorted(folder.glob("day=*/.*.tmp"))
    for path in leftovers:
        path.unlink()
    return leftovers


def _durable(target: Path, write: Callable[[Path], Any]) -> Path:
    """Writes under a temporary name, syncs, renames, syncs the folder."""
    if not target.parent.is_dir():
        target.parent.mkdir(parents=True)
        sync_folder(target.parent.parent)
    temporary = target.with_name(f".{target.name}.tmp")
    write(temporary)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(target)
    sync_folder(target.parent)
    return target


def _copy(db: duckdb.DuckDBPyConnection, select: str, path: Path) -> None:
    db.execute(_COPY.format(select=select, path=_quoted(path)))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
