"""Which page leaves next: the outbox as the records show it, and what was tried since they were written. Pure.

The engine writes down every attempt, but it may be away; so a page's attempts here are the larger of the row's and our own. Pages about
one thing leave one after the other, in the order they were written; the more urgent thing goes first. A channel whose provider takes only
so many messages waits for its turn; a page to a number that its provider would refuse just now is held, which has to be said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from plantroom.clock import NS
from plantroom.model import Severity
from rules.notify.limits import Limits
from rules.notify.pace import Pace
from rules.outbox import LONGEST_RETRY_AFTER_S, Verdict, after_attempt

RANK = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued row of the outbox. Instants epoch ns."""

    id: str
    fault: str | None
    work_order: str | None
    channel: str
    person: str | None
    severity: Severity
    created_ns: int
    due_ns: int
    attempts: int

    @property
    def subject(self) -> tuple[str, str, str]:
        """What it is about, and for whom, on its channel."""
        return self.channel, self.person or "", self.fault or self.work_order or self.id


@dataclass(frozen=True, slots=True)
class Tried:
    """attempts made, as we know them; due_ns: None = no further one is wanted."""

    attempts: int
    due_ns: int | None


class Board:
    """paces: by channel, of those whose provider has a limit. limits: of those whose provider has one for each number."""

    def __init__(self, paces: Mapping[str, Pace] | None = None, limits: Limits | None = None) -> None:
        self._paces, self._limits = paces or {}, limits or Limits()
        self._said: set[str] = set()  # pages of which it was said that they are held
        self._rows: dict[str, Waiting] = {}
        self._lines: dict[str, dict[str, Waiting]] = {}  # by channel: those still wanted, in the order of leaving if all were due
        self._about: dict[tuple[str, str, str], list[Waiting]] = {}  # by subject, in the order they were written
        self._tried: dict[str, Tried] = {}
        self._going: dict[str, tuple[str, str, str]] = {}

    def update(self, rows: Iterable[Waiting]) -> set[str]:
        """The queued rows as they stand in the records now, oldest first; the channels for which others wait than before."""
        before, self._rows = self._rows, {row.id: row for row in rows}
        changed = {row.channel for id_, row in self._rows.items() if before.get(id_) != row}
        changed |= {row.channel for id_, row in before.items() if id_ not in self._rows}
        self._said &= self._rows.keys()
        self._tried = {
            id_: tried for id_, tried in self._tried.items() if id_ in self._rows and self._rows[id_].attempts < tried.attempts
        }
        lines: dict[str, list[Waiting]] = {}
        self._about = {}
        for row in self._rows.values():
            if self._wanted(row):
                lines.setdefault(row.channel, []).append(row)
                self._about.setdefault(row.subject, []).append(row)
        for line in lines.values():
            line.sort(key=lambda row: (RANK[row.severity], row.due_ns))
        self._lines = {channel: {row.id: row for row in line} for channel, line in lines.items()}
        return changed

    def next(self, channel: str, now_ns: int) -> Waiting | None:
        """The page to send now; it counts as under way until `ended`."""
        pace = self._paces.get(channel)
        self._limits.at(channel, now_ns)
        if pace is not None:
            pace.at(now_ns)
        row = next((row for row in self._first(channel) if self._free(row) <= now_ns), None)
        if row is None:
            return None
        if pace is not None:
            pace.took(now_ns)
        self._limits.took(channel, row.person, now_ns)
        self._going[row.id] = row.subject
        return row

    def next_due_ns(self, channel: str) -> int | None:
        """When `next` may have something, None while nothing waits."""
        return min((self._free(row) for row in self._first(channel)), default=None)

    def held(self, channel: str, now_ns: int) -> list[tuple[Waiting, int]]:
        """The pages that are due and that their number's limit holds, each once, with the instant they may leave at."""
        found: list[tuple[Waiting, int]] = []
        if not self._limits.rates(channel):
            return found
        for row in self._first(channel):
            free_ns = self._limits.free_ns(channel, row.person, row.severity.urgent)
            if row.id not in self._said and self._due(row) <= now_ns < free_ns:
                self._said.add(row.id)
                found.append((row, free_ns))
        return found

    def left(self, channel: str, person: str | None, at_ns: int) -> None:
        """One left before this process was started; in the order of time."""
        self._limits.took(channel, person, at_ns)

    def ended(self, row: Waiting, verdict: Verdict, now_ns: int, retry_after_s: float | None = None) -> int:
        """An attempt was made and is recorded; its number."""
        self._going.pop(row.id, None)
        n = self._attempts(row) + 1
        then = after_attempt(n, verdict, row.severity, now_ns, retry_after_s)
        self._tried[row.id] = Tried(n, then.due_ns)
        if then.due_ns is None:
            self._lines.get(row.channel, {}).pop(row.id, None)
            self._about[row.subject] = [each for each in self._about.get(row.subject, ()) if each.id != row.id]
        pace = self._paces.get(row.channel)
        if pace is not None and verdict is Verdict.RETRY and retry_after_s is not None:
            pace.hold(now_ns, now_ns + round(min(retry_after_s, LONGEST_RETRY_AFTER_S) * NS))
        return n

    def recorded(self, id_: str, verdict: Verdict, at_ns: int, retry_after_s: float | None = None) -> None:
        """An attempt found in the journal that the records do not show yet: made before this process was started."""
        row = self._rows.get(id_)
        if row is not None:
            self.ended(row, verdict, at_ns, retry_after_s)

    def _first(self, channel: str) -> Iterator[Waiting]:
        """Of each subject the oldest page still wanted, where none of it is under way; the most urgent first. One at a time: thousands may
        wait, and the first that is due is the one that leaves."""
        busy = set(self._going.values())
        for row in self._lines.get(channel, {}).values():
            subject = row.subject
            if subject not in busy and row is self._about[subject][0]:
                yield row

    def _wanted(self, row: Waiting) -> bool:
        tried = self._tried.get(row.id)
        return tried is None or tried.due_ns is not None

    def _due(self, row: Waiting) -> int:
        tried = self._tried.get(row.id)
        return tried.due_ns if tried is not None and tried.due_ns is not None else row.due_ns

    def _free(self, row: Waiting) -> int:
        """When it is due, its channel takes it, and its number may be written to."""
        pace, urgent = self._paces.get(row.channel), row.severity.urgent
        free_ns = max(self._due(row), self._limits.free_ns(row.channel, row.person, urgent))
        return free_ns if pace is None else max(free_ns, pace.free_ns(urgent))

    def _attempts(self, row: Waiting) -> int:
        tried = self._tried.get(row.id)
        return max(row.attempts, tried.attempts if tried is not None else 0)
