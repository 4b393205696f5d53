"""The first page: what is wrong now and how long there is, who has it, and every machine with its newest values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.asking import Desk
from dashboards.console.guard import needs
from dashboards.console.live import Sample, silent
from dashboards.console.pages.frame import notice_of, page
from dashboards.console.roles import Permission, Person
from dashboards.console.sites import SiteView
from dashboards.console.tables import SEVERITIES, Fault, Order
from plantroom.clock import NS
from plantroom.kinds import PointType
from plantroom.site import Binding, Equipment

router = APIRouter(include_in_schema=False)
MOST_TILE_VALUES, MOST_TILE_MODES = 4, 2
TELLS = {PointType.ENUM: 0, PointType.FLOAT: 1, PointType.INTEGER: 1, PointType.BOOL: 2}
MONITOR = "monitor"  # Plantroom itself: a tile only when something is wrong with it
LAG_WARN_S = 10.0
MOST_TILES = 120  # machines with their values on one page; of more the first page shows those with something wrong
MOST_CHIPS = 400
CALM = ("ok", "unmonitored")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the board: a fault with its order, a fault without one, or an order whose fault is over."""

    view: SiteView
    fault: Fault | None
    order: Order | None
    children: int = 0  # open faults that are part of it, and not lines of their own

    @property
    def severity(self) -> str:
        return self.fault.severity if self.fault else self.order.severity if self.order else SEVERITIES[-1]

    @property
    def equipment(self) -> str:
        return self.fault.equipment if self.fault else self.order.equipment if self.order else ""

    def place(self, now_ns: int) -> tuple[int, int, int]:
        """Where it stands: by class, shelved ones last, then what is due first."""
        shelved = self.fault is not None and (self.fault.shelved_until_ns or 0) > now_ns
        limit = self.order.running if self.order else None
        raised = self.fault.raised_ns if self.fault else self.order.opened_ns if self.order else 0
        return SEVERITIES.index(self.severity), int(shelved), limit.due_ns if limit else raised + 10**18


@dataclass(frozen=True, slots=True)
class Tile:
    """One machine. status: a severity, or no_data, unmonitored, ok."""

    view: SiteView
    equipment: Equipment
    status: str
    values: list[tuple[Binding, Sample | None]]


def board(desk: Desk) -> list[Item]:
    """Open faults with their orders, then orders still to be finished, sorted as they should be worked on."""
    items = []
    for view in desk.views:
        orders = {order.id: order for order in view.tables.open_orders()}
        faults = view.tables.open_faults()
        heads = {fault.id for fault in faults}
        parts = Counter(fault.parent for fault in faults if fault.parent in heads)
        alone = (fault for fault in faults if fault.parent not in heads)
        items += [Item(view, fault, orders.get(fault.work_order or ""), parts[fault.id]) for fault in alone]
        with_fault = {fault.work_order for fault in faults}
        rest = (order for order in orders.values() if order.id not in with_fault)
        items += [Item(view, view.tables.fault(order.fault) if order.fault else None, order) for order in rest]
    now = desk.now_ns
    return sorted(items, key=lambda item: item.place(now))


def tiles(desk: Desk) -> list[Tile]:
    now = desk.now_ns
    found = []
    for view in desk.views:
        worst: dict[str, str] = {}
        for fault in view.tables.open_faults():
            if fault.equipment not in worst or SEVERITIES.index(fault.severity) < SEVERITIES.index(worst[fault.equipment]):
                worst[fault.equipment] = fault.severity
        for equipment in view.config.equipment.values() if view.config else ():
            if equipment.kind.name != MONITOR or equipment.id in worst:
                found.append(tile(view, equipment, worst.get(equipment.id), now))
    return found


def tile(view: SiteView, equipment: Equipment, worst: str | None, now_ns: int) -> Tile:
    chosen = telling(equipment.bindings)
    samples = [(b, view.latest.sample(b.point)) for b in equipment.bindings]
    dead = bool(samples) and all(s is None or not s.is_good or silent(s, b.period_s, now_ns) for b, s in samples)
    status = worst or ("unmonitored" if not equipment.monitored else "no_data" if dead else "ok")
    return Tile(view, equipment, status, [(b, view.latest.sample(b.point)) for b in chosen])


def telling(bindings: Sequence[Binding]) -> list[Binding]:
    """The few points that say most about a machine at a glance: its mode, then quantities, then contacts; what is required first."""
    ranked = sorted(bindings, key=lambda b: (TELLS.get(b.kind_point.type, 3), not b.kind_point.required, not b.kind_point.safety))
    modes = [b for b in ranked if b.kind_point.type is PointType.ENUM][:MOST_TILE_MODES]
    return [*modes, *(b for b in ranked if b.kind_point.type is not PointType.ENUM)][:MOST_TILE_VALUES]


def by_kind(tiles: Sequence[Tile]) -> list[list[Tile]]:
    """Tiles of one kind together, kinds in the order in which the site file has them."""
    groups: dict[str, list[Tile]] = {}
    for one in tiles:
        groups.setdefault(one.equipment.kind.name, []).append(one)
    return list(groups.values())


def worth_showing(groups: Sequence[Sequence[Tile]], most: int) -> list[list[Tile]]:
    """All of them; or of a plant too large for a page those with something wrong, as far as they go."""
    if sum(map(len, groups)) <= most:
        return [list(group) for group in groups]
    found, left = [], most
    for group in groups:
        wrong = [tile for tile in group if tile.status not in CALM][:left]
        left -= len(wrong)
        found.append(wrong)
    return found


def pulse(view: SiteView, now_ns: int) -> list[tuple[str, float | None]]:
    """What keeps the page from being believed: no samples, an engine that lags. Empty when all is well."""
    wrong: list[tuple[str, float | None]] = []
    if view.trouble:
        wrong.append(("pulse.unreadable", None))
    newest = view.latest.newest_ns()
    if not newest:
        wrong.append(("pulse.no_samples", None))
    elif now_ns - newest > 30 * NS:
        wrong.append(("pulse.old_samples", (now_ns - newest) / NS))
    _, at_ns = view.tables.position()
    if not at_ns:
        wrong.append(("pulse.no_engine", None))
    elif now_ns - at_ns > LAG_WARN_S * NS:
        wrong.append(("pulse.engine_lag", (now_ns - at_ns) / NS))
    return wrong


@router.get("/")
async def now_page(request: Request, person: Annotated[Person, needs(Permission.SEE)]) -> Response:
    desk = Desk(request, person)
    items, groups = board(desk), by_kind(tiles(desk))
    chips, shown = worth_showing(groups, MOST_CHIPS), worth_showing(groups, MOST_TILES)
    values = {
        "items": items, "counts": Counter(item.severity for item in items if item.fault and item.fault.open), "severities": SEVERITIES,
        "plant": list(zip(groups, chips, strict=True)),
        "groups": [group for group in shown if group], "machines": sum(map(len, groups)), "desk": desk,
        "pulse": [(view, wrong) for view in desk.views if (wrong := pulse(view, desk.now_ns))],
        "names": {view.id: view.names for view in desk.views}, "notice": await notice_of(request, desk),
    }  # fmt: skip
    return page(request, "now_part.html" if request.query_params.get("part") == "board" else "now.html", values, person)
