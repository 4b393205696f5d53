"""ATTEMPT records -> what the outbox row becomes. `notify` sends and says what happened; only the engine writes it down."""

from __future__ import annotations

from typing import Any

from rules import events
from rules.command import LATEST_NS
from rules.desk import Desk
from rules.house import House
from rules.outbox import Verdict, after_attempt
from rules.paging import CALLS_NOBODY
from rules.record_body import read, shown
from rules.rows import Attempt


def take(desk: Desk, house: House | None, body: bytes) -> None:
    """One ATTEMPT record: {"outbox", "channel", "verdict", "answer", "started_ns", "ended_ns", "retry_after_s"?, "confirmed"?}."""
    said = read(body, "attempt", _good)
    page = desk.find_page(said["outbox"]) if said is not None else None
    if said is None or page is None:
        desk.tell("attempt.unknown", {"text": shown(body)})
        return
    verdict = Verdict(said["verdict"])
    page.attempts += 1
    page.answer = said["answer"]
    confirmed = said.get("confirmed", True)
    span = (said["started_ns"], said["ended_ns"])
    desk.put_attempt(Attempt(page.id, page.attempts, page.channel, verdict.value, page.answer, *span, int(confirmed)))
    told = {"page": page.id, "channel": page.channel, "n": page.attempts, "verdict": verdict.value, "answer": page.answer}
    desk.tell("attempt", told if confirmed else {**told, "confirmed": False})
    if page.state == "queued":
        then = after_attempt(page.attempts, verdict, page.severity, desk.now_ns, said.get("retry_after_s"))
        page.state = then.state
        page.due_ns = then.due_ns if then.due_ns is not None else page.due_ns
    desk.put_page(page)
    call = desk.calls.get(page.work_order or "") if page.reason not in CALLS_NOBODY else None
    if verdict is Verdict.ACCEPTED and call is not None:
        call.taken_ns = desk.now_ns
        desk.put_call(call)
    if verdict is Verdict.REFUSED and house is not None:
        events.seen(desk, house, "delivery_failed", {"channel": page.channel, "answer": page.answer})


def _good(said: dict[str, Any]) -> bool:
    return (
        all(isinstance(said.get(name), str) for name in ("outbox", "verdict", "answer"))
        and all(isinstance(said.get(name), int) and 0 <= said[name] < LATEST_NS for name in ("started_ns", "ended_ns"))
        and said["verdict"] in set(map(str, Verdict))
        and isinstance(said.get("retry_after_s"), int | float | None)
        and isinstance(said.get("confirmed", True), bool)
    )
