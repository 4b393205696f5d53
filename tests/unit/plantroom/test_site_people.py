"""People, roster and escalation of a site file: what they become, and what holds where the file says nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from plantroom import site_rescue
from plantroom.errors import BadInput
from plantroom.escalation import Chain, Major, Step, defaults
from plantroom.model import Severity
from plantroom.people import Certificate
from plantroom.shifts import ALL_DAYS, Rule
from plantroom.site import Site
from plantroom.site_file import load_site

SITE = """site: {id: hq, name: A, zone: Asia/Shanghai}
channels:
  - {id: duty, type: webhook, url: "https://example.com"}
  - {id: sms, type: webhook, url: "https://example.com"}
people:
  - {id: li.wei, name: 李伟, roles: [technician, engineer], contacts: {duty: liwei, sms: "${PHONE:-}"}, language: en}
  - {id: zhao.min, contacts: {sms: 013800138000}, certificates: [{name: 电工, kinds: [pump, fcu], until: 2027-06-30}, {name: 登高, until: 2026-01-01}]}
roster:
  needs: {pump: 电工}
  teams:
    engineering:
      name: 工程部
      shifts:
        - {people: [li.wei, zhao.min], hours: "08:00-20:00", days: [mon-wed, sat], turn: 3 d, since: 2026-11-02, until: 2027-11-02}
        - {people: li.wei, hours: "20:00-08:00", days: freedays}
        - {people: zhao.min, hours: "00:00-24:00", kinds: [elevator, fcu]}
      changes: [{from: 2026-12-24T08:00, to: 2026-12-24T12:00Z, in: zhao.min, out: li.wei}]
    managers: {shifts: [{people: li.wei, hours: "00:00-24:00"}]}
"""


def site(tmp_path: Path, text: str = SITE, **env: str) -> Site:
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    return load_site(tmp_path / "site.yaml", env=env)


def test_people_with_their_contacts_and_certificates(tmp_path: Path) -> None:
    people = site(tmp_path).people
    assert list(people) == ["li.wei", "zhao.min"] and people["zhao.min"].name == "zhao.min"
    assert people["li.wei"].roles == {"technician", "engineer"} and people["li.wei"].language == "en"
    assert people["li.wei"].contacts == {"duty": "liwei"} and people["zhao.min"].contacts == {"sms": "013800138000"}
    assert people["zhao.min"].certificates == (Certificate("电工", frozenset({"pump", "fcu"}), date(2027, 6, 30)), Certificate("登高", frozenset(), date(2026, 1, 1)))
    assert site(tmp_path, PHONE="13900139000").people["li.wei"].contacts == {"duty": "liwei", "sms": "13900139000"}
    assert "0138" not in repr(people)


def test_teams_with_their_shifts_and_changes(tmp_path: Path) -> None:
    roster = site(tmp_path).roster
    assert list(roster.teams) == ["engineering", "managers"] and roster.needed == {"pump": "电工"} and roster.zone.key == "Asia/Shanghai"
    team = roster.teams["engineering"]
    assert team.name == "工程部" and team.people == ("li.wei", "zhao.min") and roster.teams["managers"].name == "managers"
    assert team.shifts == (
        Rule(("li.wei", "zhao.min"), 480, 1200, frozenset({0, 1, 2, 5}), None, 3, False, date(2026, 11, 2), date(2027, 11, 2)),
        Rule(("li.wei",), 1200, 480, ALL_DAYS, False),
        Rule(("zhao.min",), 0, 1440, kinds=frozenset({"elevator", "fcu"})),
    )
    (change,) = team.changes
    assert (change.team, change.out, change.in_, change.to_ns - change.from_ns) == ("engineering", "li.wei", "zhao.min", 12 * 3600 * 10**9)


def test_a_site_without_people_tells_everyone_at_once(tmp_path: Path) -> None:
    bare = site(tmp_path, SITE[: SITE.index("people:")])
    assert bare.people == {} and bare.roster.teams == {}
    assert {severity: chain.steps for severity, chain in bare.chains.items()} == dict.fromkeys(("danger", "readiness", "normal"), (Step(0.0, ("everyone",)),))


def test_each_further_team_is_told_a_level_later(tmp_path: Path) -> None:
    chains = site(tmp_path).chains
    first = Step(0.0, ("engineering", "everyone"))
    assert chains == {
        Severity.DANGER: Chain((first, Step(180.0, ("managers",))), 180.0),
        Severity.READINESS: Chain((first, Step(600.0, ("managers",))), 600.0),
        Severity.NORMAL: Chain((first, Step(1800.0, ("managers",))), 3600.0),
    }


def test_readiness_is_called_after_twelve_minutes_and_danger_at_once_where_there_is_a_voice() -> None:
    chains = defaults(("engineering", "managers", "heads"), {"duty": "webhook", "call": "voice"})
    quiet = frozenset({"duty"})
    assert chains[Severity.READINESS].steps == (
        Step(0.0, ("engineering", "everyone"), quiet), Step(600.0, ("managers",), quiet),
        Step(720.0, ("engineering", "managers"), frozenset({"call"})), Step(1200.0, ("heads",), quiet),
    )  # fmt: skip
    assert {step.by for step in chains[Severity.DANGER].steps} == {None} and {step.by for step in chains[Severity.NORMAL].steps} == {quiet}
    assert defaults((), {"duty": "webhook", "call": "voice"})[Severity.READINESS].steps == (Step(0.0, ("everyone",), quiet),)  # nobody to call
    assert defaults((), {"call": "voice"})[Severity.NORMAL].steps == (Step(0.0, ("everyone",)),)  # nothing but a voice: it calls


def test_what_the_file_says_of_a_severity_holds_and_the_rest_is_the_default(tmp_path: Path) -> None:
    text = SITE + "escalation:\n  danger: {steps: [{after: 0s, tell: engineering}, {after: 90s, tell: [li.wei, duty, li.wei], by: [sms]}]}\n  normal: {repeat: 2h}\n"
    chains = site(tmp_path, text).chains
    assert chains[Severity.DANGER] == Chain((Step(0.0, ("engineering",)), Step(90.0, ("li.wei", "duty"), frozenset({"sms"}))), 180.0)
    assert chains[Severity.NORMAL].repeat_s == 7200.0 and len(chains[Severity.NORMAL].steps) == 2
    assert Severity.ADVISORY not in chains


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_change_is_written_in_the_sites_time(tmp_path: Path, zone: str) -> None:
    one = site(tmp_path, SITE.replace("Asia/Shanghai", zone).replace("T12:00Z", "T20:00")).roster.teams["engineering"].changes[0]
    assert one.to_ns - one.from_ns == 12 * 3600 * 10**9


MAJOR = "escalation: {major: {heads: {engineering: engineering, security: li.wei, service: managers}, manager: zhao.min, within: 10m}}\n"


def test_heads_of_matters_of_weight(tmp_path: Path) -> None:
    """R-3: a team or a person for each department, the manager, and the limit."""
    major = site(tmp_path, SITE + MAJOR).major
    assert major == Major({"engineering": "engineering", "security": "li.wei", "service": "managers"}, "zhao.min", 600.0)
    assert site(tmp_path).major is None
    assert site(tmp_path, SITE + MAJOR.replace(", within: 10m", "")).major == Major(major.heads, "zhao.min", 900.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{heads: {engineering: engineerin}}", "'engineerin' is no team or person"),
        ("{heads: {cleaning: managers}}", "heads.cleaning"),
        ("{manager: managers}", "names no head"),
        ("{heads: {}}", "names no head"),
        ("{heads: {service: managers}, within: 10s}", "is outside 1m..1d"),
        ("{heads: {service: managers}, manager: nobody}", "'nobody' is no team or person"),
    ],
)
def test_what_is_wrong_with_heads_is_said(tmp_path: Path, wrong: str, said: str) -> None:
    with pytest.raises(BadInput) as raised:
        site(tmp_path, f"{SITE}escalation: {{major: {wrong}}}\n")
    assert said in "; ".join(str(problem) for problem in raised.value.problems)


LIFT = """equipment:
  - {id: lift-1, kind: elevator, name: 1号客梯, rescue: {phone: 8013, code: "320017", registration: R1, hotline: "400", key: k, way: w, camera: "https://cctv.example.com/1"}}
  - {id: lift-2, kind: elevator, rescue: {phone: "1"}}
  - {id: lift-3, kind: elevator, state: retired}
