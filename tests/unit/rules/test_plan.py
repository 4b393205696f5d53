"""The life of a task of the plan (M-1..M-4): by time, by people, over restarts and other configurations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from rules.order import No
from rules.plan import ENDED, OPEN, TABLE, Effect, Event, Instants, Move, State, diagram, time_says, wakes_ns
from tests.kit.engine import Kit
from tests.kit.journals import NOON
from tests.kit.planned import DAY_S, GO_LIVE, PHOTO, PLAN, REPORT, keep_files, pump_month, rules, site, state, task, to

NS = 10**9
VENDOR: dict[str, Any] = {"who": "kone.liu", "roles": ["vendor"]}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=NOON)
    kit.configure(site(), rules())
    kit.tick()
    kit.run()
    keep_files(kit)
    yield kit
    kit.close()


def due(kit: Kit, job: str, column: str = "due_ns") -> int:
    return int(kit.one(f"SELECT {column} FROM plan_task WHERE id = ?", task(kit, job)))


def overdue(kit: Kit) -> list[tuple[str, str]]:
    return kit.rows("SELECT equipment, condition FROM fault WHERE rule = 'maintenance_overdue' ORDER BY raised_ns, id")


# -- the table


def test_the_table_answers_every_event_in_every_state_and_what_is_over_is_over() -> None:
    assert set(TABLE) == {(at, event) for at in State for event in Event}
    assert all(isinstance(TABLE[at, event], No) for at in ENDED for event in Event)
    for at in OPEN:
        for event in (Event.COMPLETE, Event.EXCUSE, Event.MOVE, Event.NEXT, Event.WITHDRAW):
            answer = TABLE[at, event]
            assert isinstance(answer, No) or answer.to in ENDED
    follows = {answer.to for answer in TABLE.values() if isinstance(answer, Move) and Effect.FOLLOW in answer.effects}
    assert follows == {State.DONE, State.MOVED, State.EXCUSED, State.MISSED}, "of a job one task is open, whatever became of the last"


def test_a_task_before_its_time_is_refused_and_time_never_goes_back_a_state() -> None:
    assert TABLE[State.SCHEDULED, Event.COMPLETE] == No("task_too_early")
    order = list(OPEN)
    for (before, event), answer in TABLE.items():
        if isinstance(answer, Move) and before in OPEN and answer.to in OPEN:
            assert order.index(answer.to) >= order.index(before), (before, event)


def test_time_wakes_a_task_at_the_very_instant_it_has_something_to_say() -> None:
    at = Instants(100, 200, 300, 400)
    assert [time_says(State.SCHEDULED, at, now) for now in (99, 100, 200, 301, 400)] == [
        None,
        Event.SOON,
        Event.FALL_DUE,
        Event.PASS,
        Event.NEXT,
    ]
    assert time_says(State.DUE, at, 300) is None, "kept by a step at its very instant"
    for now in OPEN:
        wakes = wakes_ns(now, at)
        assert wakes is not None and time_says(now, at, wakes - 1) is None and time_says(now, at, wakes) is not None
    assert time_says(State.OVERDUE, Instants(1, 2, 3, None), 10**6) is None and wakes_ns(State.OVERDUE, Instants(1, 2, 3, None)) is None


# -- by time


def test_of_each_job_one_task_is_open_from_the_go_live_on(kit: Kit) -> None:
    """M-1, X-2: daily round for both pumps, monthly and yearly each; unknown dates start at the go-live, spread out."""
    rows = kit.rows("SELECT job, role, due_day FROM plan_task ORDER BY job")
    assert [row[:2] for row in rows] == [
        ("@daily", "engineer"), ("fp-1/month", "vendor"), ("fp-1/year", "third_party"), ("fp-2/month", "vendor"), ("fp-2/year", "third_party"),
    ]  # fmt: skip
    days = {job: day for job, _, day in rows}
    assert days["fp-1/year"] != days["fp-2/year"]


def test_due_soon_due_overdue_and_done_late_is_shown_late(kit: Kit) -> None:
    """M-4."""
    id_ = task(kit, "fp-1/month")
    warn, at, over = (due(kit, "fp-1/month", column) for column in ("warn_ns", "due_ns", "overdue_ns"))
    for instant, wanted in ((at, "due"), (over, "due"), (over + NS, "overdue")):
        to(kit, max(instant, kit.clock.read().wall_ns))
        assert state(kit, id_) == wanted
    assert warn < at < over
    assert ("fp-1", "active") in overdue(kit)
    assert kit.command("complete", id_, **VENDOR, **pump_month()) == "ok"
    assert kit.one("SELECT state, late, ended_by FROM plan_task WHERE id = ?", id_) == ("done", 1, "kone.liu")
    assert ("fp-1", "cleared") in overdue(kit)


def test_a_round_not_walked_is_missed_when_the_next_one_falls_due_and_its_fault_stays(kit: Kit) -> None:
    """M-4: one fault a round, not one a machine; each date is made and none left out."""
    first = task(kit, "@daily")
    to(kit, due(kit, "@daily") + 5 * DAY_S * NS)
    days = [day for (day,) in kit.rows("SELECT day FROM plan_task WHERE job = '@daily' AND state = 'missed' ORDER BY day")]
    assert len(days) == 5 and len(set(days)) == 5 and state(kit, first) == "missed"
    assert [row for row in overdue(kit) if row[0] == "@daily"] == [("@daily", "active")]
    assert kit.command("complete", first, rest="ok") == "task_missed"
    now = task(kit, "@daily")
    good = {f"fp-{n}.pressure": 8 for n in (1, 2)}
    assert kit.command("complete", now, rest="ok", items=good) == "ok"
    assert [row for row in overdue(kit) if row[0] == "@daily"] == [("@daily", "cleared")]
    assert kit.rows("SELECT equipment, count(*) FROM plan_result WHERE task = ? GROUP BY 1", now) == [("fp-1", 2), ("fp-2", 2)]


def test_a_clock_set_wrong_by_years_makes_no_flood_of_tasks(kit: Kit) -> None:
    """P11."""
    kit.clock.step_wall(10 * 365 * DAY_S)
    kit.tick()
    kit.run()
    assert kit.one("SELECT count(*) FROM plan_task") < 20
    kit.clock.step_wall(-10 * 365 * DAY_S)
    kit.tick()
    kit.run()
    assert kit.one("SELECT count(*) FROM plan_task WHERE state IN ('scheduled','due_soon','due','overdue')") == 5


def test_nobody_is_told_of_it_at_night_and_one_page_says_it_in_the_morning(kit: Kit) -> None:
    """M-4: never a page at night."""
    kit.configure(site(GO_LIVE.rstrip("}\n") + ', rounds: {daily: {at: "18:00", grace: 6h}}}\n'), rules())
    kit.tick()
    kit.run()
    to(kit, due(kit, "@daily", "overdue_ns") + NS)  # midnight
    assert ("@daily", "active") in overdue(kit)
    pages = kit.rows("SELECT created_ns, due_ns, reason FROM outbox WHERE state = 'queued' AND reason = 'monitor'")
    assert pages and all(at - made == 7 * 3600 * NS - NS for made, at, _ in pages)
    ours = "SELECT count(*) FROM outbox o JOIN fault f ON f.id = o.fault WHERE f.equipment = '@daily' AND o.state = 'queued'"
    assert kit.one(ours) == 0
    to(kit, kit.clock.read().wall_ns + 3 * 3600 * NS)
    assert kit.one(ours) == 0, "nor a warning, a breach or a next level"


# -- by people


def test_a_task_is_done_by_who_may_with_its_evidence_and_all_its_items(kit: Kit) -> None:
    """M-2: by role, with its report; nothing half done where it is refused."""
    id_ = task(kit, "fp-1/month")
    to(kit, due(kit, "fp-1/month"))
    full = pump_month()
    refused = [
        ("task_for_vendor", {**full}),
        ("not_of_your_firm", {**full, "who": "other.he", "roles": ["vendor"]}),
        ("evidence_missing", {**VENDOR, **full, "evidence": {}}),
        ("evidence_unknown", {**VENDOR, **full, "evidence": {"report": ["nonsense"]}}),
        ("evidence_unknown", {**VENDOR, **full, "evidence": {"report": ["12" * 32]}}),
        (
            "evidence_unknown",
            {**VENDOR, **full, "evidence": {"report": ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}},
        ),
        ("task_item_missing", {**VENDOR, **full, "items": {"state": "good"}}),
        ("task_photo_missing", {**VENDOR, **full, "items": {"gap": "0.5", "state": "good"}}),
        ("task_item_wrong", {**VENDOR, **pump_month(state="great")}),
        ("task_item_wrong", {**VENDOR, **pump_month(gap={"value": "nan", "photo": PHOTO})}),
        ("task_item_unknown", {**VENDOR, **pump_month(extra="ok")}),
        ("argument", {**VENDOR, **full, "items": "all fine"}),
    ]
    for code, args in refused:
        assert kit.command("complete", id_, **args) == code
    assert state(kit, id_) == "due" and kit.rows("SELECT 1 FROM plan_result") == []
    assert kit.command("complete", id_, **VENDOR, **pump_month(remarks="漏油少许"), text="换油") == "ok"
    rows = kit.rows("SELECT item, outcome, value, number, photo FROM plan_result WHERE task = ? ORDER BY item", id_)
    words = kit.one("SELECT value FROM plan_result WHERE item = 'remarks'")
    assert rows == [("gap", "ok", None, 0.5, PHOTO), ("remarks", "noted", words, None, None), ("state", "ok", "good", None, None)]
    assert kit.one("SELECT text FROM private WHERE id = ?", words) == "漏油少许"
    assert orjson.loads(kit.one("SELECT evidence_json FROM plan_task WHERE id = ?", id_)) == {"report": [REPORT]}


def test_a_file_is_put_to_a_task_by_who_is_to_do_it_and_then_counts(kit: Kit) -> None:
    """E-1, M-3: a third party puts its report to its own task and to nothing else."""
    year, month = task(kit, "fp-1/year"), task(kit, "fp-1/month")
    report: dict[str, Any] = {"hash": "77" * 32, "kind": "pdf", "bytes": 9}
    assessor: dict[str, Any] = {"who": "tester.qi", "roles": ["third_party"]}
    to(kit, due(kit, "fp-1/year"))
    done = {**assessor, "rest": "ok", "evidence": {"report": [report["hash"]]}}
    assert kit.command("complete", year, **done) == "evidence_unknown"
    assert kit.command("attach", month, about="task", **assessor, **report) == "not_of_your_firm"
    assert kit.command("attach", "fp-1", about="equipment", **assessor, **report) == "role_may_not"
    assert kit.command("attach", "M9-9", about="task", **report) == "unknown_task"
    assert kit.command("attach", year, about="task", **assessor, **report) == "ok"
    assert kit.rows("SELECT about, target, equipment FROM evidence WHERE hash = ?", report["hash"]) == [("task", year, "fp-1")]
    assert kit.command("complete", year, **done) == "ok"


def test_two_people_completing_one_task_and_one_before_it_exists_are_refused(kit: Kit) -> None:
    id_ = task(kit, "fp-1/month")
    assert kit.command("complete", "M999-9", rest="ok") == "unknown_task"
    assert kit.command("complete", "M999-9", **VENDOR, **pump_month()) == "not_of_your_firm", "who sees only what is theirs"
    if state(kit, id_) == "scheduled":
        assert kit.command("complete", id_, **VENDOR, **pump_month()) == "task_too_early"
    to(kit, due(kit, "fp-1/month"))
    assert kit.command("complete", id_, **VENDOR, **pump_month()) == "ok"
    assert kit.command("complete", id_, **VENDOR, **pump_month()) == "task_done_already"
    [says] = kit.rows("SELECT says_json FROM command WHERE reason = 'task_done_already'")
    assert "kone.liu's name" in orjson.loads(says[0])["zh"]
    after = task(kit, "fp-1/month")
    assert after != id_ and state(kit, after) == "scheduled"
    assert kit.command("complete", after, **VENDOR, **pump_month()) == "task_too_early"


def test_a_third_party_who_supplies_or_maintains_the_machine_is_refused(kit: Kit) -> None:
    """M-3."""
    id_ = task(kit, "fp-1/year")
    to(kit, due(kit, "fp-1/year"))
    args = {"rest": "ok", "evidence": {"report": [REPORT]}}
    for who, code in (("kone.test", "third_party_is_vendor"), ("nobody.test", "third_party_without_firm")):
        assert kit.command("complete", id_, who=who, roles=["third_party"], **args) == code
    assert kit.command("complete", id_, **VENDOR, **args) == "task_for_third_party"
    assert kit.command("complete", id_, who="tester.qi", roles=["third_party"], **args) == "ok"


def test_one_visit_satisfies_several_entries_of_its_machine_alone(kit: Kit) -> None:
    """M-2: the assessment does what the month asks; the next month is counted from that day."""
    to(kit, due(kit, "fp-1/year"))
    month, other = task(kit, "fp-1/month"), task(kit, "fp-2/month")
    assert (
        kit.command("complete", task(kit, "fp-1/year"), who="tester.qi", roles=["third_party"], rest="ok", evidence={"report": [REPORT]})
        == "ok"
    )
    done, by = kit.one("SELECT state, satisfied_by FROM plan_task WHERE id = ?", month)
    assert done == "done" and by is not None and state(kit, other) not in ("done",)
    assert due(kit, "fp-1/month") > kit.clock.read().wall_ns + 27 * DAY_S * NS


def test_a_failed_item_opens_an_order_on_its_machine(kit: Kit) -> None:
    """M-1, M-2."""
    to(kit, due(kit, "fp-2/month"))
    before = kit.one("SELECT count(*) FROM work_order")
    args = pump_month(state="worn", gap={"value": "0,9", "photo": PHOTO})
    assert kit.command("complete", task(kit, "fp-2/month"), **VENDOR, **args) == "ok"
    rows = kit.rows(
        "SELECT w.equipment, w.opened_by, w.text_json FROM work_order w JOIN plan_result r ON r.work_order = w.id ORDER BY r.item"
    )
    assert [row[:2] for row in rows] == [("fp-2", "kone.liu")] * 2 and "0.9 mm" in rows[0][2]
    assert kit.one("SELECT count(*) FROM work_order") == before + 2


def test_our_side_signs_within_48_hours_or_there_is_an_open_item(kit: Kit) -> None:
    """M-2."""
    for job, late in (("fp-1/month", False), ("fp-2/month", True)):
        to(kit, max(due(kit, job), kit.clock.read().wall_ns))
        id_ = task(kit, job)
        assert kit.command("countersign", id_) == "nothing_to_sign"
        assert kit.command("complete", id_, **VENDOR, **pump_month()) == "ok"
        assert kit.command("countersign", id_, **VENDOR) == "role_may_not"
        kit.clock.advance(48 * 3600 + (2 if late else -3600))
        kit.tick()
        kit.run()
        order = kit.one("SELECT counter_order FROM plan_task WHERE id = ?", id_)
        assert (order is not None) is late
        assert kit.command("countersign", id_) == "ok"
        assert kit.command("countersign", id_) == "signed_already"
        if late:
            assert kit.one("SELECT state FROM work_order WHERE id = ?", order) == "closed"


def test_a_task_moves_only_with_a_reason_and_somebody_elses_word(kit: Kit) -> None:
    id_ = task(kit, "@daily")
    day = kit.one("SELECT due_day FROM plan_task WHERE id = ?", id_)
    assert kit.command("move", task(kit, "fp-1/month"), until="2026-12-28") == "argument", "no reason"
    assert kit.command("move", id_, until=day, reason="放假") == "argument"
    assert kit.command("move", id_, until="2027-03-01", reason="放假") == "moved_too_far"
    month = task(kit, "fp-1/month")
    was = kit.one("SELECT due_day FROM plan_task WHERE id = ?", month)
    until = f"{was[:8]}{int(was[8:]) % 27 + 1:02d}" if was[:7] > "2026-11" else "2026-12-05"
    assert kit.command("agree", month, who="boss", roles=["engineer"]) == "nothing_asked"
    assert kit.command("move", month, until=until, reason="停水") in ("ok", "argument", "moved_too_far")
    if kit.one("SELECT asked_json FROM plan_task WHERE id = ?", month) is None:
        assert kit.command("excuse", month, reason="停水") == "ok"
    assert kit.command("agree", month) == "agree_needs_engineer"
    assert kit.command("agree", month, who="li.wei", roles=["engineer"]) == "asker_cannot_agree"
    assert kit.command("decline", month, who="boss", roles=["engineer"]) == "ok"
    assert state(kit, month) in OPEN
    assert kit.command("excuse", month, reason="停用") == "ok"
    assert kit.command("agree", month, who="boss", roles=["engineer"]) == "ok"
    assert kit.one("SELECT state, agreed_by FROM plan_task WHERE id = ?", month) == ("excused", "boss")
    assert state(kit, task(kit, "fp-1/month")) in OPEN


def test_a_moved_task_is_another_one_and_the_date_after_it_stays(kit: Kit) -> None:
    year = task(kit, "fp-1/year")
    day, due_day = kit.one("SELECT day, due_day FROM plan_task WHERE id = ?", year)
    until = f"{int(day[:4]) + (day[5:] >= '02-01')}-{'01' if day[5:] >= '02-01' else '03'}-15"
    assert kit.command("move", year, until=until, reason="大修") == "ok"
    assert kit.command("agree", year, who="boss", roles=["supervisor"]) == "ok"
    after = task(kit, "fp-1/year")
    assert state(kit, year) == "moved"
    assert kit.one("SELECT day, due_day, moved_from, next_ns FROM plan_task WHERE id = ?", after) == (
        day,
        until,
        year,
        kit.one("SELECT next_ns FROM plan_task WHERE id = ?", year),
    )


# -- work sets rules off


def test_an_open_task_suppresses_the_named_rules_of_its_machine_only_and_looks_when_it_ends(kit: Kit) -> None:
    """M-5: nobody is paged for what the work sets off; what is left wrong is told the moment the work is over."""
    to(kit, due(kit, "fp-1/month"))
    id_ = task(kit, "fp-1/month")
    assert kit.command("start", id_, **VENDOR) == "ok"
    assert kit.command("start", id_, **VENDOR) == "task_started_already"
    for _ in range(5):
        kit.read(pump=1, phase_loss=1, jockey_fault=1)
        kit.read(pump=2, phase_loss=1)
        kit.tick()
    kit.run()
    modes = {(e, r): m for e, r, m in kit.rows("SELECT equipment, rule, mode FROM fault WHERE rule != 'maintenance_overdue'")}
    assert modes == {("fp-1", "phase_loss"): "maintenance", ("fp-1", "jockey"): "live", ("fp-2", "phase_loss"): "live"}
    assert kit.one("SELECT work_order FROM fault WHERE mode = 'maintenance'") is None
    assert kit.command("complete", id_, **VENDOR, **pump_month()) == "ok"
    mode, order = kit.one("SELECT mode, work_order FROM fault WHERE equipment = 'fp-1' AND rule = 'phase_loss'")
    assert mode == "live" and order is not None
    assert kit.one("SELECT count(*) FROM outbox WHERE work_order = ?", order) > 0


def test_suppression_expires_by_itself_and_rearms(kit: Kit) -> None:
    to(kit, due(kit, "fp-1/month"))
    id_ = task(kit, "fp-1/month")
    kit.command("start", id_, **VENDOR)
    kit.stay(5, phase_loss=1)
    kit.run()
    assert kit.one("SELECT mode FROM fault WHERE rule = 'phase_loss'") == "maintenance"
    kit.clock.advance(4 * 3600 - 10)
    kit.stay(20, phase_loss=1)
    kit.run()
    assert kit.one("SELECT mode FROM fault WHERE rule = 'phase_loss'") == "live"
    assert kit.one("SELECT busy_ns FROM plan_task WHERE id = ?", id_) is None
    kit.stay(10)
    kit.stay(5, phase_loss=1)
    kit.run()
    assert kit.rows("SELECT DISTINCT mode FROM fault WHERE rule = 'phase_loss'") == [("live",)]


# -- the configuration


def test_an_entry_that_is_gone_withdraws_its_task_visibly_and_a_changed_interval_makes_a_new_one(kit: Kit) -> None:
    year, month = task(kit, "fp-1/year"), task(kit, "fp-1/month")
    kit.configure(
        site(), rules(PLAN.replace("every: 1 year", "every: 2 years").replace("  month:\n", "  monthly:\n").replace("[month]", "[monthly]"))
    )
    kit.tick()
    kit.run()
    assert state(kit, year) == "withdrawn" and state(kit, month) == "withdrawn"
    assert state(kit, task(kit, "fp-1/year")) in OPEN and state(kit, task(kit, "fp-1/monthly")) in OPEN
    assert kit.rows("SELECT 1 FROM chronicle WHERE kind = 'task.withdrawn'") != []


def test_a_plan_switched_off_ends_its_faults(kit: Kit) -> None:
    to(kit, due(kit, "@daily", "overdue_ns") + NS)
    assert ("@daily", "active") in overdue(kit)
    kit.configure(site(""), rules())
    kit.tick()
    kit.run()
    assert {condition for _, condition in overdue(kit)} == {"withdrawn"}
    assert kit.one("SELECT count(*) FROM plan_task WHERE state IN ('scheduled','due_soon','due','overdue')") == 0


def test_dates_of_the_ledger_come_before_the_go_live(kit: Kit) -> None:
    """L-1, X-2: done on the 20th, so the next one is a month from then; one that is long ago is overdue at once."""
    known = "plan: {go_live: 2026-11-01, machines: {fp-1: {month: {last: 2026-11-20}, year: {last: 2024-05-05}}}}\n"
    kit.configure(site(known), rules())
    kit.tick()
    kit.run()
    assert kit.one("SELECT due_day FROM plan_task WHERE id = ?", task(kit, "fp-1/month")) == "2026-12-20"
    due_day, now = kit.one("SELECT due_day, state FROM plan_task WHERE id = ?", task(kit, "fp-1/year"))
    assert (due_day, now) == ("2026-05-05", "overdue")


# -- restart, rebuild


def busy(kit: Kit) -> None:
    """A bit of everything."""
    to(kit, due(kit, "fp-1/month"))
    kit.command("start", task(kit, "fp-1/month"), **VENDOR)
    kit.stay(4, phase_loss=1)
    kit.command("complete", task(kit, "fp-1/month"), **VENDOR, **pump_month(state="worn", remarks="话"))
    kit.command("complete", task(kit, "@daily"), rest="ok", items={f"fp-{n}.pressure": 1 for n in (1, 2)})
    kit.command("excuse", task(kit, "fp-2/month"), reason="停用")
    kit.command("agree", task(kit, "fp-2/month"), who="boss", roles=["engineer"])
    kit.clock.advance(60 * 3600)
    kit.tick()
    kit.configure(site(), rules(PLAN.replace("every: 1 year", "every: 2 years")))
    kit.ticks(3)
    kit.run()


def test_a_rebuild_gives_the_same_rows_however_records_come_together(kit: Kit) -> None:
    busy(kit)
    kit.engine.memory()
    stands = kit.dump()
    assert kit.again("again.db", range(1, len(kit.journal))) == stands
    assert kit.again("again2.db", [7, 20]) == stands
    assert {"done", "excused", "withdrawn"} <= {row[0] for row in kit.rows("SELECT DISTINCT state FROM plan_task")}


@pytest.mark.parametrize("snapped", [3, 9, 14])
def test_a_restart_resumes_every_task(kit: Kit, snapped: int) -> None:
    """P10."""
    busy(kit)
    kit.engine.memory()
    assert kit.restarted(snapped, snapped + 4) == kit.dump()


def test_the_diagram_in_the_documentation_is_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "plan.md").read_text("utf-8")
    assert diagram() in page


def test_a_gauge_is_compared_with_telemetry_and_a_counter_makes_its_task_due(tmp_path: Path) -> None:
    """M-1 (抄表不符), M-5: what was measured at that instant stands beside what was typed; run hours count beside dates."""
    own = PLAN.replace("unit: bar, limits: [2, 24]}", "unit: bar, limits: [2, 24], point: system_pressure, within: 0.5}").replace(
        "    every: 1 month\n", "    every: 1 month\n    or_after: {counter: start_count, every: 3}\n"
    )
    kit = Kit(tmp_path, wall_ns=NOON)
    kit.configure(site(pumps=1), rules(own))
    kit.tick()
    kit.run()
    keep_files(kit)
    held = {("fp-1", "system_pressure"): 9.5, ("fp-1", "start_count"): 100.0}
    kit.engine.desk.reading = lambda machine, point: held.get((machine, point))
    to(kit, due(kit, "@daily"))
    kit.command("complete", task(kit, "fp-1/month"), **VENDOR, **pump_month())
    assert kit.command("complete", task(kit, "@daily"), rest="ok", items={"fp-1.pressure": 8.2}) == "ok"
    assert kit.one("SELECT number, measured FROM plan_result WHERE item = 'pressure'") == (8.2, 9.5)
    month = task(kit, "fp-1/month")
    for value, wanted in ((102.0, "scheduled"), (103.0, "due")):
        held["fp-1", "start_count"] = value
        kit.tick()
        kit.tick()
        kit.run()
        assert state(kit, month) == wanted
    kit.close()
