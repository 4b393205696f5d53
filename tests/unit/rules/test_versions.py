"""What another number or another rule would have done to a history, and to the nights of people."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from plantroom.bundle import checked
from plantroom.cli import run
from plantroom.clock import NS
from plantroom.errors import BadInput
from plantroom.model import Severity
from rules.backtest import Event
from rules.book import pack
from rules.callouts import outcome
from rules.comparison import Stood, missing
from rules.versions import Version, what_if

START = 1_772_323_200  # 2026-03-01T00:00:00Z, in the zone of the site eight in the morning
SITE = """\
site: {id: lab, name: Lab, zone: Asia/Shanghai, language: en, practice: gb}
equipment:
  - {id: gen-1, kind: generator, name: G1}
  - {id: gen-2, kind: generator, name: G2, parameters: {low_fuel.limit: 30}}
"""
RULE = """\
id: low_fuel
applies_to: generator
needs: [fuel_level]
when: fuel_level < 90
for: 1m
clear_after: 1m
on_missing: hold
severity: normal
says: {zh: 油少, en: Little fuel}
do: {zh: 加油, en: Fill it}
tests:
  - {name: raised, every: 60s, fuel_level: "95, 80 x9", expect: {60s: pending}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(SITE)
    rows = (f"2026-03-01T{n // 60:02d}:{n % 60:02d}:00Z,{35 if 300 < n < 360 else 60},{28 if n > 400 else 60}\n" for n in range(480))
    (tmp_path / "h.csv").write_text("time,gen-1.fuel_level,gen-2.fuel_level\n" + "".join(rows))
    return tmp_path / "site.yaml"


def compared(site: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    assert run(["backtest", str(site), "--history", str(site.parent / "h.csv"), *options, "--json"]) == 0
    found: dict[str, object] = orjson.loads(capsys.readouterr().out)
    return found


def test_another_limit_adds_faults_and_call_outs_at_their_local_hour(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(site, capsys, "--what-if", "low_fuel.limit=40 %")
    assert found["changed"] == ["low_fuel"]
    assert [(one["equipment"], one["rule"]) for one in found["added"]] == [("gen-1", "low_fuel")]  # type: ignore[attr-defined]
    assert found["removed"] == []
    before, after = found["before"], found["after"]
    assert (before["calls"]["normal"], after["calls"]["normal"]) == (1, 2)  # type: ignore[index]
    assert [one["hour"] for one in after["by_hour"] if one["normal"]] == [13, 14]  # type: ignore[index]
    assert after["night"] == {"danger": 0, "readiness": 0, "normal": 0}  # type: ignore[index]


def test_one_machines_number_leaves_the_others_alone(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(site, capsys, "--what-if", "gen-2:low_fuel.limit=20")
    assert (found["added"], [one["equipment"] for one in found["removed"]]) == ([], ["gen-2"])  # type: ignore[attr-defined]
    (rule,) = found["rules"]  # type: ignore[misc]
    assert rule["before"]["minutes"] > 60 and rule["after"] == {"faults": 0, "minutes": 0}  # type: ignore[index]


def test_the_same_number_changes_nothing(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(site, capsys, "--what-if", "gen-2:low_fuel.limit=30 %")
    assert (found["changed"], found["added"], found["removed"]) == ([], [], [])
    assert found["before"] == found["after"]


def test_another_folder_of_rules_takes_their_place(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site.parent / "mine"
    folder.mkdir()
    (folder / "low_fuel.yaml").write_text(RULE)
    assert len(compared(site, capsys, "--rules", str(folder))["added"]) == 1  # type: ignore[arg-type]
    assert run(["backtest", str(site), "--history", str(site.parent / "h.csv"), "--rules", str(folder)]) == 0
    table = capsys.readouterr().out
    assert "Faults added: 1" in table and "Call-outs, Normal" in table
    assert run(["backtest", str(site), "--history", str(site.parent / "h.csv"), "--rules", str(site.parent / "none")]) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("low_fuel", "write rule.parameter=value"),
        ("no_fuel.limit=3", "there is no rule 'no_fuel'; did you mean"),
        ("low_fuel.limmit=3", "'limmit' is no parameter of low_fuel; did you mean"),
        ("low_fuel.limit=much", "is no quantity"),
        ("low_fuel.limit=3 kPa", "cannot become"),
        ("low_fuel.limit=4000", "lies outside"),
        ("gen-9:low_fuel.limit=30", "'gen-9' is no equipment"),
    ],
)
def test_what_cannot_be_is_refused(site: Path, change: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        what_if(Version(checked(site), pack()), [change])


def test_a_part_of_another_fault_calls_nobody_and_what_comes_back_calls_again(site: Path) -> None:
    """`battery_low` is a part of `battery_very_low` while that stands."""

    def event(second: int, what: str, rule: str, severity: str) -> Event:
        return Event((START + second) * NS, (START + second) * NS, what, rule, "gen-1", Severity(severity), False)

    events = [
        event(0, "raised", "battery_very_low", "readiness"), event(60, "raised", "battery_low", "normal"),
        event(600, "cleared", "battery_low", "normal"), event(660, "cleared", "battery_very_low", "readiness"),
        event(9_000, "raised", "battery_very_low", "readiness"),
    ]  # fmt: skip
    found = outcome(checked(site), pack(), events, lambda at_ns: {})
    assert [(call.rule, (call.at_ns // NS) - START) for call in found.calls] == [("battery_very_low", 0), ("battery_very_low", 9_000)]
    assert [row["parent"] is not None for row in found.faults] == [False, True, False]


def test_faults_match_where_they_stood_together() -> None:
    def stood(begin: int, end: int | None, machine: str = "gen-1") -> Stood:
        return Stood(machine, "r", Severity.NORMAL, begin, end)

    old, new = [stood(0, 10), stood(20, 30), stood(50, None)], [stood(5, 8), stood(31, 40), stood(60, 70), stood(0, 10, "gen-2")]
    assert missing(new, old) == [new[1], new[3]]
    assert missing(old, new) == [old[1]]
