"""Snapshots: whole or passed over; a restart with one, with a torn one, with none, comes to the same records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.journal.record import Kind, Record
from rules.engine import Engine
from rules.replay import looks_back_s, resume
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


def restart(kit: Kit, snapshots: Snapshots, first: int = 1) -> Engine:
    kit.close()
    kit.open()
    engine, resumed = resume(lambda: Engine(kit.records, furnish, kit.frames.__getitem__), ListReader(kit, first), snapshots)  # type: ignore[arg-type]
    kit.engine = engine
    kit.run()
    return engine


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
    assert snapshots.newest(seqs[-1]) == snapshots.read(seqs[-1])
    assert snapshots.newest(seqs[-1] - 1) == snapshots.read(seqs[-2])
    path = tmp_path / "snapshots" / f"{seqs[-1]:020d}.snap"
    path.write_bytes(path.read_bytes()[:-5])
    assert snapshots.newest(seqs[-1]) == snapshots.read(seqs[-2])
    assert snapshots.newest(0) is None


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
    assert looks_back_s(kit.engine) == 5.0
    windowed = rule_text("often", "pump_running", "normal").replace("when: pump_running", "when: rises(pump_running, 2h) > 3")
    kit.configure(rules={**RULES, "rules/packs/fire_pump/often.yaml": windowed})
    kit.run()
    assert looks_back_s(kit.engine) == 7200 + 5
