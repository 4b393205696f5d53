"""Rows of one site's records as values for screens and the API. Read-only; missing records (a first start) are simply empty."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from dashboards.console.plan_rows import PlanResult, PlanTask, plan_task
from dashboards.console.remaining import Limit
from dashboards.console.rows import (
    OPEN_CONDITIONS,
    Attempt,
    Call,
    CommandRow,
    Entered,
    EvidenceRow,
    Fault,
    Handing,
    Handover,
    HeadCall,
    Hollow,
    ItemDay,
    Note,
    Order,
    Page,
    Receipt,
    Rescue,
    RosterChange,
    SeverityChange,
    SignedPeriod,
)
from plantroom.clock import NS
from plantroom.housekeeping import Alarm
from plantroom.kpi import reading
from plantroom.kpi.figures import figures
from plantroom.kpi.period import Period
from plantroom.kpi.reading import Read, Scope
from plantroom.records import Records
from plantroom.records.named_sql import parse_queries
from plantroom.roster import Change
from plantroom.site import Site
from plantroom.words import LANGUAGES

__all__ = [
    "MOST", "OPEN_CONDITIONS", "OPEN_STATES", "SEVERITIES", "Attempt", "Call", "CommandRow", "EvidenceRow", "Entered", "Fault", "Handing",
    "Handover",
    "HeadCall", "Hollow", "ItemDay", "Note", "Order", "Page", "Rescue", "RosterChange", "SeverityChange", "Tables",
]  # fmt: skip

_FILE = Path(__file__).with_name("queries.sql")
QUERIES = parse_queries({str(_FILE): _FILE.read_text("utf-8")})
OPEN_STATES = ("open", "accepted", "arrived", "restored")
MOST = 500
MOST_OPEN = 20_000
SEVERITIES = ("danger", "readiness", "normal", "advisory")


class Tables:
    """One read-only connection to DATA/<site>/records.db, any thread, one at a time; statements are short, no transaction stays open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._records: Records | None = None
        self._own: frozenset[str] | None = None
        self._seen: dict[str, str | None] = {"own": None, "me": None, "firm": None, "assess": None}

    def narrowed(self, own: frozenset[str], me: str, firm: str = "", assess: frozenset[str] = frozenset()) -> Tables:
        """The same rows for somebody who sees no more than those of these machines and the orders handed to their firm: every query says so
        itself. own: equipment ids. assess: those a third party may assess."""
        found = _Narrowed(self._path)
        found.whole, found._lock = self, self._lock
        found._own, found._seen = own, {"own": _json(sorted(own)), "me": me, "firm": firm or None, "assess": _json(sorted(assess))}
        return found

    def close(self) -> None:
        with self._lock:
            if self._records is not None:
                self._records.close()
                self._records = None

    def faults(
        self,
        conditions: Sequence[str] | None = None,
        severities: Sequence[str] | None = None,
        equipment: str | None = None,
        before_ns: int | None = None,
        most: int = MOST,
    ) -> list[Fault]:
        """Newest first. before_ns: raised earlier than that, for the next page of a list."""
        if conditions is not None and set(conditions) <= set(OPEN_CONDITIONS):
            return [
                fault
                for fault in self.open_faults(MOST_OPEN)
                if fault.condition in conditions
                and (severities is None or fault.severity in severities)
                and equipment in (None, fault.equipment)
                and (before_ns is None or fault.raised_ns < before_ns)
            ][:most]
        given = {"severity": _json(severities), "equipment": equipment, "before": before_ns, "most": most}
        return [_fault(row) for row in self._rows("faults", condition=_json(conditions), **given)]

    def open_faults(self, most: int = 2_000) -> list[Fault]:
        return [_fault(row) for row in self._rows("open_faults", most=most)]

    def fault(self, fault_id: str) -> Fault | None:
        return next((_fault(row) for row in self._rows("fault", id=fault_id)), None)

    def urgent_since(self, since_ns: int) -> list[Fault]:
        """Raised after that, over or not, oldest first."""
        return [_fault(row) for row in self._rows("urgent_since", since=since_ns)]

    def children(self, fault_id: str) -> list[Fault]:
        """What is part of this fault, by onset."""
        return [_fault(row) for row in self._rows("children", parent=fault_id)]

    def severity_changes(self, fault_id: str) -> list[SeverityChange]:
        """Oldest first."""
        return [SeverityChange(*row) for row in self._rows("severity_changes", fault=fault_id)]

    def handings(self, order_id: str) -> list[Handing]:
        """Oldest first."""
        rows = self._rows("handings", order=order_id)
        return [
            Handing(at_ns, who, firm, does, reason, tuple((channel, person) for channel, person in orjson.loads(told)))
            for at_ns, who, firm, does, reason, told in rows
        ]

    def handed(self) -> frozenset[str]:
        """Of who sees no more than what is theirs: the machines of orders that stand and are handed to their firm."""
        return frozenset(machine for (machine,) in self._rows("handed"))

    def alarms(self, start_ns: int, end_ns: int) -> list[Alarm]:
        """For housekeeping: raised before the end, not ended before the start."""
        with self._lock:
            records = self._open()
            rows = [] if records is None else records.rows("alarms_within", {"start_ns": start_ns, "end_ns": end_ns})
        own = self._own
        return [Alarm(**{**row, "presented": bool(row["presented"])}) for row in rows if own is None or row["equipment"] in own]

    def figures(self, site: Site | None, span: Period, as_of_ns: int, scope: Scope) -> Read:
        """K-1 to K-4. Reads with a connection of its own: a year takes seconds, and nobody else waits for it."""
        if not self._path.exists():
            return Read(*figures(span, as_of_ns, [], [], [], [], []), [], [])
        with closing(Records.open(self._path, readonly=True)) as records:
            return reading.read(records, site, span, as_of_ns, replace(scope, machines=self._own))

    def signed_periods(self, period: str | None) -> list[SignedPeriod]:
        """The revisions of a period's figures, or of all of them, oldest first; nobody who sees only what is theirs sees any."""
        with self._lock:
            records = self._open()
            rows = [] if records is None or self._own is not None else records.rows("signed_periods", {"period": period})
        return [
            SignedPeriod(
                row["revision"],
                row["at_ns"],
                row["who"],
                row["hash"],
                orjson.loads(row["figures_json"]),
                orjson.loads(row["changed_json"]),
                row["reason"],
            )
            for row in rows
        ]

    def item_days(self, equipment: str, since: str) -> list[ItemDay]:
        """Item time from a local day (2026-11-21) on, by item and day; the running state is added up to where the engine stands."""
        _, now_ns = self.position()
        return [_item_day(row, now_ns) for row in self._rows("item_days", equipment=equipment, since=since)]

    def orders(
        self, states: Sequence[str] | None = None, equipment: str | None = None, before_ns: int | None = None, most: int = MOST
    ) -> list[Order]:
        if states is not None and set(states) <= set(OPEN_STATES):
            return [
                order
                for order in self.open_orders(MOST_OPEN)
                if order.state in states and equipment in (None, order.equipment) and (before_ns is None or order.opened_ns < before_ns)
            ][:most]
        rows = self._rows("orders", state=_json(states), equipment=equipment, before=before_ns, most=most)
        return self._with_limits(rows)

    def open_orders(self, most: int = 2_000) -> list[Order]:
        return self._with_limits(self._rows("open_orders", most=most))

    def order(self, order_id: str) -> Order | None:
        return next(iter(self._with_limits(self._rows("order", id=order_id))), None)

    def last_restored(self, equipment: str, most: int) -> list[tuple[str, dict[str, str], int, str | None]]:
        """(order, its text by language, when it was restored, by whom), newest first."""
        rows = self._rows("last_restored", equipment=equipment, most=most)
        return [(id_, orjson.loads(text), restored_ns, by) for id_, text, restored_ns, by in rows]

    def worked_on(self) -> frozenset[str]:
        """Machines with work on record."""
        return frozenset(machine for (machine,) in self._rows("worked_on"))

    def plan_tasks(
        self,
        states: Sequence[str] | None = None,
        subject: str | None = None,
        before_ns: int | None = None,
        most: int = MOST,
        *,
        newest: bool = False,
    ) -> list[PlanTask]:
        """By due instant, the next one first; newest: the last one. subject: a machine, or @<round>; of a machine the rounds too."""
        given = {"state": _json(states), "subject": subject, "before": before_ns, "newest": int(newest), "most": most}
        return [plan_task(row) for row in self._rows("plan_tasks", **given)]

    def plan_task(self, task_id: str) -> PlanTask | None:
        return next((plan_task(row) for row in self._rows("plan_task", id=task_id)), None)

    def plan_results(self, task_id: str) -> list[PlanResult]:
        """By machine and item."""
        return [PlanResult(*row) for row in self._rows("plan_results", task=task_id)]

    def notes(self, order_id: str) -> list[Note]:
        rows = self._rows("notes", order=order_id)
        return [Note(at_ns, who, does, text, _entered_of(phone)) for at_ns, who, does, text, phone in rows]

    def evidence(self, about: str, target: str) -> list[EvidenceRow]:
        """What was put to this, oldest first."""
        return [EvidenceRow(*row) for row in self._rows("evidence", about=about, target=target)]

    def evidence_by_hash(self, hash_: str) -> EvidenceRow | None:
        """The first thing this person may see that the file was put to."""
        return next((EvidenceRow(*row) for row in self._rows("evidence_by_hash", hash=hash_)), None)

    def pages(self, fault_id: str | None, order_id: str | None) -> list[Page]:
        """Everything sent or to be sent about a fault and its order, oldest first, each with its attempts or the page it went into."""
        found = self._with_attempts(self._rows("pages", fault=fault_id, order=order_id))
        held = {page.answer for page in found if page.state == "dropped" and page.answer and not page.attempts}
        told = {page.id: page for page in self._with_attempts(self._rows("pages_by_id", pages=_json(sorted(held))))} if held else {}
        return [replace(page, into=told[page.answer]) if page.answer in told and not page.attempts else page for page in found]

    def page(self, page_id: str) -> Page | None:
        return next(iter(self._with_attempts(self._rows("page", id=page_id))), None)

    def room_pages(self, channels: Sequence[str], orders: Sequence[str], since_ns: int) -> list[Page]:
        """What these channels of a duty room were told about these orders, and of late about none, oldest first."""
        rows = self._rows("room_pages", channels=_json(channels), orders=_json(orders), since=since_ns) if channels else []
        return self._with_attempts(rows)

    def _with_attempts(self, rows: list[tuple[Any, ...]]) -> list[Page]:
        tried: dict[str, list[Attempt]] = {}
        for page, n, channel, verdict, said, started, ended, confirmed in self._rows("attempts", pages=_json([row[0] for row in rows])):
            tried.setdefault(page, []).append(Attempt(n, channel, verdict, said, started, ended, bool(confirmed)))
        told: dict[str, list[Receipt]] = {}
        for page, *receipt in self._rows("receipts", pages=_json([row[0] for row in rows])):
            told.setdefault(page, []).append(Receipt(*receipt))
        return [
            Page(*(*row[:5], orjson.loads(row[5]), *row[6:10], tuple(tried.get(row[0], ())), tuple(told.get(row[0], ())), *row[10:]))
            for row in rows
        ]

    def call(self, order_id: str | None) -> Call | None:
        """Whom an order's chain called, and when it calls again; None for one that calls nobody."""
        for state, chain, step, next_ns, count, told in self._rows("call", order=order_id):
            tell = tuple(tuple(each["tell"]) for each in orjson.loads(chain)["steps"])
            return Call(state, tell, step, next_ns, count, tuple((channel, person) for channel, person in orjson.loads(told)))
        return None

    def heads(self, order_id: str) -> list[HeadCall]:
        """Who is told of a matter of weight, and whether they have confirmed; [] for any other order."""
        found = []
        for head, tell, state, due, next_, missed, acked, by, message in self._rows("heads", order=order_id):
            task = orjson.loads(message).get("task") if message else None
            found.append(HeadCall(head, tell, state, due, next_, missed, acked, by, task or dict.fromkeys(LANGUAGES, "")))
        return found

    def rescue(self, order_id: str) -> Rescue | None:
        """Of an order about people trapped; None for any other."""
        return next((Rescue(*row) for row in self._rows("rescue", order=order_id)), None)

    def rescue_of(self, equipment: str) -> Rescue | None:
        """That a lift waits to be released from; None while it may carry people."""
        return next((Rescue(*row) for row in self._rows("rescue_of", equipment=equipment)), None)

    def calling(self) -> list[tuple[str, int | None, int]]:
        """(order, the next call's instant, times called after the first page) of every call that goes on."""
        return [(order, next_ns, count) for order, next_ns, count in self._rows("calling")]

    def changes(self) -> list[RosterChange]:
        """Of the roster, entered by people and not over, in the order they hold."""
        return [RosterChange(*row) for row in self._rows("changes_ahead")]

    def changes_held(self, now_ns: int, since_ns: int) -> list[Change]:
        """Those that count, or counted after since_ns, each for as long as it did, in the order they hold."""
        found = [Change(*row) for row in self._rows("changes_held", now_ns=now_ns, since_ns=since_ns)]
        return [change for change in found if change.from_ns < change.to_ns]

    def change(self, id_: str) -> RosterChange | None:
        return next((RosterChange(*row) for row in self._rows("change", id=id_)), None)

    def handovers(self, most: int) -> list[Handover]:
        """Newest first."""
        return [self._handover(row) for row in self._rows("handovers", id=None, most=most)]

    def handover(self, id_: str) -> Handover | None:
        return next((self._handover(row) for row in self._rows("handovers", id=id_, most=1)), None)

    def _handover(self, row: tuple[Any, ...]) -> Handover:
        id_, team, opened, *rest = row
        found: dict[str, list[dict[str, Any]]] = orjson.loads(opened)
        for each in (*found["holds"], *found["shelved"]):
            each |= {name: self.private(each[name]) for name in ("reason", "told") if name in each}
        return Handover(id_, team, found, *rest)

    def command(self, command_id: str) -> CommandRow | None:
        for id_, seq, at, who, does, target, outcome, reason, says, state, phone in self._rows("command", id=command_id):
            words, after = orjson.loads(says), orjson.loads(state)
            return CommandRow(id_, seq, at, who, does, target, outcome == "applied", reason, words, after, _entered_of(phone))
        return None

    def people(self) -> dict[str, str]:
        """Names by person id, as far as told and not erased."""
        return {id_: name for id_, name in self._rows("people")}

    def private(self, text_id: str | None) -> str | None:
        """A free text by its stand-in; None where it was erased."""
        return next((row[0] for row in self._rows("private", id=text_id)), None) if text_id else None

    def position(self) -> tuple[int, int]:
        """(seq, wall ns) of the last journal record whose effects stand here; (0, 0) before the first."""
        return next(((row[0], row[1]) for row in self._rows("position")), (0, 0))

    def outbox_counts(self) -> dict[str, int]:
        return {state: count for state, count in self._rows("outbox_counts")}

    def version(self) -> int:
        """Another number after every commit of the engine."""
        with self._lock:
            records = self._open()
            return -1 if records is None else records.data_version()

    def _with_limits(self, rows: Sequence[tuple[Any, ...]]) -> list[Order]:
        limits: dict[str, list[tuple[int, Limit]]] = {}
        if rows:
            for order_id, round_, *rest in self._rows("clocks", orders=_json([row[0] for row in rows])):
                limits.setdefault(order_id, []).append((round_, Limit(*rest)))
        return [_order(row, limits.get(row[0], [])) for row in rows]

    def _rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            records = self._open()
            return [] if records is None else records.db.execute(QUERIES[query], {**values, **self._seen}).fetchall()

    def _open(self) -> Records | None:
        if self._records is None and self._path.exists():
            records = Records.open(self._path, readonly=True)
            if not records.db.pragma("user_version"):
                records.close()  # the engine is still making it
                return None
            self._records = records
        return self._records


