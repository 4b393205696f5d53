"""O-1, O-2: what a roster leaves open is told by `check` with its line, exit code 1; it stops neither apply nor start."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plantroom import bundle, commands
from plantroom.cli import DONE, FAILED
from plantroom.clock import NS, VirtualClock, to_ns
from plantroom.roster import Change
from plantroom.roster_check import findings, headless
from plantroom.site import Site
from plantroom.site_file import load_site

ZONE = ZoneInfo("Asia/Shanghai")
NOW = to_ns(datetime(2026, 11, 30, 12, tzinfo=ZONE))
HEAD = """site: {id: hq, name: A, zone: Asia/Shanghai}
channels: [{id: duty, type: ntfy, url: "https://example.com", severities: [danger, readiness, normal]}]
equipment: [{id: fp-1, kind: fire_pump}]
people:
  - {id: li, roles: [technician], contacts: {duty: li}, certificates: [{name: 消防, until: 2027-06-30}]}
  - {id: zhao, roles: [engineer], contacts: {duty: "${ZHAO:-z}"}, certificates: [{name: 消防, kinds: fire_pump, until: 2027-06-30}]}
  - {id: chief, roles: [manager], contacts: {duty: chief}}
"""
MORE = (
    "{id: hall, type: webhook, url: 'https://example.com'}, {id: late, type: webhook, url: 'https://example.com', severities: [normal]}, "
    "{id: call, type: voice, provider: aliyun, access_key: '${NO:-}', access_secret: '${NO:-}', template: T}, "
)
GOOD = HEAD + """roster:
  needs: {fire_pump: 消防}
  teams:
    crew: {shifts: [{people: [li, zhao], hours: "08:00-08:00", turn: day, since: 2026-11-01}]}
    heads: {shifts: [{people: chief, hours: "00:00-24:00"}]}
