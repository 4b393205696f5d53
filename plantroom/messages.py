"""What an alert says: two lines in each language, short enough to be read on a lock screen.

Line 1: class, what, which machine, where; at most 24 Chinese characters (48 columns; English 64): the place gives way first, then the
end of `what`, never the class or the machine. Line 2: since, absolute deadline, first step, who has it. Times are the site's local ones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from plantroom.clock import at_utc
from plantroom.model import Severity
from plantroom.words import LANGUAGES, say

COLUMNS: Mapping[str, int] = {"zh": 48, "en": 64}
STEP_COLUMNS: Mapping[str, int] = {"zh": 48, "en": 64}
CUT = "…"

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alert:
    """One page, before words. reason: as in outbox.reason. Instants epoch ns.

    state, holder: the order's state and the name of who has it. call: which one this is, 1 = the first. hollow: who accepted and did not
    come. clock, due_ns: the limit that runs or was missed. ended_ns, ended: when and how the fault ended (`cleared`, `withdrawn`), None
    while it lasts. before: the class it had until now. wanted: it was urgent once, so a person is wanted whatever it is
    now. firm: whom it is handed to, or taken back from.
    """

    severity: Severity
    reason: str
    what: Texts
    machine: Texts
    step: Texts
    since_ns: int
    now_ns: int
    place: str = ""
    mode: str = "live"
    no_data: bool = False
    state: str = "open"
    holder: str = ""
    call: int = 1
    hollow: str = ""
    clock: str | None = None
    due_ns: int | None = None
    ended_ns: int | None = None
    ended: str = "cleared"
    before: Severity | None = None
    wanted: bool = False
    firm: str = ""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


def compose(alert: Alert) -> dict[str, list[str]]:
    """{"zh": [line 1, line 2], "en": [...]}."""
    return {lang: [headline(alert, lang), standing(alert, lang)] for lang in LANGUAGES}


def headline(alert: Alert, lang: str) -> str:
    fixed = {
        "prefix": say(f"alert.prefix.{alert.mode}", lang, none=""),
        "class_": say(f"severity.{alert.severity}", lang).upper() if lang == "en" else say(f"severity.{alert.severity}", lang),
        "no_data": say("alert.no_data", lang) if alert.no_data else "",
        "machine": one_line(alert.machine[lang]),
    }
    what = one_line(alert.what[lang])
    room = COLUMNS[lang] - width(say("alert.head", lang, what=what, place="", **fixed))
    if room < 0:
        what = cut(what, max(width(what) + room, 0))
    place = _place(one_line(alert.place), lang, room)
    return say("alert.head", lang, what=what, place=place, **fixed)


def standing(alert: Alert, lang: str) -> str:
    """Line 2. The parts stand apart by a space in Chinese, by a comma in English."""
    first = "again" if alert.reason == "returned" else "since"
    parts = [say(f"alert.{first}", lang, at=local(alert.since_ns, alert))]
    if alert.before is not None:
        turned = "raised" if list(Severity).index(alert.severity) < list(Severity).index(alert.before) else "lowered"
        classes = {"before": say(f"severity.{alert.before}", lang), "after": say(f"severity.{alert.severity}", lang)}
        parts.append(say(f"alert.{turned}", lang, **classes))
    if alert.firm:
        parts.append(say(f"alert.{alert.reason}", lang, firm=one_line(alert.firm)))
    if alert.reason == "taken_back":
        return (" " if lang == "zh" else ", ").join(parts)
    if alert.ended_ns is not None:
        parts.append(say(f"alert.{_ending(alert)}", lang, at=local(alert.ended_ns, alert)))
    elif alert.clock is not None and alert.due_ns is not None:
        word = {"warning": "near", "breach": "missed"}.get(alert.reason, "due")
        parts.append(say(f"alert.{word}.{alert.clock}", lang, at=local(alert.due_ns, alert)))
    step = cut(one_line(alert.step[lang]), STEP_COLUMNS[lang])
    if step and alert.ended_ns is None and alert.state in ("open", "accepted"):
        parts.append(_first(step, lang))
    if alert.reason == "escalated":
        parts.append(say("alert.call", lang, n=alert.call))
    standing = "hollow" if alert.state == "open" and alert.hollow else alert.state
    parts.append(say(f"alert.held_by.{standing}", lang, who=alert.hollow if standing == "hollow" else alert.holder))
    return (" " if lang == "zh" else ", ").join(parts)


def compose_task(alert: Alert, task: Texts, due_ns: int, *, late: bool) -> dict[str, list[str]]:
    """What a duty head is told: the alert's own first line, then since, by when to confirm, their task."""
    found = {}
    for lang in LANGUAGES:
        since = say("alert.since", lang, at=local(alert.since_ns, alert))
        due = say(f"major.{'late' if late else 'due'}", lang, at=local(due_ns, alert))
        parts = [since, due, cut(task[lang], STEP_COLUMNS[lang])]
        found[lang] = [headline(alert, lang), (" " if lang == "zh" else ", ").join(parts)]
    return found


def _first(step: str, lang: str) -> str:
    """The step as part of a sentence: no second 先, no capital in the middle."""
    if lang == "zh" and step.startswith("先"):
        return step
    small = step[0].lower() + step[1:] if step[1:2].islower() else step
    return say("alert.first", lang, step=small)


def local(ns: int, alert: Alert) -> str:
    """`14:03` on the day of the message, `11-20 14:03` on another."""
    at, now = (at_utc(t).astimezone(alert.zone) for t in (ns, alert.now_ns))
    return at.strftime("%H:%M") if _same_day(at, now) else at.strftime("%m-%d %H:%M")


def width(text: str) -> int:
    """Columns: a Chinese character and full-width punctuation take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def cut(text: str, columns: int) -> str:
    """The text within so many columns, its end given up for an ellipsis where it must."""
    if width(text) <= columns:
        return text
    kept, used = [], width(CUT)
    for c in text:
        used += width(c)
        if used > columns:
            break
        kept.append(c)
    return "".join(kept).rstrip() + CUT if columns >= width(CUT) else ""


def _place(place: str, lang: str, room: int) -> str:
    """The place as far as it fits; a stump of one character helps nobody."""
    if not place or room <= 0:
        return ""
    frame = width(say("alert.place", lang, place=""))
    fits = cut(place, room - frame)
    return say("alert.place", lang, place=fits) if width(fits) >= min(width(place), 4) else ""


def _ending(alert: Alert) -> str:
    if alert.ended == "withdrawn":
        return "withdrawn"
    if alert.state in ("arrived", "restored"):
        return "repaired"
    return "faded_urgent" if (alert.severity.urgent or alert.wanted) and alert.state != "closed" else "faded"


def _same_day(a: datetime, b: datetime) -> bool:
    return a.date() == b.date()


def one_line(text: str) -> str:
    """Names and payload texts are not ours: no line breaks or control characters reach a phone."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
