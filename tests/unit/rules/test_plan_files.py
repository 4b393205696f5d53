"""The templates that ship: they fit the kinds and rules, and ask what domain/standards.md asks (M-1, M-2, M-3, M-5, E-2, O-5)."""

from __future__ import annotations

import pytest

from plantroom.errors import BadInput
from plantroom.kinds import kind_names
from plantroom.plan import Performer
from plantroom.plan_file import parse_plan
from plantroom.recurrence import Dates, Unit
from rules.book import pack
from rules.plan_check import misfits, shipped

WITHOUT = {"bank", "connection"}  # groups: what they are is planned machine by machine


@pytest.mark.parametrize("kind", sorted(set(kind_names()) - WITHOUT))
def test_every_kind_has_a_plan_that_fits_it_and_the_rules(kind: str) -> None:
    assert list(misfits(shipped()[kind], pack())) == []


def test_a_template_that_fits_nothing_is_seen() -> None:
    """Negative control."""
    entry = "{says: {zh: a, en: a}, clause: M-2, src: O, source: x, role: vendor, every: 1 month, suppresses: [overspeed, no_such], or_after: {counter: load, every: 5},"
    text = f"kind: elevator\nentries:\n  a: {entry} items: {{x: {{zh: x, en: x, type: number, unit: bar, point: nothing, within: 1}}}}}}\n"
    found = list(misfits(parse_plan(text, "p.yaml"), pack()))
    assert len(found) == 4 and any("people are in danger" in text for text in found)


def test_the_three_tiers_have_the_standards_roles_and_evidence() -> None:
    """M-1 by our engineers on a round; M-2 by the firm with a report; M-3 by a third party with a report."""
    seen = set()
    for plan in shipped().values():
        for entry in plan.entries.values():
            seen.add(entry.tier)
            if entry.tier == 1:
                assert (entry.role, entry.round, entry.rule.every, entry.rule.unit) == (Performer.ENGINEER, "daily", 1, Unit.DAY)
            elif entry.tier == 2:
                assert entry.role is Performer.VENDOR and "report" in entry.evidence
            elif entry.tier == 3:
                assert entry.role is Performer.THIRD_PARTY and "report" in entry.evidence and entry.rule.days == 365
    assert seen == {1, 2, 3, None}


def test_entries_of_one_round_have_one_rule() -> None:
    walks: dict[str, set[object]] = {}
    for plan in shipped().values():
        for entry in plan.entries.values():
            if entry.round is not None:
                walks.setdefault(entry.round, set()).add((entry.rule, entry.role))
    assert walks and all(len(rules) == 1 for rules in walks.values())


def test_lifts_have_the_four_intervals_with_all_their_items() -> None:
    """M-2, M-5: TSG T5002 tables A-1 to A-4; the longer service does what the shorter ones ask."""
    lift = shipped()["elevator"].entries
    assert {name: len(lift[name].items) for name in ("half_month", "quarter", "half_year", "year")} == {
        "half_month": 31, "quarter": 14, "half_year": 15, "year": 17,
    }  # fmt: skip
    rule = lift["half_month"].rule
    assert rule.dates is Dates.FLOATING and rule.every + rule.grace.days == 15
    assert set(lift["year"].satisfies) == {"half_month", "quarter", "half_year"}


def test_the_statutory_extras_of_the_owner_are_there() -> None:
    """M-5: detectors, sprinklers, doors and light monthly, linkage quarterly with attendance, two drills a year over all floors; O-5 yearly."""
    panel, water, own = (shipped()[kind].entries for kind in ("fire_panel", "fire_water", "monitor"))
    for entry in (panel["monthly_detectors"], panel["monthly_doors"], water["monthly_sprinkler"]):
        assert (entry.rule.every, entry.rule.unit, entry.src) == (1, Unit.MONTH, "O")
    assert panel["quarterly_linkage"].rule.every == 3 and "attendance" in panel["quarterly_linkage"].evidence
    assert panel["fire_drill"].rule.every == 6 and set(panel["fire_drill"].evidence) == {"attendance", "coverage"}
    assert all(entry.clause == "O-5" and entry.rule.days == 365 for entry in own.values()) and len(own) == 3
    assert {e.clause for e in (shipped()["area"].entries["daily"], shipped()["fire_pump"].entries["daily"])} == {"E-2"}


def test_practice_chooses_the_fire_pump_tests() -> None:
    """M-5: GB starts weekly by signal and monthly by hand; NFPA churns a diesel weekly for 30 min, an electric monthly for 10."""
    pump = shipped()["fire_pump"].entries
    gb = {name for name, entry in pump.items() if entry.practice in (None, "gb")}
    nfpa = {name for name, entry in pump.items() if entry.practice in (None, "nfpa")}
    assert {"weekly_start", "monthly_start", "quarterly_flow"} <= gb - nfpa
    assert {"churn_diesel", "churn_electric", "annual_flow", "hose_header", "weekly_inspection"} <= nfpa - gb
    assert pump["churn_diesel"].items["minutes"].limits[0] == 30 and pump["churn_electric"].items["minutes"].limits[0] == 10


BAD = {
    "every: 0 days": "is no interval",
    "every: 1 fortnight": "is no interval",
    "every: 1 month, on: {weekday: tue}": "belong together",
    "every: 1 month, on: {day: 32}": "outside 1..31",
    "every: 1 week, on: {day: 3}": "of a week is a weekday",
    "every: 1 day, on: {weekday: mon}": "has no meaning with days",
    "every: 1 month, dates: floating, on: {day: 3}": "has no meaning with floating dates",
    "every: 1 month, leap_day: mar_1": "only with years",
    'every: 1 day, at: "24:00"': "no time of day",
    "every: 1 month, grace: 400d": "outside",
    "every: 1 month, role2: x": "is not a key here",
    "every: 1 month, satisfies: [other]": "is no other entry",
    "every: 1 month, suppress_for: 2h": "without suppresses",
    "every: 1 month, evidence: [selfie]": "sort of evidence",
    "every: 1 month, free_day: never": "free day",
}


@pytest.mark.parametrize(("keys", "said"), sorted(BAD.items()))
def test_bad_keys_are_said_with_file_and_line(keys: str, said: str) -> None:
    text = "\n".join([
        "kind: pump", "entries:",
        f"  a: {{says: {{zh: a, en: a}}, clause: M-2, src: O, source: x, role: vendor, {keys}, items: {{x: {{zh: x, en: x}}}}}}",
    ])  # fmt: skip
    with pytest.raises(BadInput) as caught:
        parse_plan(text, "plans/pump.yaml")
    assert any(said in p.text and p.file == "plans/pump.yaml" and p.line in (2, 3) for p in caught.value.problems), caught.value.problems
