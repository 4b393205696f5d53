"""E-1, P14: `audit verify` over chain, rows, texts and evidence files; exit 1 and what it found, exit 0 where nobody changed anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom import cli
from plantroom.anchors import add_line, head_text, line_of
from plantroom.clock import NS
from plantroom.evidence import EvidenceStore
from plantroom.records.chronicle import Chronicle
from plantroom.records.proof import verify_records
from tests.kit.engine import Kit
from tests.kit.evidence_files import GOOD

NOW = 1_796_000_000 * NS


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    (tmp_path / "hq").mkdir()
    made = Kit(tmp_path / "hq")
    made.configure()
    made.tick()
    made.stay(5, phase_loss=1)
    made.run()
    for kind in ("jpeg", "pdf"):
        arrival = EvidenceStore(tmp_path / "hq").receive(NOW)
        arrival.write(GOOD[kind])
        stored = arrival.done()
        made.command("attach", made.order(), hash=stored.hash, kind=kind, bytes=stored.size, about="order")
    made.tick(3600)
    made.tick()
    made.run()
    made.engine.memory()
    yield made
    made.close()


def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = cli.run(["audit", "verify", "--data", str(tmp_path), "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def test_what_nobody_changed_is_ok_and_says_what_was_compared(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = verify(tmp_path, capsys)
    assert (code, said["ok"], said["files"], said["stray"], said["unproven"], said["findings"]) == (0, True, 2, 0, 0, [])
    assert cli.run(["audit", "verify", "--data", str(tmp_path), "--head", str(said["head"])]) == 0
    assert "hq: ok" in capsys.readouterr().out


def test_a_file_that_is_missing_or_changed_is_named(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = EvidenceStore(tmp_path / "hq")
    one, two = store.hashes()
    store.path(one).chmod(0o640)
    content = bytearray(store.path(one).read_bytes())
    content[-1] ^= 1
    store.path(one).write_bytes(bytes(content))
    store.path(two).unlink()
    code, said = verify(tmp_path, capsys)
    assert code == 1 and said["findings"] == [
        {"what": "file", "where": f"evidence {one}", "why": "the file was changed after it was written"},
        {"what": "file", "where": f"evidence {two}", "why": "the file is missing"},
    ]


def test_a_file_that_no_row_tells_of_is_counted(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrival = EvidenceStore(tmp_path / "hq").receive(NOW)
    arrival.write(GOOD["txt"])
    arrival.done()
    assert verify(tmp_path, capsys)[1]["stray"] == 1


def test_all_heads_of_a_folder_are_compared(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    for n, value in kit.rows("SELECT n, hash FROM chronicle WHERE n IN (3, 9) ORDER BY n"):
        add_line(outside, "hq", line_of(NOW, head_text(n, value)))
    code, said = verify(tmp_path, capsys, "--anchors", str(outside))
    assert (code, said["anchors"]) == (0, 2)
    add_line(outside, "hq", line_of(NOW, head_text(10_000, bytes(32))))
    code, said = verify(tmp_path, capsys, "--anchors", str(outside))
    assert code == 1 and "its end was cut off" in str(said["why"])


def test_a_file_that_is_no_database_any_more_is_said_to_be_so(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kit.close()
    for name in ("records.db-wal", "records.db-shm"):
        (tmp_path / "hq" / name).unlink(missing_ok=True)
    (tmp_path / "hq" / "records.db").write_bytes(b"x" * 8192)
    code, said = verify(tmp_path, capsys)
    assert code == 1 and said["findings"][0]["what"] == "database"  # type: ignore[index]


def test_rows_of_a_release_before_there_were_seals_are_counted_as_unproven(tmp_path: Path) -> None:
    """And those that come after it are proven."""
    kit = Kit(tmp_path)
    kit.configure()
    kit.tick()
    kit.stay(5, phase_loss=1)
    kit.run()
    kit.engine.memory()
    before = kit.one("SELECT count(*) FROM chronicle")
    raw = kit.rows("SELECT n, seq, at_ns, kind, body FROM chronicle WHERE kind <> 'seal' ORDER BY n")
    assert len(raw) < before
    db = kit.records.db
    db.execute("DELETE FROM unsealed")  # as migration 014 finds the records of an older release
    db.execute("DELETE FROM seal")
    db.execute("INSERT INTO seal SELECT seq, 0, 0 FROM position")
    [delete] = [sql for name, sql in db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'") if name.endswith("_d")]
    db.execute("DROP TRIGGER chronicle_is_append_only_d")
    db.execute("DELETE FROM chronicle")
    db.execute(delete)
    chronicle = Chronicle(db)
    for _, *line in raw:
        chronicle.append(*line)
    kit.restart()
    kit.tick(3600)
    kit.run()
    kit.command("comment", kit.rows("SELECT id FROM work_order")[0][0], text="a word")
    kit.tick(3600)
    kit.run()
    kit.engine.memory()
    proof = verify_records(kit.records.db)
    kit.close()
    assert proof.ok and proof.unproven > 5 and proof.rows > 5, proof
