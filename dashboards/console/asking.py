"""From a request to the site and the thing it is about; what is not found, and what is found in two sites, said so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from starlette.requests import Request

from dashboards.console.commanding import Commander, Recorded
from dashboards.console.roles import Person
from dashboards.console.sites import Sites, SiteView
from dashboards.console.tables import CommandRow
from plantroom.clock import NS, Clock, to_ns
from plantroom.errors import Refused
from plantroom.site import Binding, Equipment

_T = TypeVar("_T")


class NotFound(Exception):
    """No such thing in any site this person may see."""


class Ambiguous(Exception):
    """The id stands in several sites: say which."""

    def __init__(self, sites: list[str]) -> None:
        self.sites = sites
        super().__init__(", ".join(sites))


class Desk:
    """What a route works with: the sites this person sees, and now."""

    def __init__(self, request: Request, person: Person) -> None:
        self._state = request.app.state
        self.person = person
        self.site = request.query_params.get("site") or None
        self.sites: Sites = self._state.sites
        self.views = self.sites.seen_by(person, self.site)
        if self.site is not None and not self.views:
            raise NotFound(f"no site {self.site}")

    @property
    def now_ns(self) -> int:
        clock: Clock = self._state.clock
        return clock.read().wall_ns

    def commander(self, view: SiteView) -> Commander:
        found: dict[str, Commander] = self._state.commanders
        return found.setdefault(view.id, Commander(self.sites.whole(view)))

    async def command(self, view: SiteView, command_id: str) -> CommandRow | Recorded | None:
        """What became of a command at this site; for who sees only what is theirs, of one of their own."""
        by = self.person.name if self.person.narrow_at(view.id) else None
        return await self.commander(view).find(command_id, by)

    def only(self, look: Callable[[SiteView], _T | None], what: str) -> tuple[SiteView, _T]:
        """The one site where `look` finds something. Raises NotFound, Ambiguous."""
        found = [(view, thing) for view in self.views if (thing := look(view)) is not None]
        if not found:
            raise NotFound(f"no {what}")
        if len(found) > 1:
            raise Ambiguous([view.id for view, _ in found])
        return found[0]

    def equipment(self, equipment_id: str) -> tuple[SiteView, Equipment]:
        return self.only(lambda view: view.config.equipment.get(equipment_id) if view.config else None, f"equipment {equipment_id}")

    def point(self, point_id: str) -> tuple[SiteView, Equipment, Binding]:
        """By `equipment.point`; only points that the site file binds have values."""
        name = point_id.rpartition(".")[0]

        def look(view: SiteView) -> tuple[Equipment, Binding] | None:
            equipment = view.config.equipment.get(name) if view.config else None
            return next(((equipment, b) for b in equipment.bindings if b.point == point_id), None) if equipment else None

        view, (equipment, binding) = self.only(look, f"point {point_id}")
        return view, equipment, binding


LENGTHS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def instant(text: str, now_ns: int) -> int:
    """An ISO 8601 instant with its zone, epoch seconds, or a length before now (`-6h`); epoch ns. Raises Refused."""
    value = text.strip()
    try:
        if value in ("", "now"):
            return now_ns
        if value[0] == "-" and value[-1] in LENGTHS:
            return now_ns - round(float(value[1:-1]) * LENGTHS[value[-1]] * NS)
        if value.replace(".", "", 1).isdigit():
            return round(float(value) * NS)
        return to_ns(datetime.fromisoformat(value.replace(" ", "+")))  # a plus sign in a query arrives as a space
    except (ValueError, OverflowError) as wrong:
        raise Refused(f"{text!r} is no instant: give ISO 8601 with its zone, epoch seconds, or a length such as -6h ({wrong})") from None


def length_ns(text: str) -> int:
    """`60`, `60s`, `10m`, `24h`, `7d` in ns. Raises Refused."""
    value = text.strip()
    unit = LENGTHS.get(value[-1:], 1)
    number = value[:-1] if value[-1:] in LENGTHS else value
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 31 * 86_400:
        raise Refused(f"{text!r} is no step: give seconds or a length such as 10m, at most 31d")
    return round(seconds * NS)
