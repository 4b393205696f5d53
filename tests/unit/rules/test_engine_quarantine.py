"""What raises is taken back, written down and passed over; what the disk refuses is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from plantroom.errors import JournalFailed
from plantroom.journal.record import Kind, encode_batch
from plantroom.model import Frame, one_row
from rules import deeds, engine, events, incident, skipped, work
from rules.clocks import OrderClock
from rules.desk import Desk
from rules.evaluate import KindEvaluator
from rules.house import House
from rules.rows import Pending
from tests.kit.engine import RULES, Kit, event_text, pump, site_text

ALL_RULES = {**RULES, "rules/packs/monitor/record_skipped.yaml": event_text("record_skipped", "readiness", "1h")}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    kit.configure(rules=ALL_RULES)
    kit.tick()
    kit.run()
    yield kit
    kit.close()


def raising(error: Exception, do: Callable[..., Any], when: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
    """Does it, then raises where `when` says so."""

    def call(*args: Any) -> Any:
        done = do(*args)
        if when(*args):
            raise error.with_traceback(None)  # one that is raised again carries every place it was ever raised at
        return done

    return call


def skips(kit: Kit) -> list[tuple[Any, ...]]:
    return kit.rows("SELECT record, does, kind, equipment, error, count FROM skipped ORDER BY seq, id")


def test_a_command_that_raises_leaves_no_trace_but_its_row_and_the_next_one_is_done(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.stay(4, phase_loss=1)
    kit.run()
    order = kit.order()
    monkeypatch.setattr(deeds, "apply", raising(KeyError("who"), deeds.apply, lambda desk, house, body, *more: b"li.wei" in body))
    with pytest.raises(AssertionError):  # it has no outcome
        kit.command("accept", order)
    assert kit.one("SELECT state FROM work_order WHERE id = ?", order) == "open"
    assert skips(kit) == [("command", "command", "", "", "KeyError: 'who'", 1)]
    assert ("monitor", "record_skipped", "active") in kit.faults()
    assert kit.one("SELECT count(*) FROM outbox WHERE reason = 'raised' AND message_json LIKE '%record_skipped%'") == 2
    assert kit.command("accept", order, who="wang") == "ok"


def test_where_it_was_raised_is_told_with_the_newest_frames_first(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "take", raising(ValueError("at 0x7f3a2b10 <x>"), events.take))
    kit.event("service_restarted")
    kit.run()
    error, place = kit.one("SELECT error, place FROM skipped")
    assert error == "ValueError: at 0x <x>" and place.startswith("tests.unit.rules.test_engine_quarantine:") and "rules.engine:" in place
    assert kit.rows("SELECT count(*) FROM chronicle WHERE kind = 'event'") == [(0,)]


def test_the_same_again_counts_on_in_one_row_until_a_pause(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "quiet", raising(RuntimeError("no"), lambda desk, house: None))
    monkeypatch.setitem(engine.LOOKS, "quiet", events.quiet)
    kit.ticks(50)
    kit.run(1)
    assert [row[5] for row in skips(kit)] == [50]
    kit.clock.advance(601)
    kit.tick()
    kit.run()
    assert [row[5] for row in skips(kit)] == [50, 1]
    assert len(kit.rows("SELECT n FROM chronicle WHERE kind = 'record.skipped'")) == 2
    kit.restart()
    kit.run()
    assert [row[5] for row in skips(kit)] == [50, 1]


def test_one_clock_that_raises_silences_no_other(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.stay(4, phase_loss=1)
    kit.stay(4, jockey_fault=1)
    kit.run()
    first = kit.rows("SELECT work_order FROM clock ORDER BY started_ns")[0][0]

    def of_the_first(desk: Desk, house: House, clock: OrderClock) -> bool:
        return clock.work_order == first and clock.name.value == "response"

    monkeypatch.setattr(work, "notice", raising(RuntimeError("no"), work.notice, of_the_first))
    kit.ticks(31 * 60, every_s=5)
    kit.run()
    breached = kit.rows("SELECT work_order FROM clock WHERE name = 'response' AND breached_ns IS NOT NULL AND work_order IN (SELECT work_order FROM fault)")
    assert (first,) not in breached and len(breached) >= 1
    assert {row[:2] for row in skips(kit)} == {("tick", "clock")}


def test_a_configuration_that_raises_changes_nothing(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kit.engine.house
    monkeypatch.setattr(KindEvaluator, "adopt", raising(RuntimeError("no"), KindEvaluator.adopt))
    kit.configure(rules=ALL_RULES)
    kit.stay(4, phase_loss=1)
    kit.run()
    assert kit.engine.house is before and skips(kit)[0][:2] == ("config", "config")
    assert ("fp-1", "phase_loss", "active") in kit.faults()


def test_a_value_that_fits_no_row_is_a_records_fault(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the commit would have found it."""

    def unfit(desk: Desk, house: House | None, body: bytes) -> None:
        desk.put_condition(Pending("fp-1", "x", "pending", 2**70, 0))

    monkeypatch.setattr(events, "take", unfit)
    kit.event("service_restarted")
    kit.stay(4, phase_loss=1)
    kit.run()
    assert skips(kit)[0][:2] == ("event", "event") and "OverflowError" in skips(kit)[0][4]
    assert ("fp-1", "phase_loss", "active") in kit.faults()


