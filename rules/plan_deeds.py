"""Commands about tasks of the plan: started, completed, asked to be moved or excused, agreed to, counter-signed.

Nothing is half done: a completion is judged as a whole before a row is touched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256

import orjson

from plantroom.clock import NS
from plantroom.firms import firms_of, own_machines
from plantroom.model import Severity
from plantroom.plan import CheckItem, ItemType, Job, Performer, Stop, is_floating
from plantroom.recurrence import dates_from, local_day
from plantroom.roles import narrow
from plantroom.words import LANGUAGES, say
from rules import paging, planning, work
from rules.command import Command
from rules.denied import Denied, Done, same, wanted, words_of
from rules.desk import Desk
from rules.house import House
from rules.order import Event as OrderEvent
from rules.order import No
from rules.plan import Event, State, decide
from rules.plan_rows import Result, Task
from rules.rows import as_json

OK, FAILED, ABSENT, NOTED = "ok", "failed", "absent", "noted"
MOST_FILES = 40
_HASH = re.compile(r"[0-9a-f]{64}")
NOTHING = sha256(b"").hexdigest()  # a file of 0 bytes is none


def _start(desk: Desk, house: House, command: Command) -> Done:
    """The work begins: the rules it sets off are suppressed on its machine, until it is done or its time is over."""
    task, job = _task(desk, house, command)
    _may_perform(house, command, job)
    _allowed(desk, task, Event.START)
    if task.busy_ns is not None:
        raise Denied("task_started_already", {"by": same(_name(desk, task.started_by))})
    entry = job.entry
    task.started_ns, task.started_by, task.busy_ns = desk.now_ns, command.who, desk.now_ns + entry.suppress_s * NS
    task.suppress_json = as_json(list(entry.suppresses)) if entry.suppresses and not job.is_round else None
    planning.step(desk, house, task, Event.START, command.who)
    return _done(task)


def _complete(desk: Desk, house: House, command: Command) -> Done:
    """args.items: by key a word, a number, or {"value", "photo"}; args.rest: `ok` for items that are not named; args.evidence: by sort a
    list of sha-256."""
    task, job = _task(desk, house, command)
    _may_perform(house, command, job)
    _allowed(desk, task, Event.COMPLETE)
    found = list(_results(desk, command, task, job))
    evidence = _evidence(desk, command, job)
    task.evidence_json = as_json(evidence) if evidence else None
    task.note = str(command.hidden["text"]) if command.text("text") else None
    planning.step(desk, house, task, Event.COMPLETE, command.who)
    orders = []
    for (stop, item), row in found:
        if row.outcome == FAILED:
            row = replace(row, work_order=_order_for(desk, house, command, stop, item, row))
            orders.append(row.work_order)
        desk.plan.put_result(row)
    failed = [row.item for _, row in found if row.outcome == FAILED]
    desk.tell("task.results", {"task": task.id, "items": len(found), "failed": failed, "orders": orders, "evidence": evidence})
    satisfied = list(_satisfy(desk, house, command, task, job))
    return _done(task, orders=orders, satisfied=satisfied)


def _satisfy(desk: Desk, house: House, command: Command, task: Task, job: Job) -> Iterator[str]:
    """One visit may satisfy several entries of its machine: those due, and those whose next date is counted from when they are done."""
    for other in job.entry.satisfies if not job.is_round else ():
        found = desk.plan.of_job(f"{job.subject}/{other}")
        if found is not None and (found.state != State.SCHEDULED or found.next_ns is None):
            found.satisfied_by = task.id
            planning.step(desk, house, found, Event.SATISFY, command.who)
            yield found.id


def _order_for(desk: Desk, house: House, command: Command, stop: Stop, item: CheckItem, row: Result) -> str:
    """A failed item opens an order."""
    value = "" if row.number is None else f" {row.number:g} {item.unit}".rstrip()
    text = {lang: say("plan.failed", lang, item=item.says[lang], value=value) for lang in LANGUAGES}
    order = work.open_order(desk, house, stop.machine, item.severity, text, None, command.who)
    if item.severity is not Severity.ADVISORY:
        paging.page(desk, house, "raised", None, order)
    return order.id


def _results(desk: Desk, command: Command, task: Task, job: Job) -> Iterator[tuple[tuple[Stop, CheckItem], Result]]:
    """Every item of the job, judged. Raises Denied."""
    given = command.args.get("items", {})
    if not isinstance(given, dict):
        raise Denied("argument", {"name": same("items"), "wanted": wanted("items")})
    if unknown := sorted(str(key) for key in given if job.item(str(key)) is None):
        raise Denied("task_item_unknown", {"item": same(unknown[0][:80])})
    rest = command.text("rest") == OK
    for key, stop, item in job.items():
        said = given.get(key)
        value, photo = (said.get("value"), said.get("photo")) if isinstance(said, dict) else (said, None)
        if value in (None, "") and rest and item.type is ItemType.OK:
            value = OK
        if value in (None, "") and item.type is not ItemType.TEXT:
            raise Denied("task_item_missing", {"item": {lang: item.says[lang] for lang in LANGUAGES}})
        if photo is not None and not (isinstance(photo, str) and _is_file(desk, photo)):
            raise Denied("evidence_unknown", {"hash": same(str(photo)[:16])})
        row = _judged(desk, command, task, stop, item, value)
        if item.photo and photo is None and row.outcome != ABSENT:
            raise Denied("task_photo_missing", {"item": {lang: item.says[lang] for lang in LANGUAGES}})
        yield (stop, item), replace(row, photo=photo)


def _judged(desk: Desk, command: Command, task: Task, stop: Stop, item: CheckItem, value: object) -> Result:
    row = Result(task.id, stop.machine, item.id, OK)
    if value == ABSENT and item.type is not ItemType.TEXT:
        return replace(row, outcome=ABSENT)
    match item.type:
        case ItemType.OK if value in (OK, FAILED):
            return replace(row, outcome=str(value))
        case ItemType.CHOICE if isinstance(value, str) and value in item.choices:
            return replace(row, outcome=FAILED if value in item.bad else OK, value=value)
        case ItemType.TEXT:
            text = str(value)[:4000] if value else ""
            return replace(row, outcome=NOTED, value=desk.hide(f"items.{stop.machine}.{item.id}", text) if text else None)
        case ItemType.NUMBER if (number := _number(value)) is not None:
            low, high = item.limits
            out = (low is not None and number < low) or (high is not None and number > high)
            measured = desk.reading(stop.machine, item.point) if item.point is not None else None
            return replace(row, outcome=FAILED if out else OK, number=number, measured=measured)
    raise Denied("task_item_wrong", {"item": {lang: item.says[lang] for lang in LANGUAGES}})


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value.strip().replace("，", ".").replace(",", ".") if isinstance(value, str) else value)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e12 else None


def _evidence(desk: Desk, command: Command, job: Job) -> dict[str, list[str]]:
    """What there is of what the entry wants; without it the task is not completed (M-2)."""
    given = command.args.get("evidence", {})
    if not isinstance(given, dict):
        raise Denied("argument", {"name": same("evidence"), "wanted": wanted("evidence")})
    found: dict[str, list[str]] = {}
    for sort, files in sorted(given.items()):
        listed = files if isinstance(files, list) else str(files).split()
        if len(listed) > MOST_FILES:
            raise Denied("evidence_too_much", {"most": same(str(MOST_FILES))})
        for file in listed:
            if not isinstance(file, str) or not _is_file(desk, file):
                raise Denied("evidence_unknown", {"hash": same(str(file)[:16])})
        if listed:
            found[str(sort)[:40]] = list(dict.fromkeys(listed))
    for sort in job.evidence:
        if not found.get(sort):
            raise Denied("evidence_missing", {"sort": {lang: say(f"plan.evidence.{sort}", lang) for lang in LANGUAGES}})
    return found


def _is_file(desk: Desk, file: str) -> bool:
    return bool(_HASH.fullmatch(file)) and file != NOTHING and desk.has_evidence(file)


def _ask_move(desk: Desk, house: House, command: Command) -> Done:
    """args: until, a local date; reason. It waits for somebody else to agree; its clocks run on."""
    task, job = _task(desk, house, command)
    words_of(command, "reason")
    _allowed(desk, task, Event.ASK)
    try:
        until = date.fromisoformat(words_of(command, "until"))
    except ValueError:
        raise Denied("argument", {"name": same("until"), "wanted": wanted("date")}) from None
    if until < local_day(desk.now_ns, house.zone) or until == date.fromisoformat(task.due_day):
        raise Denied("argument", {"name": same("until"), "wanted": wanted("future")})
    if not is_floating(job.rule):
        following = next(dates_from(job.rule, job.start, date.fromisoformat(task.day) + planning.DAY, house.site.calendar))
        if until >= following:
            raise Denied("moved_too_far", {"date": same(following.isoformat())})
    elif (until - date.fromisoformat(task.due_day)).days > job.rule.days:
        raise Denied("moved_too_far", {"date": same(task.due_day)})
    return _asked(desk, command, task, {"does": "move", "until": until.isoformat()})


def _ask_excuse(desk: Desk, house: House, command: Command) -> Done:
    """args: reason. It waits for somebody else to agree."""
    task, _ = _task(desk, house, command)
    words_of(command, "reason")
    _allowed(desk, task, Event.ASK)
    return _asked(desk, command, task, {"does": "excuse", "until": None})


def _asked(desk: Desk, command: Command, task: Task, what: Mapping[str, object]) -> Done:
    task.asked_json = as_json({**what, "by": command.who, "at_ns": desk.now_ns, "reason": command.hidden["reason"]})
    desk.plan.put(task)
    desk.tell("task.asked", {"task": task.id, **what, "by": command.who})
    return _done(task)


def _agree(desk: Desk, house: House, command: Command) -> Done:
    task, asked = _waiting(desk, house, command)
    if asked["by"] == command.who:
        raise Denied("asker_cannot_agree")
    if asked["does"] == "move" and date.fromisoformat(asked["until"]) < local_day(desk.now_ns, house.zone):
        raise Denied("span_is_over")
    event = Event.MOVE if asked["does"] == "move" else Event.EXCUSE
    _allowed(desk, task, event)
    task.agreed_by = command.who
    planning.step(desk, house, task, event, command.who)
    follows = desk.plan.of_job(task.job)
    return _done(task, follows=follows.id if follows is not None else None)


def _decline(desk: Desk, house: House, command: Command) -> Done:
    task, asked = _waiting(desk, house, command)
    task.asked_json = None
    desk.plan.put(task)
    desk.tell("task.declined", {"task": task.id, "does": asked["does"], "by": command.who})
    return _done(task)


def _waiting(desk: Desk, house: House, command: Command) -> tuple[Task, dict[str, str]]:
    task, _ = _task(desk, house, command)
    if task.asked_json is None or not task.open:
        raise Denied("nothing_asked")
    return task, orjson.loads(task.asked_json)


def _countersign(desk: Desk, house: House, command: Command) -> Done:
    """Our side signs for the work of a firm (使用单位签字确认, M-2)."""
    task = desk.plan.find(command.target)
    if task is None:
        raise Denied("unknown_task", {"target": same(command.target)})
    if narrow(command.roles):
        raise Denied("role_may_not")
    if task.counter_due_ns is None:
        raise Denied("nothing_to_sign")
    if task.counter_ns is not None:
        raise Denied("signed_already", {"by": same(_name(desk, task.counter_by))})
    if command.who == task.ended_by:
        raise Denied("performer_cannot_sign")
    task.counter_ns, task.counter_by = desk.now_ns, command.who
    desk.plan.put(task)
    desk.tell("task.signed", {"task": task.id, "by": command.who, "late": int(task.counter_order is not None)})
    if task.counter_order is not None and (order := desk.standing(task.counter_order)) is not None:
        work.step(desk, house, order, OrderEvent.FADED)
    return _done(task)


# -- who and what


def _task(desk: Desk, house: House, command: Command) -> tuple[Task, Job]:
    """An open or ended task with its job. Raises Denied: unknown, or over, in the words of why."""
    task = desk.plan.find(command.target)
    if task is None:
        raise Denied("unknown_task", {"target": same(command.target)})
    job = house.jobs.get(task.job)
    if not task.open or job is None:
        _allowed(desk, task, Event.ASK)
        raise Denied("task_withdrawn")
    return task, job


def _allowed(desk: Desk, task: Task, event: Event) -> None:
    answer = decide(State(task.state), event)
    if isinstance(answer, No):
        values = {"by": same(_name(desk, task.ended_by)), "due": same(task.due_day)}
        raise Denied(answer.code, values)


def _may_perform(house: House, command: Command, job: Job) -> None:
    """Tier 1 is our own people's, tier 2 the firm's that looks after the machine, tier 3 that of somebody independent (M-1..M-3)."""
    if job.role.value not in command.roles and not (job.role is Performer.ENGINEER and "technician" in command.roles):
        raise Denied(f"task_for_{job.role.value}")
    if job.role is Performer.VENDOR and job.subject not in own_machines(house.site, command.who):
        raise Denied("not_of_your_firm", {"target": same(job.subject)})
    if job.role is Performer.THIRD_PARTY:
        person = house.site.people.get(command.who)
        machine = house.site.equipment.get(job.subject)
        if person is None or not person.firm:
            raise Denied("third_party_without_firm")
        if machine is not None and person.firm in firms_of(machine.ledger):
            raise Denied("third_party_is_vendor", {"firm": same(person.firm)})


def _name(desk: Desk, who: str | None) -> str:
    return desk.persons.get(who, who) if who else ""


def _done(task: Task, **more: object) -> Done:
    told = {"id": task.id, "job": task.job, "state": task.state, "late": task.late, "ended_by": task.ended_by}
    return Done(state={"task": {**told, "started_by": task.started_by, "asked": task.asked_json is not None}, **more})


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {
    "start": _start, "complete": _complete, "move": _ask_move, "excuse": _ask_excuse, "agree": _agree, "decline": _decline,
    "countersign": _countersign,
}  # fmt: skip
