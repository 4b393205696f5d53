"""Who is on duty, for people to read: each team now, until when, who comes next; and its turns over days. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from plantroom.clock import NS, at_utc, iso
from plantroom.local_time import instant_ns, local_date
from plantroom.roster import Change
from plantroom.site import Site
from plantroom.words import say
from plantroom.working_time import DAYS

AHEAD_NS = 35 * 86_400 * NS


@dataclass(frozen=True, slots=True)
class Lack:
    """A certificate that somebody needs for a kind of the site and has not; until: the last day of the one they had."""

    kind: str
    certificate: str
    until: date | None


@dataclass(frozen=True, slots=True)
class OnDuty:
    """until_ns: when others come or nobody is on any more, None = not within 35 days. next_ns, next: who is on after that, and from when;
    None and () = nobody within 35 days."""

    team: str
    name: str
    people: tuple[str, ...]
    until_ns: int | None
    next_ns: int | None
    next: tuple[str, ...]


def now(site: Site, at_ns: int, changes: Sequence[Change] = ()) -> list[OnDuty]:
    """Every team, in the order of the site file."""
    found = []
    for ident, team in site.roster.teams.items():
        turns = site.roster.turns(ident, at_ns, at_ns + AHEAD_NS, changes)
        on = turns.pop(0) if turns and turns[0][0] == at_ns else None
        until = on[1] if on is not None and on[1] < at_ns + AHEAD_NS else None
        start, _, people = turns[0] if turns else (None, None, ())
        found.append(OnDuty(ident, team.name, on[2] if on is not None else (), until, start, people))
    return found


def lacks(site: Site, person: str, at_ns: int) -> list[Lack]:
    """What this person is not called first for, among the kinds that the site has; nothing of who does not work on machines."""
    there = {machine.kind.name for machine in site.equipment.values()}
    who = site.people[person]
    needed = {kind: name for kind, name in site.roster.needed.items() if kind in there and who.hands_on}
    missing = (kind for kind in needed if not site.roster.certified(person, kind, at_ns))
    return [Lack(kind, needed[kind], who.certified(needed[kind], kind)) for kind in missing]


def as_json(site: Site, at_ns: int, teams: Sequence[OnDuty]) -> Mapping[str, object]:
    def person(ident: str) -> Mapping[str, object]:
        who = site.people[ident]
        missing = [
            {"kind": lack.kind, "certificate": lack.certificate, "until": lack.until and lack.until.isoformat()}
            for lack in lacks(site, ident, at_ns)
        ]
        return {"id": ident, "name": who.name, "roles": sorted(who.roles), "contacts": dict(who.contacts), "missing": missing}

    return {
        "site": site.id,
        "at": iso(at_ns),
        "teams": [
            {
                "team": duty.team,
                "name": duty.name,
                "on": [person(ident) for ident in duty.people],
                "until": iso(duty.until_ns) if duty.until_ns is not None else None,
                "next": {"from": iso(duty.next_ns), "people": list(duty.next)} if duty.next_ns is not None else None,
            }
            for duty in teams
        ],
    }


def lines(site: Site, at_ns: int, teams: Sequence[OnDuty], language: str) -> Iterator[str]:
    yield say("oncall.title", language, site=site.name, at=local(site, at_ns, language))
    if not teams:
        yield say("oncall.no_team", language)
    for duty in teams:
        yield ""
        if duty.until_ns is not None:
            yield say("oncall.until", language, team=_named(duty.team, duty.name), until=local(site, duty.until_ns, language))
        else:
            yield say("oncall.open" if duty.people else "oncall.gap", language, team=_named(duty.team, duty.name))
        for ident in duty.people:
            yield from _person(site, ident, at_ns, language)
        if duty.until_ns is not None and duty.until_ns != duty.next_ns:
            yield "  " + say("oncall.then_gap", language, at=local(site, duty.until_ns, language))
        if duty.next_ns is not None:
            who = say("oncall.and", language).join(site.people[ident].name for ident in duty.next)
            yield "  " + say("oncall.next", language, at=local(site, duty.next_ns, language), who=who)


def turns(site: Site, at_ns: int, days: int, changes: Sequence[Change] = ()) -> dict[str, list[tuple[int, int, tuple[str, ...]]]]:
    """By team, from the beginning of the local day; () where nobody is on."""
    zone = site.roster.zone
    today = local_date(at_ns, zone)
    start, end = instant_ns(today, 0, zone), instant_ns(today, days * 24 * 60, zone)
    found = {}
    for team in site.roster.teams:
        gaps: list[tuple[int, int, tuple[str, ...]]] = [(a, b, ()) for a, b in site.roster.gaps(team, start, end, changes)]
        found[team] = sorted([*site.roster.turns(team, start, end, changes), *gaps])
    return found


def turns_lines(site: Site, by_team: Mapping[str, Sequence[tuple[int, int, tuple[str, ...]]]], language: str) -> Iterator[str]:
    if not by_team:
        yield say("oncall.no_team", language)
    for team, found in by_team.items():
        yield _named(team, site.roster.teams[team].name)
        for start, end, people in found:
            who = say("oncall.and", language).join(site.people[ident].name for ident in people) or say("oncall.nobody", language)
            yield f"  {local(site, start, language)} – {local(site, end, language)}  {who}"


def local(site: Site, at_ns: int, language: str) -> str:
    """With the weekday: a roster is read by it."""
    at = at_utc(at_ns).astimezone(site.roster.zone)
    return f"{at:%Y-%m-%d} {say(f'oncall.day.{DAYS[at.weekday()]}', language)} {at:%H:%M}"


def _person(site: Site, ident: str, at_ns: int, language: str) -> Iterator[str]:
    who = site.people[ident]
    reached = ", ".join(f"{channel} {address}" for channel, address in who.contacts.items()) or say("oncall.unreachable", language)
    yield f"  {_named(ident, who.name)}: {reached}"
    kinds = {machine.kind.name: machine.kind.says[language] for machine in site.equipment.values()}
    for lack in lacks(site, ident, at_ns):
        values = {"certificate": lack.certificate, "kind": kinds[lack.kind]}
        ended = {"until": lack.until} if lack.until else {}
        yield "    " + say("oncall.expired" if ended else "oncall.lacks", language, **values, **ended)


def _named(ident: str, name: str) -> str:
    return f"{name} ({ident})" if name != ident else name
