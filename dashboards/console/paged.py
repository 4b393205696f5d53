"""The right that went out with a page, used: by the button of its link, of a card, by the key of a call. It acts as the person paged."""

from __future__ import annotations

from fastapi import FastAPI

from dashboards.console.commanding import Commander, Deed, Recorded
from dashboards.console.roles import Person, Role
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow, Page
from plantroom.people import Person as Rostered
from plantroom.tickets import Ticket, Tickets

MAJOR = "major"  # outbox.reason of a duty head's task


def commander_of(app: FastAPI, view: SiteView) -> Commander:
    commanders: dict[str, Commander] = app.state.commanders
    return commanders.setdefault(view.id, Commander(view))


def person_of(view: SiteView, ticket: Ticket) -> Rostered | None:
    return view.config.people.get(ticket.person) if view.config is not None else None


async def use(app: FastAPI, view: SiteView, ticket: Ticket, who: Rostered, now_ns: int) -> CommandRow | Recorded:
    """What the engine makes of it. The ticket has to be good still. Raises NotRecorded."""
    outcome = await commander_of(app, view).send(_deed(view, ticket), _as(who), f"link-{ticket.id}")
    tickets: Tickets = app.state.tickets
    tickets.spend(ticket, now_ns)  # behind the record: a crash between leaves a right whose second use is the same command
    return outcome


def _deed(view: SiteView, ticket: Ticket) -> Deed:
    """Take the order, say of a test page that one has it, of a duty head's task that one sees to it."""
    page = {"page": ticket.page}
    if not ticket.work_order:
        return Deed("received", ticket.page, page)
    head = head_of(view.tables.page(ticket.page))
    return Deed("accept", ticket.work_order, page) if head is None else Deed("acknowledge", ticket.work_order, {**page, "head": head})


def head_of(sent: Page | None) -> str | None:
    """Whose task the page was about; None for one that asks somebody to take the order."""
    return str(sent.message["head"]) if sent is not None and sent.reason == MAJOR else None


def _as(who: Rostered) -> Person:
    role = next((role for role in (Role.SUPERVISOR, Role.ENGINEER) if role.value in who.roles), Role.TECHNICIAN)
    return Person(who.id, role, shown=who.name)
