"""Who is on duty: teams with shifts and changes, asked for an instant or a span of time. Pure; local times are the site's zone's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from zoneinfo import ZoneInfo

from plantroom.local_time import local_date
from plantroom.people import Person
from plantroom.shifts import Shift, Span
from plantroom.working_time import WorkingTime


@dataclass(frozen=True, slots=True)
class Change:
    """Where people depart from the plan: `in_` stands in for `out` wherever that one is on; without `out`, in addition to all.

    A swap is two of them. Changes hold in their order: the second sees what the first left.
    """

    team: str
    from_ns: int
    to_ns: int
    out: str | None
    in_: str


@dataclass(frozen=True, slots=True)
class Team:
    """changes: those of the site file."""

    name: str
    shifts: tuple[Shift, ...]
    changes: tuple[Change, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        """Everyone who may be on, in the order of the file."""
        named = [person for shift in self.shifts for person in shift.people] + [change.in_ for change in self.changes]
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class Roster:
    """needed: kind of equipment -> the certificate that one needs for it. `changes` of a call hold after those of the site file."""

    teams: Mapping[str, Team] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    calendar: WorkingTime = field(default_factory=WorkingTime)
    people: Mapping[str, Person] = field(default_factory=dict, repr=False)
    needed: Mapping[str, str] = field(default_factory=dict)

    def on_duty(self, team: str, at_ns: int, kind: str | None = None, changes: Sequence[Change] = ()) -> tuple[str, ...]:
        """Ids of the people on, the first to call first.

        With a kind: those who are on for it first, then those who are on for all; who is on for others only where there is nobody else.
        Who lacks a valid needed certificate for it comes last, never left out.
        """
        if kind is None:
            return self._at(at_ns, team, self._shifts(team), changes)
        shifts = self._shifts(team)
        fitting = [shift for shift in shifts if kind in shift.kinds] + [shift for shift in shifts if not shift.kinds]
        found = self._at(at_ns, team, fitting, changes) or self._at(at_ns, team, shifts, changes)
        return tuple(sorted(found, key=lambda person: not self.certified(person, kind, at_ns)))

    def certified(self, person: str, kind: str, at_ns: int) -> bool:
        """Whether they may work on this kind: no certificate is asked for, or theirs is valid on that day."""
        name, who = self.needed.get(kind), self.people.get(person)
        if name is None:
            return True
        until = None if who is None else who.certified(name, kind)
        return until is not None and local_date(at_ns, self.zone) <= until

    def turns(self, team: str, from_ns: int, to_ns: int, changes: Sequence[Change] = ()) -> list[tuple[int, int, tuple[str, ...]]]:
        """(from, to, people) in order within [from_ns, to_ns), each as long as the same people are on; time without anybody is left out."""
        turns: list[tuple[int, int, tuple[str, ...]]] = []
        for start, end, people in self._pieces(team, from_ns, to_ns, changes):
            if turns and turns[-1][1] == start and turns[-1][2] == people:
                start = turns.pop()[0]
            if people:
                turns.append((start, end, people))
        return turns

    def gaps(self, team: str, from_ns: int, to_ns: int, changes: Sequence[Change] = ()) -> list[tuple[int, int]]:
        """(from, to) in order: when nobody of the team is on within [from_ns, to_ns)."""
        turns = self.turns(team, from_ns, to_ns, changes)
        edges = [from_ns, *(edge for start, end, _ in turns for edge in (start, end)), to_ns]
        return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]

    def _pieces(self, team: str, from_ns: int, to_ns: int, changes: Sequence[Change]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """The span cut at every instant at which the people may change."""
        spans, departures = self._spans(self._shifts(team), from_ns, to_ns), self._changes(team, changes)
        edges = {edge for span in spans for edge in (span.from_ns, span.to_ns)}
        edges |= {edge for change in departures for edge in (change.from_ns, change.to_ns)}
        for start, end in pairwise(sorted({from_ns, to_ns, *(edge for edge in edges if from_ns < edge < to_ns)})):
            yield start, end, _on(start, spans, departures)

    def _at(self, at_ns: int, team: str, shifts: Sequence[Shift], changes: Sequence[Change]) -> tuple[str, ...]:
        return _on(at_ns, self._spans(shifts, at_ns, at_ns + 1), self._changes(team, changes))

    def _shifts(self, team: str) -> tuple[Shift, ...]:
        return self.teams[team].shifts if team in self.teams else ()

    def _spans(self, shifts: Sequence[Shift], from_ns: int, to_ns: int) -> list[Span]:
        return [span for shift in shifts for span in shift.spans(from_ns, to_ns, self.zone, self.calendar)]

    def _changes(self, team: str, changes: Sequence[Change]) -> list[Change]:
        """One that brings in somebody who is not known (any more) holds nothing: the plan's person stays on."""
        planned = self.teams[team].changes if team in self.teams else ()
        return [change for change in (*planned, *changes) if change.team == team and change.in_ in self.people]


def _on(at_ns: int, spans: Sequence[Span], changes: Sequence[Change]) -> tuple[str, ...]:
    on = [person for span in spans if span.from_ns <= at_ns < span.to_ns for person in span.people]
    for change in changes:
        if not change.from_ns <= at_ns < change.to_ns:
            continue
        if change.out is None:
            on.append(change.in_)
        else:
            on = [change.in_ if person == change.out else person for person in on]
    return tuple(dict.fromkeys(on))
