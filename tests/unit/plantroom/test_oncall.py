"""`plantroom oncall`: who is on, until when, who comes next, in people's words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from plantroom import oncall
from plantroom.bundle import apply
from plantroom.cli import BAD_INPUT, DONE, FAILED, run
from plantroom.clock import NS, VirtualClock, to_ns
from plantroom.errors import BadInput
from plantroom.journal import Entry, Journal, Kind
from plantroom.oncall_commands import show_now, show_turns
from plantroom.records import Records
from plantroom.roster import Change
from plantroom.run_command import AppliedFiles
from plantroom.site_file import load_site
from rules.engine import Engine
from rules.house import furnish

NOON = to_ns(datetime(2026, 11, 30, 12, tzinfo=ZoneInfo("Asia/Shanghai")))  # a Monday
SITE = """site: {id: hq, name: 总部, zone: Asia/Shanghai}
channels: [{id: sms, type: webhook, url: "https://example.com"}]
equipment: [{id: fp-1, kind: fire_pump}]
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {sms: 13800138000}, certificates: [{name: 消防, until: 2026-11-29}]}
  - {id: zhao, name: 赵敏, roles: [technician], contacts: {sms: ""}}
  - {id: chief, name: 主任, roles: [manager], contacts: {sms: 13800138001}}
roster:
  needs: {fire_pump: 消防, generator: 电工}
  teams:
    crew: {name: 工程部, shifts: [{people: [li.wei, zhao], hours: "08:00-20:00", days: workdays}]}
    chiefs: {shifts: [{people: chief, hours: "00:00-24:00"}]}
    late: {shifts: [{people: zhao, hours: "08:00-20:00", since: 2026-12-01, until: 2026-12-01}]}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "site.yaml"
    found.write_text(SITE, "utf-8")
    return found


