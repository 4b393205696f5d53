"""`plantroom rehearse`: plant, wires, collector, journal, rules and people on one virtual clock, in one process. A composition root.

Real: the plants, the simulator's Modbus server and JSON encoder, the collector's sessions, frames and decoders, the journal, the engine
and its records. Replaced: sockets and the broker (bytes are handed over after a few virtual milliseconds) and the channels (every page is
accepted at once); where it is `direct`, also the requests over what nothing disturbs (simulators.direct_commands). The journal stands in
memory where the machine has /dev/shm: its durability is not what is rehearsed.

Time goes in beats, of 1 s or of `--every`: what was collected in one is one commit, behind which the engine is told the time. From
COARSE_S on the collector's records are replaced too: what it read in a beat is one record at the beat's instant (simulators.gathering).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from plantroom.bundle import apply
from plantroom.cli import print_json
from plantroom.clock import NS, iso
from plantroom.errors import BadInput, Problem
from plantroom.journal import Journal, Keeper, Writer, encode_batch
from plantroom.journal.record import Entry, Kind
from plantroom.model import Batch
from plantroom.records import Records
from plantroom.site import Site
from plantroom.site_file import load_site
from plantroom.site_rules import OWN
from rules.engine import Engine
from rules.replay import resume
from rules.snapshots import Snapshots
from simulators.agenda import Agenda
from simulators.direct_commands import Direct
from simulators.director import Director, Truth
from simulators.gathering import Gathering
from simulators.ready import of_upsets
from simulators.scenario import MonitorEvent, PersonEvent, Scenario, load_scenario
from simulators.score import Raised, causes_of, score
from simulators.serve import SiteOnTheWire
from simulators.slowed_commands import slow_house, slowed
from simulators.wiring_commands import Wired, connect
from simulators.world import World

TAIL_S = 3600.0  # after the last event, where the scenario gives no days
SNAPSHOT_S = 60.0
KEEP_S, KEPT_S = 3600.0, 2 * SNAPSHOT_S  # how often the journal is looked after; how long what is read stays in it
COARSE_S = 2.0  # from such a period on what is read between two beats is one record
FINE_S = 5.0  # with longer beats instants are as coarse as these
FINE_STEP_S, MOST_STEP_S = 0.2, 60.0  # of the plant: one a beat where beats are coarse, as nothing finer is read of it
SHARED_MEMORY = Path("/dev/shm")

Tell = Callable[[Mapping[str, object]], None]


def rehearse(site: Path, scenario: Path | None, upsets: Sequence[str], seed: int | None, every_s: float, *, direct: bool = False) -> None:
    """Prints the transitions and the result, one JSON object a line. upsets: where there is no scenario. Raises BadInput.

    direct: what nothing disturbs is read without its wire; every_s is COARSE_S at least then.
    """
    loaded = load_site(site)
    played = load_scenario(scenario, loaded) if scenario is not None else of_upsets(loaded, upsets)
    where = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="plantroom-rehearsal-", dir=where) as folder:
        print_json(Rehearsal(site, loaded, played, seed, every_s, Path(folder), print_json, direct=direct).run())


class Rehearsal:
    """One run. folder: a scratch folder, gone afterwards. tell: each transition as it happens."""

    def __init__(
        self,
        file: Path,
        site: Site,
        scenario: Scenario,
        seed: int | None,
        every_s: float,
        folder: Path,
        tell: Tell,
        *,
        direct: bool = False,
    ) -> None:
        start_ns = scenario.start_ns
        if start_ns is None:
            raise BadInput([Problem(scenario.file, 0, "start", "is missing; a rehearsal starts at an instant: 2026-03-01T00:00:00+08:00")])
        self.site, self._scenario, self._tell = slowed(site, every_s), scenario, tell
        self.agenda = Agenda(start_ns)
        step_s = min(every_s, MOST_STEP_S) if every_s >= COARSE_S else FINE_STEP_S
        self._beat_s = max(1.0, every_s)
        self._end_ns = start_ns
        self._watched_ns = 0  # for when a timer of the rules is looked after between two beats
        self.world = World(self.site, scenario.seed if seed is None else seed, start_ns, step_s)
        self.wires = SiteOnTheWire(self.world, self.agenda)
        self.truth: list[Truth] = []
        self.director = Director(scenario, self.world, self.wires, self.truth.append, self._other)
        self.journal = Journal(folder / "journal", self.agenda)
        self._pending: list[Entry] = []
        points = [binding.point for equipment in self.site.equipment.values() for binding in equipment.bindings]
        self._gathering = Gathering(points, start_ns) if every_s >= COARSE_S else None
        self.direct: Direct | None = None
        if direct and self._gathering is not None and self._beat_s == self.world.tick_s:
            self.direct = Direct(self.agenda, self.world, self._gathering, self._beat_s)
        self._collected, self._ticked = self.journal.writer("collect"), self.journal.writer("rules")
        self._others = self.journal.writer("web")
        self._reader = self.journal.reader()
        self._keeper = Keeper(self.journal, kept_s=KEPT_S)
        self._seen = self._commands = self._told = 0
        apply(file, self.journal, who="rehearse")
        self._last = self._reader.last_seq()  # of what was appended: nobody else writes this journal
        self.records = Records.open(folder / "records.db")
        self._snapshots = Snapshots(folder / "snapshots")
        self._every_s = every_s
        self._channels_back_ns = 0  # until then no channel is to be had
        self.engine = self._new_engine()

    def _new_engine(self) -> Engine:
        pause_ns = round(2 * self._beat_s * NS)
        return Engine(self.records, lambda record: slow_house(record, self._every_s), self._reader.frame, self._salted, pause_ns=pause_ns)

    def _salted(self, seq: int, field: str) -> tuple[str, bytes]:
        """Of a person's words: nobody lives here, and the same rehearsal prints the same bytes."""
        return "", sha256(f"{self._scenario.seed} {seq} {field}".encode()).digest()[:16]

    def run(self) -> dict[str, Any]:
        agenda, scenario = self.agenda, self._scenario
        last_s = max((event.at_s for event in scenario.events), default=0.0)
        end_ns = self._end_ns = agenda.start_ns + round((scenario.length_s or last_s + TAIL_S) * NS)
        self._take()
        agenda.every(self.world.tick_s, lambda: self._plant(agenda.now_ns))
        connect(self._wired(), self.direct)
        agenda.every(self._beat_s, self._beat)
        if any(isinstance(event.what, MonitorEvent) and event.what.service == "rules" for event in scenario.events):
            agenda.after(SNAPSHOT_S, lambda: agenda.every(SNAPSHOT_S, self._snapshot))
        agenda.every(KEEP_S, self._keep)
        try:
            agenda.run(end_ns)
            self._flush()
            return self._result(end_ns)
        finally:
            self._reader.close()
            self._keeper.close()
            for writer in (self._collected, self._ticked, self._others):
                writer.close()
            self.records.close()

    # plant and wires

    def _plant(self, now_ns: int) -> None:
        while (due := self.director.next_ns()) is not None and due <= now_ns:
            self.world.step(due)
            self.director.play(due)
        self.world.step(now_ns)

    def _wired(self) -> Wired:
        return Wired(self.agenda, self.site, self.world, self.wires, self._gathering, self._deliver, self._link)

    def _link(self, connection: str, state: str, reason: str) -> None:
        body = {"event": "connection", "connection": connection, "state": state, "reason": reason}
        self._put(Entry(Kind.EVENT, orjson.dumps(body)))

    # journal and engine

    def _deliver(self, batch: Batch) -> None:
        if self._gathering is None or not self._gathering.add(batch):
            self._put(encode_batch(batch))

    def _put(self, entry: Entry) -> None:
        self._pending.append(entry)

    def _flush(self) -> None:
        if self._collect():
            self._take()

    def _collect(self) -> bool:
        """What came is committed; whether there was anything."""
        entries, self._pending = self._pending, []
        if self._gathering is not None and (batch := self._gathering.taken(self.agenda.now_ns)) is not None:
            entries.append(encode_batch(batch))
        if entries:
            self._append(self._collected, entries)
        return bool(entries)

    def _beat(self) -> None:
        """What was collected since the last one is one commit, behind it the engine is told the time."""
        if self.direct is not None:
            self.direct.publishers.say()
        self._collect()
        self._append(self._ticked, [Entry(Kind.TICK, b"{}")])
        self._take()
        next_ns = self.agenda.now_ns + round(self._beat_s * NS)
        if self._gathering is not None:
            self._gathering.due_ns = next_ns
        looked_into = self._watch(next_ns) or next_ns > self._end_ns
        if self.direct is not None:
            self.direct.lines.between(looked_into=looked_into)

    def _watch(self, until_ns: int) -> bool:
        """A timer of the rules that runs full before the next beat has a tick of its own, where beats are fine enough to matter.

        Whether there is one.
        """
        due_ns = min((evaluator.held.due() for evaluator in self.engine.evaluators.values()), default=until_ns)
        if self._beat_s > FINE_S or due_ns >= until_ns:
            return False
        self._watched_ns = due_ns
        self.agenda.at(due_ns, lambda: self._look_after(due_ns, until_ns))
        return True

    def _look_after(self, due_ns: int, until_ns: int) -> None:
        if due_ns != self._watched_ns:
            return
        self._flush()  # what came meanwhile may have ended it
        if any(evaluator.held.due() <= due_ns for evaluator in self.engine.evaluators.values()):
            self._append(self._ticked, [Entry(Kind.TICK, b"{}")])
            self._take()
        self._watch(until_ns)

    def _append(self, writer: Writer, entries: Sequence[Entry]) -> None:
        self._last = writer.append(entries)[-1]

    def _take(self) -> None:
        while self._seen < self._last and (found := self._reader.read_after(self._seen)):
            self._seen = found[-1].seq
            self.engine.take(found)
        if self.engine.desk.chronicled > self._told:
            self._say_transitions()
        pages = [page for page in self.engine.desk.queued() if page.due_ns <= self.agenda.now_ns]
        if pages:
            self._append(self._others, [self._attempt(page) for page in pages])
            self._take()

    def _attempt(self, page: Any) -> Entry:
        now_ns = self.agenda.now_ns
        verdict = "retry" if now_ns < self._channels_back_ns else "accepted"
        body = {"outbox": page.id, "channel": page.channel, "n": page.attempts + 1, "verdict": verdict, "answer": "rehearsed"}
        return Entry(Kind.ATTEMPT, orjson.dumps({**body, "started_ns": now_ns, "ended_ns": now_ns}))

    def _say_transitions(self) -> None:
        for n, at_ns, kind, body in self._rows("SELECT n, at_ns, kind, body FROM chronicle WHERE n > ? ORDER BY n", self._told):
            self._told = n
            if kind != "config":
                said = orjson.loads(body)
                self._tell({"at": iso(at_ns), "what": kind, **(said if isinstance(said, dict) else {"body": said})})

    def _rows(self, sql: str, *values: int) -> list[Any]:
        found: list[Any] = self.records.db.execute(sql, values).fetchall()
        return found

    # people and the monitor

    def _other(self, event: PersonEvent | MonitorEvent) -> None:
        if isinstance(event, MonitorEvent):
            self._monitor(event)
            return
        self._flush()
        order = self.engine.desk.order_of(event.equipment, event.rule)
        fault = self.engine.desk.fault_of(event.equipment, event.rule)
        target = (fault.id if fault else None) if event.does in ("shelve", "unshelve") else (order.id if order else None)
        target = event.equipment if event.does == "trapped" else target
        self._commands += 1
        who = {"id": event.who, "name": event.who, "roles": ["technician", "engineer", "manager", "supervisor"]}
        body = {"command_id": f"rehearsed-{self._commands}", "does": event.does, "target": target or "none", "who": who}
        args = {**({"text": event.note, "reason": event.note} if event.note else {}), **event.args}
        self._append(self._others, [Entry(Kind.COMMAND, orjson.dumps({**body, "args": args}))])
        self._take()

    def _monitor(self, event: MonitorEvent) -> None:
        """A killed engine begins where its records stand; channels that are down say so to every page. The rest is for real processes."""
        what = "not_rehearsed"
        if (event.service, event.fault) == ("rules", "kill"):
            what = "rehearsed"
            self.engine, resumed = resume(self._new_engine, self._reader, self._snapshots)
            self._seen = resumed.after
        elif (event.service, event.fault) == ("notify", "channel_down"):
            what = "rehearsed"
            self._channels_back_ns = self.agenda.now_ns + round((event.for_s or 1e9) * NS)
        self._tell({"at": iso(self.agenda.now_ns), "what": what, "service": event.service, "fault": event.fault})

    def _keep(self) -> None:
        """A month in memory: nobody reads a day that is over."""
        self._keeper.checkpoint()
        self._keeper.retain()

    def _snapshot(self) -> None:
        if self.engine.config is not None:
            self._snapshots.write(self.engine.memory())
            self._snapshots.tidy()

    # the end

    def _result(self, end_ns: int) -> dict[str, Any]:
        columns = "kind, rule, equipment, severity, onset_ns, raised_ns, ended_ns"
        rows = self._rows(f"SELECT {columns} FROM fault ORDER BY raised_ns, id")
        raised = [replace(Raised(*row), own=self._own(kind, row[0])) for kind, *row in rows]
        judged = score(causes_of(self.truth, self.world.plants), raised, end_ns)
        [(orders, accepted, closed)] = self._rows("SELECT count(*), count(accepted_ns), count(closed_ns) FROM work_order")
        [(breached,)] = self._rows("SELECT count(*) FROM clock WHERE breached_ns IS NOT NULL")
        severities: dict[str, int] = {}
        for fault in raised:
            severities[fault.severity] = severities.get(fault.severity, 0) + 1
        kpi = {"faults": severities, "orders": orders, "accepted": accepted, "closed": closed, "breached": breached}
        return {"at": iso(end_ns), "what": "result", "records": self._seen, "kpi": kpi, "score": judged}

    def _own(self, kind: str, rule_id: str) -> bool:
        """Is it a rule of the site's that stands for no shipped one?"""
        rule = self.engine.house.rule(kind, rule_id) if self.engine.house is not None else None
        return rule is not None and rule.file.startswith(OWN) and not rule.replaces
