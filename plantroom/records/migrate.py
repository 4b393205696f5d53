"""Numbered migrations: `NNN_what.sql`, each applied once, in one transaction with its number (PRAGMA user_version)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import apsw

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")


class RecordsTooNew(RuntimeError):
    """The records were written by a newer release: install that one, or restore the backup made before the update."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """In their order. Raises ValueError where a number is missing or stands twice."""
    steps = []
    for number, path in enumerate(sorted(folder.glob("*.sql")), 1):
        match = _NAME.fullmatch(path.name)
        if match is None or int(match[1]) != number:
            raise ValueError(f"{path}: the next migration must be named {number:03d}_what.sql; they are applied in order, without a hole")
        steps.append(Migration(number, path.name, path.read_text(encoding="utf-8")))
    return tuple(steps)


def migrate(db: apsw.Connection, steps: tuple[Migration, ...]) -> list[str]:
    """Applies what is not there yet; returns the names applied. Raises RecordsTooNew."""
    stands = int(db.pragma("user_version"))
    if steps and stands > steps[-1].number:
        raise RecordsTooNew(f"{db.filename}: schema {stands}, this release knows {steps[-1].number}; {RecordsTooNew.__doc__}")
    applied = []
    for step in steps[stands:]:
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute(step.sql)
            db.pragma("user_version", step.number)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        applied.append(step.name)
    return applied
