"""The engine: from records to faults, orders, clocks and pages, over restarts, clock steps and new configurations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from plantroom.clock import NS
from plantroom.model import Quality
from tests.kit.engine import RULES, Kit, pump, rule_text, site_text

MINUTE = 60 * NS


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    kit.configure()
    kit.tick()
    yield kit
    kit.close()


def break_phase(kit: Kit, number: int = 1) -> None:
    """A pump loses a phase; ends with the fault raised and the condition still true."""
    kit.stay(2, pump=number)
    kit.stay(4, pump=number, phase_loss=1)
    kit.run()


def test_a_true_condition_raises_one_fault_with_one_order_two_clocks_and_a_page_per_channel(kit: Kit) -> None:
    break_phase(kit)
    assert kit.faults() == [("fp-1", "phase_loss", "active")]
    fault, onset, raised, order = kit.one("SELECT id, onset_ns, raised_ns, work_order FROM fault")
    assert raised - onset == 2 * NS
    assert kit.one("SELECT id, fault, state, severity FROM work_order") == (order, fault, "open", "readiness")
    clocks = kit.rows("SELECT name, started_ns, due_ns FROM clock WHERE work_order = ? ORDER BY name", order)
    assert clocks == [("response", raised, raised + 15 * MINUTE), ("restore", raised, raised + 24 * 60 * MINUTE)]
    pages = kit.rows("SELECT channel, reason, state FROM outbox ORDER BY channel")
    assert pages == [("duty", "raised", "queued"), ("screen", "raised", "queued")]
    assert kit.engine.desk.position is not None and kit.engine.desk.position.seq == len(kit.journal)


def test_ids_name_the_record_that_moved_it(kit: Kit) -> None:
    break_phase(kit)
    fault, order, trace = kit.one("SELECT id, work_order, trace_json FROM fault")
    seq = orjson.loads(trace)["seq"]
    assert (fault, order) == (f"F{seq}-1", f"O{seq}-1")
    assert kit.rows("SELECT id FROM outbox ORDER BY id") == [(f"P{seq}-1",), (f"P{seq}-2",)]


def test_a_failed_read_raises_nothing_and_clears_nothing(kit: Kit) -> None:
    break_phase(kit)
    kit.stay(60, pump=1, bad=Quality.NO_ANSWER)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "active")]


def test_an_urgent_fault_that_goes_away_by_itself_still_wants_a_person(kit: Kit) -> None:
    break_phase(kit)
    kit.stay(10, pump=1)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "cleared")]
    assert kit.one("SELECT state FROM work_order") == "open"
    assert kit.one("SELECT count(*) FROM clock WHERE stopped_ns IS NULL") == 2
    said = orjson.loads(kit.one("SELECT message_json FROM outbox WHERE reason = 'cleared' AND channel = 'duty'"))
    assert "已自行恢复，仍需到场确认" in said["zh"][1]


def test_a_normal_fault_that_goes_away_before_anyone_took_it_closes_its_order(kit: Kit) -> None:
    kit.stay(4, pump=1, jockey_fault=1)
    kit.stay(6, pump=1)
    kit.run()
    assert kit.faults() == [("fp-1", "jockey", "cleared")]
    assert kit.one("SELECT state, closed_by, cause FROM work_order") == ("closed", "system", "self_cleared")
    assert kit.one("SELECT count(*) FROM clock WHERE stopped_ns IS NULL") == 0


def test_a_fault_that_comes_back_joins_the_order_that_still_stands(kit: Kit) -> None:
    break_phase(kit)
    kit.stay(6, pump=1)
    break_phase(kit)
    assert kit.faults() == [("fp-1", "phase_loss", "cleared"), ("fp-1", "phase_loss", "active")]
    assert len({row[0] for row in kit.rows("SELECT work_order FROM fault")}) == 1
    assert kit.one("SELECT count(*) FROM outbox WHERE reason = 'returned' AND channel = 'duty'") == 1


def test_a_machine_in_commissioning_shows_its_fault_and_pages_nobody(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.configure(site_text(pump(1, "commissioning")))
    kit.tick()
    break_phase(kit)
    assert kit.one("SELECT mode, condition, work_order FROM fault") == ("commissioning", "active", None)
    assert not kit.rows("SELECT 1 FROM work_order") and not kit.rows("SELECT 1 FROM outbox")
    kit.configure(site_text(pump(1)))
    kit.tick()
    kit.run()
    assert kit.one("SELECT mode, condition FROM fault") == ("live", "active")
    assert kit.one("SELECT state FROM work_order") == "open", "in service now: no fault is open and idle"
    kit.close()


def test_a_restart_without_a_snapshot_raises_nothing_twice_and_goes_on(kit: Kit) -> None:
    break_phase(kit)
    before = kit.dump()
    kit.restart()
    kit.run()
    assert kit.dump() == before
    kit.stay(6, pump=1)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "cleared")]


def test_time_that_passed_while_the_engine_was_away_is_told_before_the_next_read(kit: Kit) -> None:
    kit.stay(2, pump=1)
    for _ in range(4):  # the collector goes on, nobody writes ticks
        kit.read(pump=1, phase_loss=1)
        kit.clock.advance(1)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "active")]
    kit.clock.advance(16 * 60)
    kit.read(pump=1, phase_loss=1)
    kit.run()
    ours = "SELECT work_order FROM fault WHERE equipment = 'fp-1'"
    breached, due = kit.one(f"SELECT breached_ns, due_ns FROM clock WHERE name = 'response' AND work_order = ({ours})")
    assert breached == due, "a breach is recorded at the instant that passed, not when it was noticed"


@pytest.mark.parametrize("hours", [1, -1])
def test_a_step_of_the_wall_clock_breaches_nothing_and_blinds_nothing(kit: Kit, hours: int) -> None:
    break_phase(kit)
    due = kit.one("SELECT due_ns FROM clock WHERE name = 'response'")
    kit.clock.step_wall(3600 * hours)
    kit.stay(2, pump=1, phase_loss=1)
    kit.stay(2, pump=2)
    kit.stay(4, pump=2, phase_loss=1)
    kit.run()
    assert kit.one("SELECT due_ns, breached_ns FROM clock WHERE name = 'response' AND work_order = (SELECT min(id) FROM work_order)") == (
        due + 3600 * hours * NS, None,
    )  # fmt: skip
    assert ("fp-2", "phase_loss", "active") in kit.faults()
    assert ("monitor", "clock_step", "active") in kit.faults()
    kit.ticks(15 * 60)
    kit.run()
    assert kit.one("SELECT count(*) FROM clock WHERE breached_ns IS NOT NULL") == 2, "and the limits pass when their time is over"


def test_a_read_from_before_a_step_that_was_written_after_it_is_judged_at_its_own_age(kit: Kit) -> None:
    kit.stay(3, pump=1)
    measured = kit.clock.read().wall_ns
    kit.clock.step_wall(-3600)
    kit.read(measured, pump=1, phase_loss=1)  # an hour ahead of its header
    kit.tick()
    kit.stay(3, pump=1, phase_loss=1)
    kit.run()
    onset = kit.one("SELECT onset_ns FROM fault WHERE equipment = 'fp-1'")
    assert onset == measured - 3600 * NS


def test_a_removed_machine_ends_its_faults_visibly(kit: Kit) -> None:
    break_phase(kit)
    kit.configure(site_text(pump(2)))
    kit.tick()
    kit.run()
    assert kit.one("SELECT condition, ended_why FROM fault") == ("withdrawn", "config")
    assert kit.one("SELECT state FROM work_order") == "open", "an urgent one is not closed by editing a file"


def test_a_removed_rule_ends_its_faults_and_closes_a_normal_order_nobody_took(kit: Kit) -> None:
    kit.stay(4, pump=1, jockey_fault=1)
    kit.configure(rules={path: text for path, text in RULES.items() if "jockey" not in path})
    kit.tick()
    kit.run()
    assert kit.one("SELECT condition FROM fault") == "withdrawn"
    assert kit.one("SELECT state FROM work_order") == "closed"


def test_a_changed_rule_starts_its_pending_anew_and_judges_open_faults_anew(kit: Kit) -> None:
    break_phase(kit)
    fault = kit.one("SELECT id FROM fault")
    slower = {**RULES, "rules/packs/fire_pump/phase_loss.yaml": rule_text("phase_loss", "phase_loss", "readiness", clear_after="1s")}
    kit.configure(rules=slower)
    kit.stay(1, pump=1, phase_loss=1)
    kit.run()
    assert kit.one("SELECT id, condition FROM fault") == (fault, "active"), "the same fault goes on"
    kit.stay(3, pump=1)
    kit.run()
    assert kit.one("SELECT condition FROM fault") == "cleared"


def test_a_configuration_this_release_cannot_read_changes_nothing_and_is_a_fault(kit: Kit) -> None:
    broken = kit.configure(rules={"rules/packs/fire_pump/phase_loss.yaml": "id: [unreadable"})
    kit.tick()
    break_phase(kit)
    assert ("monitor", "config_rejected", "active") in kit.faults()
    assert ("fp-1", "phase_loss", "active") in kit.faults()
    assert not kit.rows("SELECT 1 FROM config WHERE seq = ?", broken.seq)
    kit.configure()
    kit.tick()
    kit.run()
    assert ("monitor", "config_rejected", "cleared") in kit.faults()


def test_pages_to_a_channel_that_was_removed_are_dropped(kit: Kit) -> None:
    break_phase(kit)
    kit.configure(site_text(pump(1), pump(2)).replace("  - {id: screen, type: mqtt, host: 127.0.0.1, severities: [danger, readiness]}\n", ""))
    kit.tick()
    kit.run()
    assert kit.rows("SELECT channel, state FROM outbox ORDER BY channel") == [("duty", "queued"), ("screen", "dropped")]


def test_a_service_event_is_a_fault_of_the_monitor_until_it_has_been_quiet(kit: Kit) -> None:
    kit.event("service_restarted", service="collect", exit=-9, restarts=1)
    kit.ticks(300)
    kit.event("service_restarted", service="collect", exit=-9, restarts=2)
    kit.ticks(599)
    kit.run()
    assert ("monitor", "service_restarted", "active") in kit.faults()
    kit.ticks(2)
    kit.run()
    assert ("monitor", "service_restarted", "cleared") in kit.faults()


def test_records_nobody_can_read_do_not_stop_the_engine(kit: Kit) -> None:
    from plantroom.journal.record import Kind

    kit.say(b"no batch at all", Kind.TELEMETRY)
    for kind in (Kind.COMMAND, Kind.ATTEMPT, Kind.EVENT):
        kit.say(b"\xff\x00 not json", kind)
        kit.say(b"[1, 2]", kind)
        kit.say(b"{}", kind)
    break_phase(kit)
    assert kit.faults() == [("fp-1", "phase_loss", "active")]


def test_the_chronicle_tells_every_record_and_transition_and_its_chain_holds(kit: Kit) -> None:
    from plantroom.records.chronicle import verify

    break_phase(kit)
    kit.command("accept", kit.order())
    kinds = [row[0] for row in kit.rows("SELECT kind FROM chronicle ORDER BY n")]
    assert kinds[0] == "config"
    told = {"condition.pending", "condition.active", "fault.raised", "order.open", "clock.start", "page.queued", "order.accepted"}
    assert told | {"clock.stop", "command"} <= set(kinds)
    assert verify(kit.records.db).broken is None
    words = b"".join(row[0] for row in kit.rows("SELECT body FROM chronicle WHERE kind <> 'config'"))
    assert b"li.wei" in words and b"li.wei's name" not in words, "person ids stay, names do not"
