"""A shift handed over (O-6, 交接班): what was open at that instant, signed by who leaves and, later, by who comes, another person.

    given     signed by who leaves, waits for who comes
    taken     signed by both
    replaced  the team was handed over anew before anybody took it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import orjson

from plantroom.clock import NS
from plantroom.model import EquipmentState
from rules.calling import State as CallState
from rules.desk import Desk
from rules.heads import is_major
from rules.house import House
from rules.order import State as OrderState
from rules.rows import Handover, Order
from rules.work import SYSTEM


class State(StrEnum):
    GIVEN = "given"
    TAKEN = "taken"
    REPLACED = "replaced"


class Event(StrEnum):
    TAKE = "take"
    REPLACE = "replace"


S, E = State, Event
TABLE: Mapping[tuple[State, Event], State] = {
    (S.GIVEN, E.TAKE): S.TAKEN,
    (S.GIVEN, E.REPLACE): S.REPLACED,
    (S.TAKEN, E.TAKE): S.TAKEN,
    (S.TAKEN, E.REPLACE): S.TAKEN,
    (S.REPLACED, E.TAKE): S.REPLACED,
    (S.REPLACED, E.REPLACE): S.REPLACED,
}


def move(desk: Desk, row: Handover, event: Event, by: str) -> None:
    after = TABLE[State(row.state), event]
    row.state = after.value
    desk.roster.put_handover(row)
    desk.tell(f"handover.{after}", {"handover": row.id, "team": row.team, "by": by})


URGENT_NS = 24 * 3600 * NS  # two shifts, or one of a whole day


def open_now(desk: Desk, house: House) -> dict[str, list[Any]]:
    """Everything the next shift must know of, each in the order it came to be; people's words by their stand-ins."""
    orders = [order for order in desk.all_orders() if order.state is not OrderState.CLOSED]
    calling = [call for call in desk.all_calls() if call.state == CallState.CALLING]
    return {
        "orders": [
            {"id": o.id, "equipment": o.equipment, "severity": o.severity.value, "state": o.state.value, "by": o.holder} for o in orders
        ],
        "urgent": list(_urgent(desk, house)),
        "holds": list(_holds(desk, orders)),
        "shelved": list(_shelved(desk)),
        "calls": [{"order": call.work_order, "next_ns": call.next_ns, "count": call.count} for call in calling],
        "commissioning": [e.id for e in house.site.equipment.values() if e.state is EquipmentState.COMMISSIONING],
        "changes": [
            {"id": c.id, "team": c.team, "from_ns": c.from_ns, "to_ns": c.to_ns, "out": c.out_person, "in": c.in_person}
            for c in desk.roster.changes()
        ],
    }


def _urgent(desk: Desk, house: House) -> Iterator[dict[str, Any]]:
    """R-3: urgent faults of the last day that are no matter of weight, over or not."""
    for fault in desk.urgent_since(desk.now_ns - URGENT_NS):
        if not is_major(house, fault):
            yield {
                "id": fault.id, "equipment": fault.equipment, "severity": fault.severity.value, "raised_ns": fault.raised_ns,
                "text": orjson.loads(fault.text_json), "open": fault.open,
            }  # fmt: skip


def _holds(desk: Desk, orders: list[Order]) -> Iterator[dict[str, Any]]:
    for order in orders:
        if order.hold_json:
            said = orjson.loads(order.hold_json)
            words = {name: desk.hide(f"hold.{order.id}.{name}", said[name]) for name in ("reason", "told")}
            yield {"order": order.id, "since_ns": said["since_ns"], "by": said["by"], **words}


def _shelved(desk: Desk) -> Iterator[dict[str, Any]]:
    for fault in desk.all_faults():
        if fault.open and fault.shelved_until_ns is not None:
            said = orjson.loads(fault.shelf_json or "{}")
            reason = None if said.get("by") == SYSTEM or not said.get("reason") else desk.hide(f"shelf.{fault.id}", said["reason"])
            shelf = {"until_ns": fault.shelved_until_ns, "by": said.get("by"), "reason": reason}
            yield {"fault": fault.id, "equipment": fault.equipment, "severity": fault.severity.value, **shelf}
