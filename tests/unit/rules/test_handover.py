"""A shift handed over: what was open then, two signatures, words that can be erased (O-6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from rules.handover import TABLE, Event, State
from tests.kit.engine import RULES, Kit, peopled, pump, rule_text, site_text
from tests.kit.journals import NOON

HERE = {name: text for name, text in RULES.items() if "delivery_failed" not in name}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=NOON)
    kit.configure(peopled().replace("state: in_service", "state: commissioning", 2).replace("state: commissioning", "state: in_service", 1), HERE)
    kit.tick()
    yield kit
    kit.close()


def opened(kit: Kit) -> dict[str, Any]:
    """What the newest handover says was open."""
    found: dict[str, Any] = orjson.loads(kit.rows("SELECT open_json FROM handover ORDER BY rowid")[-1][0])
    return found


def words(kit: Kit, id_: str) -> str:
    return str(kit.one("SELECT text FROM private WHERE id = ?", id_))


def test_the_table_answers_every_event_in_every_state_and_a_signature_is_for_good() -> None:
    assert set(TABLE) == {(state, event) for state in State for event in Event}
    assert all(after is state for (state, _), after in TABLE.items() if state is not State.GIVEN)


def test_other_urgent_faults_of_the_day_stand_in_the_shift_report_whether_over_or_not(kit: Kit) -> None:
    """R-3: those that are no matter of weight; what is of weight was told to the departments."""
    rules = {**HERE, "rules/packs/fire_pump/ran.yaml": rule_text("ran", "pump_running", "danger", extra="major: true")}
    kit.configure(peopled(), rules)
    kit.stay(5, phase_loss=1, pump_running=1)
    kit.stay(8)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "cleared"), ("fp-1", "ran", "cleared")]
    kit.command("hand_over", "engineering")
    [urgent] = opened(kit)["urgent"]
    assert (urgent["equipment"], urgent["severity"], urgent["open"]) == ("fp-1", "readiness", False)
    kit.clock.advance(25 * 3600)
    kit.tick()
    kit.command("hand_over", "engineering")
    assert opened(kit)["urgent"] == []


def test_two_people_sign_and_what_was_open_stands_as_it_was(kit: Kit) -> None:
    kit.stay(5, phase_loss=1, pump_running=1)
    kit.run()
    danger, readiness = (kit.one("SELECT id FROM work_order WHERE severity = ?", severity) for severity in ("danger", "readiness"))
    fault = kit.one("SELECT id FROM fault WHERE severity = 'readiness'")
    kit.command("accept", readiness, who="wang.fang")
    kit.command("hold", readiness, who="wang.fang", reason="等配件", told="前台 12:05")
    assert kit.command("shelve", fault, roles=["engineer"], until="2h", reason="已知", second="wang") == "ok"
    kit.command("stand_in", "engineering", roles=["engineer"], **{"from": "1h", "until": "3h", "in": "chief", "reason": "发烧"})
    assert kit.command("hand_over", "engineering", who="li.wei", text="钥匙在柜里") == "ok"
    found = opened(kit)
    assert {(o["id"], o["state"], o["by"]) for o in found["orders"]} == {(danger, "open", None), (readiness, "accepted", "wang.fang")}
    [hold] = found["holds"]
    assert hold["order"] == readiness and (words(kit, hold["reason"]), words(kit, hold["told"])) == ("等配件", "前台 12:05")
    [shelf] = found["shelved"]
    assert shelf["fault"] == fault and words(kit, shelf["reason"]) == "已知"
    assert [call["order"] for call in found["calls"]] == [danger]
    assert found["commissioning"] == ["fp-2"]
    assert [(c["in"], c["out"]) for c in found["changes"]] == [("chief", None)]
    kit.command("restore", danger, who="li.wei")
    id_ = kit.one("SELECT id FROM handover")
    kit.clock.advance(300)
    assert kit.command("take_over", id_, who="li.wei") == "takes_over_from_themselves"
    assert kit.command("take_over", id_, who="wang.fang", text="收到") == "ok"
    assert opened(kit) == found, "as it was when it was given"
    state, given, taken, note, answer = kit.one("SELECT state, given_by, taken_by, given_note, taken_note FROM handover")
    assert (state, given, taken, words(kit, note), words(kit, answer)) == ("taken", "li.wei", "wang.fang", "钥匙在柜里", "收到")
    assert kit.one("SELECT taken_ns - given_ns FROM handover") >= 300 * 10**9
    assert kit.command("take_over", id_, who="chief") == "unknown_handover", "once"


def test_no_persons_words_stand_in_the_chronicle_or_the_row(kit: Kit) -> None:
    kit.stay(5, phase_loss=1)
    kit.run()
    kit.command("hold", kit.order(), reason="secret-reason", told="secret-told")
    kit.command("shelve", kit.one("SELECT id FROM fault"), roles=["engineer"], until="2h", reason="secret-shelf", second="wang")
    kit.command("hand_over", "engineering", text="secret-note")
    kit.command("take_over", kit.one("SELECT id FROM handover"), who="chief", text="secret-answer")
    assert kit.one("SELECT count(*) FROM private WHERE text LIKE 'secret-%'") >= 7, "the control"
    assert kit.rows("SELECT n FROM chronicle WHERE instr(body, 'secret-')") == []
    assert kit.rows("SELECT id FROM handover WHERE instr(open_json, 'secret-')") == []


def test_a_team_handed_over_again_replaces_what_nobody_took_and_no_other_teams(kit: Kit) -> None:
    for who, team in (("li.wei", "engineering"), ("chief", "managers"), ("wang.fang", "engineering")):
        assert kit.command("hand_over", team, who=who) == "ok"
    rows = kit.rows("SELECT id, team, state FROM handover ORDER BY rowid")
    assert [row[1:] for row in rows] == [("engineering", "replaced"), ("managers", "given"), ("engineering", "given")]
    assert kit.command("take_over", rows[0][0], who="zhao") == "unknown_handover"


def test_a_team_nobody_knows_is_refused_and_a_site_without_teams_has_none(kit: Kit, tmp_path: Path) -> None:
    assert kit.command("hand_over", "gardeners") == "unknown_team"
    assert kit.command("hand_over", "") == "unknown_team"
    folder = tmp_path / "other"
    folder.mkdir()
    other = Kit(folder)
    other.configure(site_text(pump(1)), HERE)
    other.tick()
    assert other.command("hand_over", "engineering") == "unknown_team"
    assert other.command("hand_over", "") == "ok"
    other.close()


def test_the_records_themselves_refuse_one_person_twice(kit: Kit) -> None:
    kit.command("hand_over", "engineering")
    with pytest.raises(apsw.ConstraintError):
        kit.records.db.execute("UPDATE handover SET taken_by = given_by")


def test_a_handover_that_waits_is_taken_over_after_a_restart(kit: Kit) -> None:
    kit.command("hand_over", "engineering", text="x")
    kit.engine.memory()
    kit.command("take_over", kit.one("SELECT id FROM handover"), who="chief", text="y")
    kit.run(1)
    kit.engine.memory()
    expected = kit.dump()
    for cut in range(len(kit.journal)):
        assert kit.again(f"cut-{cut}.db", [cut]) == expected
    assert kit.restarted(3, 4) == expected
