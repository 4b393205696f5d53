"""The rows of a period from the records of a site, for `figures`. The only module here that reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from plantroom.clock import NS
from plantroom.firms import firms_of
from plantroom.kinds import System, kind_names, load_kinds
from plantroom.kpi.cases import ClockRow, Judged, OrderRow
from plantroom.kpi.figures import Figures, figures
from plantroom.kpi.intact import ItemSum, SystemDay
from plantroom.kpi.period import Period
from plantroom.kpi.trapped import Rescue
from plantroom.limits import ClockName
from plantroom.local_time import local_date
from plantroom.model import Severity
from plantroom.records import Records
from plantroom.site import Site

GONE = "gone"  # a machine in no site file any more, of which nothing says what it was
AFTER_NS = 72 * 3600 * NS  # a finished period is judged so long after its end: by then the first repair was one or not


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose figures: everything, or what fits each of these. machines: those the asker may see, None = all."""

    kind: str | None = None
    system: str | None = None
    firm: str | None = None
    machines: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """The figures with what they were made of."""

    figures: Figures
    judged: Judged
    days: Sequence[SystemDay]
    items: Sequence[ItemSum]


def scope_of(kind: str | None, system: str | None, firm: str | None) -> Scope:
    """Raises ValueError for a kind or a system nobody knows: figures of nothing would look like good ones."""
    if kind and kind not in kind_names():
        raise ValueError(f"no kind {kind}: {', '.join(kind_names())}")
    if system and system not in set(System):
        raise ValueError(f"no system {system}: {', '.join(System)}")
    return Scope(kind or None, system or None, firm or None)


def judged_at(span: Period, now_ns: int) -> int:
    """The instant up to which a period is judged unless somebody says otherwise: later events never change its figures."""
    return min(now_ns, span.end_ns + AFTER_NS)


def read(records: Records, site: Site | None, span: Period, as_of_ns: int, scope: Scope = Scope()) -> Read:
    """site: the configuration in force; it says of which kind and whose a machine is. as_of_ns: no later than what the records hold."""
    records.db.execute("BEGIN")  # one state of the records for all questions
    try:
        return _read(records, site, span, as_of_ns, scope)
    finally:
        records.db.execute("ROLLBACK")


def _read(records: Records, site: Site | None, span: Period, as_of_ns: int, scope: Scope) -> Read:
    within = {"start_ns": span.start_ns, "end_ns": span.end_ns}
    last = min(span.end, local_date(as_of_ns, span.zone) + timedelta(days=1))
    days = {"first": span.first.isoformat(), "end": last.isoformat(), "as_of_ns": as_of_ns}
    orders, rescues = records.rows("kpi_orders", within), records.rows("kpi_rescues", within)
    timed = [str(row["equipment"]) for row in records.rows("kpi_machines")]
    fits = _Fits(records, site, scope, {*timed, *(str(row["equipment"]) for row in (*orders, *rescues))})
    timed = [machine for machine in timed if fits(machine) and fits.system(machine) != System.NONE]  # the monitor is no plant
    by_system: dict[str, list[str]] = defaultdict(list)
    for machine in timed:
        by_system[fits.system(machine)].append(machine)
    orders = [row for row in orders if fits(row["equipment"], row["firm"])]
    ids = orjson.dumps([row["id"] for row in orders]).decode()
    turns: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for row in records.rows("kpi_turns", {"orders": ids}):
        turns[row["work_order"]].append((row["at_ns"], row["does"] == "close"))
    system_days = [
        SystemDay(system, **row)
        for system, machines in sorted(by_system.items())
        for row in records.rows("kpi_days", {**days, "machines": orjson.dumps(machines).decode()})
    ]
    items = [
        ItemSum(fits.system(machine), machine, **row)
        for machine in timed
        for row in records.rows("kpi_items", {**days, "equipment": machine})
    ]
    found, judged = figures(
        span,
        as_of_ns,
        system_days,
        items,
        [_order(row, fits.kind(row["equipment"]), turns[row["id"]]) for row in orders],
        [_clock(row) for row in records.rows("kpi_clocks", {"orders": ids})],
        [_rescue(row) for row in rescues if fits(row["equipment"])],
    )
    return Read(found, judged, system_days, items)


class _Fits:
    """Which machines are asked for."""

    def __init__(self, records: Records, site: Site | None, scope: Scope, machines: set[str]) -> None:
        known = site.equipment if site is not None else {}
        kinds: dict[str, str] = {id_: machine.kind.name for id_, machine in known.items()}
        gone = sorted(machines - kinds.keys())
        kinds |= {row["equipment"]: row["kind"] for row in records.rows("kpi_kinds", {"machines": orjson.dumps(gone).decode()})}
        systems = {name: kind.system for name, kind in load_kinds().items()}
        self._kinds = kinds
        self._systems = {id_: systems.get(kind, System.BUILDING).value for id_, kind in kinds.items()}
        self._firms: Callable[[str], frozenset[str]] = lambda id_: firms_of(known[id_].ledger) if id_ in known else frozenset()
        self._scope = scope

    def kind(self, machine: str) -> str:
        return self._kinds.get(machine, "")

    def system(self, machine: str) -> str:
        return self._systems.get(machine, GONE)

    def __call__(self, machine: str, firm: str | None = None) -> bool:
        """firm: whom this order is handed to."""
        scope = self._scope
        if scope.machines is not None and machine not in scope.machines:
            return False
        if scope.kind not in (None, self.kind(machine)) or scope.system not in (None, self.system(machine)):
            return False
        return scope.firm is None or scope.firm == firm or scope.firm in self._firms(machine)


def _order(row: Mapping[str, Any], kind: str, turns: Sequence[tuple[int, bool]]) -> OrderRow:
    hollow = orjson.loads(row["hollow_json"]) if row["hollow_json"] else []
    closed = () if row["closed_ns"] is None else ((row["closed_ns"], True),)
    agrees = row["restored_agrees"]
    return OrderRow(
        id=row["id"],
        equipment=row["equipment"],
        kind=row["kind"] or kind,
        severity=Severity(row["severity"]),
        opened_ns=row["opened_ns"],
        round=row["round"],
        fault=row["fault"],
        rule=row["rule"],
        mode=row["mode"] or "live",
        parent=row["parent"],
        firm=row["firm"],
        accepted=row["accepted_ns"] is not None,
        closed_ns=row["closed_ns"],
        closed_by=row["closed_by"],
        cause=row["cause"],
        agrees=None if agrees is None else bool(agrees),
        hollow=[(each["accepted_ns"], each["due_ns"]) for each in hollow],
        turns=(*turns, *closed),
    )


def _clock(row: Mapping[str, Any]) -> ClockRow:
    return ClockRow(row["work_order"], ClockName(row["name"]), row["round"], row["started_ns"], row["due_ns"], row["stopped_ns"])


def _rescue(row: Mapping[str, Any]) -> Rescue:
    return Rescue(row["work_order"], row["equipment"], row["known_ns"], row["freed_ns"], row["trapped"], row["injured"])
