"""One notification by Apprise: JSON on standard input -> JSON on standard output. A process of its own; `apprise.py` starts and ends it.

Its plugins resolve names and connect for themselves, some by libraries of their own. So the process itself is watched: whatever in it
wants to connect to an address that is in no public network and not listed (`private`) is stopped before it does.

In: url, title, body, kind, private. Out: verdict (sent, failed, unusable), service, text (what Apprise complained of, or why nothing was
tried).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any

import orjson

from plantroom.networks import Network, listed, literal, may

MOST_CHARACTERS = 2000


class Complaints(logging.Handler):
    """The last thing said at warning or above."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


class Watched:
    """An audit hook: connections and datagrams to addresses a page may not go to raise PermissionError. A process cannot take it off."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)
        self.stopped = ""

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            return
        where = args[1]
        address = literal(str(where[0])) if isinstance(where, tuple) and where else None
        if address is None or not may(address, self._allowed):  # a path (AF_UNIX) and a name that the kernel would resolve are none
            self.stopped = f"{where[0] if isinstance(where, tuple) else 'a local socket'} is in no public network; list it under private"
            raise PermissionError(self.stopped)


def work(asked: dict[str, Any]) -> dict[str, str]:
    watched = Watched(listed(asked["private"]))
    sys.addaudithook(watched)
    try:
        import apprise
    except ImportError:
        return {"verdict": "unusable", "text": "the library is not installed: pip install 'plantroom[apprise]'"}
    complaints = Complaints(logging.WARNING)
    log = logging.getLogger("apprise")
    log.addHandler(complaints)
    log.propagate = False
    asset = apprise.AppriseAsset(app_id="Plantroom", app_desc="Plantroom", http_redirects=False)
    target = apprise.Apprise.instantiate(asked["url"], asset=asset, suppress_exceptions=True)
    if target is None:
        return {"verdict": "unusable", "text": f"Apprise does not know what to do with this URL: {complaints.last}"[:MOST_CHARACTERS]}
    service = str(target.service_name)
    kind, plain = apprise.NotifyType(asked["kind"]), apprise.NotifyFormat.TEXT
    if target.notify(body=asked["body"], title=asked["title"], notify_type=kind, body_format=plain):
        return {"verdict": "sent", "service": service}
    return {"verdict": "failed", "text": f"{service} was not notified: {watched.stopped or complaints.last}"[:MOST_CHARACTERS]}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(work(orjson.loads(sys.stdin.buffer.read()))))
