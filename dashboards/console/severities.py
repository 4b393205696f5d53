"""Changes of a fault's class by people: as lines of the time line, as shapes of the API, and what may be chosen on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.console import shapes
from dashboards.console.shown import due_text
from dashboards.console.tables import SEVERITIES, Fault, Order, SeverityChange
from plantroom.clock import iso
from plantroom.model import Severity
from plantroom.words import say


def lines(
    changes: Sequence[SeverityChange], names: dict[str, str], zone: ZoneInfo, lang: str
) -> Iterator[tuple[int, str, dict[str, object], str]]:
    """(instant, text's key, its values, tone) of each."""
    for change in changes:
        graver = SEVERITIES.index(change.after) < SEVERITIES.index(change.before)
        second = say("moment.class_second", lang, who=names.get(change.second, change.second)) if change.second else ""
        reason = say("moment.class_reason", lang, reason=change.reason) if change.reason else ""
        due = say("moment.class_due", lang, at=due_text(change.due_ns, change.at_ns, zone)) if change.due_ns is not None else ""
        who = say("order_page.system", lang) if change.who == "system" else names.get(change.who, change.who)
        values: dict[str, object] = {
            "who": who, "before": say(f"severity.{change.before}", lang), "after": say(f"severity.{change.after}", lang),
            "second": second, "reason": reason, "due": due,
        }  # fmt: skip
        yield change.at_ns, "moment.class_raised" if graver else "moment.class_lowered", values, "bad" if graver else ""


def choices(fault: Fault | None, order: Order | None) -> dict[str, Any]:
    """What the page offers: the classes above and below, and whether a second person has to agree. As rules/severity_deeds.py judges it."""
    if fault is None or not (fault.open or (order is not None and order.state != "closed")):
        return {"graver": (), "milder": (), "lower_by_two": False, "danger_stays": False}
    at = SEVERITIES.index(fault.severity)
    once = Severity(order.gravest).urgent if order is not None and order.gravest else False
    stays = fault.severity == "danger" and fault.open
    return {
        "graver": SEVERITIES[:at], "milder": () if stays else SEVERITIES[at + 1 :], "danger_stays": stays,
        "lower_by_two": Severity(fault.severity).urgent or once,
    }  # fmt: skip


def shape(change: SeverityChange) -> shapes.SeverityChangeShape:
    return {
        "at": iso(change.at_ns), "who": change.who, "second": change.second, "before": change.before, "after": change.after,
        "reason": change.reason, "due_at": None if change.due_ns is None else iso(change.due_ns),
    }  # fmt: skip
