"""Rows of one site's records as values for screens and the API. Read-only; missing records (a first start) are simply empty."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from dashboards.console.remaining import Limit
from plantroom.clock import NS
from plantroom.housekeeping import Alarm
from plantroom.records import Records
from plantroom.records.named_sql import parse_queries

_FILE = Path(__file__).with_name("queries.sql")
QUERIES = parse_queries({str(_FILE): _FILE.read_text("utf-8")})
OPEN_CONDITIONS = ("active", "recovering")
OPEN_STATES = ("open", "accepted", "arrived", "restored")
MOST = 500
MOST_OPEN = 20_000
SEVERITIES = ("danger", "readiness", "normal", "advisory")


@dataclass(frozen=True, slots=True)
class Fault:
    id: str
    rule: str
    equipment: str
    kind: str
    severity: str
    condition: str
    mode: str
    no_data: bool
    onset_ns: int
    raised_ns: int
    ended_ns: int | None
    ended_why: str | None
    text: Mapping[str, str]
    do: Mapping[str, str]
    trace: Mapping[str, Any]
    work_order: str | None
    shelved_until_ns: int | None
    shelf: Mapping[str, Any] | None
    parent: str | None = None  # the fault it is part of

    @property
    def open(self) -> bool:
        return self.condition in OPEN_CONDITIONS


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    fault: str | None
    equipment: str
    severity: str
    state: str
    text: Mapping[str, str]
    round: int
    opened_ns: int
    opened_by: str
    accepted_ns: int | None
    accepted_by: str | None
    eta_ns: int | None
    arrived_ns: int | None
    arrived_by: str | None
    restored_ns: int | None
    restored_by: str | None
    restored_agrees: bool | None
    closed_ns: int | None
    closed_by: str | None
    cause: str | None
    remedy: str | None
    hold: Mapping[str, Any] | None
    limits: tuple[Limit, ...]  # of the present round
    earlier: tuple[Limit, ...]  # of rounds before a re-opening

    @property
    def running(self) -> Limit | None:
        """The clock people look at: the running one that is due first."""
        return min((limit for limit in self.limits if limit.running), key=lambda limit: limit.due_ns, default=None)


@dataclass(frozen=True, slots=True)
class ItemDay:
    """How long a functional item was what on one local day. state: what it is now, None where the day is over."""

    item: str
    day: str
    usable_s: float
    faulted_s: float
    unknown_s: float
    state: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    n: int
    channel: str
    verdict: str
    answer: str
    started_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page to one channel: what was said, and what the provider answered each time."""

    id: str
    channel: str
    reason: str
    severity: str
    message: Mapping[str, Any]
    created_ns: int
    due_ns: int
    state: str
    answer: str | None
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Note:
    at_ns: int
    who: str
    does: str
    text: str | None  # None: erased


@dataclass(frozen=True, slots=True)
class CommandRow:
    """What became of a command. says: the reason in words by language; state: the target after it."""

    id: str
    seq: int
    at_ns: int
    who: str
    does: str
    target: str
    applied: bool
    reason: str
    says: Mapping[str, str]
    state: Mapping[str, Any]


class Tables:
    """One read-only connection to DATA/<site>/records.db, any thread, one at a time; statements are short, no transaction stays open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._records: Records | None = None

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

    def children(self, fault_id: str) -> list[Fault]:
        """What is part of this fault, by onset."""
        return [_fault(row) for row in self._rows("children", parent=fault_id)]

    def alarms(self, start_ns: int, end_ns: int) -> list[Alarm]:
        """For housekeeping: raised before the end, not ended before the start."""
        with self._lock:
            records = self._open()
            rows = [] if records is None else records.rows("alarms_within", {"start_ns": start_ns, "end_ns": end_ns})
        return [Alarm(**{**row, "presented": bool(row["presented"])}) for row in rows]

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

    def notes(self, order_id: str) -> list[Note]:
        return [Note(*row) for row in self._rows("notes", order=order_id)]

    def pages(self, fault_id: str | None, order_id: str | None) -> list[Page]:
        """Everything sent or to be sent about a fault and its order, oldest first, each with its attempts."""
        return self._with_attempts(self._rows("pages", fault=fault_id, order=order_id))

    def page(self, page_id: str) -> Page | None:
        return next(iter(self._with_attempts(self._rows("page", id=page_id))), None)

    def _with_attempts(self, rows: list[tuple[Any, ...]]) -> list[Page]:
        tried: dict[str, list[Attempt]] = {}
        for page, *rest in self._rows("attempts", pages=_json([row[0] for row in rows])):
            tried.setdefault(page, []).append(Attempt(*rest))
        return [
            Page(id_, channel, reason, severity, orjson.loads(message), created, due, state, answer, tuple(tried.get(id_, ())))
            for id_, channel, reason, severity, message, created, due, state, _, answer in rows
        ]

    def command(self, command_id: str) -> CommandRow | None:
        for id_, seq, at, who, does, target, outcome, reason, says, state in self._rows("command", id=command_id):
            return CommandRow(id_, seq, at, who, does, target, outcome == "applied", reason, orjson.loads(says), orjson.loads(state))
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
            return [] if records is None else records.db.execute(QUERIES[query], values).fetchall()

    def _open(self) -> Records | None:
        if self._records is None and self._path.exists():
            records = Records.open(self._path, readonly=True)
            if not records.db.pragma("user_version"):
                records.close()  # the engine is still making it
                return None
            self._records = records
        return self._records


def _fault(row: tuple[Any, ...]) -> Fault:
    *head, text, do, trace, work_order, shelved, shelf, parent = row
    id_, rule, equipment, kind, severity, condition, mode, no_data, onset, raised, ended, why = head
    shelf_value = orjson.loads(shelf) if shelf else None
    return Fault(
        id_, rule, equipment, kind, severity, condition, mode, bool(no_data), onset, raised, ended, why,
        orjson.loads(text), orjson.loads(do), orjson.loads(trace), work_order, shelved, shelf_value, parent,
    )  # fmt: skip


def _order(row: tuple[Any, ...], limits: Sequence[tuple[int, Limit]]) -> Order:
    values = list(row)
    round_ = values[6]
    values[5] = orjson.loads(values[5])
    values[16] = None if values[16] is None else bool(values[16])
    values[21] = orjson.loads(values[21]) if values[21] else None
    values.append(tuple(limit for n, limit in limits if n == round_))
    values.append(tuple(limit for n, limit in limits if n != round_))
    return Order(*values)


def _item_day(row: tuple[Any, ...], now_ns: int) -> ItemDay:
    item, day, usable, faulted, unknown, state, _, since = row
    lengths = {"usable": usable, "faulted": faulted, "unknown": unknown}
    if since is not None:
        lengths[state] += max(0, now_ns - since)
    usable_s, faulted_s, unknown_s = (length / NS for length in lengths.values())
    return ItemDay(item, day, usable_s, faulted_s, unknown_s, state if since is not None else None)


def _json(values: Sequence[str] | None) -> str | None:
    return None if values is None else orjson.dumps(list(values)).decode()
