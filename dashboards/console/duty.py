"""Who is on duty at a site, for the page and the API: now and next, the days ahead, what is missing, the changes, what is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dashboards.console.rule_texts import rule_of
from dashboards.console.sites import SiteView
from plantroom import oncall
from plantroom.clock import NS, at_utc
from plantroom.local_time import instant_ns, local_date
from plantroom.model import EquipmentState
from plantroom.oncall import Lack, OnDuty
from plantroom.roster import Change
from plantroom.site import Site

DAYS = 7
URGENT_NS = 24 * 3600 * NS  # as rules/handover.py


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one local day; times as people read them. people: () = nobody is on."""

    begins: str
    ends: str
    people: tuple[str, ...]

    @property
    def whole_day(self) -> bool:
        return (self.begins, self.ends) == ("00:00", "24:00")


def changes_of(view: SiteView, at_ns: int) -> list[Change]:
    """What people entered, for the day around this instant and what comes after it; also for one that has passed."""
    return view.tables.changes_held(view.clock.read().wall_ns, at_ns - 2 * 86_400 * NS)


def now(view: SiteView, at_ns: int) -> list[OnDuty]:
    return oncall.now(view.config, at_ns, changes_of(view, at_ns)) if view.config else []


def week(site: Site, at_ns: int, changes: Sequence[Change]) -> list[tuple[date, list[list[Stretch]]]]:
    """From today: (day, by team its stretches). A turn over midnight stands on both days."""
    zone, today = site.roster.zone, local_date(at_ns, site.roster.zone)
    turns = oncall.turns(site, at_ns, DAYS, changes)
    found = []
    for n in range(DAYS):
        start, end = instant_ns(today, n * 1440, zone), instant_ns(today, (n + 1) * 1440, zone)
        cut = [[(max(a, start), min(b, end), people) for a, b, people in team if a < end and b > start] for team in turns.values()]
        day = at_utc(start).astimezone(zone).date()
        found.append((day, [[_stretch(site, *each, end) for each in team] for team in cut]))
    return found


def _stretch(site: Site, start: int, end: int, people: tuple[str, ...], midnight: int) -> Stretch:
    def clock(at_ns: int) -> str:
        return f"{at_utc(at_ns).astimezone(site.roster.zone):%H:%M}"

    return Stretch(clock(start), "24:00" if end == midnight else clock(end), people)


def lacking(site: Site, at_ns: int) -> list[tuple[str, list[Lack]]]:
    """(person, the certificates they lack), of those on a team."""
    found = ((person, oncall.lacks(site, person, at_ns)) for person in _on_teams(site))
    return [(person, lacks) for person, lacks in found if lacks]


def unreachable(site: Site) -> list[str]:
    """People on a team who have no address."""
    return [person for person in _on_teams(site) if not site.people[person].contacts]


def _on_teams(site: Site) -> list[str]:
    named = (person for team in site.roster.teams.values() for person in team.people)
    return [person for person in dict.fromkeys(named) if person in site.people]


def planned(site: Site, at_ns: int) -> list[Change]:
    """Changes of the site file that are not over."""
    return [change for team in site.roster.teams.values() for change in team.changes if change.to_ns > at_ns]


def open_now(view: SiteView, now_ns: int) -> dict[str, list[Any]]:
    """What a handover given now would hold, as the engine writes it (rules/handover.py), with words instead of their stand-ins."""
    tables, site = view.tables, view.config
    orders = sorted(tables.open_orders(), key=lambda order: (order.opened_ns, order.id))
    return {
        "orders": [
            {"id": o.id, "equipment": o.equipment, "severity": o.severity, "state": o.state, "by": o.holder} for o in orders
        ],
        "urgent": [
            {
                "id": f.id, "equipment": f.equipment, "severity": f.severity, "raised_ns": f.raised_ns, "text": dict(f.text),
                "open": f.open,
            }
            for f in tables.urgent_since(now_ns - URGENT_NS) if not ((rule := rule_of(site, f.kind, f.rule)) and rule.major)
        ],
        "holds": [{"order": order.id, **order.hold} for order in orders if order.hold],
        "shelved": [
            {"fault": f.id, "equipment": f.equipment, "severity": f.severity, "until_ns": f.shelved_until_ns, **(f.shelf or {})}
            for f in tables.open_faults() if f.shelved_until_ns is not None
        ],
        "calls": [{"order": order, "next_ns": next_ns, "count": count} for order, next_ns, count in tables.calling()],
        "commissioning": [e.id for e in site.equipment.values() if e.state is EquipmentState.COMMISSIONING] if site else [],
        "changes": [
            {"id": c.id, "team": c.team, "from_ns": c.from_ns, "to_ns": c.to_ns, "out": c.out_person, "in": c.in_person}
            for c in tables.changes()
        ],
    }  # fmt: skip