@pytest.mark.parametrize("error", [apsw.FullError("full"), apsw.IOError("io"), apsw.BusyError("busy"), OSError(28, "no space"), MemoryError(), JournalFailed("")])
def test_what_the_machine_refuses_is_never_skipped(kit: Kit, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    kit.stay(4, phase_loss=1)
    with monkeypatch.context() as broken:
        broken.setattr(incident, "take", raising(error, incident.take))
        with pytest.raises(type(error)):
            kit.run()
    kit.restart()
    kit.run()
    assert skips(kit) == [] and kit.faults() == [("fp-1", "phase_loss", "active")]


def test_a_disk_that_is_full_while_parts_are_tried_ends_the_process_and_nothing_is_skipped(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.event("service_restarted")
    with monkeypatch.context() as broken:
        broken.setattr(events, "take", raising(ValueError("bad"), events.take))
        broken.setattr(skipped, "note", raising(apsw.FullError("full"), skipped.note))
        with pytest.raises(JournalFailed):
            kit.run()
    kit.restart()
    kit.run()
    assert skips(kit) == [] and kit.faults() == [("monitor", "service_restarted", "active")]


def test_where_the_page_raises_too_the_row_stands(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident, "raise_fault", raising(RuntimeError("no"), incident.raise_fault))
    kit.event("service_restarted")
    kit.tick()
    kit.run()
    assert skips(kit) == [("event", "event", "", "", "RuntimeError: no", 1)] and kit.faults() == []
    assert kit.engine.desk.position is not None and kit.engine.desk.position.seq == len(kit.journal)


def test_before_the_first_configuration_it_is_only_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = Kit(tmp_path)
    monkeypatch.setattr(events, "take", raising(ValueError("bad"), events.take))
    kit.say(b"{}", Kind.EVENT)
    kit.run()
    assert len(skips(kit)) == 1 and kit.faults() == []
    kit.close()


def test_of_a_row_that_speaks_of_many_only_the_machine_that_raises_is_passed_over(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_pump(desk: Desk, house: House, t: Any) -> bool:
        return bool(t.equipment == "fp-2")

    monkeypatch.setattr(incident, "take", raising(RuntimeError("no"), incident.take, other_pump))
    for _ in range(4):
        kit.bank([(1, 0, 0, 1), (1, 0, 0, 1)])
        kit.tick()
    kit.run()
    assert kit.rows("SELECT equipment, rule FROM fault WHERE equipment <> 'monitor'") == [("fp-1", "phase_loss")]
    assert {row[:4] for row in skips(kit)} == {("telemetry", "step", "fire_pump", "fp-2")}


def test_where_one_kinds_evaluator_raises_the_other_kinds_of_the_same_record_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps and ticks of all generators raise; a pump in the same record is judged as ever."""
    kit = Kit(tmp_path)
    generator = "  - {id: gen-1, kind: generator, name: G, profile: smartgen-hgm4000n, connection: bus, unit: 9}\n"
    kit.configure(site_text(pump(1), generator), ALL_RULES)

    def of_generators(self: KindEvaluator, *_: Any) -> bool:
        return self.kind.name == "generator"

    for name in ("step", "tick"):
        monkeypatch.setattr(KindEvaluator, name, raising(RuntimeError("no"), getattr(KindEvaluator, name), of_generators))
    frame = Frame(("gen-1.engine_speed", "fp-1.phase_loss", "gen-1.oil_pressure"))
    for _ in range(5):
        at_ns = kit.clock.read().wall_ns
        kit.append(encode_batch(one_row(frame, at_ns, np.array([1500.0, 1.0, 300.0]), np.zeros(3, np.uint8))), "collect")
        kit.tick()
    kit.run()
    assert ("fp-1", "phase_loss", "active") in kit.faults()
    assert {(row[:4], row[5]) for row in skips(kit)} == {(("telemetry", "step", "generator", "gen-1"), 5), (("tick", "tick", "generator", "gen-1"), 5)}
    kit.close()


def test_a_second_one_is_taken_back_to_after_the_first(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before the first one is not judged again: its windows and timers would count twice."""
    ticked: list[int] = []

    def tick(self: KindEvaluator, now_ns: int, rows: Any = None) -> list[Any]:
        ticked.append(now_ns)
        return plain(self, now_ns, rows)

    plain = KindEvaluator.tick
    monkeypatch.setattr(KindEvaluator, "tick", tick)
    monkeypatch.setattr(events, "take", raising(ValueError("bad"), events.take))
    kit.ticks(3)
    kit.event("service_restarted")
    kit.run()
    ticked.clear()
    kit.ticks(3)
    kit.event("service_restarted")
    kit.run()
    assert len(set(ticked)) == 3 and skips(kit)[0][5] == 2


def test_a_wall_clock_that_is_set_back_splits_no_row(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "take", raising(ValueError("bad"), events.take))
    kit.clock.step_wall(-3600)
    kit.event("service_restarted")
    kit.tick()
    kit.event("service_restarted")
    kit.run()
    assert [row[5] for row in skips(kit)] == [2]
    assert kit.again("singly.db", list(range(len(kit.journal)))) == kit.dump()
