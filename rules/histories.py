"""What `--history` names, opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from plantroom.errors import BadInput, Problem
from plantroom.site import Site
from rules.history import History
from rules.history_csv import HistoryFile
from rules.history_influx import InfluxHistory, target_of
from rules.history_own import OwnHistory
from rules.history_parquet import ParquetFile
from rules.table import Table

INFLUX = "influx:"


def open_history(where: str, site: Site, env: Mapping[str, str] = os.environ) -> History:
    """A table (.csv, .csv.gz, .parquet), a Plantroom data folder, or `influx:...`; close it. Raises BadInput where it cannot be used."""
    if where.startswith(INFLUX) or where == INFLUX.rstrip(":"):
        return InfluxHistory(target_of(where.partition(":")[2], site, env), site)
    path = Path(where)
    if path.is_dir():
        return OwnHistory(path, site)
    if path.suffix == ".parquet":
        if not path.exists():
            raise BadInput([Problem(where, 0, "", "cannot be read: No such file or directory")])
        return Table(ParquetFile(path, site.equipment))
    return Table(HistoryFile(path, site.equipment))
