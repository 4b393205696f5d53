"""A request to the watcher -> its reply."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from plantroom.heartbeat.beat import NoBeat
from plantroom.signature import HEADER
from plantroom.words import say
from rules.watch import take_link
from rules.watch.receiver import Reply, Request
from rules.watch.watcher import Watcher
from rules.watch.watching import State

HTML = "text/html; charset=utf-8"


def answers(watcher: Watcher) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        path = request.path.partition("?")[0]
        if path.startswith(take_link.PATH):
            return _taken(watcher, request, path)
        match request.method, path:
            case "POST", "/heartbeat":
                return _heard(watcher, request)
            case "GET", "/healthz":
                well = watcher.well()
                return Reply(200 if well else 503, _said({"status": "ok" if well else "does not look, or cannot keep what it knows"}))
        return Reply(404, _said({"ok": False, "error": "POST /heartbeat"}))

    return answer


def _heard(watcher: Watcher, request: Request) -> Reply:
    signature = request.headers.get(HEADER, "")
    try:
        watcher.hear(request.body, signature)
    except NoBeat as no:
        return Reply(409, _said({"ok": False, "error": str(no)}))
    return Reply(200, _said({"ok": True}))


def _taken(watcher: Watcher, request: Request, path: str) -> Reply:
    """Unknown building, wrong token and an alarm that is over look the same from outside."""
    lang = watcher.watched.language
    site = path.removeprefix(take_link.PATH).partition("/")[0]
    seen = watcher.roll.seen.get(site)
    if seen is None or not take_link.opens(watcher.key, path, site, seen):
        return Reply(404, take_link.plain(lang, say("watch.page.nothing", lang)).encode(), HTML)
    if request.method == "POST" and (who := take_link.name_of(request.typed("who"))):
        watcher.take(site, who)
        return Reply(200, take_link.plain(lang, say("watch.page.taken", lang, who=who)).encode(), HTML)
    held_by = seen.held_by if seen.state is State.HELD else ""
    return Reply(200, take_link.page(lang, watcher.watched.installations[site].name, held_by).encode(), HTML)


def _said(value: object) -> bytes:
    return orjson.dumps(value)
