"""The tables of a report, each from the figures and the cases behind them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.console.rule_texts import title
from dashboards.report.content import Cell, Table
from plantroom.clock import NS
from plantroom.kinds import load_kinds
from plantroom.kpi.cases import Case, Clause, OrderRow, Verdict
from plantroom.kpi.figures import TARGETS
from plantroom.kpi.reading import Read
from plantroom.site import Site
from plantroom.words import say

RESPONSES = (Clause.RESPONSE, Clause.URGENT_RESPONSE)
ARRIVALS = (Clause.ARRIVAL_DANGER, Clause.ARRIVAL_READINESS, Clause.ARRIVAL_NORMAL)


def tables_of(site: Site, read: Read, lang: str) -> list[Table]:
    return [
        _figures(read, lang),
        _systems(read, lang),
        _timings(read, lang),
        _entrapments(read, lang),
        _apart(read, lang),
        _missed(site, read, lang),
        _orders(site, read, lang),
        _items(site, read, lang),
    ]


def machine_name(site: Site, id_: str, lang: str) -> str:
    machine = site.equipment.get(id_)
    return (machine.name or id_) if machine is not None else id_


def _figures(read: Read, lang: str) -> Table:
    rows: list[tuple[object, ...]] = []
    bad: set[int] = set()
    for one in read.figures["figures"]:
        if one["system"] != "all":
            continue
        if one["met"] is False:
            bad.add(len(rows))
        rows.append(_figure_row(one, lang, (say(f"kpi.figure.{one['id']}", lang),)))
    return Table(
        "figures",
        say("report.table.figures", lang),
        [(say("kpi.column.figure", lang), Cell.TEXT), *_figure_columns(lang)],
        rows,
        frozenset(bad),
    )


def _systems(read: Read, lang: str) -> Table:
    rows: list[tuple[object, ...]] = []
    bad: set[int] = set()
    for one in read.figures["figures"]:
        if one["clause"] != "K-1" or one["system"] == "all":
            continue
        if one["met"] is False:
            bad.add(len(rows))
        rows.append(_figure_row(one, lang, (say(f"kpi.system.{one['system']}", lang), say(f"kpi.figure.{one['id']}", lang))))
    head = [(say("kpi.scope.system", lang), Cell.TEXT), (say("kpi.column.figure", lang), Cell.TEXT), *_figure_columns(lang)]
    return Table("systems", say("report.table.systems", lang), head, rows, frozenset(bad))


def _figure_columns(lang: str) -> list[tuple[str, Cell]]:
    def t(key: str) -> str:
        return say(f"report.column.{key}", lang)

    return [
        (t("value"), Cell.SHARE),
        (t("numerator"), Cell.AMOUNT),
        (t("denominator"), Cell.AMOUNT),
        (t("unit"), Cell.TEXT),
        (t("lower"), Cell.SHARE),
        (t("upper"), Cell.SHARE),
        (t("coverage"), Cell.SHARE),
        (t("target"), Cell.SHARE),
        (t("met"), Cell.TEXT),
    ]


def _figure_row(one: Mapping[str, object], lang: str, head: tuple[str, ...]) -> tuple[object, ...]:
    unit = str(one["unit"])
    scale = 3600.0 if unit == "item_s" else 1.0
    numbers = (float(str(one[name])) / scale for name in ("numerator", "denominator"))
    met = "" if one["met"] is None else say("kpi.met" if one["met"] else "kpi.missed_target", lang)
    return (
        *head,
        one["value"],
        *numbers,
        say(f"report.unit.{unit}", lang),
        one["lower"],
        one["upper"],
        one["coverage"],
        one["target"],
        met,
    )


def _timings(read: Read, lang: str) -> Table:
    head = [
        (say("kpi.column.figure", lang), Cell.TEXT),
        (say("report.column.count", lang), Cell.COUNT),
        (say("report.column.done", lang), Cell.COUNT),
    ]
    head += [(say(f"report.column.{name}", lang), Cell.MINUTES) for name in ("p50", "p90", "max")]
    rows = [
        (
            say(f"kpi.figure.{one['id']}", lang),
            one["of"],
            one["n"],
            *(None if s is None else s / 60 for s in (one["p50_s"], one["p90_s"], one["max_s"])),
        )
        for one in read.figures["timings"]
    ]
    return Table("timings", say("report.table.timings", lang), head, rows)


def _entrapments(read: Read, lang: str) -> Table:
    found = read.figures["entrapments"]
    columns = [
        (say(f"report.column.{name}", lang), cell)
        for name, cell in (
            ("times", Cell.COUNT),
            ("people", Cell.COUNT),
            ("injured", Cell.COUNT),
            ("trapped", Cell.MINUTES),
            ("longest", Cell.MINUTES),
            ("lift_months", Cell.AMOUNT),
            ("per_100", Cell.AMOUNT),
        )
    ]
    row = (
        found["count"],
        found["people"],
        found["injured"],
        found["minutes"],
        found["longest_minutes"],
        found["lift_months"],
        found["per_100_lift_months"],
    )
    return Table("entrapments", say("kpi.entrapments", lang), columns, [row])


def _apart(read: Read, lang: str) -> Table:
    columns = [(say("report.column.why", lang), Cell.TEXT), (say("report.column.count", lang), Cell.COUNT)]
    rows = [(say(f"kpi.apart.{reason}", lang), count) for reason, count in read.figures["apart"].items()]
    return Table("apart", say("kpi.apart_title", lang), columns, rows)


def _missed(site: Site, read: Read, lang: str) -> Table:
    titles: dict[str, str] = {}
    columns = [(say("kpi.column.figure", lang), Cell.TEXT), *_order_columns(lang), (say("kpi.column.due", lang), Cell.INSTANT)]
    columns += [
        (say("report.column.took", lang), Cell.MINUTES),
        (say("kpi.column.verdict", lang), Cell.TEXT),
        (say("report.column.why", lang), Cell.TEXT),
    ]
    rows = [
        (
            say(f"kpi.figure.{case.clause}", lang),
            *_order_row(site, read.judged.orders[case.order], lang, titles),
            case.due_ns,
            None if case.length_s is None else case.length_s / 60,
            say(f"kpi.verdict.{case.verdict}", lang),
            say(f"kpi.why.{case.why}", lang) if case.why else "",
        )
        for case in read.judged.cases
        if case.verdict is not Verdict.KEPT
    ]
    return Table("missed", say("report.table.missed", lang), columns, rows)


def _orders(site: Site, read: Read, lang: str) -> Table:
    """Each order with a limit in the period, with what became of its limits."""
    titles: dict[str, str] = {}
    by_order: dict[str, list[Case]] = {}
    for case in read.judged.cases:
        by_order.setdefault(case.order, []).append(case)
    columns = [*_order_columns(lang), (say("report.column.opened", lang), Cell.INSTANT)]
    for name in ("response", "arrival", "repair"):
        columns += [(say(f"report.column.{name}", lang), Cell.MINUTES), (say("kpi.column.verdict", lang), Cell.TEXT)]
    columns.append((say("report.column.closed", lang), Cell.INSTANT))
    rows: list[tuple[object, ...]] = []
    bad: set[int] = set()
    for id_, own in sorted(by_order.items(), key=lambda pair: (read.judged.orders[pair[0]].opened_ns, pair[0])):
        order = read.judged.orders[id_]
        if any(case.verdict is Verdict.MISSED for case in own):
            bad.add(len(rows))
        cells: list[object] = []
        for clauses in (RESPONSES, ARRIVALS, (Clause.REPAIR,)):
            last = next((case for case in reversed(own) if case.clause in clauses), None)
            cells += (
                [None, ""]
                if last is None
                else [None if last.length_s is None else last.length_s / 60, say(f"kpi.verdict.{last.verdict}", lang)]
            )
        rows.append((*_order_row(site, order, lang, titles), order.opened_ns, *cells, order.closed_ns))
    return Table("orders", say("report.table.orders", lang), columns, rows, frozenset(bad))


def _order_columns(lang: str) -> list[tuple[str, Cell]]:
    return [(say(f"report.column.{name}", lang), Cell.TEXT) for name in ("order", "machine", "class", "what")]


def _order_row(site: Site, order: OrderRow, lang: str, titles: dict[str, str]) -> tuple[str, ...]:
    """titles: of rules, as they are asked for."""
    what = ""
    if order.rule:
        what = titles[order.rule] = titles.get(order.rule) or title(site, order.rule, lang)
    return order.id, machine_name(site, order.equipment, lang), say(f"severity.{order.severity}", lang), what


def _items(site: Site, read: Read, lang: str) -> Table:
    """Each functional item over the whole period."""
    kinds = load_kinds()
    rows: list[tuple[object, ...]] = []
    bad: set[int] = set()
    for one in sorted(read.items, key=lambda one: (one.system, one.equipment, one.item)):
        machine, item, usable, faulted = one.equipment, one.item, one.usable_ns, one.faulted_ns
        equipment = site.equipment.get(machine)
        says = (equipment.kind.items if equipment is not None else {}).get(item) or next(
            (kind.items[item] for kind in kinds.values() if item in kind.items), None
        )
        share = usable / (usable + faulted) if usable + faulted else None
        if share is not None and share < TARGETS["K-1"]:
            bad.add(len(rows))
        name = says.says[lang] if says is not None else item
        hours = tuple(length / NS / 3600 for length in (usable, faulted, one.unknown_ns))
        rows.append((say(f"kpi.system.{one.system}", lang), machine_name(site, machine, lang), name, *hours, share))
    columns = [
        (say("kpi.scope.system", lang), Cell.TEXT),
        (say("report.column.machine", lang), Cell.TEXT),
        (say("report.column.item", lang), Cell.TEXT),
    ]
    columns += [(say(f"report.column.{name}", lang), Cell.HOURS) for name in ("usable", "faulted", "unknown")]
    return Table("items", say("report.table.items", lang), [*columns, (say("report.column.value", lang), Cell.SHARE)], rows, frozenset(bad))
