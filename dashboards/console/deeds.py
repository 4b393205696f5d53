"""A deed from a request: its fields read, the site of its target found, sent. Shared by the API and the pages' forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from dashboards.console import labels, plan_fields
from dashboards.console.access import Access
from dashboards.console.asking import Desk
from dashboards.console.commanding import Deed, Recorded, command_id_of
from dashboards.console.forms import read_fields
from dashboards.console.roles import CHANGE_DEEDS, DEEDS, FIELDS, HANDOVER_DEEDS, MACHINE_DEEDS, ORDER_DEEDS, TASK_DEEDS, TEAM_DEEDS, Person
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow, Order
from plantroom.errors import Refused
from plantroom.phone import DEEDS as ENTERED_DEEDS
from plantroom.phone import read as read_phone


async def deed(request: Request, person: Person, does: str, target: str = "") -> CommandRow | Recorded:
    """Sends a deed with the fields of the request's body. Shared by the API and the pages' forms. target: of `open` it is the
    equipment, of what is done to a team the team."""
    desk = Desk(request, person)
    fields = await read_fields(request)
    args = plan_fields.arguments(does, fields) if does in TASK_DEEDS else arguments(does, fields)
    if does == "open":
        target = args.pop("equipment", "")
        view, _ = desk.equipment(target)
    elif does in MACHINE_DEEDS:
        view, _ = desk.equipment(target)
    elif does in TEAM_DEEDS:
        target = args.pop("team", "")
        view, _ = desk.only(lambda view: _has_team(view, target, does), f"team {target}")
    elif does in CHANGE_DEEDS:
        view, _ = desk.only(lambda view: view.tables.change(target), f"change {target}")
    elif does in HANDOVER_DEEDS:
        view, _ = desk.only(lambda view: view.tables.handover(target), f"handover {target}")
    elif does in TASK_DEEDS:
        view, _ = desk.only(lambda view: view.tables.plan_task(target), f"task {target}")
    elif does in ORDER_DEEDS:
        view, order = desk.only(lambda view: view.tables.order(target), f"order {target}")
        if does == "arrive":
            args = _arrival(request.app.state.access, view, order, args.pop("at", ""))
    else:
        view, _ = desk.only(lambda view: view.tables.fault(target), f"fault {target}")
        _known_second(request.app.state.access, args.get("second"), view.id)
    return await desk.commander(view).send(Deed(does, target, args, _phone(does, fields)), person, command_id_of(fields.get("command_id")))


def _phone(does: str, fields: dict[str, Any]) -> Mapping[str, object] | None:
    """What a phone says of its time, of a deed entered without reception. Raises Refused."""
    return None if "phone" not in fields or does not in ENTERED_DEEDS else read_phone(fields["phone"]).record()


def _arrival(access: Access, view: SiteView, order: Order, at: str) -> dict[str, str]:
    """at: the mark of a machine's label. A wrong one is none: whoever arrives has arrived."""
    return {"how": "qr"} if at and labels.is_mark(access.key(labels.KEY), view.id, order.equipment, at) else {}


def _has_team(view: SiteView, team: str, does: str) -> bool | None:
    """A shift is handed over also at a site without teams."""
    teams = view.config.roster.teams if view.config else {}
    return team in teams or (does == "hand_over" and not team and not teams) or None


def _known_second(access: Access, name: str | None, site: str) -> None:
    """Who is named as the second person must be somebody who could have done it. Raises Refused."""
    if name is None:
        return
    for account in access.accounts():
        second = Person(account.name, account.role, account.sites, there=account.there, asked=DEEDS["shelve"])
        if second.name == name and second.sees(site):
            return
    raise Refused(f"second: {name} is nobody who may shelve here; give the user name of another engineer or supervisor")


def arguments(does: str, fields: dict[str, Any]) -> dict[str, str]:
    """The deed's own fields, empty ones left out. Raises Refused for a field it does not have: a misspelt one would be lost silently."""
    unknown = sorted(fields.keys() - {*FIELDS[does], "command_id", "form_token", "back", *(("phone",) if does in ENTERED_DEEDS else ())})
    if unknown:
        raise Refused(f"{does} has no field {', '.join(unknown)}; it takes {', '.join(FIELDS[does]) or 'none'}")
    wrong = sorted(name for name in FIELDS[does] if not isinstance(fields.get(name, ""), str))
    if wrong:
        raise Refused(f"{', '.join(wrong)} must be a text")
    return {name: fields[name] for name in FIELDS[does] if fields.get(name)}
