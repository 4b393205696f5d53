"""Pages that are gathered into one: in an alarm flood, and at night. Each fault keeps its order and its clock; nothing is lost.

One waiting page a target and reason; what is told is counted, the first dozen by name. It leaves at the end of its slot. The page that
each would have been is kept as a dropped row whose `answer` is the id of the page it went into: so a fault's own page can say when people
were told of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import orjson

from plantroom.messages import COLUMNS, cut
from plantroom.model import Severity
from plantroom.words import LANGUAGES, say
from rules.desk import Desk
from rules.house import House
from rules.reach import Target
from rules.rows import Fault, Order, Page, as_json

TOLD = 12  # machines by name in one page; the rest is counted
HELD_BACK = "G"  # of the ids of what was held back; P's are those of what may leave, and keep their numbers
GATHERED = "monitor"  # outbox.reason of such a page
HELD = ("raised", "no_data", "returned", "escalated", "warning", "breach", "severity")


class Why(StrEnum):
    """What a page was gathered for: texts `alert.<why>.head`."""

    FLOOD = "flood"
    NIGHT = "night"
    DAY = "day"  # at night, of what may not be told at night at all


def gather(
    desk: Desk, house: House, why: Why, until_ns: int, reason: str, fault: Fault | None, order: Order | None, severity: Severity,
    targets: Sequence[Target],
) -> list[Page]:  # fmt: skip
    """Puts it into the page that leaves at until_ns; that page for each target. That something ended is not told."""
    subject = fault or order
    if reason not in HELD or subject is None:
        return []
    machine = house.machine(subject.equipment)
    names = machine.names if machine is not None else dict.fromkeys(LANGUAGES, subject.equipment)
    what = orjson.loads(subject.text_json)
    told = {lang: f"{names[lang]} {what[lang]}" for lang in LANGUAGES}
    found = []
    for target in targets:
        page = _put(desk, target, why, until_ns, severity, told)
        channel, person = target
        desk.put_page(Page(
            desk.new_id(HELD_BACK), fault.id if fault else None, order.id if order else None, channel, reason, severity, as_json(told),
            desk.now_ns, page.due_ns, state="dropped", answer=page.id, person=person,
        ))  # fmt: skip
        found.append(page)
    return found


def _put(desk: Desk, target: Target, why: Why, until_ns: int, severity: Severity, told: dict[str, str]) -> Page:
    gathering = (row for row in desk.queued_alone(GATHERED) if row.attempts == 0 and row.due_ns > desk.now_ns)
    page = next((row for row in gathering if (row.channel, row.person) == target and _said(row)["why"] == why), None)
    if page is None:
        channel, person = target
        page = Page(desk.new_id("P"), None, None, channel, GATHERED, severity, "", desk.now_ns, until_ns, person=person)
        about = {"page": page.id, "channel": channel, "reason": GATHERED, "fault": None, "order": None}
        desk.tell("page.queued", about if person is None else {**about, "person": person})
    said = _said(page)
    held = {"why": why.value, "count": said["count"] + 1, "held": [*said["held"], told][:TOLD]}
    page.message_json = as_json({**_words(held), **held, "fault": None, "order": None})
    desk.put_page(page)
    return page


def _said(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(page.message_json) if page.message_json else {}
    return {"why": Why.FLOOD.value, "count": 0, "held": [], **found}


def _words(held: dict[str, Any]) -> dict[str, list[str]]:
    found = {}
    for lang in LANGUAGES:
        gap = "、" if lang == "zh" else ", "
        names = gap.join(told[lang] for told in held["held"])
        names += gap + say("alert.gathered.more", lang) if held["count"] > len(held["held"]) else ""
        line = say("alert.gathered.line", lang, names=cut(names, 4 * COLUMNS[lang]))
        found[lang] = [say(f"alert.{held['why']}.head", lang, count=held["count"]), line]
    return found
