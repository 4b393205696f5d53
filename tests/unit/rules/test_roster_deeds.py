"""Changes of the roster that people enter: who is called then, what is refused in words, what a restart and a rebuild make of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from plantroom.clock import NS
from rules.roster_change import TABLE, Event, State
from tests.kit.engine import RULES, Kit, event_text, peopled
from tests.kit.journals import NOON

MIDDAY = NOON - 8 * 3600 * NS  # Saturday the 21st of November, 12:00 in Shanghai
HERE = {name: text for name, text in RULES.items() if "delivery_failed" not in name}
ILL: dict[str, Any] = {"from": "2026-11-21T12:00", "until": "2026-11-21T20:00", "out": "li.wei", "in": "wang.fang", "reason": "发烧了"}
SWAP: dict[str, Any] = {
    "one": "li.wei", "one_from": "2026-11-22T08:00", "one_until": "2026-11-22T20:00", "other": "wang.fang",
    "other_from": "2026-11-22T20:00", "other_until": "2026-11-23T08:00",
}  # fmt: skip


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(peopled(), {**HERE, "rules/packs/monitor/roster_gap.yaml": event_text("roster_gap")})
    kit.tick()
    yield kit
    kit.close()


def enter(kit: Kit, does: str, target: str = "engineering", role: str = "engineer", **args: Any) -> str:
    return kit.command(does, target, who="chen", roles=[role], **args)


def said(kit: Kit) -> str:
    """What the last command was answered, in English."""
    return str(orjson.loads(kit.rows("SELECT says_json FROM command ORDER BY seq")[-1][0])["en"])


def told(kit: Kit) -> list[str]:
    kit.run()
    return [row[0] for row in kit.rows("SELECT person FROM outbox WHERE person IS NOT NULL AND reason <> 'roster' ORDER BY rowid")]


def states(kit: Kit) -> list[str]:
    kit.run()
    return [row[0] for row in kit.rows("SELECT state FROM roster_change ORDER BY rowid")]


def test_the_table_answers_every_event_in_every_state_and_over_is_for_good() -> None:
    assert set(TABLE) == {(state, event) for state in State for event in Event}
    assert all(after is state for (state, _), after in TABLE.items() if state is not State.AHEAD)


def test_who_stands_in_is_called_and_the_reason_is_no_ones_business_in_the_chronicle(kit: Kit) -> None:
    assert enter(kit, "stand_in", **ILL) == "ok"
    kit.stay(5, pump_running=1)
    assert told(kit) == ["wang.fang"]
    reason = kit.one("SELECT reason FROM roster_change")
    assert kit.one("SELECT text FROM private WHERE id = ?", reason) == "发烧了"
    assert not kit.rows("SELECT n FROM chronicle WHERE instr(body, ?)", "发烧了".encode())
    state = orjson.loads(kit.rows("SELECT state_json FROM command")[0][0])
    assert state == {"changes": [kit.one("SELECT id FROM roster_change")]}


def test_the_control_without_a_change_the_planned_one_is_called(kit: Kit) -> None:
    kit.stay(5, pump_running=1)
    assert told(kit) == ["li.wei"]


def test_a_change_counts_only_in_its_time_and_is_over_at_the_tick_behind_it(kit: Kit) -> None:
    assert enter(kit, "stand_in", **{**ILL, "until": "2026-11-21T12:10"}) == "ok"
    kit.clock.advance(599 - 1)
    kit.tick(0)
    assert states(kit) == ["ahead"]
    kit.tick()
    assert states(kit) == ["over"]
    kit.stay(5, pump_running=1)
    assert told(kit) == ["li.wei"]


def test_without_anybody_to_leave_somebody_comes_in_addition(kit: Kit) -> None:
    addition = {name: value for name, value in ILL.items() if name != "out"}
    assert enter(kit, "stand_in", **addition) == "ok"
    kit.stay(5, pump_running=1)
    assert told(kit) == ["li.wei", "wang.fang"]


def test_a_swap_is_both_turns_and_is_dropped_whole(kit: Kit) -> None:
    assert enter(kit, "swap", **SWAP) == "ok"
    rows = kit.rows("SELECT out_person, in_person FROM roster_change ORDER BY rowid")
    assert rows == [("li.wei", "wang.fang"), ("wang.fang", "li.wei")]
    second = kit.rows("SELECT id FROM roster_change ORDER BY rowid")[1][0]
    assert enter(kit, "drop_change", second) == "ok"
    assert states(kit) == ["dropped", "dropped"]
    assert kit.rows("SELECT DISTINCT ended_by FROM roster_change") == [("chen",)]
    assert enter(kit, "drop_change", second) == "unknown_change", "once"


def test_an_addition_that_fills_a_gap_may_not_be_dropped(tmp_path: Path) -> None:
    """O-1: nobody left on duty."""
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(peopled().replace("hours: \"08:00-20:00\"", "hours: \"08:00-18:00\""), HERE)
    kit.tick()
    fill = {"from": "2026-11-21T17:00", "until": "2026-11-21T20:00", "in": "chief", "reason": "gap"}
    assert enter(kit, "stand_in", **fill) == "ok"
    change = kit.one("SELECT id FROM roster_change")
    assert enter(kit, "drop_change", change) == "leaves_nobody"
    assert said(kit) == "Nobody of engineering would be on duty from 2026-11-21 18:00"
    assert enter(kit, "stand_in", **{**fill, "in": "wang.fang"}) == "ok"
    assert enter(kit, "drop_change", change) == "ok", "the control: another one fills it"
    kit.close()


@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"in": "nobody"}, "unknown_person"),
        ({"out": "nobody"}, "unknown_person"),
        ({"in": ""}, "argument"),
        ({"reason": ""}, "argument"),
        ({"until": "2026-11-21T12:00"}, "span_empty"),
        ({"from": "2026-11-21T08:00", "until": "2026-11-21T11:59"}, "span_is_over"),
        ({"until": "2027-04-01T00:00"}, "span_too_long"),
        ({"until": "tomorrow"}, "argument"),
        ({"until": "9999-12-31T23:59"}, "argument"),
        ({"until": 7e18}, "argument"),
        ({"in": "li.wei"}, "same_person"),
        ({"out": "chief"}, "not_on_duty"),
        ({"until": "2026-11-21T18:00", "out": "wang.fang", "in": "chief"}, "not_on_duty"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_in_words(kit: Kit, different: dict[str, Any], code: str) -> None:
    assert enter(kit, "stand_in", **{**ILL, **different}) == code
    assert kit.rows("SELECT id FROM roster_change") == []
    assert "{" not in said(kit)


def test_an_unknown_team_change_or_swap_is_refused(kit: Kit) -> None:
    assert enter(kit, "stand_in", "gardeners", **ILL) == "unknown_team"
    assert enter(kit, "drop_change", "R1-1") == "unknown_change"
    assert enter(kit, "swap", **{**SWAP, "other_from": "2026-11-22T19:59"}) == "spans_overlap"
    assert enter(kit, "swap", **{**SWAP, "other": "li.wei"}) == "same_person"


@pytest.mark.parametrize(("role", "reason"), [("technician", "roster_needs_engineer"), ("viewer", "roster_needs_engineer"), ("engineer", "ok"), ("supervisor", "ok"), ("manager", "ok"), ("admin", "ok")])  # fmt: skip
@pytest.mark.parametrize(("does", "args"), [("stand_in", ILL), ("swap", SWAP)])
def test_only_who_may_plan_changes_the_roster(kit: Kit, role: str, reason: str, does: str, args: dict[str, Any]) -> None:
    assert enter(kit, does, role=role, **args) == reason


def test_a_gap_of_the_plan_ends_with_who_stands_in(tmp_path: Path) -> None:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    gap = peopled().replace("hours: \"08:00-20:00\"", "hours: \"08:00-12:00\"")
    kit.configure(gap, {**HERE, "rules/packs/monitor/roster_gap.yaml": event_text("roster_gap")})
    kit.stay(5)
    kit.run()
    assert kit.rows("SELECT condition FROM fault") == [("active",)]
    assert enter(kit, "stand_in", **{"from": "2026-11-21T12:00", "until": "2026-11-21T20:00", "in": "chief", "reason": "gap"}) == "ok"
    kit.stay(3)
    kit.run()
    assert kit.rows("SELECT condition FROM fault") == [("cleared",)]
    kit.close()


@pytest.mark.parametrize("step_s", [-3600, 7200])
def test_a_set_clock_moves_no_time_of_the_calendar(kit: Kit, step_s: int) -> None:
    enter(kit, "stand_in", **{**ILL, "from": "2026-11-21T15:00"})
    before = kit.one("SELECT from_ns, to_ns, state FROM roster_change")
    kit.clock.step_wall(step_s)
    kit.ticks(3)
    kit.run()
    assert kit.one("SELECT from_ns, to_ns, state FROM roster_change") == before


def test_what_is_over_stays_over_when_the_clock_is_set_back_and_after_restarts(kit: Kit) -> None:
    enter(kit, "stand_in", **{**ILL, "until": "2026-11-21T12:10"})
    kit.clock.advance(700)
    kit.ticks(2)
    kit.clock.step_wall(-690)
    kit.ticks(2)
    enter(kit, "stand_in", **ILL)
    kit.stay(4, pump_running=1)
    kit.run(1)
    kit.engine.memory()
    expected = kit.dump()
    assert states(kit) == ["over", "ahead"]
    for cut in range(0, len(kit.journal), 3):
        assert kit.again(f"cut-{cut}.db", [cut]) == expected
    assert kit.restarted(2, 6) == expected
