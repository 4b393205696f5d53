"""`plantroom oncall`: who is on, until when, who comes next, in people's words and as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plantroom import oncall
from plantroom.cli import BAD_INPUT, DONE, FAILED, run
from plantroom.clock import NS, VirtualClock, to_ns
from plantroom.oncall_commands import show_now, show_turns
from plantroom.roster import Change
from plantroom.site_file import load_site

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
