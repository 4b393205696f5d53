"""L-4: reminders 60, 30 and 7 days before a certificate's last day; past it one fault, by day, until it is renewed or the machine stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.certificates import REMIND_DAYS, MachineCertificate, step_of
from plantroom.clock import NS
from plantroom.local_time import local_date
from plantroom.messages import COLUMNS, STEP_COLUMNS, width
from plantroom.words import LANGUAGES
from rules.book import pack
from tests.kit.engine import PEOPLE, RULES, Kit, peopled, site_text
from tests.kit.journals import NOON

MIDDAY = NOON - 8 * 3600 * NS  # local noon of the site
TODAY = date(2026, 3, 1)
HERE = {**RULES, **{rule.file: rule.text for rule in pack().rules if rule.on_certificate}}
LIFT = """
  - id: lift-{n}
    kind: elevator
    name: {n}号客梯
    state: {state}
    certificates: [{held}]
"""


def lift(*held: str, n: int = 1, state: str = "in_service") -> str:
    return LIFT.format(n=n, state=state, held=", ".join(f"{{what: {what}, until: {until}}}" for what, until in (each.split() for each in held)))


def peopled_with(*equipment: str) -> str:
    return peopled(PEOPLE, *equipment)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    yield kit
    kit.close()


def local_day(kit: Kit) -> date:
    return local_date(kit.clock.read().wall_ns, ZoneInfo("Asia/Shanghai"))


def after(kit: Kit, days: int) -> str:
    return (local_day(kit) + timedelta(days)).isoformat()


def days(kit: Kit, count: int) -> None:
    """Local noon of each day that follows, and its night before: three ticks a day."""
    for _ in range(count):
        for hours in (11, 5, 8):  # 23:00, 04:00, 12:00
            kit.tick(hours * 3600)
    kit.run()


def reminders(kit: Kit) -> list[tuple[str | None, list[str]]]:
    kit.run()
    rows = kit.rows("SELECT person, message_json FROM outbox WHERE reason = 'certificate' ORDER BY rowid")
    return [(person, [one[0] for one in orjson.loads(text)["certificates"]]) for person, text in rows]


def test_L_4_steps_are_60_30_7_days_and_the_day_after_the_last() -> None:
    seen = [step_of(left) for left in range(62, -3, -1)]
    assert REMIND_DAYS == (60, 30, 7)
    assert [seen.count(step) for step in (None, 60, 30, 7, 0)] == [2, 30, 23, 8, 2]
    assert step_of(0) == 7 and step_of(-1) == 0, "its last day is still good"
    assert step_of(None) is None


def test_L_4_each_reminder_comes_once_to_those_who_answer_for_the_plant(kit: Kit) -> None:
    kit.configure(peopled_with(lift(f"inspection {after(kit, 62)}")), HERE)
    kit.tick()
    assert reminders(kit) == []
    told = []
    for day in range(63):
        days(kit, 1)
        if len(reminders(kit)) > len(told):
            told.append(day + 1)
    assert told == [2, 32, 55, 63], "60, 30, 7 days ahead, and past it"
    assert {person for person, _ in reminders(kit)} == {"chief"}, "the manager; technicians are called for faults"
    assert kit.rows("SELECT severity FROM outbox WHERE reason = 'certificate'") == [("advisory",)] * 4


def test_many_lifts_make_one_notice_a_day(kit: Kit) -> None:
    kit.configure(peopled_with(*[lift(f"inspection {after(kit, 20)}", f"self_test {after(kit, 25)}", n=n) for n in range(1, 7)]), HERE)
    kit.tick()
    [(person, machines)] = reminders(kit)
    assert person == "chief" and len(machines) == 12
    text = orjson.loads(kit.one("SELECT message_json FROM outbox WHERE reason = 'certificate'"))
    assert text["zh"][0] == "〔证照〕12项快到期或已过期" and text["zh"][1].startswith("1号客梯 定期检验")
    assert all(width(text[lang][0]) <= COLUMNS[lang] and width(text[lang][1]) <= STEP_COLUMNS[lang] for lang in LANGUAGES)


def test_L_4_a_lift_past_its_inspection_raises_one_fault_with_an_order_and_never_at_night(kit: Kit) -> None:
    kit.configure(peopled_with(lift(f"inspection {after(kit, 0)}")), HERE)
    kit.tick()
    kit.run()
    assert kit.faults() == [], "the last day is still good"
    kit.tick(12 * 3600 + 60)  # 00:01 of the day after
    kit.ticks(60)
    kit.run()
    assert kit.faults() == []
    kit.tick(7 * 3600)  # 07:02
    kit.run()
    assert kit.faults() == [("lift-1", "inspection_expired", "active")]
    severity, onset, raised = kit.one("SELECT severity, onset_ns, raised_ns FROM fault")
    assert severity == "normal" and raised - onset == pytest.approx(7 * 3600 * NS, abs=200 * NS)
    assert orjson.loads(kit.one("SELECT do_json FROM fault"))["zh"].startswith("决定停用"), "it asks for the decision"
    assert kit.one("SELECT state FROM work_order") == "open"
    days(kit, 5)
    assert [fault for fault in kit.faults() if fault[0] == "lift-1"] == [("lift-1", "inspection_expired", "active")]


def test_each_certificate_is_a_fault_of_its_own(kit: Kit) -> None:
    kit.configure(peopled_with(lift("inspection 2020-01-01", "governor_check 2020-01-01", "压力表检定 2020-01-01", "门禁年检 2020-01-01")), HERE)
    kit.tick()
    kit.run()
    assert sorted(rule for _, rule, _ in kit.faults()) == ["certificate_expired", "governor_check_expired", "inspection_expired"]


@pytest.mark.parametrize("decision", ["renewed", "dropped", "out_of_service"])
def test_the_decision_ends_the_fault(kit: Kit, decision: str) -> None:
    kit.configure(peopled_with(lift("inspection 2020-01-01")), HERE)
    kit.tick()
    text = {
        "renewed": lift(f"inspection {after(kit, 365)}"), "dropped": lift(), "out_of_service": lift("inspection 2020-01-01", state="out_of_service"),
    }[decision]  # fmt: skip
    kit.configure(peopled_with(text), HERE)
    kit.tick()
    kit.run()
    assert kit.faults() == [("lift-1", "inspection_expired", "cleared")]
    assert kit.one("SELECT state FROM work_order") == "closed"
    kit.configure(peopled_with(lift("inspection 2020-01-01")), HERE)
    kit.tick()
    kit.run()
    assert kit.faults()[1:] == [("lift-1", "inspection_expired", "active")], "and it comes again where it is so again"


def test_in_commissioning_it_is_shown_and_nobody_is_told(kit: Kit) -> None:
    kit.configure(peopled_with(lift("inspection 2020-01-01", state="commissioning")), HERE)
    kit.tick()
    kit.run()
    assert kit.one("SELECT mode FROM fault") == "commissioning" and kit.rows("SELECT 1 FROM work_order") == [] and reminders(kit) == []


def test_a_rule_that_is_gone_takes_its_fault_along(kit: Kit) -> None:
    kit.configure(peopled_with(lift("inspection 2020-01-01")), HERE)
    kit.tick()
    kit.configure(peopled_with(lift("inspection 2020-01-01")), RULES)
    kit.tick()
    kit.run()
    assert kit.faults() == [("lift-1", "inspection_expired", "withdrawn")]


def test_an_unmonitored_asset_has_certificates_too(kit: Kit) -> None:
    """L-2: no telemetry is needed."""
    kit.configure(peopled_with("\n  - {id: boiler, kind: asset, name: 锅炉, certificates: [{what: inspection, until: 2020-01-01}]}\n"), HERE)
    kit.tick()
    kit.run()
    assert kit.faults() == [("boiler", "inspection_expired", "active")]


def test_L_2_an_area_without_telemetry_takes_orders(kit: Kit) -> None:
    """By hand, with the clocks of any other; and its whole life."""
    kit.configure(peopled_with("\n  - {id: stairs, kind: area, name: 疏散楼梯1}\n"), HERE)
    kit.tick()
    assert kit.command("open", "stairs", text="堆了杂物", severity="normal") == "ok"
    order = kit.order()
    for does in ("accept", "arrive", "restore"):
        kit.tick(60)
        assert kit.command(does, order) == "ok", does
    assert kit.command("close", order, who="chief", roles=("manager",), cause="moved", remedy="moved away") == "ok"
    assert kit.one("SELECT state FROM work_order") == "closed"
    assert {name for (name,) in kit.rows("SELECT name FROM clock")} == {"response", "arrival", "restore"}


def test_a_rule_that_is_off_raises_nothing_and_people_are_reminded_all_the_same(kit: Kit) -> None:
    off = lift("inspection 2020-01-01").replace("    state:", "    rules_off: {inspection_expired: 协会代管}\n    state:")
    kit.configure(peopled_with(off), HERE)
    kit.tick()
    assert len(reminders(kit)) == 1 and kit.faults() == []


def test_where_nobody_answers_for_the_plant_the_groups_are_told(kit: Kit) -> None:
    kit.configure(site_text(lift(f"inspection {after(kit, 7)}")), HERE)
    kit.tick()
    assert reminders(kit) == [(None, ["lift-1"])]
    assert kit.rows("SELECT channel FROM outbox") == [("duty",)]


def test_a_reminder_nobody_took_is_dropped_after_a_day(kit: Kit) -> None:
    kit.configure(peopled_with(lift(f"inspection {after(kit, 7)}")), HERE)
    kit.tick()
    kit.tick(25 * 3600)
    kit.run()
    assert kit.rows("SELECT state FROM outbox WHERE reason = 'certificate'") == [("dropped",)]


def test_the_outbox_knows_the_new_reason_and_no_other(kit: Kit) -> None:
    page = "INSERT INTO outbox (id, channel, reason, severity, message_json, created_ns, due_ns, state) VALUES (?, 'app', ?, 'normal', '{}', 1, 1, 'queued')"
    kit.records.db.execute(page, ("P1-1", "certificate"))
    with pytest.raises(apsw.ConstraintError):
        kit.records.db.execute(page, ("P1-2", "nonsense"))


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), st.data())
def test_a_restart_and_a_rebuild_make_the_same_of_it(tmp_path_factory: pytest.TempPathFactory, jumps: list[int], data: st.DataObject) -> None:
    kit = Kit(tmp_path_factory.mktemp("certificates"), wall_ns=MIDDAY)
    try:
        kit.configure(peopled_with(lift(f"inspection {after(kit, 30)}", f"fire_test {after(kit, 5)}"), lift("self_test 2026-01-31", n=2)), HERE)
        kit.tick()
        for jump in jumps:
            kit.tick(jump * 86_400 / 2)
            kit.tick()
        kit.configure(peopled_with(lift(f"inspection {after(kit, 40)}")), HERE)
        kit.ticks(3)
        kit.run()
        whole = kit.again("once.db", [])
        cuts = sorted(data.draw(st.sets(st.integers(1, len(kit.journal) - 1), max_size=4)))
        assert kit.dump() == whole == kit.again("twice.db", cuts)
        assert kit.restarted(data.draw(st.integers(1, len(kit.journal))), data.draw(st.integers(1, len(kit.journal)))) == whole
        assert whole["certificate"], "the control: there was something to tell"
    finally:
        kit.close()


def test_a_certificate_for_good_is_never_due() -> None:
    assert MachineCertificate("registration", None).days_left(TODAY) is None