def test_now_in_chinese(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_now(path, None, None, as_json=False, clock=VirtualClock(NOON)) == FAILED  # nobody is on in `late`
    assert capsys.readouterr().out.splitlines() == [
        "总部值班表，2026-11-30 周一 12:00",
        "",
        "工程部 (crew)，至 2026-11-30 周一 20:00",
        "  李伟 (li.wei): sms 13800138000",
        "    消防已于 2026-11-29 到期，消防泵排在最后",
        "  赵敏 (zhao): 没有联系方式",
        "    缺消防，消防泵排在最后",
        "  2026-11-30 周一 20:00 起无人值班",
        "  接班：2026-12-01 周二 08:00 李伟、赵敏",
        "",
        "chiefs，35 天内不换班",
        "  主任 (chief): sms 13800138001",
        "",
        "late：现在无人值班",
        "  接班：2026-12-01 周二 08:00 赵敏",
        "",
        "以上仅按站点文件；控制台登记的替班、换班请加 --data 目录 查看",
    ]


def test_at_another_time_in_english(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_now(path, "2026-12-01T00:00Z", "en-GB", as_json=False) == DONE
    said = capsys.readouterr().out
    assert "late, until 2026-12-01 Tue 20:00" in said and "李伟" in said and "called last for Fire pump" in said and "NOBODY from 2026-12-01 Tue 20:00" in said
    assert show_now(path, "2026-12-02T08:00", "en", as_json=False) == FAILED
    assert "late: NOBODY IS ON" in capsys.readouterr().out


def test_as_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_now(path, None, None, as_json=True, clock=VirtualClock(NOON))
    crew, chiefs, late = json.loads(capsys.readouterr().out)["teams"]
    assert crew["on"][0] == {
        "id": "li.wei", "name": "李伟", "roles": ["technician"], "contacts": {"sms": "13800138000"},
        "missing": [{"kind": "fire_pump", "certificate": "消防", "until": "2026-11-29"}],
    }  # fmt: skip
    assert (crew["until"], crew["next"]) == ("2026-11-30T12:00:00.000Z", {"from": "2026-12-01T00:00:00.000Z", "people": ["li.wei", "zhao"]})
    assert (chiefs["until"], chiefs["next"], late["on"]) == (None, None, [])


def test_the_turns_of_two_days(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_turns(path, 2, None, "en", as_json=False, clock=VirtualClock(NOON))
    assert capsys.readouterr().out.splitlines()[:7] == [
        "工程部 (crew)",
        "  2026-11-30 Mon 00:00 – 2026-11-30 Mon 08:00  NOBODY",
        "  2026-11-30 Mon 08:00 – 2026-11-30 Mon 20:00  李伟, 赵敏",
        "  2026-11-30 Mon 20:00 – 2026-12-01 Tue 08:00  NOBODY",
        "  2026-12-01 Tue 08:00 – 2026-12-01 Tue 20:00  李伟, 赵敏",
        "  2026-12-01 Tue 20:00 – 2026-12-02 Wed 00:00  NOBODY",
        "chiefs",
    ]
    show_turns(path, 1, "2026-12-01T12:00", None, as_json=True)
    assert json.loads(capsys.readouterr().out)["teams"]["late"][1] == {"from": "2026-12-01T00:00:00.000Z", "to": "2026-12-01T12:00:00.000Z", "people": ["zhao"]}


def test_changes_that_people_entered_are_seen(path: Path) -> None:
    site = load_site(path)
    ill = (Change("crew", NOON, NOON + 3600 * NS, "li.wei", "chief"),)
    assert [duty.people for duty in oncall.now(site, NOON, ill)][0] == ("chief", "zhao")
    assert oncall.now(site, NOON, ill)[0].until_ns == NOON + 3600 * NS and oncall.now(site, NOON, ill)[0].next == ("li.wei", "zhao")
    assert ("chief", "zhao") in [people for _, _, people in oncall.turns(site, NOON, 1, ill)["crew"]]


def test_a_site_without_teams_and_a_time_that_is_none(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(SITE[: SITE.index("roster:")], "utf-8")
    assert show_now(path, None, None, as_json=False) == DONE
    assert "没有班组" in capsys.readouterr().out
    show_turns(path, 7, None, "en", as_json=False)
    assert "There are no teams" in capsys.readouterr().out
    assert run(["oncall", "now", str(path), "--at", "tomorrow"]) == BAD_INPUT
    assert "write 2026-12-24T20:00" in capsys.readouterr().err


def test_the_command_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["oncall", "now", str(path), "--at", "2026-12-01T09:00", "--language", "en"]) == DONE
    assert run(["oncall", "list", str(path), "--days", "3", "--json"]) == DONE
    assert capsys.readouterr().out.startswith("总部, on duty at 2026-12-01 Tue 09:00")


LIFT = """site: {id: hq, name: 总部, zone: Asia/Shanghai}
channels: [{id: sms, type: webhook, url: "https://example.com"}]
equipment: [{id: lift-1, kind: elevator, name: 1号客梯}]
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {sms: a}}
  - {id: zhao, name: 赵敏, roles: [technician], contacts: {sms: b}}
roster:
  teams:
    crew:
      shifts:
        - {people: li.wei, hours: "08:00-20:00"}
        - {people: zhao, hours: "20:00-08:00"}
escalation:
  danger: {steps: [{after: 0s, tell: [crew]}], repeat: 180s}
"""
SWAP = {
    "one": "li.wei", "one_from": "2026-11-30T12:00", "one_until": "2026-11-30T20:00", "other": "zhao", "other_from": "2026-11-30T20:00",
    "other_until": "2026-12-01T02:00",
}  # fmt: skip


class Running:
    """An installation that was run: the journal on disk, the engine that holds its records, the command beside them."""

    def __init__(self, folder: Path) -> None:
        self.data, self.file, self.clock = folder / "data", folder / "lift.yaml", VirtualClock(NOON)
        self.file.write_text(LIFT, "utf-8")
        self.journal = Journal(self.data / "hq" / "journal", self.clock)
        apply(self.file, self.journal, "run")
        AppliedFiles(self.data).put(self.file, "hq")
        self._said = 0

    def say(self, does: str, target: str, **args: Any) -> None:
        self._said += 1
        body = {"command_id": f"c{self._said}", "does": does, "target": target, "who": {"id": "chen", "roles": ["admin"]}, "args": args}
        self._append(Kind.COMMAND, orjson.dumps(body))

    def at(self, hours: float) -> None:
        """So long after noon; the engine has ticked."""
        self.clock.advance(hours * 3600 - (self.clock.read().wall_ns - NOON) / NS)
        self._append(Kind.TICK, b"{}")

    def paged(self) -> set[str]:
        """Whom the engine calls when somebody reports people trapped."""
        self.say("trapped", "lift-1")
        return {person for (person,) in self.rows("SELECT person FROM outbox WHERE reason = 'raised'")}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(Records.open(self.data / "hq" / "records.db")) as records, closing(self.journal.reader()) as reader:
            engine = Engine(records, furnish, reader.frame)
            engine.take(reader.read_after(0))
            engine.memory()
            return list(records.db.execute(sql))

    def _append(self, kind: Kind, body: bytes) -> None:
        with self.journal.writer("test") as writer:
            writer.append([Entry(kind, body)])


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    yield Running(tmp_path)


def asked(running: Running, capsys: pytest.CaptureFixture[str], at: str | None = None, data: bool = True) -> set[str]:
    """Who is on, as the command says it."""
    capsys.readouterr()  # what the engine logged
    show_now(running.file, at, None, as_json=True, clock=running.clock, data=running.data if data else None)
    said = json.loads(capsys.readouterr().out)
    assert said["plan_only"] is not data
    return {person["id"] for person in said["teams"][0]["on"]}


@pytest.mark.parametrize(("hours", "who"), [(1, "zhao"), (9, "li.wei"), (15, "zhao")])
def test_after_a_swap_the_command_names_whom_the_engine_calls(running: Running, capsys: pytest.CaptureFixture[str], hours: float, who: str) -> None:
    running.say("swap", "crew", **SWAP)
    running.at(hours)
    assert running.paged() == {who}
    assert asked(running, capsys) == {who}
    planned = "li.wei" if hours < 8 else "zhao"
    assert asked(running, capsys, data=False) == {planned}, "the control: the site file alone knows of no swap"


def test_a_swap_that_was_dropped_is_none_and_a_past_instant_is_shown_as_it_was(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    running.at(1)
    running.say("swap", "crew", **SWAP)
    running.at(3)
    running.say("drop_change", running.rows("SELECT id FROM roster_change")[0][0])
    running.at(4)
    assert running.paged() == {"li.wei"} == asked(running, capsys)
    assert asked(running, capsys, "2026-11-30T14:00") == {"zhao"}, "while it held"
    assert asked(running, capsys, "2026-11-30T12:30") == {"li.wei"}, "before it was entered"
    show_turns(running.file, 1, None, "en", as_json=False, clock=running.clock, data=running.data)
    assert "  2026-11-30 Mon 13:00 – 2026-11-30 Mon 15:00  赵敏" in capsys.readouterr().out.splitlines()


def test_what_is_applied_counts_and_a_file_that_differs_or_is_spoilt_is_said(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    running.rows("SELECT 1")
    show_now(running.file, None, "en", as_json=False, clock=running.clock, data=running.data)
    assert "is not applied" not in capsys.readouterr().out
    for text in (LIFT.replace("people: li.wei, hours", "people: zhao, hours"), "site: ["):
        running.file.write_text(text, "utf-8")
        show_now(running.file, None, "en", as_json=False, clock=running.clock, data=running.data)
        said = capsys.readouterr().out
        assert "李伟 (li.wei)" in said and "The roster of the site file is not applied" in said


def test_a_folder_where_it_was_never_run_is_no_empty_answer(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="never run in"):
        show_now(path, None, None, as_json=False, data=tmp_path / "other")
    assert not (tmp_path / "other").exists()
