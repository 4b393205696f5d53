"""The right that went out with a page, used: by the button of its link, of a card, by the key of a call. It acts as the person paged."""

from __future__ import annotations

from fastapi import FastAPI

from dashboards.console.commanding import Commander, Deed, Recorded
from dashboards.console.roles import Person, Role
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow
from plantroom.people import Person as Rostered
from plantroom.tickets import Ticket, Tickets


def commander_of(app: FastAPI, view: SiteView) -> Commander:
    commanders: dict[str, Commander] = app.state.commanders
    return commanders.setdefault(view.id, Commander(view))


def person_of(view: SiteView, ticket: Ticket) -> Rostered | None:
    return view.config.people.get(ticket.person) if view.config is not None else None


async def use(app: FastAPI, view: SiteView, ticket: Ticket, who: Rostered, now_ns: int) -> CommandRow | Recorded:
    """What the engine makes of it. The ticket has to be good still. Raises NotRecorded."""
    does, target = ("accept", ticket.work_order) if ticket.work_order else ("received", ticket.page)
    deed = Deed(does, target, {"page": ticket.page})
    outcome = await commander_of(app, view).send(deed, _as(who), f"link-{ticket.id}")
    tickets: Tickets = app.state.tickets
    tickets.spend(ticket, now_ns)  # behind the record: a crash between leaves a right whose second use is the same command
    return outcome


def _as(who: Rostered) -> Person:
    role = next((role for role in (Role.SUPERVISOR, Role.ENGINEER) if role.value in who.roles), Role.TECHNICIAN)
    return Person(who.id, role, shown=who.name)
