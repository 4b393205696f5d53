"""`plantroom plans list`: what of the plan applies to which machine, from when, and when it falls due next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typer

from plantroom.bundle import checked
from plantroom.cli import print_json
from plantroom.clock import iso
from plantroom.plan import ROUND, Job, Switched, is_floating
from plantroom.recurrence import date_after, dates_from, due_ns, local_day
from plantroom.site import Site
from plantroom.words import language, say
from rules.plan_check import interval, planned


def list_plans(site_file: Path, now_ns: int, as_json: bool, lang: str | None = None) -> int:
    site = checked(site_file)
    found, off = planned(site)
    words = language(lang, site.language)
    if as_json:
        for line in [*(told(site, job, now_ns) for job in found), *(_off(one) for one in off)]:
            print_json(line)
        return 0
    if site.plan is None:
        typer.echo(say("plan.none", words))
    for text in lines(site, found, off, now_ns, words):
        typer.echo(text)
    return 0


def told(site: Site, job: Job, now_ns: int) -> dict[str, Any]:
    """By the site file alone: what was done since stands in the records."""
    day = next_date(site, job, now_ns)
    return {
        "job": job.key, "subject": job.subject, "stops": [stop.machine for stop in job.stops],
        "text": dict(job.name), "role": job.role.value,
        "tier": job.entry.tier, "clause": job.entry.clause, "every": interval(job.rule), "dates": job.rule.dates.value,
        "grace": str(job.rule.grace), "evidence": list(job.evidence), "items": sum(1 for _ in job.items()), "from": job.start.isoformat(),
        "last": job.last.isoformat() if job.last is not None else None,
        "next_day": day.isoformat(),
        "next_due_at": iso(due_ns(job.rule, day, ZoneInfo(site.zone))), "looser": job.looser, "source": job.entry.source,
    }  # fmt: skip


def next_date(site: Site, job: Job, now_ns: int) -> date:
    today = local_day(now_ns, ZoneInfo(site.zone))
    if is_floating(job.rule):
        return date_after(job.rule, job.last, site.calendar) if job.last is not None else max(job.start, today)
    since = max(job.start, today) if job.last is None else job.last + timedelta(days=1)
    return next(dates_from(job.rule, job.start, since, site.calendar))


def lines(site: Site, found: list[Job], off: list[Switched], now_ns: int, lang: str) -> Iterator[str]:
    by_subject: dict[str, list[Job]] = {}
    for job in found:
        by_subject.setdefault(job.subject, []).append(job)
    for subject, some in sorted(by_subject.items()):
        machine = site.equipment.get(subject)
        yield f"{subject}  {machine.name if machine is not None else say('plan.round', lang)}"
        for job in some:
            yield f"  {_line(site, job, now_ns, lang)}"
            if subject.startswith(ROUND):
                yield f"    {' -> '.join(stop.machine for stop in job.stops)}"
    for one in off:
        yield say("plan.off", lang, machine=one.machine, entry=one.entry.says[lang], reason=one.reason)


def _line(site: Site, job: Job, now_ns: int, lang: str) -> str:
    said: Mapping[str, Any] = told(site, job, now_ns)
    looser = f"  ! {say('plan.loose', lang, standard=interval(job.shipped))}" if job.looser else ""
    head = f"{job.name[lang]}  {said['every']}  {say(f'plan.role.{job.role.value}', lang)}"
    return f"{head}  {say('plan.from', lang)} {said['from']}  {say('plan.next', lang)} {said['next_day']}  {job.entry.clause}{looser}"


def _off(one: Switched) -> dict[str, Any]:
    return {"job": f"{one.machine}/{one.entry.id}", "subject": one.machine, "text": dict(one.entry.says), "off": one.reason}
