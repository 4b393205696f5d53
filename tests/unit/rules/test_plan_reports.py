"""`plantroom plans list`, and what `plantroom check` says of a plan (M-1, X-2): what applies where, from when; what is loosened and off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plantroom.bundle import checked, notes_of, problems_of
from plantroom.clock import NS
from rules.plan_reports import list_plans

SITE = """
site: {id: hq, name: HQ, zone: Asia/Shanghai, language: en, practice: %s}
equipment:
  - {id: lift-1, kind: elevator, name: Lift 1}
  - {id: lift-2, kind: elevator, name: Lift 2, state: commissioning}
  - {id: fp-1, kind: fire_pump, name: Pump}
  - {id: panel-1, kind: fire_panel, name: Panel}
  - {id: panel-2, kind: fire_panel, name: Panel 2}
"""
PLAN = "plan: {go_live: 2026-12-01, kinds: {elevator: {half_month: {every: 20 days}}}, machines: {lift-1: {year: {off: new}, quarter: {last: 2026-11-20}}}, rounds: {daily: {name: Dawn, stops: [panel-1, lift-1]}}}\n"
NOW = 1_796_083_200 * NS  # the first of December 2026


def site(tmp_path: Path, plan: str = PLAN, practice: str = "gb") -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE % practice + plan, "utf-8")
    return path


def told(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert list_plans(path, NOW, as_json=True) == 0
    return {line["job"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}


def test_it_shows_what_applies_to_which_machine_from_when_and_next_due(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(site(tmp_path), capsys)
    assert found["@daily"]["stops"] == ["panel-1", "lift-1", "fp-1", "panel-2"] and found["@daily"]["text"] == {"zh": "Dawn", "en": "Dawn"}
    assert (found["lift-1/quarter"]["last"], found["lift-1/quarter"]["next_day"]) == ("2026-11-20", "2027-02-20")
    assert found["lift-1/year"] == {
        "job": "lift-1/year",
        "subject": "lift-1",
        "text": {"zh": "电梯年度维保", "en": "Yearly lift maintenance"},
        "off": "new",
    }
    assert found["lift-1/half_month"]["every"] == "20 days" and found["lift-1/half_month"]["looser"] is True
    assert "fp-1/weekly_start" in found and "fp-1/churn_electric" not in found
    assert "panel-1/fire_drill" in found and "panel-2/fire_drill" not in found, "once for the building"
    assert not any(job.startswith("lift-2") for job in found), "in commissioning (X-2)"
    assert {"monitor/rule_review", "monitor/plan_review", "monitor/steps_review"} <= found.keys()
    assert told(site(tmp_path), capsys) == found, "the same days each time"


def test_nfpa_has_other_fire_pump_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """M-5."""
    found = told(site(tmp_path, practice="nfpa"), capsys)
    assert "fp-1/churn_electric" in found and "fp-1/weekly_start" not in found


def test_a_site_without_a_plan_is_told_so_and_one_that_loosens_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_plans(site(tmp_path, ""), NOW, as_json=False) == 0
    assert "no plan" in capsys.readouterr().out
    said = "\n".join(notes_of(checked(site(tmp_path))))
    assert "looser than the standard's 14 days" in said and "switched off, new" in said


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("plan: {}\n", "is missing"),
        ("plan: {go_live: soon}\n", "is no date"),
        ("plan: {go_live: 2026-12-01, kinds: {elevator: {halfmonth: {every: 1 month}}}}\n", "did you mean 'half_month'"),
        ("plan: {go_live: 2026-12-01, machines: {lift-9: {year: {off: x}}}}\n", "is no equipment"),
        ("plan: {go_live: 2026-12-01, machines: {lift-1: {daily: {at: '09:00'}}}}\n", "plan.rounds.daily"),
        ("plan: {go_live: 2026-12-01, rounds: {dayly: {}}}\n", "did you mean 'daily'"),
        ("plan: {go_live: 2026-12-01, rounds: {daily: {stops: [lift-1, lift-1]}}}\n", "twice"),
        ("plan: {go_live: 2026-12-01, machines: {lift-1: {year: {every: 1 moon}}}}\n", "is no interval"),
        ("plan: {go_live: 1026-12-01}\n", "mistyped year"),
    ],
)
def test_bad_input_is_said_with_its_line(tmp_path: Path, plan: str, said: str) -> None:
    problems = problems_of(site(tmp_path, plan))
    assert any(said in p.text and p.line == 9 for p in problems), problems
