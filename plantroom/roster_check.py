"""What a site's roster leaves to be seen to (O-1, O-2): hours with nobody, people without certificate or address. Never stops a start.

In `check` it is exit code 1: the file can be applied as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from plantroom.clock import NS, at_utc
from plantroom.errors import Problem
from plantroom.escalation import EVERYONE, HEADS, Step
from plantroom.local_time import local_date
from plantroom.model import Severity
from plantroom.people import Person
from plantroom.roles import Role
from plantroom.roster import Change, Team
from plantroom.shift_events import Imported
from plantroom.site import Site
from plantroom.site_channels import TYPES, Reach

AHEAD_NS = 35 * 86_400 * NS
WARNED_AHEAD = timedelta(days=30)
MOST_GAPS = 5
PROGRAMS = ("webhook", "mqtt")  # what stands behind them may know persons


def findings(site: Site, now_ns: int, changes: Sequence[Change] = ()) -> list[Problem]:
    """changes: that people entered, after those of the site file."""
    of_teams = (_gaps(site, now_ns, changes), _idle_changes(site, now_ns), _unknown(site, now_ns))
    of_people = (_certificates(site, now_ns), _unreached(site), _firmless(site))
    return sorted({problem for part in (*of_teams, *of_people) for problem in part})


def headless(site: Site) -> Iterator[Problem]:
    """R-3: a site with teams says who of each department hears of a matter of weight, and who is called where one of them is missing."""
    major = site.major
    if not site.roster.teams:
        return
    lacks = [head for head in HEADS if major is None or head not in major.heads]
    if major is None or major.manager is None:
        lacks.append("manager")
    if lacks:
        said = f"names nobody for {', '.join(lacks)}: who is told of fire, flood and people in danger (R-3)"
        yield Problem(site.root, site.lines.get("escalation.major", site.lines.get("escalation", 0)), "escalation.major", said)


def _gaps(site: Site, now_ns: int, changes: Sequence[Change]) -> Iterator[Problem]:
    for name in site.roster.teams:
        gaps = site.roster.gaps(name, now_ns, now_ns + AHEAD_NS, changes)
        for start, end in gaps[:MOST_GAPS]:
            yield _of_team(site, name, f"nobody is on from {_shown(site, start)} to {_shown(site, end)}")
        if len(gaps) > MOST_GAPS:
            yield _of_team(site, name, f"nobody is on {len(gaps) - MOST_GAPS} times more until {_shown(site, now_ns + AHEAD_NS)}")


def _idle_changes(site: Site, now_ns: int) -> Iterator[Problem]:
    """A change whose `out` is never on in its time was meant for another time or another person."""
    for name, team in site.roster.teams.items():
        for n, change in enumerate(team.changes):
            if change.out is None or change.to_ns <= now_ns:
                continue
            before = replace(site.roster, teams={name: replace(team, changes=team.changes[:n])})
            if not any(change.out in people for _, _, people in before.turns(name, change.from_ns, change.to_ns)):
                time = f"from {_shown(site, change.from_ns)} to {_shown(site, change.to_ns)}"
                yield _of_team(site, name, f"changes[{n}] does nothing: {change.out} is not on {time}")


def _unknown(site: Site, now_ns: int) -> Iterator[Problem]:
    """Events of the time ahead that name nobody; what is long past may name people who have left."""
    for team in site.roster.teams.values():
        for shift in team.shifts:
            if isinstance(shift, Imported):
                for line, word, event in shift.unknown:
                    if any(event.spans(now_ns, now_ns + AHEAD_NS, site.roster.zone)):
                        yield Problem(shift.path, line, word, "names nobody under people by id, name or address")


def _certificates(site: Site, now_ns: int) -> Iterator[Problem]:
    today = local_date(now_ns, site.roster.zone)
    for person in site.people.values():
        for held in person.certificates:
            if (said := _expiry(held.until, today)) and not _renewed(person, held.name, held.kinds, today):
                yield _of_person(site, person.id, f"{held.name} {said}")
    for team in site.roster.teams.values():
        yield from _lacking(site, team)


def _firmless(site: Site) -> Iterator[Problem]:
    for person in site.people.values():
        if Role.VENDOR in person.roles and not person.firm:
            said = "has the role vendor and no firm: they see no machine and no order; write whose people they are, as `firm: NAME`"
            yield _of_person(site, person.id, said)


def _expiry(until: date, today: date) -> str:
    if until < today:
        return f"expired on {until}"
    return f"expires on {until}, in {(until - today).days} days" if until - today <= WARNED_AHEAD else ""


def _renewed(person: Person, name: str, kinds: frozenset[str], today: date) -> bool:
    """Whether another one of the same name, for the same kinds, holds on."""
    others = (held for held in person.certificates if held.name == name and (not held.kinds or (kinds and kinds <= held.kinds)))
    return any(held.until - today > WARNED_AHEAD for held in others)


def _lacking(site: Site, team: Team) -> Iterator[Problem]:
    """Who may be called to a kind that the site has, without ever having had the certificate it needs."""
    there = {machine.kind.name for machine in site.equipment.values()}
    for kind, name in site.roster.needed.items():
        for ident in team.people if kind in there else ():
            person = site.people[ident]
            if person.hands_on and person.certified(name, kind) is None:
                yield _of_person(site, ident, f"has no {name}, which {kind} needs; is called last for it")


def _unreached(site: Site) -> Iterator[Problem]:
    on_call = {ident: None for team in site.roster.teams.values() for ident in team.people}
    for ident in on_call:
        if not site.people[ident].contacts:
            yield _of_person(site, ident, "is on a team and has no address on any channel: nothing reaches them")
    for person in site.people.values():
        for way in person.contacts:
            kind = site.channels[way].type
            if TYPES[kind].reach is Reach.GROUP and kind not in PROGRAMS:
                yield _of_person(site, person.id, f"has an address on {way}, which tells a group and no single person: leave it out")
    if not site.people:
        return
    for severity, chain in site.chains.items():
        for step in chain.steps:
            if not _reaches(site, severity, step):
                whom = ", ".join(step.tell) + (f" by {', '.join(sorted(step.by))}" if step.by is not None else "")
                said = f"the step after {step.after_s:g}s reaches none of {whom}: no channel that takes {severity}, or no address on it"
                where = f"escalation.{severity}"
                yield Problem(site.root, site.lines.get(where, site.lines.get("escalation", 0)), where, said)


def _reaches(site: Site, severity: Severity, step: Step) -> bool:
    """A step that names people has to reach one of them: a notice to a group calls nobody."""
    ways = set(site.channels) if step.by is None else step.by
    takes = {way for way in ways if severity in site.channels[way].severities}
    named = [name for name in step.tell if name in site.roster.teams or name in site.people]
    if named:
        members = (one for name in named for one in (site.roster.teams[name].people if name in site.roster.teams else (name,)))
        return any(takes & set(site.people[member].contacts) for member in members)
    own = {way for person in site.people.values() for way in person.contacts}
    groups = {way for way in takes - own if TYPES[site.channels[way].type].reach is not Reach.PERSON}
    return any(name in ways or (name == EVERYONE and groups) for name in step.tell)


def _of_team(site: Site, team: str, text: str) -> Problem:
    where = f"roster.teams.{team}"
    return Problem(site.root, site.lines.get(where, 0), where, text)


def _of_person(site: Site, person: str, text: str) -> Problem:
    where = f"people.{person}"
    return Problem(site.root, site.lines.get(where, 0), where, text)


def _shown(site: Site, at_ns: int) -> str:
    return f"{at_utc(at_ns).astimezone(site.roster.zone):%Y-%m-%d %H:%M}"