class _Narrowed(Tables):
    """Reads through the connection of the whole; closing it closes nothing."""

    whole: Tables

    def _open(self) -> Records | None:
        return self.whole._open()

    def close(self) -> None: ...


def _fault(row: tuple[Any, ...]) -> Fault:
    *head, text, do, trace, work_order, shelved, shelf, parent = row
    id_, rule, equipment, kind, severity, condition, mode, no_data, onset, raised, ended, why = head
    shelf_value = orjson.loads(shelf) if shelf else None
    return Fault(
        id_, rule, equipment, kind, severity, condition, mode, bool(no_data), onset, raised, ended, why,
        orjson.loads(text), orjson.loads(do), orjson.loads(trace), work_order, shelved, shelf_value, parent,
    )  # fmt: skip


def _order(row: tuple[Any, ...], limits: Sequence[tuple[int, Limit]]) -> Order:
    values, later = list(row[:-4]), row[-4:]
    round_ = values[6]
    values[5] = orjson.loads(values[5])
    values[16] = None if values[16] is None else bool(values[16])
    values[21] = orjson.loads(values[21]) if values[21] else None
    values[22] = tuple(Hollow(**each) for each in orjson.loads(values[22])) if values[22] else ()
    values[23] = {state: _entered(each) for state, each in orjson.loads(values[23]).items()} if values[23] else {}
    values.append(tuple(limit for n, limit in limits if n == round_))
    values.append(tuple(limit for n, limit in limits if n != round_))
    return Order(*(*values, *later))


def _entered(given: Mapping[str, Any]) -> Entered:
    return Entered(given["entered_ns"], given["received_ns"], given["counts"])


def _entered_of(text: str | None) -> Entered | None:
    return _entered(orjson.loads(text)) if text else None


def _item_day(row: tuple[Any, ...], now_ns: int) -> ItemDay:
    item, day, usable, faulted, unknown, state, _, since = row
    lengths = {"usable": usable, "faulted": faulted, "unknown": unknown}
    if since is not None:
        lengths[state] += max(0, now_ns - since)
    usable_s, faulted_s, unknown_s = (length / NS for length in lengths.values())
    return ItemDay(item, day, usable_s, faulted_s, unknown_s, state if since is not None else None)


def _json(values: Sequence[str] | None) -> str | None:
    return None if values is None else orjson.dumps(list(values)).decode()
