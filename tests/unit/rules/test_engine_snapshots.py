"""Snapshots: whole or passed over; a restart with one, with a torn one, with none, comes to the same records."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plantroom.journal.record import Kind, Record
from rules.engine import Engine
from rules.lookback import looks_back_s
from rules.replay import Resumed, resume
from rules.snapshot import BadSnapshot
from rules.snapshots import KEPT, Snapshots, decode, encode
from tests.kit.engine import RULES, Kit, furnish, rule_text


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    kit.configure()
    kit.tick()
    kit.stay(4)
    kit.stay(4, phase_loss=1)
    kit.run()
    yield kit
    kit.close()


class ListReader:
    """The part of a journal's reader a replay uses, over a list of records."""

    def __init__(self, kit: Kit, first: int = 1) -> None:
        self._kit, self._first = kit, first

    def read_after(self, seq: int, most: int = 10_000) -> list[Record]:
        return [record for record in self._kit.journal if record.seq > seq and record.seq >= self._first][:most]

    def first_seq(self) -> int:
        return self._first

    def last_of(self, kind: Kind) -> Record | None:
        return next((record for record in reversed(self._kit.journal) if record.kind is kind), None)

    def at_or_after(self, wall_ns: int) -> int:
        return next((record.seq for record in self._kit.journal if record.at.wall_ns >= wall_ns), len(self._kit.journal) + 1)


def resumed_on(kit: Kit, snapshots: Snapshots, first: int = 1) -> tuple[Engine, Resumed]:
    kit.close()
    kit.open()
    kit.engine, resumed = resume(lambda: Engine(kit.records, furnish, kit.frames.__getitem__), ListReader(kit, first), snapshots)  # type: ignore[arg-type]
    kit.run()
    return kit.engine, resumed


def restart(kit: Kit, snapshots: Snapshots, first: int = 1) -> Engine:
    return resumed_on(kit, snapshots, first)[0]


def test_a_memory_survives_its_file(kit: Kit) -> None:
    memory = kit.engine.memory()
    again = decode(encode(memory))
    assert again == memory


@pytest.mark.parametrize("spoil", [lambda d: d[:-1], lambda d: d + b"x", lambda d: b"", lambda d: d[:20], lambda d: b"PRSNAP99" + d[8:],
                                   lambda d: d[:100] + bytes([d[100] ^ 1]) + d[101:]])  # fmt: skip
def test_a_spoilt_file_is_no_snapshot(kit: Kit, spoil: object) -> None:
    data = encode(kit.engine.memory())
    with pytest.raises(BadSnapshot):
        decode(spoil(data))  # type: ignore[operator]


def test_the_newest_that_holds_is_taken_and_the_oldest_go(kit: Kit, tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "snapshots")
    for _ in range(KEPT + 3):
        kit.stay(1, phase_loss=1)
        kit.run()
        snapshots.write(kit.engine.memory())
        snapshots.tidy()
    seqs = snapshots.seqs()
    assert len(seqs) == KEPT + 1, "the newest three and the day's first"
    assert snapshots.up_to(seqs[-1]) == seqs[::-1] and snapshots.up_to(seqs[-1] - 1) == seqs[-2::-1] and snapshots.up_to(0) == []


def test_one_that_is_torn_is_dropped_and_an_older_one_is_taken(kit: Kit, tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "snapshots")
    for _ in range(2):
        path = snapshots.write(kit.engine.memory())
        kit.stay(1, phase_loss=1)
        kit.run()
    path.write_bytes(path.read_bytes()[:-5])
    older, torn = snapshots.seqs()
    _, resumed = resumed_on(kit, snapshots)
    assert resumed.from_snapshot == older and snapshots.seqs() == [older] and torn != older


@pytest.mark.parametrize("error", [KeyError("seq"), TypeError("Reading"), zlib.error("header"), OSError(5, "I/O")])
def test_whatever_is_wrong_with_the_snapshots_the_engine_starts(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    snapshots = Snapshots(tmp_path / "snapshots")
    snapshots.write(kit.engine.memory())
    before = kit.dump()

    def broken(seq: int) -> None:
        raise error

    monkeypatch.setattr(snapshots, "read", broken)
    _, resumed = resumed_on(kit, snapshots)
    assert resumed.from_snapshot is None and kit.dump() == before and len(snapshots.seqs()) == 1


def test_a_configuration_nobody_can_read_any_more_does_not_keep_the_engine_from_starting(kit: Kit, tmp_path: Path) -> None:
    """The one before it is in force; the journal says so with its own words to whoever reads the log."""
    good = kit.engine.config
    later = kit.configure(rules={**RULES, "rules/packs/fire_pump/phase_loss.yaml": rule_text("phase_loss", "phase_loss", "danger")})
    kit.stay(1)
    kit.run()
    kit.journal[later.seq - 1] = replace(later, body=b'{"files": 7}')
    engine, _ = resumed_on(kit, Snapshots(tmp_path / "none"))
    assert engine.config == good
    kit.stay(4, pump=2, phase_loss=1)
    kit.run()
    assert ("fp-2", "phase_loss", "active") in kit.faults()


def test_what_memory_has_and_the_records_do_not_is_judged_anew_and_raised(kit: Kit, tmp_path: Path) -> None:
    """Another release skipped the step that raised it; this one takes it, muted."""
    kit.records.db.execute("DELETE FROM condition")
    kit.records.db.execute("PRAGMA foreign_keys = OFF")
    for table in ("outbox", "clock", "work_order", "fault"):
        kit.records.db.execute(f"DELETE FROM {table}")
    resumed_on(kit, Snapshots(tmp_path / "none"))
    kit.stay(4, phase_loss=1)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "active")]


