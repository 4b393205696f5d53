"""Getting lines into a store that may be away, slow, full, or dislike some of them. Nothing is given up but single lines it refuses.

Asked again as long as it takes; halved where a body is too large or holds bad lines; a bad line is halved by its fields, so that one
field in conflict costs one sample. The same line twice is one point, so sending again is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from collector.store.answers import Answer, Verdict
from collector.store.health import Doctor
from collector.store.influx_http import Endpoint
from collector.store.lines import fields_of

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

Pause = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One line the store will not have. text: its words."""

    line: bytes
    text: str


class Delivery:
    """now_s: monotonic seconds. tell: called with each event and the store's words; pause: asyncio.sleep but in tests."""

    def __init__(
        self,
        endpoint: Endpoint,
        doctor: Doctor,
        now_s: Callable[[], float],
        tell: Callable[[str, str], Awaitable[None]],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._endpoint, self._doctor, self._now_s, self._tell, self._pause = endpoint, doctor, now_s, tell, pause

    async def deliver(self, lines: Sequence[bytes]) -> list[Refusal]:
        """Returns when every line is stored or among the refusals; until then it is the caller's to keep."""
        refused: list[Refusal] = []
        waiting = [list(lines)] if lines else []
        while waiting:
            body = waiting.pop()
            answer = await self._answer(body)
            if answer.verdict is Verdict.STORED:
                continue
            if answer.verdict is Verdict.ALL_BAD:
                refused += [Refusal(line, answer.text) for line in body]
                continue
            halves = _halves(body)
            if halves is None:
                refused.append(Refusal(body[0], answer.text))
            else:
                waiting += reversed(halves)
        return refused

    async def _answer(self, body: Sequence[bytes]) -> Answer:
        """The first answer that is about the lines."""
        pause_s = FIRST_PAUSE_S
        while True:
            answer = await self._endpoint.post(body)
            if answer.verdict is Verdict.LATER:
                event = self._doctor.failed(self._now_s())
            elif answer.verdict is Verdict.REFUSED:
                event = self._doctor.refused()
            else:
                event = self._doctor.stored()
            if event is not None:
                await self._tell(event, answer.text)
            if answer.verdict not in (Verdict.LATER, Verdict.REFUSED):
                return answer
            await self._pause(pause_s if answer.after_s is None else answer.after_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _halves(body: list[bytes]) -> list[list[bytes]] | None:
    """Two smaller bodies, or None for a line with one field."""
    if len(body) > 1:
        middle = len(body) // 2
        return [body[:middle], body[middle:]]
    head, fields, at = fields_of(body[0])
    if len(fields) < 2 or head.startswith(b"quality,"):
        return None
    middle = len(fields) // 2
    return [[b"%b %b %b" % (head, b",".join(part), at)] for part in (fields[:middle], fields[middle:])]
