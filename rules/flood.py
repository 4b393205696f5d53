"""An alarm flood: more than ten faults in ten minutes, until fewer than five. While it lasts normal pages are gathered into one.

Urgent pages are never held: they leave at once, before all others. What is gathered is told every ten minutes, in one page a channel;
nothing is lost, each fault has its order and its clock. Counted is what is put before people: children, advisories and the monitor's own
are not (ISA-18.2, IEC 62682: > 10 in 10 min begins a flood, < 5 ends it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from plantroom.clock import NS
from plantroom.model import Severity
from plantroom.words import LANGUAGES, say
from rules.desk import Desk
from rules.house import MONITOR, House
from rules.messages import COLUMNS, cut
from rules.reach import Target
from rules.rows import Fault, Order, Page, as_json

RULE = "alarm_flood"  # of the monitor; its open fault is the flood
WINDOW_NS = 600 * NS
MORE_THAN, FEWER_THAN = 10, 5
TOLD = 12  # machines by name in one page; the rest is counted
GATHERED = "monitor"  # outbox.reason of such a page
HELD = ("raised", "no_data", "returned", "warning", "breach")


def is_on(desk: Desk) -> bool:
    return desk.fault_of(MONITOR, RULE) is not None


def begins(desk: Desk) -> bool:
    return desk.shown(WINDOW_NS) > MORE_THAN


def is_over(desk: Desk) -> bool:
    return desk.shown(WINDOW_NS) < FEWER_THAN


def holds(desk: Desk, fault: Fault | None, severity: Severity) -> bool:
    """Is this page gathered instead of sent? The monitor's own are not: one of them tells of the flood."""
    return not severity.urgent and is_on(desk) and (fault is None or fault.kind != MONITOR)


def gather(
    desk: Desk, house: House, reason: str, fault: Fault | None, order: Order | None, severity: Severity, targets: Sequence[Target]
) -> list[Page]:
    """Puts it into the page that leaves at the end of these ten minutes; that page for each target. That something ended is not told."""
    subject = fault or order
    if reason not in HELD or subject is None:
        return []
    machine = house.machine(subject.equipment)
    names = machine.names if machine is not None else dict.fromkeys(LANGUAGES, subject.equipment)
    what = orjson.loads(subject.text_json)
    told = {lang: f"{names[lang]} {what[lang]}" for lang in LANGUAGES}
    return [_put(desk, target, severity, told) for target in targets]


def _put(desk: Desk, target: Target, severity: Severity, told: dict[str, str]) -> Page:
    gathering = (row for row in desk.queued() if (row.reason, row.fault, row.attempts) == (GATHERED, None, 0) and row.due_ns > desk.now_ns)
    page = next((row for row in gathering if (row.channel, row.person) == target), None)
    if page is None:
        channel, person = target
        page = Page(desk.new_id("P"), None, None, channel, GATHERED, severity, "", desk.now_ns, _slot_end(desk), person=person)
        about = {"page": page.id, "channel": channel, "reason": GATHERED, "fault": None, "order": None}
        desk.tell("page.queued", about if person is None else {**about, "person": person})
    held: dict[str, Any] = orjson.loads(page.message_json) if page.message_json else {"count": 0, "held": []}
    held = {"count": held["count"] + 1, "held": [*held["held"], told][:TOLD]}
    page.message_json = as_json({**_words(held), **held, "fault": None, "order": None})
    desk.put_page(page)
    return page


def _words(held: dict[str, Any]) -> dict[str, list[str]]:
    found = {}
    for lang in LANGUAGES:
        gap = "、" if lang == "zh" else ", "
        names = gap.join(told[lang] for told in held["held"])
        names += gap + say("alert.flood.more", lang) if held["count"] > len(held["held"]) else ""
        line = say("alert.flood.line", lang, names=cut(names, 4 * COLUMNS[lang]))
        found[lang] = [say("alert.flood.head", lang, count=held["count"]), line]
    return found


def _slot_end(desk: Desk) -> int:
    """Ten-minute slots run from the flood's beginning."""
    flood = desk.fault_of(MONITOR, RULE)
    began = flood.raised_ns if flood is not None else desk.now_ns
    return began + ((desk.now_ns - began) // WINDOW_NS + 1) * WINDOW_NS
