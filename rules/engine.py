"""The engine: follows one site's journal and holds its records. Records go in, strictly in their order; rows come out, in one
transaction with the position. No sockets, no clock: every instant is a header's, so a replay does the same again.

While records up to the committed position are replayed (after a restart) only the rules' memory moves: effects are muted. What raises is
passed over, part by part: quarantine.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import orjson
import structlog

from plantroom.clock import NS
from plantroom.errors import BadInput
from plantroom.journal.record import Kind, Record
from plantroom.limits import loosened
from plantroom.model import Frame
from plantroom.records import Records
from rules import (
    aftermath,
    auditor,
    calling,
    certificates,
    deeds,
    delivery,
    drills,
    duty,
    events,
    heads,
    incident,
    paging,
    planning,
    receipts,
    roster_change,
    roster_notice,
    sealing,
    time_set,
    usable,
    widening,
    work,
)
from rules.command import parse
from rules.condition import Transition
from rules.desk import Desk, Hidden, nothing_hidden
from rules.evaluate import KindEvaluator
from rules.facts import facts_of
from rules.house import House
from rules.ledger import Position
from rules.memory import Memory
from rules.quarantine import Quarantine
from rules.rollback import Indexes
from rules.rounds import Came, Router, Single
from rules.skipped import Part
from rules.snapshot import BadSnapshot
from rules.walltime import PAUSE_NS, WallTime

COMMIT_NS = 1 * NS  # the position moves at least this often
LOOKS: Mapping[str, Callable[[Desk, House], None]] = {  # at every tick, after the clocks
    "shelves": deeds.end_shelves,
    "roster": roster_change.look,
    "notices": roster_notice.look,
    "duty": duty.look,
    "drills": drills.look,
    "widening": widening.look,
    "certificates": certificates.look,
    "undelivered": events.undelivered,
    "quiet": events.quiet,
    "aftermath": aftermath.look,
    "plan": planning.look,
    "audit": auditor.look,
    "seal": sealing.look,
}

log = structlog.get_logger()

Furnish = Callable[[Record], House]
FrameOf = Callable[[bytes], Frame]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a `take` did. position: last record seen; committed: whether it stands in the records; applied: transitions with effects."""

    position: Position | None
    committed: bool
    applied: int


def names_people(path: str) -> bool:
    """Whether a text of the configuration may name persons: the site file and its rosters do, profiles, kinds and rules do not."""
    return not path.startswith(("profiles/", "kinds/", "rules/", "plans/"))


