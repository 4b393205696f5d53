"""Puts an engine where its records stand: the newest snapshot that holds, then the journal from it on, with effects muted.

Without a snapshot the journal is read again from as far back as any rule looks, by the configuration in force now; the conditions that
had begun before that are taken from the records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from plantroom.clock import NS
from plantroom.errors import BadInput
from plantroom.journal import Reader
from plantroom.journal.record import Kind, Record
from rules.condition import State
from rules.engine import Engine
from rules.graph import Graph
from rules.rule import Rule
from rules.snapshot import BadSnapshot
from rules.snapshots import Snapshots
from rules.types import Given, condition

MOST = 5_000
SETTLE_S = 900.0  # beside the longest window: staleness, sequences under way
WINDOWS = frozenset({"avg", "min", "max", "sum", "delta", "rate", "count", "rises", "falls", "on_time", "median", "std", "changed"})
MOST_BACK_S = 86_400.0  # windows longer than this fill again from here on: people are not to wait days for alarms

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
    memory = snapshots.newest(committed) if committed else None
    if memory is not None:
        try:
            engine.remember(memory)
            replayed = _catch_up(engine, reader, memory.seen.seq, committed)
            return engine, Resumed(max(memory.seen.seq, committed), memory.seen.seq, replayed)
        except (BadSnapshot, BadInput) as error:
            log.warning("snapshot.unusable", seq=memory.seen.seq, error=str(error))
            engine = make()
    after = _without_memory(engine, reader)
    replayed = _catch_up(engine, reader, after, committed)
    if committed:
        hold_open(engine)
        log.warning("engine.replayed_without_snapshot", after=after, records=replayed)
    return engine, Resumed(max(after, committed), None, replayed)


def _catch_up(engine: Engine, reader: Reader, after: int, committed: int) -> int:
    """Takes the records up to the committed position; returns how many."""
    count = 0
    while after < committed:
        records = [record for record in reader.read_after(after, MOST) if record.seq <= committed]
        if not records:
            break
        engine.take(records)
        count += len(records)
        after = records[-1].seq
    return count


def _without_memory(engine: Engine, reader: Reader) -> int:
    """Readies an engine without memory; the seq to read after."""
    position = engine.desk.position
    if position is None:
        return max(reader.first_seq() - 1, 0)
    config = _config_at(reader, position.seq)
    if config is None:
        return max(reader.first_seq() - 1, 0)
    engine.begin_with(config)
    back_s = looks_back_s(engine)
    if back_s > MOST_BACK_S:
        log.warning("engine.windows_begin_anew", longest_s=back_s, read_s=MOST_BACK_S)
    since_ns = position.at.wall_ns - round((min(back_s, MOST_BACK_S) + SETTLE_S) * NS)
    return max(reader.at_or_after(since_ns) - 1, reader.first_seq() - 1, 0)


def looks_back_s(engine: Engine) -> float:
    """How far back any rule looks: its windows with `for` and `clear_after`, at their longest."""
    longest = 0.0
    for evaluator in engine.evaluators.values():
        for rule in evaluator.rules:
            graph = Graph()
            given = Given(evaluator.kind, rule.id, {p.name: p.unit for p in rule.parameters.values()})
            for tree in (rule.when, rule.clear_when):
                if tree is not None:
                    condition(tree, given, graph)
            windows = [float(str(node.data[0])) for node in graph.nodes if node.op in WINDOWS]
            longest = max(longest, sum(windows) + _length_s(rule, rule.for_) + _length_s(rule, rule.clear_after))
    return longest


def _length_s(rule: Rule, length: float | str) -> float:
    return rule.parameters[length].range[1] if isinstance(length, str) else length


def hold_open(engine: Engine) -> None:
    """Faults that began before what was read again stay open and are judged from here on; what is at rest in the rules' memory but open
    in the records would otherwise never end."""
    for fault in engine.desk.faults.values():
        evaluator = engine.evaluators.get(fault.kind)
        if not fault.open or evaluator is None or fault.equipment not in evaluator.rows:
            continue
        known = any(rule.id == fault.rule for rule in evaluator.rules)
        if known and evaluator.state(fault.equipment, fault.rule) in (State.CLEARED, State.PENDING):
            evaluator.reopen(fault.equipment, fault.rule, fault.onset_ns)


def _config_at(reader: Reader, seq: int) -> Record | None:
    """The configuration in force at a position; the newest where the one before it is gone."""
    newest = reader.last_of(Kind.CONFIG)
    if newest is None or newest.seq <= seq:
        return newest
    log.info("engine.config_from_later", seq=newest.seq, position=seq)
    return newest


