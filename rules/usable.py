"""How long each functional item of each machine was usable, faulted or unknown, by local day of the site: what availability is made of.

Kept as it goes, so that no telemetry is read again for it. faulted: an open fault of a live machine disables it, a fault that is part of
another one included, or people were trapped in it and nobody has released it yet. unknown: the machine is not heard (three polls missed
and more than 30 s), from its last answer on. Faulted counts before unknown: silence never mends. A state runs from `since` on and is
added where it changes and at midnight. Beside it stands what the item was at 08:00, for the head count of K-1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from plantroom.clock import at_utc, to_ns
from rules import rescue
from rules.desk import Desk
from rules.house import House
from rules.rows import ItemTime

COUNTED_AT = time(8)  # local: the daily head count of the standard (K-1)
NOT_COUNTED = ""  # it came into service later that day


def look(desk: Desk, house: House, machine: str) -> None:
    """A fault of this machine was raised or ended."""
    _judge(desk, house, machine, None, desk.now_ns)


def heard(desk: Desk, house: House, machine: str, hears: bool, last_ns: int) -> None:
    """The machine fell silent, after its last answer at last_ns, or answers again."""
    _judge(desk, house, machine, hears, desk.now_ns if hears else min(last_ns, desk.now_ns))


def midnight(desk: Desk, house: House) -> None:
    """At a tick: what runs is carried over into the day that has begun, and counted once its morning has come."""
    today = _day(desk.now_ns, house.zone)
    morning = desk.now_ns >= _counted_ns(today, house.zone)
    for row in [row for row in desk.items.values() if row.day != today or (morning and row.at_eight is None)]:
        while row.day != today:
            row = _next_day(desk, house, row, today)
        if morning and row.at_eight is None:
            row.at_eight = row.state
            desk.put_item(row)


def switched(desk: Desk, house: House) -> None:
    """A new configuration: items of machines that count from now on begin, those of machines that do no longer end."""
    wanted = {(machine, item) for machine in house.live() for item in house.site.equipment[machine].kind.items}
    for key in sorted(desk.items.keys() - wanted):
        row = desk.items[key]
        _add(row, desk.now_ns)
        row.since_ns = None
        desk.put_item(row)
    for machine, item in sorted(wanted - desk.items.keys()):
        today = _day(desk.now_ns, house.zone)
        row = desk.item_of_day(machine, item, today)
        if row.at_eight is None and desk.now_ns > _counted_ns(today, house.zone):
            row.at_eight = NOT_COUNTED
        row.state, row.heard, row.since_ns = "unknown", 0, desk.now_ns
        desk.put_item(row)
    for machine in sorted({machine for machine, _ in wanted}):
        look(desk, house, machine)


def shift(desk: Desk, step_ns: int) -> None:
    """The wall clock was set."""
    for row in list(desk.items.values()):
        assert row.since_ns is not None
        row.since_ns += step_ns
        desk.put_item(row)


def _judge(desk: Desk, house: House, machine: str, hears: bool | None, at_ns: int) -> None:
    """hears: None = as before. at_ns: since when it is so."""
    equipment = house.site.equipment.get(machine)
    if equipment is None:
        return
    for item in equipment.kind.items:
        row = desk.items.get((machine, item))
        if row is None:
            continue
        now_heard = bool(row.heard) if hears is None else hears
        state = "faulted" if _faulted(desk, house, machine, item) else "usable" if now_heard else "unknown"
        if state == row.state and now_heard == bool(row.heard):
            continue
        if state != row.state:
            _recount(row, state, at_ns, desk.now_ns, house.zone)
            _add(row, at_ns)
        row.state, row.heard = state, int(now_heard)
        desk.put_item(row)


def _recount(row: ItemTime, state: str, at_ns: int, now_ns: int, zone: ZoneInfo) -> None:
    """It becomes `state` as of at_ns: of the head count it was what it had been, unless the change is known after 08:00 and lies before."""
    counted_ns = _counted_ns(row.day, zone)
    if at_ns > counted_ns and row.at_eight is None:
        row.at_eight = row.state
    elif at_ns <= counted_ns <= now_ns and row.at_eight != NOT_COUNTED:
        row.at_eight = state


def _faulted(desk: Desk, house: House, machine: str, item: str) -> bool:
    faults = (desk.fault_of(machine, rule) for rule in house.disabling(machine, item))
    if any(fault is not None and fault.open and fault.mode == "live" for fault in faults):
        return True
    return rescue.withheld(desk, machine) and _withholds(house, machine, item)


def _withholds(house: House, machine: str, item: str) -> bool:
    """Is it one of the items that people trapped in it put out?"""
    kind = house.site.equipment[machine].kind.name
    return any(item in rule.disables for id_ in rescue.KIN if (rule := house.rule(kind, id_)) is not None)


def _add(row: ItemTime, at_ns: int) -> None:
    """The running state up to at_ns; a stretch that was counted already is not taken back."""
    assert row.since_ns is not None
    length = max(0, at_ns - row.since_ns)
    if row.state == "usable":
        row.usable_ns += length
    elif row.state == "faulted":
        row.faulted_ns += length
    else:
        row.unknown_ns += length
    row.since_ns = max(at_ns, row.since_ns)


def _next_day(desk: Desk, house: House, row: ItemTime, today: str) -> ItemTime:
    """Ends a row's day and begins the next; today's, where the clock was set back over midnight."""
    ahead = row.day < today
    day = (date.fromisoformat(row.day) + timedelta(days=1)).isoformat() if ahead else today
    ends_ns = _begins_ns(day, house.zone) if ahead else desk.now_ns
    state, hears = row.state, row.heard
    if ahead and row.at_eight is None:
        row.at_eight = state
    _add(row, ends_ns)
    begins_ns = row.since_ns
    row.since_ns = None
    desk.put_item(row)
    following = desk.item_of_day(row.equipment, row.item, day)
    following.state, following.heard, following.since_ns = state, hears, begins_ns
    desk.put_item(following)
    return following


def _day(at_ns: int, zone: ZoneInfo) -> str:
    return at_utc(at_ns).astimezone(zone).date().isoformat()


def _begins_ns(day: str, zone: ZoneInfo) -> int:
    return to_ns(datetime.combine(date.fromisoformat(day), datetime.min.time(), zone))


@lru_cache(maxsize=64)
def _counted_ns(day: str, zone: ZoneInfo) -> int:
    return to_ns(datetime.combine(date.fromisoformat(day), COUNTED_AT, zone))


def seconds(row: Mapping[str, int | str | None], now_ns: int) -> Mapping[str, float]:
    """A row of item_time as lengths in s, what runs included."""
    copy = ItemTime(**row)  # type: ignore[arg-type]
    if copy.since_ns is not None:
        _add(copy, now_ns)
    return {"usable_s": copy.usable_ns / 1e9, "faulted_s": copy.faulted_ns / 1e9, "unknown_s": copy.unknown_ns / 1e9}
