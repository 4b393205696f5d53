"""The plan on the desk: of each job of the house one open task, moved by time through the table of rules/plan.py, its effects done.

Instants are absolute and of the calendar: a restart changes none, a wall clock that is set moves none but the lengths that run (work that
is going on, a signature that is waited for). What fell due while the engine was away is made and missed one by one, none left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import takewhile

import orjson

from plantroom.clock import NS
from plantroom.model import Severity
from plantroom.plan import ROUND, Job, Performer, is_floating
from plantroom.recurrence import date_after, dates_from, due_ns, earlier_ns, later_ns, local_day
from plantroom.words import LANGUAGES, say
from rules import incident, work
from rules.book import pack
from rules.desk import Desk
from rules.house import MONITOR, House
from rules.incident import Raised
from rules.order import No
from rules.plan import Effect, Event, State, decide, time_says
from rules.plan_rows import Task

RULE = "maintenance_overdue"
DAY = timedelta(days=1)
LONGEST_AWAY = timedelta(days=62)  # of what fell due longer ago only the newest is made: a clock set wrong by years makes no flood of tasks
COUNTERSIGN_NS = 48 * 3600 * NS


# -- time


def look(desk: Desk, house: House) -> None:
    """At a tick: what has become due of any task; counters that were reached."""
    _counters(desk, house)
    wakes = desk.plan.wakes_ns()
    said = wakes is not None and wakes <= desk.now_ns
    while said:  # what a step makes may be due itself, after the engine was away
        said = False
        for task in desk.plan.tasks():
            event = time_says(State(task.state), task.instants, desk.now_ns)
            if event is not None:
                step(desk, house, task, event)
                said = True
    for task in desk.plan.unsigned() if wakes is not None and wakes <= desk.now_ns else ():
        if task.counter_order is None and (task.counter_due_ns or 0) <= desk.now_ns:
            _open_item(desk, house, task)


def _counters(desk: Desk, house: House) -> None:
    """A counter that was reached makes its task due, whatever the date."""
    for job in house.by_counter:
        task, counter = desk.plan.of_job(job.key), job.rule.counter
        if task is None or counter is None or task.state not in (State.SCHEDULED, State.DUE_SOON):
            continue
        reads = desk.reading(task.subject, counter.point)
        if reads is None:
            continue
        if task.counter_from is None or reads < task.counter_from:  # a new counter begins anew
            task.counter_from = reads
            desk.plan.put(task)
        elif reads - task.counter_from >= counter.every:
            day = local_day(desk.now_ns, house.zone)
            task.due_day, task.due_ns, task.warn_ns = day.isoformat(), desk.now_ns, desk.now_ns
            task.overdue_ns = max(desk.now_ns, later_ns(job.rule, day + 7 * DAY, job.rule.grace, house.zone))
            desk.plan.put(task)
            desk.tell("task.counter", {"task": task.id, "reads": reads, "from": task.counter_from})


# -- the configuration


def switched(desk: Desk, house: House) -> None:
    """A new configuration: what it no longer asks for is withdrawn, what it asks for at other dates too, and made anew."""
    for task in desk.plan.tasks():
        job = house.jobs.get(task.job)
        if job is None or job.shape != task.shape:
            step(desk, house, task, Event.WITHDRAW, "config")
    for key in sorted(house.jobs):
        if desk.plan.of_job(key) is None:
            begin(desk, house, house.jobs[key])
    for subject in sorted({fault.equipment for fault in desk.faults.values() if fault.rule == RULE and fault.open}):
        _acquit(desk, house, subject)


def begin(desk: Desk, house: House, job: Job) -> None:
    """The task of a job that has none: after the last one it had, else after the date the ledger knows, else from the go-live on (X-2)."""
    today, work_ = local_day(desk.now_ns, house.zone), house.site.calendar
    newest = desk.plan.newest(job.key)
    last = _counts_from(house, newest) if newest is not None else job.last
    if is_floating(job.rule):
        create(desk, house, job, date_after(job.rule, last, work_) if last is not None else max(job.start, today))
    elif last is not None:
        first = next(dates_from(job.rule, job.start, last + DAY, work_))
        create(desk, house, job, _newest_up_to(house, job, first, today))
    else:  # nothing was promised before: the first date that can still be kept
        dates = dates_from(job.rule, job.start, max(job.start, today), work_)
        create(desk, house, job, next(day for day in dates if later_ns(job.rule, day, job.rule.grace, house.zone) >= desk.now_ns))


def _counts_from(house: House, task: Task) -> date:
    """The day the next date is counted from: of what was done, that day."""
    floating_done = task.state == State.DONE and task.next_ns is None
    return local_day(task.ended_ns, house.zone) if floating_done and task.ended_ns is not None else date.fromisoformat(task.day)


def _newest_up_to(house: House, job: Job, first: date, today: date) -> date:
    """The last date that is not after today; the first one where that is ahead."""
    dates = takewhile(lambda day: day <= today, dates_from(job.rule, job.start, first, house.site.calendar))
    newest = first
    for day in dates:
        newest = day
    return newest


def create(desk: Desk, house: House, job: Job, day: date, *, due_day: date | None = None, before: Task | None = None) -> Task:
    """before: the one whose place it takes, or that was missed."""
    due_on = due_day or day
    rule, zone = job.rule, house.zone
    next_ns = None
    if not is_floating(rule):
        next_ns = due_ns(rule, next(dates_from(rule, job.start, day + DAY, house.site.calendar)), zone)
    moved = before is not None and before.state == State.MOVED
    behind = int(before is not None and (before.state == State.MISSED or (moved and before.behind == 1)))
    name = job.key.removeprefix(f"{job.subject}/").removeprefix(ROUND)
    instants = earlier_ns(rule, due_on, rule.warn, zone), due_ns(rule, due_on, zone), later_ns(rule, due_on, rule.grace, zone)
    task = Task(
        desk.new_id("M"), desk.seq, job.key, job.subject, name, job.role.value, job.shape, day.isoformat(), due_on.isoformat(), *instants,
        next_ns, State.SCHEDULED.value, desk.now_ns, behind, before.id if moved and before else None,
    )  # fmt: skip
    if rule.counter is not None:
        task.counter_from = desk.reading(job.subject, rule.counter.point)
    desk.plan.put(task)
    desk.tell("task.made", {"task": task.id, "job": task.job, "day": task.day, "due_ns": task.due_ns, "moved_from": task.moved_from})
    return task


# -- one event


def step(desk: Desk, house: House, task: Task, event: Event, by: str = work.SYSTEM) -> No | None:
    """One event on a task. None where it was taken, else why it was refused; nothing has changed then."""
    answer = decide(State(task.state), event)
    if isinstance(answer, No):
        return answer
    before, task.state = task.state, answer.to.value
    if event is Event.EXPIRE:
        task.busy_ns = task.started_ns = task.started_by = None
    if not task.open:
        task.ended_ns, task.ended_by, task.busy_ns = desk.now_ns, by, None
        if answer.to not in (State.MOVED, State.EXCUSED):
            task.asked_json = None
        if answer.to is State.DONE:
            task.late = int(desk.now_ns > task.overdue_ns)
    desk.plan.put(task)
    if before != task.state or event in (Event.START, Event.EXPIRE):
        desk.tell(
            f"task.{task.state}", {"task": task.id, "job": task.job, "event": event.value, "before": before, "by": by, "late": task.late}
        )
    for effect in answer.effects:
        _do(desk, house, task, effect)
    return None


def _do(desk: Desk, house: House, task: Task, effect: Effect) -> None:
    match effect:
        case Effect.SUPPRESS:
            desk.tell("task.suppresses", {"task": task.id, "rules": orjson.loads(task.suppress_json or "[]"), "until_ns": task.busy_ns})
        case Effect.REARM:
            if task.suppress_json is not None:
                left = incident.rearm(desk, house, task.subject)
                desk.tell("task.rearms", {"task": task.id, "open": [fault.id for fault in left]})
        case Effect.ACCUSE:
            _accuse(desk, house, task)
        case Effect.ACQUIT:
            _acquit(desk, house, task.subject)
        case Effect.SIGN:
            if task.role != Performer.ENGINEER:
                task.counter_due_ns = desk.now_ns + COUNTERSIGN_NS
                desk.plan.put(task)
        case Effect.FOLLOW:
            _follow(desk, house, task)


def _follow(desk: Desk, house: House, task: Task) -> None:
    """The task of the next date; of one that was moved, of the date it was moved to."""
    job = house.jobs.get(task.job)
    if job is None:
        return
    if task.state == State.MOVED:
        until = date.fromisoformat(orjson.loads(task.asked_json or "{}")["until"])
        create(desk, house, job, date.fromisoformat(task.day), due_day=until, before=task)
        return
    if is_floating(job.rule):
        create(desk, house, job, date_after(job.rule, local_day(desk.now_ns, house.zone), house.site.calendar))
        return
    today = local_day(desk.now_ns, house.zone)
    following = next(dates_from(job.rule, job.start, date.fromisoformat(task.day) + DAY, house.site.calendar))
    if following < today - LONGEST_AWAY:
        newest = _newest_up_to(house, job, following, today)
        desk.tell("task.skipped", {"job": job.key, "from": following.isoformat(), "to": newest.isoformat()})
        following = newest
    create(desk, house, job, following, before=task)


# -- a plan not kept is itself a fault (M-4)


def _accuse(desk: Desk, house: House, task: Task) -> None:
    """One fault a round or a machine, however much of it is overdue."""
    job = house.jobs.get(task.job)
    machine = house.machine(task.subject)
    if job is None or machine is None or desk.fault_of(task.subject, RULE) is not None:
        return
    rule = house.rule(machine.kind, RULE) or pack().get(machine.kind, RULE)
    assert rule is not None, "it ships"
    words: Mapping[str, Mapping[str, float | str]] = {lang: {"task": job.name[lang]} for lang in LANGUAGES}
    onset = min(task.overdue_ns, desk.now_ns)
    incident.raise_fault(
        desk, house, Raised(task.subject, machine.kind, rule, onset, False, {"task": task.id}, {}, words=words), desk.now_ns
    )


def _acquit(desk: Desk, house: House, subject: str) -> None:
    """Its fault ends where nothing of it is overdue, nor behind because the one before was missed."""
    fault = desk.fault_of(subject, RULE)
    if fault is None or any(task.state == State.OVERDUE or task.behind for task in desk.plan.of_subject(subject)):
        return
    gone = subject != MONITOR and house.machine(subject) is None
    incident.end(desk, house, fault, "withdrawn" if gone else "cleared", desk.now_ns, "config" if gone else "plan")


def _open_item(desk: Desk, house: House, task: Task) -> None:
    """Nobody of our side has signed within 48 h (M-2)."""
    job = house.jobs.get(task.job)
    names = job.name if job is not None else dict.fromkeys(LANGUAGES, task.job)
    text = {lang: say("plan.unsigned", lang, task=names[lang]) for lang in LANGUAGES}
    order = work.open_order(desk, house, task.subject, Severity.ADVISORY, text, None)
    task.counter_order = order.id
    desk.plan.put(task)
    desk.tell("task.unsigned", {"task": task.id, "order": order.id})


def shift(desk: Desk, step_ns: int) -> None:
    """The wall clock was set: work that goes on and a signature that is waited for keep their remaining time. Dates are the calendar's."""
    for task in {task.id: task for task in [*desk.plan.tasks(), *desk.plan.unsigned()]}.values():
        waits = task.counter_due_ns is not None and task.counter_ns is None and task.counter_order is None
        if task.busy_ns is not None:
            task.busy_ns += step_ns
        if waits and task.counter_due_ns is not None:
            task.counter_due_ns += step_ns
        if waits or task.busy_ns is not None:
            desk.plan.put(task)