class Engine:
    """One per site; owns the records' only writing connection.

    furnish: a CONFIG record as a house (BadInput where this release cannot read it). frame_of: a frame by id. Nothing is judged before
    the first CONFIG record; `remember` puts the engine where a snapshot stood. pause_ns: longer than any time from one tick to the next;
    a rehearsal's come seldom.
    """

    def __init__(
        self, records: Records, furnish: Furnish, frame_of: FrameOf, hidden: Hidden = nothing_hidden, *, pause_ns: int = PAUSE_NS
    ) -> None:
        self.desk = Desk(records, hidden)
        self.desk.reading = self._reading
        self._furnish, self._frame_of, self._pause_ns = furnish, frame_of, pause_ns
        self.time = WallTime()
        self.seen: Position | None = None
        self.house: House | None = None
        self.config: Record | None = None
        self.evaluators: dict[str, KindEvaluator] = {}
        self.router = Router({}, frame_of)
        self.applied = 0
        self.quarantine = Quarantine(self)

    @property
    def muted_to(self) -> int:
        """The committed position: what is taken up to it has no effects."""
        return self.desk.position.seq if self.desk.position is not None else 0

    # -- the way of the records

    def take(self, records: Sequence[Record]) -> Outcome:
        """Applies records in their order; commits when something changed or a second of journal time has passed.

        Raises only what is no record's fault (disk, memory): throw the engine away then.
        """
        self.applied = 0
        seen = self.seen.seq if self.seen is not None else 0
        committed = self.quarantine.take([record for record in records if record.seq > seen])
        return Outcome(self.seen, committed, self.applied)

    def run(self, records: Sequence[Record]) -> None:
        """Applies records in their order, to the memory and the desk."""
        telemetry: list[Record] = []
        for record in records:
            time, step_ns = self.time.to(record.at)
            if step_ns or record.kind is not Kind.TELEMETRY or time.pause(self._pause_ns):
                self._judge(telemetry)
                telemetry = []
            self.time = time
            self.seen = Position(record.seq, record.at)
            if step_ns:
                self._shift(record, step_ns)
            if record.kind is Kind.TICK or self.time.pause(self._pause_ns):
                self._tick(record)
            if record.kind is Kind.TELEMETRY:
                telemetry.append(record)
            elif record.kind is not Kind.TICK:
                part = Part(record.kind.name.lower())
                self.quarantine.whole(record, part, partial(self._handle, record))
        self._judge(telemetry)

    def commit(self) -> bool:
        """True where the position moved."""
        seen, stands = self.seen, self.desk.position
        if seen is None or seen.seq <= self.muted_to:
            return False
        recent = stands is not None and stands.at.boot == seen.at.boot and seen.at.boot_ns - stands.at.boot_ns < COMMIT_NS
        if recent and not self.desk.changed:
            return False
        self.desk.commit(seen)
        return True

    def _judge(self, telemetry: Sequence[Record]) -> None:
        if telemetry and self.quarantine.careful:
            for record in telemetry:
                self.quarantine.rows_only(record, Part("decode"), partial(self._judge_singly, record))
        elif telemetry:
            self._apply(self.router.run(telemetry, self.time.judged))

    def _judge_singly(self, record: Record) -> None:
        def step(single: Single) -> None:
            self._apply(single.run())

        for single in self.router.singly(record, self.time.judged):
            self.quarantine.machine(record, Part("step"), self.evaluators[single.kind], single.row, partial(step, single))

    def _apply(self, came: Sequence[Came]) -> None:
        for one in came:
            if one.seq <= self.muted_to or self.house is None:
                continue
            self.desk.begin(one.seq, one.wall_ns)
            incident.take(self.desk, self.house, one.transition)
            aftermath.settle(self.desk, self.house)
            self.applied += 1

    def _came(self, record: Record, transitions: Sequence[Transition]) -> None:
        self._apply([Came(record.seq, record.at.wall_ns, t) for t in transitions])

    # -- time

    def _tick(self, record: Record) -> None:
        """Time has come to this record's instant: for the rules first, then for clocks, shelves and the monitor's faults."""
        self.time = self.time.told()
        now_ns, turned = record.at.wall_ns, False
        if self.house is not None:
            before, self.desk.facts = self.desk.facts, facts_of(self.house, self.evaluators, now_ns)
            turned = self.desk.facts != before
            for evaluator in self.evaluators.values():
                evaluator.tell(self.desk.facts)

        def tick(evaluator: KindEvaluator, rows: Indexes | None) -> None:
            self._came(record, evaluator.tick(now_ns, rows))

        for _, evaluator in sorted(self.evaluators.items()):
            if turned or not evaluator.looked(now_ns):
                self.quarantine.machines(record, Part("tick"), evaluator, partial(tick, evaluator))
        if record.seq > self.muted_to and self.house is not None:
            self.desk.begin(record.seq, now_ns)
            for _, evaluator in sorted(self.evaluators.items()):
                self.quarantine.rows_only(record, Part("heard"), partial(self._hear, evaluator, now_ns))
            for clock in self.desk.due_clocks():
                self.quarantine.rows_only(record, Part("clock"), partial(work.notice, self.desk, self.house, clock))
            for call in self.desk.due_calls():  # each alone: one that raises must not silence the others
                self.quarantine.rows_only(record, Part("call"), partial(calling.take, self.desk, self.house, call.work_order))
            for key in self.desk.matters.due_heads(now_ns):
                self.quarantine.rows_only(record, Part("head"), partial(heads.take, self.desk, self.house, *key))
            for does, look in LOOKS.items():
                self.quarantine.rows_only(record, Part(does), partial(look, self.desk, self.house))

    def _hear(self, evaluator: KindEvaluator, now_ns: int) -> None:
        """Machines that fell silent or answer again."""
        assert self.house is not None
        for machine, hears, last_ns in evaluator.heard(now_ns):
            usable.heard(self.desk, self.house, machine, hears, last_ns)

    def _shift(self, record: Record, step_ns: int) -> None:
        """The wall clock was set: what runs keeps its remaining time, what was seen keeps its age."""
        for evaluator in self.evaluators.values():
            evaluator.shift(step_ns)
        if record.seq > self.muted_to:
            self.desk.begin(record.seq, record.at.wall_ns)
            self.quarantine.rows_only(record, Part("shift"), partial(self._shift_rows, step_ns))

    def _shift_rows(self, step_ns: int) -> None:
        time_set.shift(self.desk, step_ns)
        self.desk.tell("time.step", {"step_ns": step_ns})
        if self.house is not None:
            events.seen(self.desk, self.house, "clock_step", {"step_s": round(step_ns / NS)})

    # -- everything but telemetry and ticks

    def _handle(self, record: Record) -> None:
        live = record.seq > self.muted_to
        if live:
            self.desk.begin(record.seq, record.at.wall_ns)
        if record.kind is Kind.CONFIG:
            self._switch(record, live)
        elif record.kind is Kind.COMMAND:
            self._command(record, live)
        elif live and record.kind is Kind.ATTEMPT:
            delivery.take(self.desk, self.house, record.body)
        elif live and record.kind is Kind.RECEIPT:
            receipts.take(self.desk, self.house, record.body)
        elif live and record.kind is Kind.EVENT:
            events.take(self.desk, self.house, record.body)
        if live and self.house is not None:
            aftermath.settle(self.desk, self.house)

    def _command(self, record: Record, live: bool) -> None:
        def release(equipment: str, rule: str) -> None:
            self._release(record, equipment, rule)

        if live and self.house is not None:
            deeds.apply(self.desk, self.house, record.body, release, self._relearn)
        elif not live and (command := parse(record.body)) is not None:
            for fault in deeds.released_by(self.desk, command, record.seq):
                release(fault.equipment, fault.rule)
            if (machine := deeds.relearned_by(self.desk, command, record.seq)) is not None:
                self._relearn(machine)

    def _reading(self, machine: str, point: str) -> float | None:
        """What a point holds, as the rules of its kind see it; None where no rule reads it, or it is bad or old."""
        for evaluator in self.evaluators.values():
            if machine in evaluator.rows:
                return evaluator.reading(machine, point, self.desk.now_ns)
        return None

    def _relearn(self, machine: str) -> None:
        for evaluator in self.evaluators.values():
            if machine in evaluator.rows:
                evaluator.relearn(machine)

    def _release(self, record: Record, equipment: str, rule: str) -> None:
        """A person has dealt with a latched fault; others end only when the machine says so."""
        machine = self.house.machine(equipment) if self.house is not None else None
        known = self.house.rule(machine.kind, rule) if self.house is not None and machine is not None else None
        evaluator = self.evaluators.get(machine.kind) if machine is not None else None
        if known is not None and known.latch and evaluator is not None and equipment in evaluator.rows:
            self._came(record, evaluator.release(equipment, rule, record.at.wall_ns))

    def _switch(self, record: Record, live: bool) -> None:
        """A new configuration at its place in the order."""
        try:
            house = self._furnish(record)
        except BadInput as error:
            log.error("config.unreadable", seq=record.seq, problems=[str(problem) for problem in error.problems])
            if live:
                events.rejected(self.desk, self.house, record, error)
            return
        old, first = self.evaluators, self.house is None
        self._furnish_with(record, house)
        transitions: list[Transition] = []
        for kind, evaluator in sorted(self.evaluators.items()):
            if kind in old:
                transitions += evaluator.adopt(old[kind], record.at.wall_ns)
        for kind, evaluator in sorted(old.items()):
            if kind not in self.evaluators:
                transitions += evaluator.withdraw(record.at.wall_ns)
        if live:
            self._came(record, transitions)
            self._put_config(record)
            aftermath.switched(self.desk, house)
            usable.switched(self.desk, house)
            paging.drop_unknown(self.desk, house)
            planning.switched(self.desk, house)
            events.applied(self.desk, house)
            log.info("config.applied", seq=record.seq, first=first)

    def _put_config(self, record: Record) -> None:
        said = orjson.loads(record.body)
        difference = said.get("difference", "")
        self.desk.put_config(
            {
                "seq": record.seq,
                "hash": str(said.get("hash", "")),
                "at_ns": record.at.wall_ns,
                "who": str(said.get("who", "")),
                "difference": difference if isinstance(difference, str) else orjson.dumps(difference).decode(),
            }
        )
        files = said.get("files") if isinstance(said.get("files"), dict) else {}
        told = {path: self.desk.hide(f"files.{path}", text) if names_people(path) else text for path, text in sorted(files.items())}
        self.desk.tell("config", {**said, "files": told})
        if self.house is not None and (looser := loosened(self.house.times)):
            self.desk.tell("clocks.loosened", {"limits": [f"{name} {severity}" for name, severity in looser]})

    def _furnish_with(self, record: Record, house: House) -> None:
        self.config, self.house = record, house
        self.evaluators = house.evaluators()
        self.router = Router(self.evaluators, self._frame_of)

    # -- over restarts

    def memory(self) -> Memory:
        """What cannot be read back from the records: the rules' windows and timers, and the clock's. Everything seen is committed first."""
        assert self.seen is not None and self.config is not None, "there is nothing to remember before the first configuration"
        if self.seen.seq > self.muted_to:
            self.desk.commit(self.seen)
        blobs = {kind: evaluator.snapshot() for kind, evaluator in self.evaluators.items()}
        return Memory(self.seen, self.time, self.config, blobs, self.desk.rows(), self.desk.chronicled)

    def remember(self, memory: Memory) -> None:
        """Stands where the memory was taken; the next record to take is the one after it.

        Raises BadSnapshot or BadInput where it does not fit this release; the engine must be thrown away then.
        """
        self._furnish_with(memory.config, self._furnish(memory.config))
        if set(memory.blobs) != set(self.evaluators):
            raise BadSnapshot(f"it holds {sorted(memory.blobs)} where the configuration has {sorted(self.evaluators)}")
        for kind, blob in memory.blobs.items():
            self.evaluators[kind].restore(blob)
        self.seen, self.time = memory.seen, memory.time
        self.desk.facts = next((evaluator.told() for evaluator in self.evaluators.values()), {})

    def begin_with(self, config: Record) -> None:
        """Judges by this configuration from the next record on, with no memory of what was before."""
        self._furnish_with(config, self._furnish(config))
