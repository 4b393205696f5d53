"""RECEIPT records: what becomes of a page after its provider took it. Accepted is not delivered, delivered not read, read not acknowledged.

    held          the provider's own limit makes it wait (told by notify, before an attempt)
    delivered     the handset, the mailbox or the callee has it, as the provider says
    undelivered   nobody picked up, the number is dead, the mail came back
    read          its person pressed its button, too late to get the order
    acknowledged  its person accepted by it, or answered the test

A row of `receipt` is made from the record alone: a rebuild that begins at a snapshot does not hold the pages that were over by then.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from rules import widening
from rules.desk import Desk
from rules.house import House
from rules.paging import CALLS_NOBODY
from rules.record_body import read, shown
from rules.rows import Receipt

MOST_TEXT = 200
LONGEST_ID = 64


class Told(StrEnum):
    HELD = "held"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    READ = "read"
    ACKNOWLEDGED = "acknowledged"


FROM_OUTSIDE = frozenset({Told.HELD, Told.DELIVERED, Told.UNDELIVERED})  # the others are what a person does, by a command


def take(desk: Desk, house: House | None, body: bytes) -> None:
    """One RECEIPT record; where it names an order and a person they can be told elsewhere."""
    said = read(body, "receipt", _good)
    if said is None:
        desk.tell("receipt.unreadable", {"text": shown(body)})
        return
    state = Told(said["state"])
    note(desk, said["outbox"], state, said["text"])
    page = desk.find_page(said["outbox"])
    if page is not None and page.reason in CALLS_NOBODY:
        return  # a duty head's: heads are called again on all their channels anyway, and belong to no chain
    if house is not None and state in (Told.HELD, Told.UNDELIVERED) and said.get("work_order") and said.get("person"):
        widening.not_reached(desk, house, said["work_order"], said["person"])


def note(desk: Desk, page: str, state: Told, text: str = "") -> None:
    """A line of the page's story."""
    desk.put_receipt(Receipt(page, desk.seq, desk.now_ns, state.value, " ".join(text.split())[:MOST_TEXT]))
    desk.tell("receipt", {"page": page, "state": state.value, "text": text[:MOST_TEXT]})


def _good(said: dict[str, Any]) -> bool:
    return (
        all(isinstance(said.get(name), str) for name in ("outbox", "state", "text"))
        and 0 < len(said["outbox"]) <= LONGEST_ID
        and said["state"] in FROM_OUTSIDE
        and all(isinstance(said.get(name), str | None) for name in ("work_order", "person"))
    )
