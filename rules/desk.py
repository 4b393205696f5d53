"""The open rows of records.db in memory, what changed since the last commit, and the ids that derive from the journal's position.

One desk per engine. Everything that happens while a record is applied goes through it, and leaves in one transaction with the position.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from plantroom.clock import Reading
from plantroom.limits import ClockName
from plantroom.records import Records
from plantroom.records.seal import CARRIED
from rules.certificate_rows import CertificateRows
from rules.clocks import OrderClock, speaks
from rules.indexed import Indexed
from rules.ledger import Ledger, Position
from rules.matters import Matters
from rules.order import REOPEN_WITHIN_NS, State
from rules.plan_rows import PlanRows
from rules.recent import RECENT_NS, SETTLE_NS, Recent, shown_ns
from rules.roster_rows import RosterRows
from rules.rows import (
    Attempt,
    Call,
    Drill,
    Evidence,
    Fault,
    Handing,
    ItemTime,
    Note,
    Order,
    Outcome,
    Page,
    Pending,
    Receipt,
    SeverityChange,
    SignedPeriod,
    Skipped,
    as_json,
    born,
    columns,
)

ALONE = "alone"
URGENT, SHELVED, CHILD = "urgent", "shelved", "child"  # what is looked for at every tick
Hidden = Callable[[int, str], "tuple[str, bytes | None] | None"]


def nothing_hidden(seq: int, field: str) -> None:
    """No text was hidden before."""


class Desk:
    """What is over stays in memory until the commit, so nothing may depend on finding it there: look at states, not at presence.
    Nor on the order of a dict: what a restart loads stands in another one; use the sorted accessors.

    seq, now_ns: the record being applied and its header's wall instant; every effect bears this instant.

    hidden: (seq, field) -> (private id, salt) of a text that was hidden before; a rebuild knows those of the records it is compared with.
    An id of "" is made from the salt: what is rehearsed twice must come out the same.
    """

    def __init__(self, records: Records, hidden: Hidden = nothing_hidden) -> None:
        self._records, self._hidden = records, hidden
        self._ledger = Ledger(records)
        self.seq, self.now_ns = 0, 0
        self._touched = False
        self._counts: dict[str, int] = {}
        self.roster, self.matters, self.plan = RosterRows(self._ledger), Matters(self._ledger), PlanRows(self._ledger)
        self.certificates = CertificateRows(self._ledger)
        self.facts: Mapping[str, bool] = {}  # of the site, as of the last tick
        self.reading: Callable[[str, str], float | None] = _no_reading  # (machine, point) -> what it holds now, where that is known
        self._load()

    # -- rows

    def _load(self) -> None:
        ledger = self._ledger
        at = ledger.rows("position")
        self.position = Position(at[0]["seq"], Reading(at[0]["wall_ns"], at[0]["boot_ns"], at[0]["boot"])) if at else None
        self.conditions = {(r["equipment"], r["rule"]): Pending(**r) for r in ledger.rows("open_conditions")}
        self.faults = Indexed(_about_fault, ((fault.id, fault) for fault in ledger.faults("open_faults")))
        self.orders = {order.id: order for order in ledger.orders("open_orders")}
        self.clocks = {_clock_key(clock): clock for clock in ledger.clocks("running_clocks")}
        self.calls = {r["work_order"]: Call(**r) for r in ledger.rows("standing_calls")}
        self.tests = {r["person"]: Drill(**r) for r in ledger.rows("newest_tests")}
        self.pages = Indexed(_about_page, ((page.id, page) for page in ledger.pages("queued_pages")))
        self.persons = {r["id"]: r["name"] for r in ledger.rows("persons")}
        since_ns = (self.position.at.wall_ns if self.position is not None else 0) - RECENT_NS - SETTLE_NS
        recent = ledger.rows("recent_faults", {"since_ns": since_ns})
        self._recent = Recent(
            (r["raised_ns"], (r["equipment"], r["rule"]), shown_ns(r["raised_ns"], r["presented"], r["severity"])) for r in recent
        )
        self.moved: list[Fault] = []  # live faults raised or ended whose aftermath has still to be seen to
        self.roster.load()
        self.matters.load()
        self.certificates.load()
        self.plan.load()
        self.items = {(r["equipment"], r["item"]): ItemTime(**r) for r in ledger.rows("running_items")}
        self.skipped = {row.key: row for row in (Skipped(**r) for r in ledger.rows("newest_skipped"))}

    def fault_of(self, equipment: str, rule: str) -> Fault | None:
        """The open fault of a condition."""
        pending = self.conditions.get((equipment, rule))
        return self.faults.get(pending.fault) if pending is not None and pending.fault else None

    def order_of(self, equipment: str, *rules: str) -> Order | None:
        """The order not yet closed that a fault of these conditions opened, the newest if one was opened again beside it."""
        for fault in reversed(self.faults.about(*((equipment, rule) for rule in rules))):
            order = self.orders.get(fault.work_order or "")
            if order is not None and order.state is not State.CLOSED:
                return order
        return None

    def standing(self, id_: str | None) -> Order | None:
        """An order that is not closed, whether this transaction or an earlier one closed it."""
        order = self.orders.get(id_ or "")
        return order if order is not None and order.state is not State.CLOSED else None

    def faults_of(self, order: Order) -> list[Fault]:
        """The faults that belong to an order, oldest first: the one that opened it, and its returns."""
        return self.faults.about(order.id)

    def all_faults(self) -> list[Fault]:
        """In the order they were raised."""
        return [self.faults[id_] for id_ in sorted(self.faults, key=born)]

    def all_orders(self) -> list[Order]:
        """In the order they were opened; those that this transaction closed too."""
        return [self.orders[id_] for id_ in sorted(self.orders, key=born)]

    def due_clocks(self) -> list[OrderClock]:
        """Those that have something to say, by order."""
        due = (key for key, clock in self.clocks.items() if speaks(clock, self.now_ns))
        return [self.clocks[key] for key in sorted(due, key=lambda key: (born(key[0]), key[2], key[1]))]

    def clocks_of(self, order: Order) -> list[OrderClock]:
        """The running clocks of an order."""
        keys = ((order.id, name, order.round) for name in ClockName)
        return [self.clocks[key] for key in keys if key in self.clocks]

    def all_calls(self) -> list[Call]:
        """By order."""
        return [self.calls[key] for key in sorted(self.calls, key=born)]

    def calls_where(self, wanted: Callable[[Call], bool]) -> list[Call]:
        """By order. Where thousands stand open, few are wanted and only those are put in order."""
        return [self.calls[key] for key in sorted((key for key, call in self.calls.items() if wanted(call)), key=born)]

    def due_calls(self) -> list[Call]:
        """Those whose next step is due, by order."""
        return self.calls_where(lambda call: call.next_ns is not None and call.next_ns <= self.now_ns)

    def queued(self) -> list[Page]:
        """The pages still to be sent, oldest first. In `pages` those of this transaction that are over stand too."""
        return [self.pages[id_] for id_ in sorted(self.pages, key=born) if self.pages[id_].state == "queued"]

    def queued_about(self, fault: str | None, work_order: str | None) -> list[Page]:
        """Of those the ones about this fault or this order, oldest first."""
        return [page for page in self.pages.about(*filter(None, (fault, work_order))) if page.state == "queued"]

    def queued_alone(self, reason: str) -> list[Page]:
        """Of those the ones about no fault and no order, sent for this reason, oldest first."""
        return [page for page in self.pages.about((ALONE, reason)) if page.state == "queued"]

    def oldest_urgent(self) -> Page | None:
        """Of those to be sent the oldest that is urgent."""
        return self.pages.oldest(URGENT)

    def shelved(self) -> list[Fault]:
        """In the order they were raised."""
        return self.faults.about(SHELVED)

    def children(self, parent: str | None = None) -> list[Fault]:
        """Open faults that are part of another one, or of this one, in the order they were raised."""
        return self.faults.about(CHILD if parent is None else (CHILD, parent))

    def find_fault(self, id_: str) -> Fault | None:
        return self.faults.get(id_) or next(iter(self._ledger.faults("fault", {"id": id_})), None)

    def find_order(self, id_: str) -> Order | None:
        """An order, closed ones too."""
        return self.orders.get(id_) or next(iter(self._ledger.orders("work_order", {"id": id_})), None)

    def recall(self, id_: str) -> Order | None:
        """An order to work on: a closed one comes back into memory with its faults, until the next commit finds it still closed."""
        order = self.orders.get(id_) or self.find_order(id_)
        if order is not None and id_ not in self.orders:
            self.orders[id_] = order
            self.faults.update((fault.id, fault) for fault in self.faults_by_order(id_))
            self.calls.update((r["work_order"], Call(**r)) for r in self._ledger.rows("call", {"work_order": id_}))
            self.matters.recall(id_)
        return order

    def faults_by_order(self, id_: str) -> list[Fault]:
        """As committed, whether the order is closed or not."""
        return self._ledger.faults("faults_of", {"work_order": id_})

    def urgent_since(self, since_ns: int) -> list[Fault]:
        """Urgent faults raised after that, over or not, in their order."""
        found = {fault.id: fault for fault in self._ledger.faults("urgent_since", {"since_ns": since_ns})}
        fresh = (f for f in self.faults.values() if f.raised_ns > since_ns and f.severity.urgent and f.mode == "live")
        found.update((fault.id, fault) for fault in fresh)
        return [found[id_] for id_ in sorted(found, key=born)]

    def find_page(self, id_: str) -> Page | None:
        return self.pages.get(id_) or next(iter(self._ledger.pages("page", {"id": id_})), None)

    def outcome(self, command: str) -> Outcome | None:
        waiting = self._ledger.waiting("put_outcome", command)
        if waiting is not None:
            return Outcome(**waiting)
        return next((Outcome(**r) for r in self._ledger.rows("outcome", {"id": command})), None)

    def config_seqs(self) -> list[int]:
        """Positions of the configurations that were applied, the newest first."""
        return [row["seq"] for row in self._ledger.rows("config_seqs")]

    # -- what happens

    def begin(self, seq: int, now_ns: int) -> None:
        """A record is being applied; several steps of one record share its numbers."""
        if seq != self.seq:
            self._counts.clear()
        self.seq, self.now_ns, self._touched = seq, now_ns, True

    def new_id(self, letter: str) -> str:
        """F<seq>-<n>, O<seq>-<n>, P<seq>-<n>: the same after every replay."""
        self._counts[letter] = self._counts.get(letter, 0) + 1
        return f"{letter}{self.seq}-{self._counts[letter]}"

    def tell(self, kind: str, body: Mapping[str, Any] | bytes) -> None:
        """A line of the chronicle."""
        self._ledger.tell(self.seq, self.now_ns, kind, body if isinstance(body, bytes) else as_json(body).encode())

    def hide(self, field: str, text: str) -> str:
        """A person's words leave the chronicle: their salted hash stands there, the words in `private`. Returns that id."""
        known = self._hidden(self.seq, field)
        salt = known[1] if known else os.urandom(16)
        id_ = known[0] if known and known[0] else hashlib.sha256((salt or b"") + text.encode()).hexdigest()[:32]
        told = None if known and salt is None else text
        self._ledger.put("put_private", id_, {"id": id_, "seq": self.seq, "field": field, "salt": salt, "text": told})
        return id_

    def put_condition(self, row: Pending) -> None:
        key = (row.equipment, row.rule)
        self.conditions[key] = row
        self._ledger.take_out("drop_condition", _flat(key))
        self._ledger.put("put_condition", _flat(key), columns(row))

    def drop_condition(self, equipment: str, rule: str) -> None:
        key = (equipment, rule)
        if self.conditions.pop(key, None) is not None:
            self._ledger.take_out("put_condition", _flat(key))
            self._ledger.put("drop_condition", _flat(key), {"equipment": equipment, "rule": rule})

    def put_fault(self, fault: Fault) -> None:
        self.faults[fault.id] = fault
        self._ledger.put("put_fault", fault.id, {**columns(fault), "severity": fault.severity.value, "no_data": int(fault.no_data)})

    def show(self, fault: Fault) -> None:
        """It is put before people now, or as soon as its page leaves."""
        counts_ns = shown_ns(fault.raised_ns, fault.presented, fault.severity)
        self._recent.add(fault.raised_ns, (fault.equipment, fault.rule), counts_ns, self.now_ns)

    def unshow(self, fault: Fault) -> None:
        """It counts for nobody any more."""
        self._recent.remove(fault.raised_ns, (fault.equipment, fault.rule))

    def reshow(self, fault: Fault) -> None:
        """Its class is another one: as an advisory it counts for no flood."""
        self.unshow(fault)
        self.show(fault)

    def shown(self, within_ns: int, key: tuple[str, str] | None = None) -> int:
        """How many faults were put before people within this time, or of one condition: were raised."""
        return self._recent.count(self.now_ns, within_ns, key)

    def put_item(self, row: ItemTime) -> None:
        key = (row.equipment, row.item)
        if row.since_ns is not None:
            self.items[key] = row
        elif self.items.get(key) is row:
            del self.items[key]
        self._ledger.put("put_item", _flat((*key, row.day)), columns(row))

    def item_of_day(self, equipment: str, item: str, day: str) -> ItemTime:
        """As it stands, or a new one: a day may come twice where the clock is set back."""
        waiting = self._ledger.waiting("put_item", _flat((equipment, item, day)))
        stands = self._ledger.rows("item_day", {"equipment": equipment, "item": item, "day": day})
        row = waiting if waiting is not None else next(iter(stands), None)
        return ItemTime(**row) if row is not None else ItemTime(equipment, item, day)

    def put_order(self, order: Order) -> None:
        self.orders[order.id] = order
        gravest = order.gravest.value if order.gravest is not None else None
        told = {"severity": order.severity.value, "state": order.state.value, "gravest": gravest}
        self._ledger.put("put_order", order.id, {**columns(order), **told})

    def put_severity_change(self, row: SeverityChange) -> None:
        self._ledger.put("put_severity_change", f"{row.fault} {row.seq}", columns(row))

    def put_handing(self, row: Handing) -> None:
        self._ledger.put("put_handing", f"{row.work_order} {row.seq} {row.does}", columns(row))

    def clock_began(self, order: Order, name: ClockName) -> bool:
        """Whether this clock of the order's present round was ever started, running or not."""
        key = (order.id, name, order.round)
        asked = {"work_order": order.id, "name": name.value, "round": order.round}
        return self._ledger.waiting("put_clock", _flat(key)) is not None or bool(self._ledger.rows("clock_began", asked))

    def put_clock(self, clock: OrderClock) -> None:
        self.clocks[_clock_key(clock)] = clock
        self._ledger.put("put_clock", _flat(_clock_key(clock)), {**columns(clock), "name": clock.name.value})
        if not clock.running:
            del self.clocks[_clock_key(clock)]

    def put_call(self, call: Call) -> None:
        self.calls[call.work_order] = call
        self._ledger.put("put_call", call.work_order, columns(call))

    def put_page(self, page: Page) -> None:
        self.pages[page.id] = page
        self._ledger.put("put_page", page.id, {**columns(page), "severity": page.severity.value})

    def put_attempt(self, attempt: Attempt) -> None:
        self._ledger.put("put_attempt", f"{attempt.outbox} {attempt.n}", columns(attempt))

    def put_receipt(self, receipt: Receipt) -> None:
        self._ledger.put("put_receipt", f"{receipt.outbox} {receipt.seq}", columns(receipt))

    def put_outcome(self, outcome: Outcome) -> None:
        self._ledger.put("put_outcome", outcome.id, columns(outcome))

    def put_note(self, note: Note) -> None:
        self._ledger.put("put_note", f"{note.work_order} {note.seq}", columns(note))

    def put_signed_period(self, row: SignedPeriod) -> None:
        self._ledger.put("put_signed_period", _flat((row.period, str(row.revision))), columns(row))

    def signed_period(self, period: str) -> SignedPeriod | None:
        """Its newest revision."""
        waiting = [row for row in self._ledger.all_waiting("put_signed_period") if row["period"] == period]
        rows = waiting or self._ledger.rows("newest_signed_period", {"period": period})
        return SignedPeriod(**max(rows, key=lambda row: row["revision"])) if rows else None

    def put_evidence(self, row: Evidence) -> None:
        self._ledger.put("put_evidence", _flat((row.hash, row.about, row.target)), columns(row))

    def has_evidence(self, hash_: str, about: str | None = None, target: str | None = None) -> bool:
        """Whether this file was put to anything, or to this; what was put by the same record counts. Reads rows, never a folder: a rebuild
        finds the same."""
        waiting = self._ledger.all_waiting("put_evidence")
        if any(row["hash"] == hash_ and about in (None, row["about"]) and target in (None, row["target"]) for row in waiting):
            return True
        return bool(self._ledger.rows("evidence_to", {"hash": hash_, "about": about, "target": target}))

    def seal(self) -> None:
        """At a tick."""
        self._ledger.seal(self.seq, self.now_ns)

    def erasable(self, person: str) -> list[str]:
        """Ids of the texts that came with a person's commands, and of superseded site files; by who said it, never by whether it is
        still there."""
        seqs = {row["seq"] for row in self._ledger.all_waiting("put_outcome") if row["who"] == person}
        newest = max((row["seq"] for row in (*self._ledger.all_waiting("put_config"), *self._ledger.rows("newest_config"))), default=0)
        found = {row["id"] for row in self._ledger.rows("texts_of_person", {"who": person})}
        found |= {row["id"] for row in self._ledger.rows("texts_of_old_configs", {"seq": newest})}
        for row in self._ledger.all_waiting("put_private"):
            if row["seq"] in seqs or (row["field"].startswith("files.") and row["seq"] < newest):
                found.add(row["id"])
        return sorted(found)

    def erase_texts(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            waiting = self._ledger.waiting("put_private", id_)
            if waiting is not None:
                self._ledger.alter("put_private", id_, {**waiting, "salt": None, "text": None})
            else:
                self._ledger.put("erase_text", id_, {"id": id_})

    def erase_person(self, id_: str) -> None:
        if self.persons.pop(id_, None) is not None:
            self._ledger.put("put_person", id_, {"id": id_, "name": None})

    def last_line_before(self, before_ns: int) -> Mapping[str, Any] | None:
        """Of the chronicle, of what is committed: a line of five years ago is."""
        return next(iter(self._ledger.rows("last_line_before", {"before_ns": before_ns})), None)

    def purge(self, last: Mapping[str, Any], who: str, before_ns: int, reason: str) -> tuple[list[str], list[str]]:
        """Everything up to that line: the line itself and those before, texts, evidence. Ids of the texts, hashes of the files that nothing
        tells of any more."""
        for body in self._ledger.carried(last["n"]):
            self.tell(CARRIED, body)
        texts = [row["id"] for row in self._ledger.rows("texts_upto", {"seq": last["seq"]})]
        self.erase_texts(texts)
        gone = self._ledger.rows("evidence_upto", {"seq": last["seq"]})
        for row in gone:
            self._ledger.put("drop_evidence", _flat(row.values()), row)
        said = {"seq": self.seq, "at_ns": self.now_ns, "who": who, "before_ns": before_ns, "reason": reason}
        self._ledger.put("put_purge", str(last["n"]), {"n": last["n"], "hash": last["hash"], **said})
        self._ledger.put("purge_chronicle", "", {"n": last["n"]})
        return texts, sorted({row["hash"] for row in gone})

    def put_person(self, id_: str, name: str) -> None:
        if self.persons.get(id_) != name:
            self.persons[id_] = name
            self._ledger.put("put_person", id_, {"id": id_, "name": name})

    def put_skipped(self, row: Skipped) -> None:
        self.skipped[row.key] = row
        self._ledger.put("put_skipped", row.id, columns(row))

    def put_config(self, row: Mapping[str, Any]) -> None:
        self._ledger.put("put_config", str(row["seq"]), row)

    # -- as a whole

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """The committed rows a later record may still touch, by the statement that puts them; a rebuild begins with them."""
        since = {"since_ns": self.now_ns - REOPEN_WITHIN_NS}
        orders = self._ledger.rows("open_orders") + self._ledger.rows("reopenable_orders", since)
        found = {
            "put_person": [{"id": id_, "name": name} for id_, name in sorted(self.persons.items())],
            "put_condition": self._ledger.rows("open_conditions"),
            "put_fault": self._ledger.rows("open_faults") + self._ledger.rows("reopenable_faults", since),
            "put_order": orders,
            "put_clock": self._ledger.rows("clocks_of_orders", {"orders": as_json([order["id"] for order in orders])}),
            "put_call": self._ledger.rows("calls_of_orders", {"orders": as_json([order["id"] for order in orders])}),
            "put_page": self._touchable_pages(as_json([order["id"] for order in orders])),
            "put_skipped": self._ledger.rows("newest_skipped"),
            "put_item": self._ledger.rows("running_items"),
            "put_unsealed": self._ledger.rows("unsealed"),
            **self.roster.rows(),
            **self.certificates.rows(),
            **self.plan.rows(),
            **self.matters.rows([order["id"] for order in orders]),
        }
        return {name: rows for name, rows in found.items() if rows}

    def _touchable_pages(self, orders: str) -> list[dict[str, Any]]:
        """Those still to be sent, and of orders that go on also those that left: they may yet be heard, and count for who was reached."""
        found = {row["id"]: row for row in self._ledger.rows("queued_pages") + self._ledger.rows("pages_of_orders", {"orders": orders})}
        return list(found.values())

    @property
    def chronicled(self) -> int:
        """How many lines the chronicle has."""
        return self._ledger.chronicled

    # -- the commit

    @property
    def changed(self) -> bool:
        return self._ledger.changed

    def commit(self, position: Position) -> None:
        """Rows, chronicle and position in one transaction; after it the rows of what is over leave memory."""
        with self._records.transaction():
            self._ledger.write()
            self._ledger.write_position(position)
        self.position = position
        self._clear()

    @contextmanager
    def committing(self, position: Callable[[], Position]) -> Iterator[None]:
        """A transaction around many steps, each written by `flush` or taken back by `undo`; the position asked for ends it."""
        with self._records.transaction():
            yield
            self.flush()
            self._ledger.write_position(position())
        self.position = position()

    def flush(self) -> None:
        """Writes what changed into the transaction that is open. Raises, and has written nothing, where a value fits no row."""
        if self.changed:
            with self._records.savepoint():
                self._ledger.write()
        self._clear()

    def kept(self) -> Mapping[str, int]:
        """What `undo` wants to know of the instant it goes back to; everything is flushed there."""
        return dict(self._counts)

    def undo(self, kept: Mapping[str, int]) -> None:
        """As at the last flush or commit."""
        self._counts = dict(kept)
        if self._touched:
            self._ledger.drop()
            self._load()
            self._touched = False

    def _clear(self) -> None:
        self._ledger.settled()
        self._touched = False
        self._forget()

    def _forget(self) -> None:
        self.roster.forget()
        self.plan.forget()
        for id_ in [page.id for page in self.pages.values() if page.state != "queued"]:
            del self.pages[id_]
        for id_ in [order.id for order in self.orders.values() if order.state is State.CLOSED]:
            del self.orders[id_]
            self.calls.pop(id_, None)
            self.matters.forget(id_)
        for id_ in [fault.id for fault in self.faults.values() if not fault.open and fault.work_order not in self.orders]:
            del self.faults[id_]


def _no_reading(machine: str, point: str) -> float | None:
    return None


def _about_fault(fault: Fault) -> Iterator[Hashable]:
    """Its condition, its order; that it is shelved, that it is part of another one while it is there."""
    yield fault.equipment, fault.rule
    if fault.work_order is not None:
        yield fault.work_order
    if fault.shelved_until_ns is not None:
        yield SHELVED
    if fault.open and fault.parent is not None:
        yield from (CHILD, (CHILD, fault.parent))


def _about_page(page: Page) -> Iterator[Hashable]:
    """Its fault and its order; why it was sent, where it is about neither; that it is urgent, while it is to be sent."""
    if page.severity.urgent and page.state == "queued":
        yield URGENT
    if page.fault is None and page.work_order is None:
        yield ALONE, page.reason
    yield from filter(None, (page.fault, page.work_order))


def _clock_key(clock: OrderClock) -> tuple[str, ClockName, int]:
    return clock.work_order, clock.name, clock.round


def _flat(key: Iterable[object]) -> str:
    return "\n".join(map(str, key))
