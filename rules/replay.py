"""Puts an engine where its records stand: the newest snapshot that holds, then the journal from it on, with effects muted.

Without a snapshot the journal is read again from as far back as any rule looks, by the configuration in force; the conditions that had
begun before that are taken from the records. Whatever is wrong with a snapshot or a configuration, an older one is tried: nothing that
stands on the disk keeps the engine from starting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from plantroom.clock import NS
from plantroom.journal import Reader
from plantroom.journal.record import Kind, Record
from rules.condition import State
from rules.engine import Engine
from rules.lookback import looks_back_s
from rules.quarantine import of_a_record
from rules.snapshot import BadSnapshot
from rules.snapshots import Snapshots

MOST = 5_000
SETTLE_S = 900.0  # beside the longest window: staleness, sequences under way
MOST_BACK_S = 86_400.0  # what looks back further fills again from here on: people are not to wait days for alarms
OPEN = (State.ACTIVE, State.RECOVERING)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Resumed:
    """after: the seq to go on after. from_snapshot: where the snapshot stood, None without one. replayed: records read again."""

    after: int
    from_snapshot: int | None
    replayed: int


def resume(make: Callable[[], Engine], reader: Reader, snapshots: Snapshots) -> tuple[Engine, Resumed]:
    """A new engine that stands at its records' committed position. make: an engine on the records, with no memory."""
    engine = make()
    committed = engine.muted_to
    seen = None
    for seq in snapshots.up_to(committed):
        if _remembers(engine, snapshots, seq):
            seen = seq
            break
        engine = make()
    after = seen if seen is not None else _without_memory(engine, reader)
    replayed = catch_up(engine, reader, after, committed)
    if committed:
        agree(engine)
        if seen is None:
            log.warning("engine.replayed_without_snapshot", after=after, records=replayed)
    return engine, Resumed(max(after, committed), seen, replayed)


def _remembers(engine: Engine, snapshots: Snapshots, seq: int) -> bool:
    """False where the snapshot is of no use. One that is torn is dropped; one of another release or site file may still be some good."""
    try:
        engine.remember(snapshots.read(seq))
    except Exception as error:
        if not (of_a_record(error) or isinstance(error, OSError)):
            raise
        torn = isinstance(error, BadSnapshot) and snapshots.torn(seq)
        log.warning("snapshot.unusable", seq=seq, error=f"{type(error).__name__}: {error}", dropped=torn)
        if torn:
            snapshots.drop(seq)
        return False
    return True


def catch_up(engine: Engine, reader: Reader, after: int, to_seq: int) -> int:
    """Takes the records after one position up to another; returns how many."""
    count = 0
    while after < to_seq:
        records = [record for record in reader.read_after(after, MOST) if record.seq <= to_seq]
        if not records:
            break
        engine.take(records)
        count += len(records)
        after = records[-1].seq
    return count


def _without_memory(engine: Engine, reader: Reader) -> int:
    """Readies an engine without memory; the seq to read after."""
    begins = max(reader.first_seq() - 1, 0)
    position = engine.desk.position
    if position is None or not any(_judges_by(engine, config) for config in _configs(engine, reader)):
        return begins
    back_s = looks_back_s(engine.evaluators.values())
    if back_s > MOST_BACK_S:
        log.warning("engine.windows_begin_anew", longest_s=back_s, read_s=MOST_BACK_S)
    since_ns = position.at.wall_ns - round((min(back_s, MOST_BACK_S) + SETTLE_S) * NS)
    return max(reader.at_or_after(since_ns) - 1, begins)


def _configs(engine: Engine, reader: Reader) -> Iterator[Record]:
    """The configurations to judge by: the one in force at the position, then older ones, last the newest there is."""
    for seq in engine.desk.config_seqs():
        yield from (record for record in reader.read_after(seq - 1, 1) if record.seq == seq and record.kind is Kind.CONFIG)
    newest = reader.last_of(Kind.CONFIG)
    if newest is not None:
        log.info("engine.config_from_elsewhere", seq=newest.seq)
        yield newest


def _judges_by(engine: Engine, config: Record) -> bool:
    try:
        engine.begin_with(config)
    except Exception as error:
        if not of_a_record(error):
            raise
        log.error("config.unreadable", seq=config.seq, error=f"{type(error).__name__}: {error}")
        return False
    return True


def agree(engine: Engine) -> None:
    """Memory and records about what is open, where a replay could not bring them together by itself (it began too late; another release
    judged otherwise).

    A fault of the records that is at rest in memory stays open and is judged from here on: it would otherwise never end. What is active in
    memory without a fault is judged anew: it would otherwise never be raised.
    """
    desk = engine.desk
    for fault in desk.all_faults():
        evaluator = engine.evaluators.get(fault.kind)
        if not fault.open or evaluator is None or fault.equipment not in evaluator.rows:
            continue
        if any(rule.id == fault.rule for rule in evaluator.rules) and evaluator.state(fault.equipment, fault.rule) not in OPEN:
            evaluator.reopen(fault.equipment, fault.rule, fault.onset_ns)
    for (equipment, rule), pending in sorted(desk.conditions.items()):
        told = desk.fault_of(equipment, rule)
        evaluator = engine.evaluators.get(told.kind) if told is not None and told.rule != rule else None  # what a person reported too
        if evaluator is not None and equipment in evaluator.rows and evaluator.state(equipment, rule) not in OPEN:
            evaluator.reopen(equipment, rule, pending.since_ns)
    for evaluator in engine.evaluators.values():
        for condition in evaluator.conditions():
            if condition.state in OPEN and desk.fault_of(condition.equipment, condition.rule) is None:
                log.warning("condition.judged_anew", equipment=condition.equipment, rule=condition.rule)
                evaluator.forget(condition.equipment, condition.rule)
    engine.quarantine.begin()
