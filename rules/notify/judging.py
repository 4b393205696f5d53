"""The verdict on a reply of HTTP: what its status, its kind and its own word say together. Pure.

A channel module says how its provider's word is read (`Read`); what a status, a proxy's page or no word at all mean is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from rules.notify.page import Answer, answer
from rules.outbox import Verdict

TRY_AGAIN = frozenset({408, 409, 421, 423, 425, 429})  # 4xx that may be answered otherwise in a while; every 5xx may


@dataclass(frozen=True, slots=True)
class Reply:
    """text: the body's beginning, as sent."""

    status: int
    headers: Mapping[str, str]
    text: str

    def body(self) -> Mapping[str, Any] | None:
        """The body where it is a JSON object."""
        try:
            said = orjson.loads(self.text)
        except orjson.JSONDecodeError:
            return None
        return said if isinstance(said, dict) else None


@dataclass(frozen=True, slots=True)
class Word:
    """What a reply says of itself. pause_s: how long the provider wants to be left alone. reference: of the message it took."""

    verdict: Verdict
    pause_s: float | None = None
    reference: str | None = None


Read = Callable[[Reply], Word | None]  # None: no word, so it is not this provider's answer


def judge(settings: Mapping[str, object], reply: Reply, read: Read) -> Answer:
    """The verdict on a reply. Accepted takes a 2xx and the provider's own yes; a page of HTML is some proxy's, not its word."""
    said = f"{reply.status} {reply.text}".strip()
    word = read(reply)
    pause_s = _longest(_retry_after(reply.headers), word.pause_s if word is not None else None)
    if reply.status in TRY_AGAIN or reply.status >= 500:
        return answer(settings, Verdict.RETRY, said, pause_s)
    if not 200 <= reply.status < 300:
        may_change = word is not None and word.verdict is Verdict.RETRY and reply.status >= 400
        return answer(settings, Verdict.RETRY if may_change else Verdict.REFUSED, said, pause_s if may_change else None)
    if "html" in reply.headers.get("content-type", "").lower() or reply.text.lstrip()[:1] == "<":
        return answer(settings, Verdict.RETRY, f"{reply.status} but a page of HTML, not the receiver's answer: {reply.text}")
    if word is None:
        return answer(settings, Verdict.RETRY, f"{reply.status} but not the provider's answer: {reply.text or 'nothing'}")
    if word.verdict is not Verdict.ACCEPTED:
        return answer(settings, word.verdict, f"{reply.status} but the body says no: {reply.text}", pause_s)
    return replace(answer(settings, Verdict.ACCEPTED, said), reference=word.reference)


def by_code(name: str, accepted: int, refused: Collection[int], pauses: Mapping[int, float]) -> Read:
    """Reads providers that answer with a code in a field of the body. A code in neither list may be another one next time."""

    def read(reply: Reply) -> Word | None:
        body = reply.body()
        return None if body is None else word_of(body.get(name), accepted, refused, pauses)

    return read


def word_of(code: object, accepted: int, refused: Collection[int], pauses: Mapping[int, float]) -> Word | None:
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    if code == accepted:
        return Word(Verdict.ACCEPTED)
    return Word(Verdict.REFUSED) if code in refused else Word(Verdict.RETRY, pauses.get(code))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds only: the date form asks two clocks to agree."""
    given = headers.get("retry-after", "").strip()
    return float(given) if given.isascii() and given.isdigit() else None


def _longest(*pauses: float | None) -> float | None:
    return max((pause for pause in pauses if pause is not None), default=None)
