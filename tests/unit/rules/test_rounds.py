"""Records into rounds: frames of one machine or several, of one row or many, and bodies nobody can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.journal.record import Entry, Kind
from plantroom.model import Quality
from rules import engine
from rules.evaluate import KindEvaluator
from tests.kit.engine import Kit, pump, site_text

REST, BROKEN = (0, 0, 0, 1), (1, 0, 0, 1)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    kit.configure(site_text(pump(1), pump(2), pump(3)))
    kit.tick()
    yield kit
    kit.close()


def test_one_message_about_several_machines_is_a_step_of_each(kit: Kit) -> None:
    for values in [(REST, REST)] * 2 + [(BROKEN, REST)] * 4:
        kit.bank(values)
        kit.tick()
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "active")]


def test_rows_of_one_message_are_steps_at_their_own_instants(kit: Kit) -> None:
    kit.tick()
    kit.clock.advance(0.9)
    now = kit.clock.read().wall_ns
    kit.bank([REST], [0.8, 0.7], stamped=True)
    kit.bank([BROKEN], [0.4, 0.3, 0.2], stamped=True)
    kit.ticks(3)
    kit.run()
    assert kit.one("SELECT onset_ns FROM fault") == now - 400_000_000


def test_a_message_older_than_what_was_seen_changes_nothing(kit: Kit) -> None:
    kit.clock.advance(60)
    kit.bank([REST])
    kit.bank([BROKEN], [50, 40, 30], stamped=True)
    kit.ticks(5)
    kit.run()
    assert kit.faults() == []


def test_points_of_machines_nobody_watches_are_passed_over(kit: Kit) -> None:
    kit.configure(site_text(pump(2)))
    kit.tick()
    for _ in range(5):
        kit.bank([BROKEN, BROKEN, BROKEN])
        kit.tick()
    kit.run()
    assert kit.faults() == [("fp-2", "phase_loss", "active")]


def test_a_body_that_is_torn_unknown_or_of_another_version_is_counted_and_costs_nothing_else(kit: Kit) -> None:
    good = kit.bank([REST])
    other = bytes([9]) + good.body[1:]
    for body in (good.body[:-1], good.body + b"x", other, other[:40], good.body[:5], b"", good.body[:4] + b"unknown!" + good.body[12:]):
        kit.append(Entry(Kind.TELEMETRY, body))
    for _ in range(5):
        kit.bank([BROKEN])
        kit.tick()
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "active")]
    assert kit.engine.router.unreadable == 7


def test_machines_that_bring_other_points_in_one_round_are_judged_as_they_would_be_apart(kit: Kit) -> None:
    for n in range(6):
        kit.read(None, 1, **({"phase_loss": 1.0} if n > 1 else {}))
        kit.bank([REST, BROKEN] if n > 3 else [REST, REST])  # of fp-1 and fp-2
        kit.read(None, 3, Quality.NO_ANSWER if n % 2 else None)
        kit.tick()
    kit.run()
    whole = kit.again("whole.db", [])
    assert whole == kit.again("apart.db", range(1, len(kit.journal)))


def test_a_tick_at_the_instant_of_everybodys_step_looks_at_nobody_again_unless_a_fact_has_turned(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    tick = KindEvaluator.tick
    monkeypatch.setattr(KindEvaluator, "tick", lambda self, now_ns, rows=None: [looked.append(now_ns), tick(self, now_ns, rows)][1])

    def looks(pumps: int, *, facts: dict[str, bool]) -> int:
        monkeypatch.setattr(engine, "facts_of", lambda house, evaluators, now_ns: facts)
        looked.clear()
        kit.clock.advance(1.0)
        kit.bank([REST] * pumps)
        kit.tick(0.0)
        kit.run()
        return len(looked)

    day, night = {"site_fire": False, "working_hours": True}, {"site_fire": False, "working_hours": False}
    assert looks(3, facts=day) == 1  # told for the first time
    assert looks(3, facts=day) == 0
    assert looks(2, facts=day) == 1
    assert looks(3, facts=night) == 1


def test_a_second_look_at_the_same_instant_changes_nothing(kit: Kit) -> None:
    """What lets the tick be left out."""
    for bits in (REST, BROKEN, BROKEN, REST, REST, BROKEN):
        kit.clock.advance(1.0)
        kit.bank([bits] * 3)
        kit.run()
        evaluator = kit.engine.evaluators["fire_pump"]
        before, now_ns = evaluator.snapshot(), kit.clock.read().wall_ns
        assert evaluator.looked(now_ns) and evaluator.tick(now_ns) == []
        assert evaluator.snapshot() == before
