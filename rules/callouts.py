"""What a back-test's faults would have done to people: the engine's own incidents (parents, groups, chatter, flood) over its events.

Records of a scratch file, one channel that takes everything. Nobody acts in a back-test, so an order counts as seen to when its last
fault ends: what comes back later calls somebody anew.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from plantroom.clock import NS, Reading
from plantroom.model import Severity
from plantroom.records import Records
from plantroom.site import Channel, Site
from rules import aftermath, deeds, incident, work
from rules.backtest import Event
from rules.book import Rulebook
from rules.desk import Desk
from rules.house import House
from rules.incident import Raised
from rules.ledger import Position
from rules.order import Event as Step

CALLS = ("raised", "no_data", "returned", "gathered")  # pages that want somebody; that something ended wants nobody
LOOKS_NS = tuple(s * NS for s in (10, 60, 600, 1_800))  # after an event: parents that are gone, the end of a flood, of a shelf
AT_ONCE = 500

FactsAt = Callable[[int], Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody would have been called. rule, equipment: of what; None where several faults were gathered in one."""

    at_ns: int
    severity: Severity
    rule: str | None
    equipment: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """faults: rows of the records' `fault` table, group's faults too, in the order they were raised."""

    faults: tuple[Mapping[str, object], ...]
    calls: tuple[Called, ...]


def outcome(site: Site, book: Rulebook, events: Iterable[Event], facts_at: FactsAt) -> Outcome:
    """site: as the back-test saw it, with its points bound. events: in the order of time."""
    everything = Channel("callouts", "webhook", {}, frozenset(Severity))
    house = House(replace(site, channels={everything.id: everything}), book)
    with TemporaryDirectory() as folder, closing(Records.open(Path(folder) / "records.db")) as records:
        records.db.pragma("synchronous", 0)  # a scratch file
        _Night(Desk(records), house, facts_at).pass_(events)
        faults = tuple(_rows(records, "SELECT * FROM fault ORDER BY raised_ns, id"))
        asked = (
            "SELECT o.created_ns, o.severity, o.reason, f.rule, f.equipment FROM outbox o LEFT JOIN fault f ON f.id = o.fault "
            "WHERE o.state <> 'dropped' ORDER BY o.created_ns, o.id"
        )
        calls = [
            Called(at, Severity(severity), rule, machine)
            for at, severity, reason, rule, machine in records.db.execute(asked)
            if reason in CALLS
        ]
    return Outcome(faults, tuple(calls))


class _Night:
    """The desk through the time of the events: each at its instant, and a look at what time brings about a while after it."""

    def __init__(self, desk: Desk, house: House, facts_at: FactsAt) -> None:
        self._desk, self._house, self._facts_at = desk, house, facts_at
        self._seq = self._since = 0
        self._looks: list[int] = []

    def pass_(self, events: Iterable[Event]) -> None:
        for event in events:
            self._look(event.at_ns)
            self._take(event)
            for after in LOOKS_NS:
                heapq.heappush(self._looks, (event.at_ns + after) // NS * NS + NS)
        self._look(None)
        self._commit()

    def _begin(self, at_ns: int) -> None:
        self._seq += 1
        self._desk.facts = self._facts_at(at_ns)
        self._desk.begin(self._seq, at_ns)
        self._since += 1

    def _look(self, before_ns: int | None) -> None:
        while self._looks and (before_ns is None or self._looks[0] < before_ns):
            at = heapq.heappop(self._looks)
            while self._looks and self._looks[0] == at:
                heapq.heappop(self._looks)
            self._begin(at)
            deeds.end_shelves(self._desk, self._house)
            aftermath.look(self._desk, self._house)
            if self._since >= AT_ONCE:
                self._commit()

    def _take(self, event: Event) -> None:
        desk, house = self._desk, self._house
        machine = house.machine(event.equipment)
        rule = house.rule(machine.kind, event.rule) if machine is not None else None
        if machine is None or rule is None:
            return
        self._begin(event.at_ns)
        fault = desk.fault_of(event.equipment, event.rule)
        if event.event == "raised" and fault is None:
            raised = Raised(event.equipment, machine.kind, rule, event.since_ns, event.no_data, {}, {})
            incident.raise_fault(desk, house, raised, event.at_ns)
        elif event.event == "cleared" and fault is not None:
            incident.end(desk, house, fault, "cleared", event.at_ns, "telemetry")
            order = desk.standing(fault.work_order)
            if order is not None and not any(other.open for other in desk.faults_of(order)):
                work.step(desk, house, order, Step.FADED)
        aftermath.settle(desk, house)

    def _commit(self) -> None:
        self._since = 0
        if self._seq:
            self._desk.commit(Position(self._seq, Reading(self._desk.now_ns, self._desk.now_ns, "backtest")))


def _rows(records: Records, asked: str) -> Iterable[dict[str, object]]:
    cursor = records.db.execute(asked)
    columns: list[str] = []
    for row in cursor:
        columns = columns or [column[0] for column in cursor.get_description()]
        yield dict(zip(columns, row, strict=True))
