"""An effect of the table -> letters: the two lines people read, one letter for each address. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from plantroom.clock import at_utc
from plantroom.messages import COLUMNS, cut
from plantroom.words import LANGUAGES, say
from rules.watch.letters import SEVERITY, Letter
from rules.watch.watch_file import Installation, Watched
from rules.watch.watching import CLOCK, SILENT, Effect, Seen, since_ns, wrong

# the first of these that is wrong gives line 1
GRAVEST = (SILENT, CLOCK, "files", "journal", "polls", "rules", "delivery", "pages", "push")


def letters_of(installation: Installation, now: Seen, effect: Effect, watched: Watched, now_ns: int, link: str | None) -> list[Letter]:
    """now: after the effect. link: where a phone takes it over.

    Ids come from the instant: no count that a lost file begins again may make a receiver take a new alarm for one it has.
    """
    message = said(installation, now, effect, watched, now_ns)
    if link is not None and effect is Effect.ALARM:
        message["link"] = link
    reason = "cleared" if effect is Effect.OVER else "raised" if now.alarms == 1 else "escalated"
    return [
        Letter(f"W-{installation.id}-{now_ns // 1_000_000}-{n}", installation.id, reason, address, message, now_ns)
        for n, address in enumerate(watched.tell, 1)
    ]


def said(installation: Installation, now: Seen, effect: Effect, watched: Watched, now_ns: int) -> dict[str, Any]:
    """{"zh": [line 1, line 2], "en": [...]}."""
    troubles = wrong(now, watched.limits, now_ns)
    gravest = min(troubles, key=GRAVEST.index, default=SILENT)
    found: dict[str, Any] = {}
    for lang in LANGUAGES:
        if effect is Effect.OVER:
            times = {"at": _local(now.began_ns or now_ns, now_ns, watched.zone), "until": _local(now_ns, now_ns, watched.zone)}
            found[lang] = [_head(lang, "over", installation.name), say("watch.lasted", lang, **times)]
            continue
        since = say("watch.since", lang, at=_local(since_ns(now), now_ns, watched.zone)) if now.ever else say("watch.never", lang)
        does = say("watch.do_pages" if gravest in ("pages", "push") else "watch.do", lang)
        again = [say("watch.again", lang, n=now.alarms)] if now.alarms > 1 else []
        line = (" " if lang == "zh" else ", ").join([since, does, *again, say("alert.held_by.open", lang)])
        found[lang] = [_head(lang, gravest, installation.name), line]
    return found


def _head(lang: str, what: str, name: str) -> str:
    class_ = say(f"severity.{SEVERITY}", lang)
    head = say("watch.head", lang, class_=class_.upper() if lang == "en" else class_, what=say(f"watch.what.{what}", lang), name=name)
    return cut(head, COLUMNS[lang])


def _local(ns: int, now_ns: int, zone: ZoneInfo) -> str:
    at, now = (at_utc(t).astimezone(zone) for t in (ns, now_ns))
    return _shown(at, at.date() == now.date())


def _shown(at: datetime, today: bool) -> str:
    return at.strftime("%H:%M") if today else at.strftime("%m-%d %H:%M")
