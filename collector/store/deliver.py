"""Getting lines into a store that may be away, slow, full, or dislike some of them. Nothing is given up but single lines it refuses.

Asked again as long as it takes; halved where a body is too large or holds bad lines; a bad line is halved by its fields, so that one
field in conflict costs one sample. A field the store names as being in conflict is from then on sent in lines of its own, so that it costs
one request a body and not a search. The same line twice is one point, so sending again is safe.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from collector.store.answers import Answer, Verdict
from collector.store.health import Doctor
from collector.store.influx_http import Endpoint
from collector.store.lines import field_key, fields_of, measurement_key

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

MOST_CONFLICTS = 1_000
_MEASUREMENT = re.compile(rb"(?:[^,\\]|\\.)+")
_KEY = re.compile(rb"(?:[^=\\]|\\.)+")

Conflict = tuple[bytes, bytes]  # (measurement, field), as they stand in our lines
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
        self._conflicts: set[Conflict] = set()

    async def deliver(self, lines: Sequence[bytes]) -> list[Refusal]:
        """Returns when every line is stored or among the refusals; until then it is the caller's to keep."""
        refused: list[Refusal] = []
        waiting = [part for part in parted(lines, self._conflicts) if part]
        while waiting:
            body = waiting.pop()
            answer = await self._answer(body)
            if answer.verdict is Verdict.STORED:
                continue
            smaller = self._without_conflict(body, answer) or ([] if answer.verdict is Verdict.ALL_BAD else halves(body))
            if smaller:
                waiting += reversed(smaller)
            else:
                refused += [Refusal(line, answer.text) for line in body]
        return refused

    def _without_conflict(self, body: Sequence[bytes], answer: Answer) -> list[list[bytes]]:
        """The body in two: without the field the store named, and that field alone. Empty where that is no smaller."""
        if answer.conflict is None or len(self._conflicts) >= MOST_CONFLICTS:
            return []
        conflict = conflict_of(*answer.conflict)
        self._conflicts.add(conflict)
        plain, alone = parted(body, {conflict})
        return [plain, alone] if plain and alone else []

    async def _answer(self, body: Sequence[bytes]) -> Answer:
        """The first answer that is about the lines."""
        pause_s = FIRST_PAUSE_S
        while True:
            answer = await self._endpoint.post(body)
            if answer.verdict is Verdict.LATER:
                events = self._doctor.failed(self._now_s())
            elif answer.verdict is Verdict.REFUSED:
                events = self._doctor.refused()
            else:
                events = self._doctor.stored()
            for event in events:
                await self._tell(event, answer.text)
            if answer.verdict not in (Verdict.LATER, Verdict.REFUSED):
                return answer
            await self._pause(pause_s if answer.after_s is None else answer.after_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def conflict_of(measurement: str, field: str) -> Conflict:
    """A server's plain names as they stand in our lines."""
    return measurement_key(measurement), field_key(field)


def parted(body: Sequence[bytes], conflicts: Collection[Conflict]) -> tuple[list[bytes], list[bytes]]:
    """The lines without the fields in conflict, and lines that carry one of those each."""
    if not conflicts:
        return list(body), []
    measurements = {measurement for measurement, _ in conflicts}
    plain: list[bytes] = []
    alone: list[bytes] = []
    for line in body:
        measurement = _MEASUREMENT.match(line)
        if measurement is None or measurement[0] not in measurements:
            plain.append(line)
            continue
        head, fields, at = fields_of(line)
        kept = [field for field in fields if (measurement[0], _KEY.match(field)[0]) not in conflicts]  # type: ignore[index]
        alone += [b"%b %b %b" % (head, field, at) for field in fields if field not in kept]
        if kept:
            plain.append(b"%b %b %b" % (head, b",".join(kept), at))
    return plain, alone


def halves(body: list[bytes]) -> list[list[bytes]]:
    """Two smaller bodies, or nothing for a line with one field."""
    if len(body) > 1:
        middle = len(body) // 2
        return [body[:middle], body[middle:]]
    head, fields, at = fields_of(body[0])
    if len(fields) < 2 or head.startswith(b"quality,"):
        return []
    middle = len(fields) // 2
    return [[b"%b %b %b" % (head, b",".join(part), at)] for part in (fields[:middle], fields[middle:])]
