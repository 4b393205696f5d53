"""One notification by Apprise: JSON on standard input -> JSON on standard output. A process of its own; `apprise.py` starts and ends it.

In: url, title, body, kind. Out: verdict (sent, failed, unusable), service, text (what Apprise complained of, or why nothing was tried).
"""

from __future__ import annotations

import logging
import sys

import orjson

MOST_CHARACTERS = 2000


class Complaints(logging.Handler):
    """The last thing said at warning or above."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def work(asked: dict[str, str]) -> dict[str, str]:
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
    return {"verdict": "failed", "text": f"{service} was not notified: {complaints.last}"[:MOST_CHARACTERS]}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(work(orjson.loads(sys.stdin.buffer.read()))))
