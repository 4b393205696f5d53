"""P14: every row the engine writes is sealed, or is named with the reason why it is not: a table of a later part cannot be forgotten."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from plantroom.records import Records
from plantroom.records.seal import LEFT_OUT, NOT_SEALED, digest, hour, sealed_tables, table_of
from rules.ledger import ORDER
from rules.sealing import DROPS

OTHERS = {"erase_text", "purge_chronicle", "put_seal", "put_person"}  # texts, the chronicle, seals, names: docs/evidence.md


@pytest.mark.parametrize("statement", sorted(set(ORDER) - OTHERS))
def test_what_the_engine_puts_is_sealed_with_every_column(tmp_path: Path, statement: str) -> None:
    with closing(Records.open(tmp_path / "records.db")) as records:
        tables, sql = sealed_tables(records.db), records.sql(statement)
        if statement.startswith("drop_"):
            assert DROPS[statement] in tables
            return
        table = tables[str(table_of(sql))]
        named = set(re.findall(r":(\w+)", sql.partition("ON CONFLICT")[0]))
        assert named - LEFT_OUT.get(table.table, frozenset()) == set(table.columns), "a column nobody puts would have another digest than its row"


def test_only_what_is_named_is_not_sealed(tmp_path: Path) -> None:
    with closing(Records.open(tmp_path / "records.db")) as records:
        every = {name for (name,) in records.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")}
        assert every - sealed_tables(records.db).keys() == NOT_SEALED


def test_a_column_that_came_later_changes_no_digest_of_before() -> None:
    assert digest(("a", "b"), {"a": 1, "b": None, "c": 5}) == digest(("a", "b"), {"a": True, "b": None})
    assert digest(("a", "b"), {"a": 1, "b": 2}) != digest(("a", "b"), {"a": 2, "b": 1})
    assert hour(3600 * 10**9) == 1
