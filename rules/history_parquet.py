"""A table of samples in a Parquet file: `time` and a column for each equipment.point, as in the CSV -> blocks of rows.

time: a timestamp (UTC where it has no zone), epoch ns as an integer, or ISO 8601 text. Cells: numbers, yes/no, names of values; null = no
sample. Rows need no order: they are sorted by time on reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from plantroom.errors import BadInput, Problem
from plantroom.history.embedded import connect
from plantroom.site import Equipment
from plantroom.yaml_file import Wrong
from rules.history_csv import instant_ns
from rules.series import value_of
from rules.table import Block, Column, named
from rules.windows import Floats

BLOCK_ROWS = 50_000
_TIMES = {
    "BIGINT": '"time"',
    "INTEGER": '"time"',
    "UBIGINT": '"time"',
    "TIMESTAMP_NS": 'epoch_ns("time")',
    "VARCHAR": 'epoch_ns(CAST("time" AS TIMESTAMP))',
}


class ParquetFile:
    """Raises BadInput with the file's name for whatever cannot be used."""

    def __init__(self, path: Path, equipment: Mapping[str, Equipment]) -> None:
        self._path, self._db = path, connect()
        try:
            found = self._db.execute("DESCRIBE SELECT * FROM read_parquet($file)", {"file": str(path)}).fetchall()
        except duckdb.Error as error:
            raise self._bad("", f"cannot be read: {str(error).splitlines()[0]}") from error
        self._types = {str(row[0]): str(row[1]) for row in found}
        if not found or found[0][0] != "time":
            raise self._bad(str(found[0][0]) if found else "", "the first column must be `time`")
        self.columns = named([str(row[0]) for row in found[1:]], equipment, path)

    def close(self) -> None:
        self._db.close()

    def blocks(self) -> Iterator[Block]:
        kind, file = self._types["time"], f"read_parquet({_quoted(self._path)})"
        time = _TIMES.get(kind) or ('epoch_ns("time")' if kind.startswith("TIMESTAMP") else "")
        if kind == "VARCHAR":
            self._read_instants()
            time, file = "read_at", f'{file} LEFT JOIN instants ON said = "time"'
        if not time:
            raise self._bad("time", f"is {kind}; write timestamps, epoch ns or ISO 8601 text")
        names = ", ".join(f'"{column.equipment}.{column.point.name}" AS c{column.at}' for column in self.columns)
        try:
            size = int(self._one("SELECT count(*) FROM read_parquet($file)"))
            self._db.execute(f"CREATE TEMP VIEW sorted AS SELECT {time} AS at_ns, {names} FROM {file}")
            edges = self._edges(size)
            for begin, end in zip(edges, edges[1:], strict=False):
                asked = "SELECT * FROM sorted WHERE at_ns >= $begin AND at_ns < $end ORDER BY at_ns"
                yield self._block(self._db.execute(asked, {"begin": begin, "end": end}).fetchnumpy())
        except duckdb.Error as error:
            raise self._bad("", f"cannot be read: {str(error).splitlines()[0]}") from error

    def _read_instants(self) -> None:
        """Texts as instants, in a table: DuckDB passes over their zone where its time zones are not installed."""
        said = [row[0] for row in self._db.execute('SELECT DISTINCT "time" FROM read_parquet($file)', {"file": str(self._path)}).fetchall()]
        try:
            at = [instant_ns(text) for text in said if text is not None]
        except ValueError as error:
            raise self._bad("time", f"{error}; write 2026-03-01T06:00:00Z") from error
        given = {"said": np.array([text for text in said if text is not None], object), "read_at": np.array(at, np.int64)}
        self._db.register("given", given)
        self._db.execute("CREATE TEMP TABLE instants AS SELECT * FROM given")
        self._db.unregister("given")

    def _edges(self, size: int) -> list[int]:
        """Instants that cut the rows into blocks of about BLOCK_ROWS."""
        found = self._db.execute("SELECT min(at_ns), max(at_ns), count(at_ns) FROM sorted").fetchone()
        least, most, known = found if found is not None else (None, None, 0)
        if known < size:
            raise self._bad("time", "has rows without an instant")
        if least is None or most is None:
            return []
        pieces = max(1, size // BLOCK_ROWS)
        return [least + (most + 1 - least) * piece // pieces for piece in range(pieces)] + [most + 1]

    def _one(self, asked: str) -> Any:
        found = self._db.execute(asked, {"file": str(self._path)}).fetchone()
        return found[0] if found is not None else None

    def _block(self, cells: Mapping[str, npt.NDArray[Any]]) -> Block:
        at_ns = np.asarray(cells["at_ns"], np.int64)
        values = np.empty((at_ns.size, len(self.columns)))
        for column in self.columns:
            values[:, column.at] = self._column(cells[f"c{column.at}"], column)
        return Block(at_ns, values)

    def _column(self, cells: npt.NDArray[Any], column: Column) -> Floats:
        empty = np.ma.getmaskarray(cells)
        plain = np.ma.getdata(cells)
        try:
            if plain.dtype.kind == "O":
                found = np.array(
                    [np.nan if none else self._number(cell, column) for cell, none in zip(plain, empty, strict=True)], np.float64
                )
            else:
                found = np.where(empty, np.nan, plain.astype(np.float64))
        except Wrong as error:
            raise self._bad(f"{column.equipment}.{column.point.name}", str(error)) from error
        if np.isinf(found).any():
            raise self._bad(f"{column.equipment}.{column.point.name}", "is infinite; leave the cell empty where there is no sample")
        return found

    def _number(self, cell: Any, column: Column) -> float:
        if cell is None or cell == "":
            return np.nan
        return value_of(cell, column.point) if isinstance(cell, str) else float(cell)

    def _bad(self, where: str, text: str) -> BadInput:
        return BadInput([Problem(str(self._path), 0, where, text)])


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
