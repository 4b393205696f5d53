"""What the duty room says of its own: that a page was heard, which accepts nothing, and who goes after a radio call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rules import receipts
from rules.command import Command
from rules.denied import Denied, Done, same
from rules.desk import Desk
from rules.house import House
from rules.order import Event
from rules.rows import Order

DUTY_ROOM = "duty_room"  # the type of its channel, and how an arrival was entered there
QR = "qr"  # an arrival entered from the label at the machine
RADIO = (Event.ACCEPT, Event.ARRIVE)


def goer(house: House, command: Command, event: Event) -> str:
    """Who accepts or arrives: who says so, or whom they name after a radio call."""
    goes = command.text("goes") if event in RADIO else ""
    if goes and goes not in house.site.people:
        raise Denied("unknown_person", {"target": same(goes)})
    return goes or command.who


def sign(order: Order, command: Command, event: Event, goes: str) -> None:
    """Both names, and how an arrival is known."""
    by_radio = command.who if goes != command.who else None
    if event is Event.ACCEPT:
        order.radio_by = by_radio
    elif event is Event.ARRIVE:
        order.radio_by = by_radio or order.radio_by
        order.arrived_how = DUTY_ROOM if by_radio else QR if command.text("how") == QR else None


def _heard(desk: Desk, house: House, command: Command) -> Done:
    """target: the newest page they saw. With it all before it about its order are heard; one that came meanwhile goes on sounding."""
    page = desk.find_page(command.target)
    channel = house.site.channels.get(page.channel) if page is not None else None
    order = desk.recall(page.work_order) if page is not None and page.work_order is not None else None
    if page is None or order is None or channel is None or channel.type != DUTY_ROOM:
        raise Denied("unknown_page", {"target": same(command.target)})
    receipts.note(desk, page.id, receipts.Told.READ, command.who)
    desk.tell("page.heard", {"page": page.id, "order": order.id, "by": command.who})
    return Done(order)


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {"heard": _heard}
