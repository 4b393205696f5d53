"""The plan under whatever time, people, configurations and clocks do to it (M-4, P10, P11): of each job one task is open, no date stands twice
among what was kept or missed, and another way of taking the same journal, or a death anywhere in it, gives the same rows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.engine import Kit
from tests.kit.planned import PLAN, keep_files, pump_month, rules, site

HOUR = 3600
JOBS = ("@daily", "fp-1/month", "fp-1/year", "fp-2/month")
OTHER = PLAN.replace("every: 1 year", "every: 2 years").replace('at: "08:30"', 'at: "02:30"')
WHO = {
    "engineer": ("li.wei", "technician"),
    "vendor": ("kone.liu", "vendor"),
    "third_party": ("tester.qi", "third_party"),
    "boss": ("boss", "engineer"),
}

passing = st.tuples(st.just("pass"), st.sampled_from((1, 7 * HOUR, 26 * HOUR, 80 * HOUR, 400 * HOUR)))
deeds = st.tuples(
    st.sampled_from(("start", "complete", "excuse", "agree", "decline", "countersign", "move")),
    st.sampled_from(JOBS),
    st.sampled_from(sorted(WHO)),
)
clocks = st.tuples(st.just("clock"), st.sampled_from((-3 * HOUR, 5, 9 * HOUR, 30 * 24 * HOUR)))
configs = st.tuples(st.just("config"), st.sampled_from((PLAN, OTHER, "")))
faults = st.tuples(st.just("fault"), st.booleans())
story = st.lists(st.one_of(passing, passing, deeds, deeds, clocks, configs, faults), min_size=3, max_size=14)


def tell(kit: Kit, step: tuple[Any, ...]) -> None:
    what, *more = step
    if what == "pass":
        kit.clock.advance(more[0])
        kit.tick()
    elif what == "clock":
        kit.clock.step_wall(more[0])
        kit.tick()
    elif what == "config":
        kit.configure(site() if more[0] else site(""), rules(more[0] or PLAN))
        kit.tick()
    elif what == "fault":
        kit.stay(4, phase_loss=int(more[0]))
    else:
        kit.run()
        job, role = more
        found = kit.rows("SELECT id FROM plan_task WHERE job = ? ORDER BY rowid DESC LIMIT 1", job)
        who, as_role = WHO[role]
        good = {**pump_month(), "rest": "ok"} if job.endswith("month") else {"rest": "ok", "evidence": {"report": ["ab" * 32]}}
        if job == "@daily":
            good = {"rest": "ok", "items": {"fp-1.pressure": 8, "fp-2.pressure": 1}}
        args = {"complete": good, "excuse": {"reason": "x"}, "move": {"reason": "x", "until": "2026-12-24"}}.get(what, {})
        kit.command(what, found[0][0] if found else "M0-0", who=who, roles=[as_role], **args)


given_all = given(story=story, cuts=st.lists(st.integers(1, 60), max_size=3), died=st.tuples(st.integers(1, 60), st.integers(1, 60)))


@settings(max_examples=4, deadline=None)
@given_all
def test_of_each_job_one_task_is_open_and_no_way_of_taking_the_journal_changes_a_row(
    story: list[tuple[Any, ...]], cuts: list[int], died: tuple[int, int]
) -> None:
    holds(story, cuts, died)


@pytest.mark.soak
@settings(max_examples=300, deadline=None)
@given_all
def test_the_same_of_many_stories(story: list[tuple[Any, ...]], cuts: list[int], died: tuple[int, int]) -> None:
    holds(story, cuts, died)


def holds(story: list[tuple[Any, ...]], cuts: list[int], died: tuple[int, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        kit.configure(site(), rules())
        kit.tick()
        kit.run()
        keep_files(kit)
        for step in story:
            tell(kit, step)
        kit.run()
        kit.engine.memory()
        kept = "state IN ('scheduled', 'due_soon', 'due', 'overdue')"
        assert kit.rows(f"SELECT job FROM plan_task WHERE {kept} GROUP BY job HAVING count(*) > 1") == []
        assert (
            kit.rows("SELECT job, day FROM plan_task WHERE state IN ('done', 'missed', 'excused') GROUP BY 1, 2, shape HAVING count(*) > 1")
            == []
        )
        last = [step[1] for step in story if step[0] == "config"]
        assert (kit.one(f"SELECT count(*) FROM plan_task WHERE {kept}") > 0) is (not last or last[-1] != "")
        stands = kit.dump()
        within = sorted(min(cut, len(kit.journal)) for cut in cuts)
        assert kit.again("again.db", within) == stands
        assert kit.restarted(*(min(at, len(kit.journal)) for at in died)) == stands
        kit.close()
