"""What the templates of plans have to say to kinds and rules, and a site's `plan:` to the templates. Those it needs join its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from plantroom import kinds
from plantroom.errors import Problem
from plantroom.kinds import PointType
from plantroom.model import Severity
from plantroom.plan import PREFIX, Entry, Job, Machine, Plan, Switched, jobs
from plantroom.plan_file import plans_in
from plantroom.recurrence import Recurrence, Unit
from plantroom.site import Site
from plantroom.words import say
from plantroom.yaml_file import nearest, read_text
from rules.book import Rulebook

PLANS = Path(__file__).parent / "plans"


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Plan]:
    """By kind. Raises BadInput: a broken shipped plan is never left out in silence."""
    return plans_in({f"{PREFIX}{path.name}": read_text(path) for path in sorted(PLANS.glob("*.yaml"))})


def files(site: Site) -> dict[str, str]:
    """The templates that a site with a plan needs."""
    if site.plan is None:
        return {}
    wanted = {machine.kind.name for machine in site.equipment.values()}
    return {plan.file: plan.text for plan in shipped().values() if plan.kind in wanted}


def planned(site: Site) -> tuple[list[Job], list[Switched]]:
    """Every job of a site by what ships."""
    if site.plan is None:
        return [], []
    machines = [Machine(machine.id, machine.kind.name, machine.state) for machine in site.equipment.values()]
    return jobs(site.plan, shipped(), machines, site.practice)


def problems(site: Site, book: Rulebook) -> Iterator[Problem]:
    if site.plan is None:
        return
    for key, given in (("kinds", site.plan.kinds), ("machines", site.plan.machines)):
        for name, changes in given.items():
            machine = site.equipment.get(name)
            kind = name if key == "kinds" else machine.kind.name if machine is not None else ""
            plan = shipped().get(kind)
            entries = (
                {id_: entry for id_, entry in plan.entries.items() if entry.practice in (None, site.practice)} if plan is not None else {}
            )
            for entry, change in changes.items():
                where = f"plan.{key}.{name}.{entry}"
                if entry not in entries:
                    yield _problem(site, where, f"{entry!r} is no entry of the plan for {kind}{nearest(entry, entries)}")
                elif entries[entry].round is not None and (change.every or change.minute is not None or change.last):
                    walk = entries[entry].round
                    yield _problem(site, where, f"is done on the round {walk!r}: its times are set under plan.rounds.{walk}")
    walks = {entry.round for plan in shipped().values() for entry in plan.entries.values() if entry.round is not None}
    for name in site.plan.rounds:
        if name not in walks:
            yield _problem(site, f"plan.rounds.{name}", f"{name!r} is no round of the plans{nearest(name, sorted(walks))}")


def notes(site: Site) -> list[str]:
    """A number of the owner or the law that a site loosens is shown, and what it has switched off."""
    lang = site.language
    if site.plan is None:
        return []
    found, off = planned(site)
    said = []
    for job in found:
        if job.looser:
            words = {"machine": job.subject, "entry": job.name[lang], "every": interval(job.rule), "grace": str(job.rule.grace)}
            said.append(say("plan.looser", lang, **words, standard=interval(job.shipped), standard_grace=str(job.shipped.grace)))
    return said + [say("plan.off", lang, machine=one.machine, entry=one.entry.says[lang], reason=one.reason) for one in off]


def interval(rule: Recurrence) -> str:
    """`1 month`, as a plan file writes it."""
    if rule.unit is Unit.MONTH and rule.every % 3 == 0 and rule.every < 12:
        return {3: "1 quarter", 6: "1 half_year"}.get(rule.every, f"{rule.every} months")
    return f"{rule.every} {rule.unit.value}{'s' if rule.every > 1 else ''}"


def misfits(plan: Plan, book: Rulebook) -> Iterator[str]:
    """What a template names that its kind or the rules do not have; a test asks it of every one that ships."""
    if plan.kind not in kinds.kind_names():
        yield f"{plan.kind!r} is no kind{nearest(plan.kind, kinds.kind_names())}"
        return
    kind = kinds.load_kind(plan.kind)
    for entry in plan.entries.values():
        yield from (f"{entry.id}: {text}" for text in _rules(plan.kind, entry, book))
        counter = entry.rule.counter
        if counter is not None and (counter.point not in kind.points or kind.points[counter.point].type is not PointType.COUNTER):
            yield f"{entry.id}: {counter.point!r} is no counter of {kind.name}"
        for item in entry.items.values():
            if item.point is None:
                continue
            point = kind.points.get(item.point)
            if point is None:
                yield f"{entry.id}.{item.id}: {item.point!r} is no point of {kind.name}{nearest(item.point, kind.points)}"
            elif point.unit != item.unit:
                yield f"{entry.id}.{item.id}: is typed in {item.unit}, but {item.point} is in {point.unit}"


def _rules(kind: str, entry: Entry, book: Rulebook) -> Iterator[str]:
    for name in entry.suppresses:
        rule = book.get(kind, name)
        if rule is None:
            yield f"suppresses {name!r}, which is no rule of {kind}{nearest(name, sorted(r.id for r in book.for_kind(kind)))}"
        elif rule.severity_for(kind) is Severity.DANGER:
            yield f"suppresses {name}: people are in danger, it always pages"


def _problem(site: Site, where: str, text: str) -> Problem:
    return Problem(site.root, site.lines.get(where, 0), where, text)