"""


MAJOR = "escalation: {major: {heads: {engineering: crew, security: crew, service: heads}, manager: chief}}\n"


def site(tmp_path: Path, text: str, **env: str) -> Site:
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    return load_site(tmp_path / "site.yaml", env=env)


def found(tmp_path: Path, text: str, *changes: Change, **env: str) -> list[str]:
    return [str(problem) for problem in findings(site(tmp_path, text, **env), NOW, changes)]


def test_a_roster_around_the_clock_leaves_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD) == []
    assert found(tmp_path, HEAD.replace("channels: [", "channels: [{id: hall, type: webhook, url: 'https://example.com'}, ")) == []  # people without teams


def test_o1_hours_with_nobody_are_told_for_35_days_and_changes_may_fill_them(tmp_path: Path) -> None:
    text = GOOD.replace('hours: "00:00-24:00"', 'hours: "00:00-24:00", until: 2027-01-02')
    assert found(tmp_path, text) == ["site.yaml:12: roster.teams.heads: nobody is on from 2027-01-03 00:00 to 2027-01-04 12:00"]
    assert found(tmp_path, text, Change("heads", NOW, NOW + 40 * 86_400 * NS, None, "li")) == []
    nights = GOOD.replace('hours: "08:00-08:00"', 'hours: "08:00-20:00"')
    told = found(tmp_path, nights)
    assert len(told) == 6 and told[0] == "site.yaml:11: roster.teams.crew: nobody is on 30 times more until 2027-01-04 12:00"
    assert "from 2026-11-30 20:00 to 2026-12-01 08:00" in told[1]


def test_o2_certificates_that_are_missing_expired_or_near_their_end_are_told(tmp_path: Path) -> None:
    for until, said in (("2026-12-30", "expires on 2026-12-30, in 30 days"), ("2026-11-30", "expires on 2026-11-30, in 0 days"), ("2026-11-29", "expired on 2026-11-29")):
        assert found(tmp_path, GOOD.replace("kinds: fire_pump, until: 2027-06-30", f"kinds: fire_pump, until: {until}")) == [f"site.yaml:6: people.zhao: 消防 {said}"]
    assert found(tmp_path, GOOD.replace("kinds: fire_pump, until: 2027-06-30", "kinds: fire_pump, until: 2026-12-31")) == []
    lacking = ["site.yaml:6: people.zhao: has no 消防, which fire_pump needs; is called last for it"]
    assert found(tmp_path, GOOD.replace("kinds: fire_pump", "kinds: ahu")) == lacking
    assert found(tmp_path, GOOD.replace("kinds: fire_pump", "kinds: ahu").replace("kind: fire_pump}", "kind: ahu}")) == []  # no fire pump here


def test_a_renewed_certificate_is_no_matter(tmp_path: Path) -> None:
    old = "certificates: [{name: 消防, until: 2026-01-01}, {name: 消防, until: 2027-06-30}]"
    assert found(tmp_path, GOOD.replace("certificates: [{name: 消防, until: 2027-06-30}]", old)) == []
    other = old.replace("until: 2027", "kinds: ahu, until: 2027")
    assert len(found(tmp_path, GOOD.replace("certificates: [{name: 消防, until: 2027-06-30}]", other))) == 1


def test_who_cannot_be_reached_and_a_step_that_reaches_nobody_are_told(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD, ZHAO="") == ["site.yaml:6: people.zhao: is on a team and has no address on any channel: nothing reaches them"]
    short = "site.yaml:14: escalation.danger: the step after {}s reaches none of {}: no channel that takes danger, or no address on it"
    for step, told in (
        ("{after: 9s, tell: [crew], by: [hall]}", short.format(9, "crew by hall")),
        ("{after: 9s, tell: [chief, everyone], by: [call]}", short.format(9, "chief, everyone by call")),  # a notice to a group calls nobody
        ("{after: 9s, tell: [everyone], by: [duty, call]}", short.format(9, "everyone by call, duty")),  # the one is people's own, the other calls a person
        ("{after: 9s, tell: [everyone], by: [late]}", short.format(9, "everyone by late")),
        ("{after: 9s, tell: [everyone]}", None),
        ("{after: 9s, tell: [hall], by: [hall]}", None),
        ("{after: 9s, tell: [crew]}", None),
        ("{after: 9s, tell: [chief], by: [duty, hall]}", None),
    ):
        text = GOOD.replace("{duty: li}", "{duty: li, call: 13800138000}") + f"escalation:\n  danger: {{steps: [{step}]}}\n"
        assert found(tmp_path, text.replace("channels: [", "channels: [" + MORE)) == ([told] if told else []), step
    deaf = GOOD.replace("severities: [danger, readiness, normal]", "severities: [danger, readiness]")
    assert [line.partition("none of")[0] for line in found(tmp_path, deaf)] == ["site.yaml: escalation.normal: the step after 0s reaches ", "site.yaml: escalation.normal: the step after 1800s reaches "]


def test_a_vendor_without_a_firm_is_told_and_nobody_else(tmp_path: Path) -> None:
    people = "  - {id: liu, roles: [vendor]}\n  - {id: he, roles: [vendor], firm: 通力电梯}\n  - {id: zhou, roles: [third_party]}\n"
    said = "has the role vendor and no firm: they see no machine and no order; write whose people they are, as `firm: NAME`"
    assert found(tmp_path, GOOD.replace("roster:", f"{people}roster:", 1)) == [f"site.yaml:8: people.liu: {said}"]


def test_an_address_in_a_group_is_none(tmp_path: Path) -> None:
    robot = GOOD.replace("channels: [", "channels: [{id: hall, type: wecom_robot, token: '${NO:-}'}, ").replace("{duty: li}", "{duty: li, hall: li}")
    assert found(tmp_path, robot) == ["site.yaml:5: people.li: has an address on hall, which tells a group and no single person: leave it out"]


def test_a_change_that_does_nothing_is_told_and_a_past_one_is_not(tmp_path: Path) -> None:
    def with_change(day: str) -> str:
        return GOOD.replace("since: 2026-11-01}]}", f"since: 2026-11-01}}], changes: [{{from: {day}T09:00, to: {day}T20:00, out: li, in: chief}}]}}")

    assert found(tmp_path, with_change("2026-12-03")) == []  # li's day
    told = ["site.yaml:11: roster.teams.crew: changes[0] does nothing: li is not on from 2026-12-02 09:00 to 2026-12-02 20:00"]
    assert found(tmp_path, with_change("2026-12-02")) == told
    assert found(tmp_path, with_change("2026-11-02")) == []


def test_an_event_ahead_that_names_nobody_is_told_with_its_line(tmp_path: Path) -> None:
    text = GOOD.replace("shifts: [{people: chief,", "shifts: [{calendar: a.ics}, {people: chief,")
    for day, told in (("20261210", ["a.ics:4: 王芳: names nobody under people by id, name or address"]), ("20251210", [])):
        event = f"BEGIN:VEVENT\nUID:1\nDTSTART:{day}T080000\nDURATION:PT12H\nSUMMARY:王芳 li\nEND:VEVENT"
        (tmp_path / "a.ics").write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}\nEND:VCALENDAR\n", "utf-8")
        assert [line.removeprefix(f"{tmp_path}/") for line in found(tmp_path, text)] == []
        (tmp_path / "a.ics").write_text((tmp_path / "a.ics").read_text("utf-8").replace("王芳 li", "王芳、li"), "utf-8")
        assert [line.removeprefix(f"{tmp_path}/") for line in found(tmp_path, text)] == told


def test_a_site_with_teams_that_names_no_heads_for_matters_of_weight_is_told_so(tmp_path: Path) -> None:
    """R-3"""
    assert [*headless(site(tmp_path, GOOD + MAJOR))] == [*headless(site(tmp_path, HEAD))] == []
    [problem] = headless(site(tmp_path, GOOD))
    assert "nobody for engineering, security, service, manager" in problem.text
    [problem] = headless(site(tmp_path, GOOD + MAJOR.replace("security: crew, ", "").replace(", manager: chief", "")))
    assert "nobody for security, manager" in problem.text and problem.line == GOOD.count("\n") + 1


def test_check_ends_with_1_and_the_file_is_applied_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "checks", dict)
    path, clock = tmp_path / "site.yaml", VirtualClock(NOW)
    site(tmp_path, GOOD + MAJOR)
    assert commands.check_site(path, as_json=False, clock=clock) == DONE
    assert "good; " in capsys.readouterr().out
    site(tmp_path, GOOD.replace('hours: "00:00-24:00"', 'hours: "00:00-24:00", until: 2027-01-02') + MAJOR)
    assert commands.check_site(path, as_json=False, clock=clock) == FAILED
    said = capsys.readouterr()
    assert said.err.startswith(f"{path}:12: roster.teams.heads: nobody is on from 2027-01-03 00:00") and "can be applied as it is" in said.out
    assert commands.check_site(path, as_json=True, clock=clock) == FAILED
    assert [problem["line"] for problem in json.loads(capsys.readouterr().out)] == [12]
    assert commands.apply_site(path, tmp_path / "data", "li", as_json=True) == DONE