"""


def test_what_rescuers_need_and_what_a_lift_lacks(tmp_path: Path) -> None:
    """X-3: `check` lists it for each lift."""
    made = site(tmp_path, SITE + LIFT)
    assert made.equipment["lift-1"].rescue["phone"] == "8013" and made.equipment["lift-1"].rescue["camera"].endswith("/1")
    [problem] = site_rescue.findings(made)
    assert problem.where == "equipment.lift-2.rescue" and problem.line == SITE.count("\n") + 3
    assert "lacks code, registration, hotline, key, way" in problem.text
    for wrong, said in (("rescue: {pin: 1}", "rescue.pin"), ('rescue: {camera: "ftp://x"}', "is no address"), (f"rescue: {{key: {'x' * 201}}}", "longer than 200")):
        with pytest.raises(BadInput, match=said):
            site(tmp_path, f"{SITE}equipment: [{{id: lift-1, kind: elevator, {wrong}}}]\n")
    with pytest.raises(BadInput, match="belongs to lifts"):
        site(tmp_path, f"{SITE}equipment: [{{id: a, kind: pump, rescue: {{phone: '1'}}}}]\n")


DOCUMENTS = """equipment:
  - id: gen-1
    kind: generator
    way: 消防楼梯到地下一层左转
    key: 12
    documents:
      - {name: 应急操作规程, at: "https://docs.example.com/gen-1.pdf", version: 3, of: procedure}
      - {name: 一次系统图, at: 值班室资料柜2层, of: drawing}
"""


def test_the_way_the_key_and_the_papers_of_a_machine(tmp_path: Path) -> None:
    made = site(tmp_path, SITE + DOCUMENTS).equipment["gen-1"]
    assert (made.way, made.key) == ("消防楼梯到地下一层左转", "12")
    assert [(d.name, d.linked, d.version, d.of) for d in made.documents] == [("应急操作规程", True, "3", "procedure"), ("一次系统图", False, "", "drawing")]
