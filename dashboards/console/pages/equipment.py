"""Machines, one machine with all its points, and one point over any range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from dashboards.console import labels
from dashboards.console.api import check_range, first_day
from dashboards.console.asking import Desk, instant
from dashboards.console.axis import step_ns
from dashboards.console.charts import Shape, svg
from dashboards.console.guard import needs
from dashboards.console.last_records import last_records
from dashboards.console.pages.frame import language_of, notice_of, page
from dashboards.console.pages.ledger import missing
from dashboards.console.pages.now import MOST_TILES, by_kind, tile, tiles
from dashboards.console.rescues import facts
from dashboards.console.roles import Permission, Person
from dashboards.console.shown import digits_of, names_of, number, unit_text
from dashboards.console.sites import SiteView
from dashboards.console.tables import OPEN_CONDITIONS, OPEN_STATES, ItemDay
from plantroom.certificates import MachineCertificate
from plantroom.clock import NS, at_utc, to_ns
from plantroom.errors import Refused
from plantroom.history import Series
from plantroom.kinds import Item
from plantroom.ledger import review
from plantroom.ledger.intervals import words_of
from plantroom.local_time import local_date
from plantroom.site import Binding, Equipment
from plantroom.site_rescue import LIFT
from plantroom.words import catalogue, say

router = APIRouter(include_in_schema=False)
RANGES = ("15m", "1h", "6h", "24h", "7d", "30d")
LENGTH_S = {"m": 60, "h": 3600, "d": 86_400}
LEAST_HOLD_NS = 15 * NS
ITEM_DAYS = 30
REACHED = ("way", "key")


@router.get("/equipment")
def equipment_list(request: Request, person: Annotated[Person, needs(Permission.SEE)]) -> Response:
    """`kind`, `q` = part of a name, id or place; `page` from 1: a tower's machines do not fit one."""
    desk, asked = Desk(request, person), request.query_params
    groups = by_kind(tiles(desk))
    kinds = [(group[0].equipment.kind, len(group)) for group in groups]
    kind, sought = asked.get("kind", ""), asked.get("q", "").strip()
    every = [tile for group in groups for tile in group]
    found = [tile for tile in every if kind in ("", tile.equipment.kind.name) and matches(tile.equipment, sought)]
    pages = max(1, -(-len(found) // MOST_TILES))
    number = min(max(int(asked["page"]), 1), pages) if asked.get("page", "").isdecimal() else 1
    shown = found[(number - 1) * MOST_TILES : number * MOST_TILES]
    values = {"groups": by_kind(shown), "kinds": kinds, "kind": kind, "q": sought, "number": number, "pages": pages, "every": len(every)}
    return page(request, "equipment_list.html", {**values, "desk": desk}, person)


def matches(equipment: Equipment, sought: str) -> bool:
    words = f"{equipment.id} {equipment.name} {equipment.location}".casefold()
    return all(word in words for word in sought.casefold().split())


@router.get("/equipment/{equipment_id}")
async def equipment_page(request: Request, person: Annotated[Person, needs(Permission.SEE)], equipment_id: str) -> Response:
    desk, at = Desk(request, person), request.query_params.get("at")
    view, equipment = desk.equipment(equipment_id)
    history = view.tables.faults(equipment=equipment.id, most=20)
    open_ = [fault for fault in history if fault.open]
    worst = min((fault.severity for fault in open_), key=("danger", "readiness", "normal", "advisory").index, default=None)
    records = last_records(view, equipment)
    values = {
        "view": view, "equipment": equipment, "rows": [(b, view.latest.sample(b.point)) for b in equipment.bindings],
        "tile": tile(view, equipment, worst, desk.now_ns), "open_faults": open_, "history": [f for f in history if not f.open],
        "items": item_totals(equipment, view.tables.item_days(equipment.id, first_day(view, ITEM_DAYS, desk.now_ns))),
        "records": records, "certificates": certificates(view, equipment, desk.now_ns),
        "lacks": [missing(name, language_of(request)) for name in review.lacks(equipment, len(records))],
        "reached": reached(equipment), "ledger": ledger_lines(equipment.ledger, language_of(request)),
        "call_facts": [fact for fact in facts(equipment) if fact[0] not in REACHED],
        "withheld": view.tables.rescue_of(equipment.id), "lift": LIFT,
        "orders": view.tables.orders(OPEN_STATES, equipment=equipment.id), "names": view.names,
        "at": at if at and labels.is_mark(request.app.state.access.key(labels.KEY), view.id, equipment.id, at) else None,
        "conditions": OPEN_CONDITIONS, "notice": await notice_of(request, desk),
    }  # fmt: skip
    return page(request, "equipment.html", values, person)


def certificates(view: SiteView, equipment: Equipment, now_ns: int) -> list[tuple[MachineCertificate, int | None]]:
    """(certificate, days left), in the order of the site file."""
    today = local_date(now_ns, view.zone)
    return [(held, held.days_left(today)) for held in equipment.certificates]


def reached(equipment: Equipment) -> list[tuple[str, str]]:
    """(way | key, what the site file says) as far as it says so; a lift's stand with its rescue."""
    found = [(name, equipment.rescue.get(name) or said) for name, said in (("way", equipment.way), ("key", equipment.key))]
    return [(name, said) for name, said in found if said]


def ledger_lines(ledger: Mapping[str, object], lang: str) -> list[tuple[str, str]]:
    """The usual keys in words and in their order, then the others as they are written."""
    usual = [key for key in ledger_keys() if key in ledger]
    named = [(say(f"ledger.{key}", lang), ledger[key]) for key in usual]
    rest = [(name, value) for name, value in ledger.items() if name not in usual]
    return [(name, _ledger_text(value, lang)) for name, value in (*named, *rest)]


@cache
def ledger_keys() -> tuple[str, ...]:
    return tuple(key.removeprefix("ledger.") for key in catalogue() if key.startswith("ledger."))


def _ledger_text(value: object, lang: str) -> str:
    if (length := words_of(value, lang)) is not None:  # P3M, as an imported interval stands there
        return length
    if isinstance(value, bool):
        return say(f"truth.{'yes' if value else 'no'}", lang)
    if isinstance(value, list):
        return ("、" if lang == "zh" else ", ").join(_ledger_text(one, lang) for one in value)
    if isinstance(value, dict):
        return ("；" if lang == "zh" else "; ").join(f"{key} {_ledger_text(one, lang)}" for key, one in value.items())
    return "–" if value is None else str(value)


def item_totals(equipment: Equipment, days: Sequence[ItemDay]) -> list[tuple[Item, str | None, dict[str, float]]]:
    """(functional item, what it is now, share of the time by state in %); no shares where nothing was counted."""
    found = []
    for item in equipment.kind.items.values():
        own = [day for day in days if day.item == item.name]
        lengths = {state: sum(getattr(day, f"{state}_s") for day in own) for state in ("usable", "faulted", "unknown")}
        whole = sum(lengths.values())
        shares = {state: 100.0 * length / whole for state, length in lengths.items()} if whole else {}
        found.append((item, next((day.state for day in reversed(own) if day.state), None), shares))
    return found


@router.get("/points/{point_id}")
async def point_page(request: Request, person: Annotated[Person, needs(Permission.SEE)], point_id: str) -> Response:
    desk = Desk(request, person)
    view, equipment, binding = desk.point(point_id)
    lang, asked = language_of(request), request.query_params
    trouble: str | None = None
    try:
        start, end, length = asked_range(asked.get("range"), asked.get("from"), asked.get("to"), desk.now_ns, view.zone)
        check_range(start, end, step_ns(start, end))
    except Refused as refused:
        trouble, (start, end, length) = str(refused), asked_range("1h", None, None, desk.now_ns, view.zone)
    width = step_ns(start, end)
    series = (await desk.sites.query(view, [point_id], start, end, width))[point_id]
    names = names_of(binding.kind_point, lang)
    hold = max(LEAST_HOLD_NS, round(3.5 * binding.period_s * NS), 3 * (width or 0))
    shape = Shape(start, end, view.zone, names, hold)
    title = f"{equipment.name} {binding.kind_point.says[lang]}"
    values = {
        "view": view, "equipment": equipment, "binding": binding, "sample": view.latest.sample(point_id), "names": names, "title": title,
        "chart": svg(series, shape, title) if len(series) else None, "start": start, "end": end, "length": length,
        "ranges": RANGES, "earlier": moved(start, end, -1), "later": moved(start, end, 1), "trouble": trouble,
        "summary": summary(series, binding, bool(names)),
        "form_instant": lambda ns: at_utc(ns).astimezone(view.zone).strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    return page(request, "point.html", values, person, 200 if trouble is None else 400)


def asked_range(length: str | None, from_: str | None, to: str | None, now_ns: int, zone: ZoneInfo) -> tuple[int, int, str | None]:
    """(start, end, the length it was asked by). Local instants of the site as a browser's form sends them, or instants of the API."""
    if from_:
        return _instant(from_, now_ns, zone), _instant(to or "", now_ns, zone), None
    chosen = length if length in RANGES else "1h"
    span = int(chosen[:-1]) * LENGTH_S[chosen[-1]] * NS
    return now_ns - span, now_ns, chosen


def _instant(text: str, now_ns: int, zone: ZoneInfo) -> int:
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        return instant(text, now_ns)
    return to_ns(naive if naive.tzinfo else naive.replace(tzinfo=zone))


def moved(start_ns: int, end_ns: int, by: int) -> tuple[float, float]:
    """The range before or after this one, epoch seconds."""
    span = end_ns - start_ns
    return (start_ns + by * span) / NS, (end_ns + by * span) / NS


def summary(series: Series, binding: Binding, codes: bool) -> dict[str, str] | None:
    """Least, mean and most of a quantity in the range; None for codes and where nothing good came."""
    total = int(series.count[series.quality == 0].sum()) if len(series) else 0
    if codes or not total:
        return None
    good = series.quality == 0
    weight = series.count[good]
    digits = digits_of(binding.kind_point)
    mean = float((series.mean[good] * weight).sum() / weight.sum())
    unit = unit_text(binding.kind_point.unit)
    shown = {"least": float(series.min[good].min()), "mean": mean, "most": float(series.max[good].max())}
    return {name: f"{number(value, digits)} {unit}".strip() for name, value in shown.items()} | {"samples": f"{total:,}"}
