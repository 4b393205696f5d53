"""An InfluxDB in memory with the engine's manners: the good lines of a bad body are stored, the same line twice is one point."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from collector.store.answers import Answer, Verdict
from tests.kit.line_parser import Point, parse

STORED = Answer(Verdict.STORED, "")


class FakeStore:
    """stored: points by (measurement, tags, time), fields merged. instead: answers given for the next posts; `bad(line)` is refused."""

    def __init__(self, bad: Callable[[bytes], bool] = lambda line: False, most_lines: int = 1_000_000) -> None:
        self.stored: dict[tuple[str, tuple[tuple[str, str], ...], int], dict[str, float | str]] = {}
        self.instead: deque[Answer] = deque()
        self.posts: list[int] = []
        self._bad, self._most_lines = bad, most_lines

    async def post(self, lines: Sequence[bytes]) -> Answer:
        self.posts.append(len(lines))
        if self.instead:
            return self.instead.popleft()
        if len(lines) > self._most_lines:
            return Answer(Verdict.TOO_LARGE, "413: too large")
        refused = [line for line in lines if self._bad(line)]
        for line in lines:
            if line not in refused:
                self._store(parse(line)[0])
        return Answer(Verdict.BAD_LINES, "400: partial write: conflict") if refused else STORED

    def _store(self, point: Point) -> None:
        key = (point.measurement, tuple(sorted(point.tags.items())), point.at_ns)
        self.stored.setdefault(key, {}).update(point.fields)

    def samples(self) -> int:
        return sum(len(fields) for (measurement, _, _), fields in self.stored.items() if measurement not in ("quality", "fault"))

    def of(self, measurement: str) -> list[tuple[dict[str, str], int, dict[str, float | str]]]:
        return [(dict(tags), at, fields) for (name, tags, at), fields in sorted(self.stored.items()) if name == measurement]
