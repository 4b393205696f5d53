"""E-1, P14: nothing under five years can be deleted; a purge is recorded and the chain goes on; a person's words leave without breaking it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import apsw
import orjson
import pytest

from plantroom import privacy
from plantroom.clock import NS, iso, to_ns
from plantroom.records.proof import verify_records
from rules.keeping import youngest_purged_ns
from tests.kit.engine import Kit, peopled

YEARS = 5 * 366 * 86_400


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    (tmp_path / "hq").mkdir()
    made = Kit(tmp_path / "hq")
    made.configure(peopled())
    made.tick()
    made.stay(5, phase_loss=1)
    made.run()
    made.command("comment", made.order(), who="zhang", text="my own words")
    made.command("attach", made.order(), who="zhang", hash="a" * 64, kind="jpeg", bytes=5, about="order", name="my door.jpg")
    made.tick(3600)
    made.tick()
    made.run()
    yield made
    made.close()


def admin(kit: Kit, does: str, target: str = "", **args: object) -> str:
    said = kit.command(does, target, who="boss", roles=["admin"], **args)
    kit.tick()
    kit.run()
    kit.engine.memory()
    return said


def holds(kit: Kit) -> bool:
    proof = verify_records(kit.records.db)
    assert proof.ok, proof.findings
    return proof.chain.broken is None


def test_a_persons_words_and_name_are_gone_and_the_chain_holds(kit: Kit) -> None:
    assert holds(kit) and kit.one("SELECT name FROM person WHERE id = 'zhang'") == "zhang's name"
    assert admin(kit, "erase", "zhang", reason="asked to") == "ok" and holds(kit)
    assert kit.one("SELECT name FROM person WHERE id = 'zhang'") is None
    assert {text for (text,) in kit.rows("SELECT p.text FROM private p JOIN command c ON c.seq = p.seq WHERE c.who = 'zhang'")} == {None}
    assert kit.one("SELECT who FROM evidence") == "zhang", "the id stays: who did it is what the record is for"
    assert verify_records(kit.records.db).erased == 2
    assert kit.one("SELECT count(*) FROM private WHERE text = 'asked to'") == 1


def test_an_erasure_that_nobody_recorded_is_found(kit: Kit) -> None:
    kit.engine.memory()
    kit.records.db.execute("UPDATE private SET salt = NULL, text = NULL WHERE text = 'my own words'")
    assert "erased without a record" in verify_records(kit.records.db).findings[0].why


def test_who_stands_in_the_site_file_is_taken_out_of_it_first_and_then_old_site_files_go_too(kit: Kit) -> None:
    assert admin(kit, "erase", "li.wei", reason="left") == "still_in_site_file" and admin(kit, "erase", "nobody", reason="x") == "unknown_person"
    assert admin(kit, "erase", "zhang") == "argument", "a reason is asked for"
    chronicle = b"".join(body for (body,) in kit.rows("SELECT body FROM chronicle"))
    assert "李伟".encode() not in chronicle and b"13800000001" not in chronicle, "names and numbers of the site file are not in the chronicle"
    kit.configure()
    kit.tick()
    assert admin(kit, "erase", "li.wei", reason="left") == "ok" and holds(kit)
    assert not [text for (text,) in kit.rows("SELECT text FROM private") if text and "李伟" in text]


def test_computed_again_an_erased_text_stays_erased(kit: Kit) -> None:
    """The journal still has the words, for thirty days at most; what is computed from it has not."""
    admin(kit, "erase", "zhang", reason="asked to")
    assert kit.again("again.db", [4, 9]) == kit.dump()
    with closing(apsw.Connection(str(kit.folder / "again.db"))) as db:
        assert not db.execute("SELECT 1 FROM private WHERE text LIKE 'my %'").fetchall()


def test_all_about_a_person_is_exported_and_nothing_is_left_but_ids(kit: Kit, tmp_path: Path) -> None:
    kit.engine.memory()
    with closing(apsw.Connection(str(tmp_path / "access.db"))) as db:
        db.execute("CREATE TABLE person (name TEXT PRIMARY KEY, role TEXT, password TEXT)")
        db.execute("CREATE TABLE session (hash BLOB, person TEXT REFERENCES person (name) ON DELETE CASCADE)")
        db.execute("CREATE TABLE push_browser (id TEXT, person TEXT, endpoint TEXT, label TEXT)")
        db.execute("INSERT INTO person VALUES ('zhang', 'technician', 'secret hash'), ('boss', 'admin', 'x')")
        db.execute("INSERT INTO session VALUES (x'01', 'zhang')")
        db.execute("INSERT INTO push_browser VALUES ('1', 'zhang', 'https://push', 'Zhang''s phone')")
    found = privacy.export(tmp_path, "zhang")
    told = found["sites"]["hq"]
    assert [text["text"] for text in told["texts"]] == ["my own words", "my door.jpg"] and told["name"] == ["zhang's name"]
    assert told["evidence"][0]["hash"] == "a" * 64 and found["access"]["push_browser"] == [{"id": "1", "person": "zhang", "label": "Zhang's phone"}]
    assert b"secret hash" not in orjson.dumps(found)
    assert privacy.erase_access(tmp_path, "zhang") == {"push_browser": 1, "session": 1, "person": 1}
    admin(kit, "erase", "zhang", reason="asked to")
    left = privacy.export(tmp_path, "zhang")
    assert not left["access"] and not left["sites"]["hq"]["texts"] and not left["sites"]["hq"]["name"]
    with pytest.raises(Exception, match="last administrator"):
        privacy.erase_access(tmp_path, "boss")


def test_nothing_younger_than_five_years_is_deleted_by_any_command(kit: Kit) -> None:
    before = kit.dump()["chronicle"]
    now = kit.clock.read().wall_ns
    for days in (0, 1, 365 * 4, 365 * 5):
        assert admin(kit, "purge", before=iso(now - days * 86_400 * NS), reason="room") == "purge_too_young"
    assert admin(kit, "purge", before=iso(now - YEARS * NS), reason="room") == "purge_nothing"
    assert kit.command("purge", "", who="li.wei", roles=["technician"], before="2001-01-01T00:00:00Z", reason="x") == "role_may_not"
    assert set(before) <= set(kit.dump()["chronicle"])
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        kit.records.db.execute("DELETE FROM chronicle WHERE n = 1")


def test_five_years_are_counted_by_the_calendar() -> None:
    assert youngest_purged_ns(to_ns(datetime.fromisoformat("2028-02-29T10:00:00+00:00"))) == to_ns(datetime.fromisoformat("2023-02-28T10:00:00+00:00"))


def test_an_older_part_is_purged_by_record_and_the_rest_still_verifies(kit: Kit) -> None:
    heads = kit.rows("SELECT n, hash FROM chronicle ORDER BY n")
    middle = kit.clock.read().wall_ns + 60 * NS
    kit.tick(YEARS)
    kit.tick()
    kit.run()
    assert admin(kit, "purge", before=iso(middle), reason="room") == "ok"
    kit.tick(3600)
    kit.tick()
    kit.run()
    kit.engine.memory()
    first = kit.one("SELECT min(n) FROM chronicle")
    assert first == len(heads) + 1 and kit.one("SELECT n FROM purge") == len(heads)
    assert kit.one("SELECT count(*) FROM evidence") == 0 and kit.one("SELECT count(*) FROM fault WHERE rule = 'phase_loss'") == 1, "faults and orders stay"
    proof = verify_records(kit.records.db, heads)
    assert proof.ok and proof.unproven == 0 and proof.erased > 0, proof.findings
    assert not verify_records(kit.records.db, [(len(heads), bytes(32))]).ok, "the purge's own hash is compared, too"
    kit.records.db.execute("UPDATE fault SET raised_ns = raised_ns + 1")
    assert "was changed" in verify_records(kit.records.db).findings[0].why, "what a purged line proved is proven still"


def test_a_purge_that_nobody_recorded_is_found(kit: Kit) -> None:
    kit.engine.memory()
    n, value = kit.rows("SELECT n, hash FROM chronicle WHERE n = 5")[0]
    kit.records.db.execute("INSERT INTO purge VALUES (?, ?, 1, 1, 'boss', 1, NULL)", (n, value))
    kit.records.db.execute("DELETE FROM chronicle WHERE n <= 5")
    assert any(one.where.startswith("purge") for one in verify_records(kit.records.db).findings)