@pytest.mark.parametrize("how", ["snapshot", "torn", "none"])
def test_every_restart_comes_to_the_same_records(kit: Kit, tmp_path: Path, how: str) -> None:
    snapshots = Snapshots(tmp_path / "snapshots")
    if how != "none":
        path = snapshots.write(kit.engine.memory())
        if how == "torn":
            path.write_bytes(path.read_bytes()[:-5])
    kit.stay(3, pump=2, phase_loss=1)
    kit.run()
    before = kit.dump()
    restart(kit, snapshots)
    assert kit.dump() == before
    kit.stay(8)
    kit.stay(8, pump=2)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "cleared"), ("fp-2", "phase_loss", "cleared")]


def test_a_snapshot_of_other_rules_is_not_used(kit: Kit, tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "snapshots")
    memory = kit.engine.memory()
    kit.configure(rules={**RULES, "rules/packs/fire_pump/phase_loss.yaml": rule_text("phase_loss", "phase_loss", "danger")})
    kit.tick()
    kit.run()
    other = kit.engine.memory()
    snapshots.write(type(memory)(other.seen, other.time, other.config, memory.blobs, other.rows, other.chronicled))
    restart(kit, snapshots)
    kit.stay(8)
    kit.run()
    assert ("fp-1", "phase_loss", "cleared") in kit.faults()


def test_without_snapshot_and_early_journal_an_open_fault_stays_open_and_clears_when_the_machine_says_so(kit: Kit, tmp_path: Path) -> None:
    from plantroom.model import Quality

    kit.stay(30, bad=Quality.NO_ANSWER)  # all that is left of the journal is silence
    kit.run()
    silence = len(kit.journal) - 20
    restart(kit, Snapshots(tmp_path / "none"), first=silence)
    kit.stay(5, bad=Quality.NO_ANSWER)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "active")]
    kit.stay(8)
    kit.run()
    assert kit.faults() == [("fp-1", "phase_loss", "cleared")]


def test_how_far_back_a_replay_looks_is_the_longest_window_with_its_times(kit: Kit) -> None:
    assert looks_back_s(kit.engine.evaluators.values()) == 5.0
    windowed = rule_text("often", "pump_running", "normal").replace("when: pump_running", "when: rises(pump_running, 2h) > 3")
    kit.configure(rules={**RULES, "rules/packs/fire_pump/often.yaml": windowed})
    kit.run()
    assert looks_back_s(kit.engine.evaluators.values()) == 7200 + 5


@pytest.mark.parametrize(("when", "reach"), [
    ("duration(pump_running) > 45m", 2700),
    ("3h < since(pump_running)", 10_800),
    ("age(pump_running) > 2h and rises(pump_running, 1h) > 3", 10_800),
    ("duration(rises(pump_running, 1h) > 3) >= 30m", 5400),
    ("pump_running and (silence > 20m or polls_missed > 100)", 1200 + 100),
    ("pump_running and duration(pump_running) > long", 7200),
    ("least(duration(pump_running), 9h) > 8h", float("inf")),
    ("duration(pump_running) > since(not pump_running)", float("inf")),
])  # fmt: skip
def test_a_length_of_time_in_an_expression_is_read_again_as_far_as_its_limit(kit: Kit, when: str, reach: float) -> None:
    text = rule_text("often", "pump_running", "normal").replace("when: pump_running", f"when: {when}")
    text += 'parameters: {long: {value: 2h, range: [1m, 30h], source: "test"}}\n' if "long" in when else ""
    kit.configure(rules={**RULES, "rules/packs/fire_pump/often.yaml": text})
    kit.run()
    assert looks_back_s(kit.engine.evaluators.values()) == reach + 5


def test_a_replay_without_snapshot_keeps_a_duration_longer_than_half_an_hour(kit: Kit, tmp_path: Path) -> None:
    """Forty minutes of fifty had gone when the process died."""
    text = rule_text("ran_long", "pump_running", "normal").replace("when: pump_running", "when: duration(pump_running) > 50m")
    kit.configure(rules={**RULES, "rules/packs/fire_pump/ran_long.yaml": text})
    for _ in range(40 * 15):
        kit.read(pump_running=1)
        kit.tick(4)
    kit.run()
    restart(kit, Snapshots(tmp_path / "none"))
    for _ in range(11 * 15):
        kit.read(pump_running=1)
        kit.tick(4)
    kit.run()
    [(onset, raised)] = kit.rows("SELECT onset_ns, raised_ns FROM fault WHERE rule = 'ran_long'")
    assert raised - kit.journal[-1].at.wall_ns > -60 * 10**9 and raised >= onset
