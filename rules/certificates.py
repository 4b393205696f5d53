"""Certificates of machines (L-4): people are reminded 60, 30 and 7 days before the last day of each; past it there is a fault.

One fault a certificate, raised by day only, through the rules that say `on_certificate`. It ends when a configuration says another last
day, drops the certificate or takes the machine out of service: that is the decision it asks for. Reminders are notices to those who
answer for the plant, one a person a day, whatever their number: no order, no answer asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from plantroom.certificates import MachineCertificate, step_of
from plantroom.clock import NS
from plantroom.local_time import instant_ns, local_date
from plantroom.messages import COLUMNS, STEP_COLUMNS, cut, one_line
from plantroom.model import EquipmentState, Severity
from plantroom.roles import Role
from plantroom.site import Equipment
from plantroom.words import LANGUAGES, say
from rules import incident
from rules.desk import Desk
from rules.house import MONITOR, House
from rules.incident import Raised
from rules.reach import Target, everyone, own
from rules.rows import CertificateRow, Page, as_json

REASON = "certificate"  # outbox.reason
CLASS = Severity.NORMAL  # a channel that takes such pages
ANSWERING = (Role.MANAGER.value, Role.SUPERVISOR.value, Role.ENGINEER.value)
USED = (EquipmentState.IN_SERVICE, EquipmentState.COMMISSIONING)
KEPT_NS = 24 * 3600 * NS  # a reminder that nobody has taken by then says what is no longer so
NAMED = 3


@dataclass(frozen=True, slots=True)
class Due:
    machine: Equipment
    held: MachineCertificate
    until: date
    days_left: int


def look(desk: Desk, house: House) -> None:
    """At a tick. What there is to see changes with the configuration, the day, and the end of the night."""
    night = house.site.night.until_ns(desk.now_ns, house.zone) is not None
    today = local_date(desk.now_ns, house.zone)
    for page in desk.queued_alone(REASON):
        if desk.now_ns - page.created_ns >= KEPT_NS:
            page.state = "dropped"
            desk.put_page(page)
            desk.tell("page.dropped", {"page": page.id, "why": "over"})
    if desk.certificates.looked == (house.site.hash, today, night):
        return
    held = {(due.machine.id, due.held.what): due for due in _held(house, today)}
    for row in desk.certificates.all():
        due = held.get((row.equipment, row.what))
        if due is None or due.until.isoformat() != row.until or _ruleless(desk, house, row):
            _end(desk, house, row)
    if not night:
        crossed = [due for due in held.values() if _crosses(desk, house, due)]
        remind(desk, house, [due for due in crossed if due.machine.state is EquipmentState.IN_SERVICE])
    desk.certificates.looked = (house.site.hash, today, night)


def _held(house: House, today: date) -> Iterator[Due]:
    for machine in house.site.equipment.values():
        if machine.id != MONITOR and machine.state in USED:
            for held in machine.certificates:
                if held.until is not None:
                    yield Due(machine, held, held.until, (held.until - today).days)


def _ruleless(desk: Desk, house: House, row: CertificateRow) -> bool:
    """Its fault is one of a rule that the configuration no longer has."""
    fault = desk.faults.get(row.fault or "")
    return fault is not None and house.rule(fault.kind, fault.rule) is None


def _crosses(desk: Desk, house: House, due: Due) -> bool:
    """Whether a reminder is due that was not given yet; past the last day there is the fault, too."""
    step = step_of(due.days_left)
    row = desk.certificates.get(due.machine.id, due.held.what)
    told = row.told if row is not None and row.until == due.until.isoformat() else None
    if step is None or (told is not None and told <= step):
        return False
    fault = _raise(desk, house, due) if step == 0 else None
    desk.certificates.put(CertificateRow(due.machine.id, due.held.what, due.until.isoformat(), step, desk.now_ns, fault))
    told_of = {"equipment": due.machine.id, "what": due.held.what, "until": due.until.isoformat(), "step": step, "fault": fault}
    desk.tell("certificate.due", told_of)
    return True


def _raise(desk: Desk, house: House, due: Due) -> str | None:
    """The fault; one that is there already where certificates in the site's own words share their rule."""
    machine = due.machine
    rule = house.book.on_certificate(due.held.what, machine.kind.name)
    if rule is None or rule.id in machine.rules_off or rule.id in house.site.rules_off:
        return None
    there = desk.fault_of(machine.id, rule.id)
    if there is None:
        onset_ns = min(instant_ns(due.until + timedelta(1), 0, house.zone), desk.now_ns)
        said = {"certificate": due.held.what, "until": due.until.isoformat()}
        there = incident.raise_fault(desk, house, Raised(machine.id, machine.kind.name, rule, onset_ns, False, said, {}), desk.now_ns)
    return there.id


def _end(desk: Desk, house: House, row: CertificateRow) -> None:
    """Renewed, dropped, or its machine is used no more. It is told again where it comes to that again."""
    fault = desk.faults.get(row.fault or "")
    shared = any(other.fault == row.fault for other in desk.certificates.all() if other is not row)
    if fault is not None and fault.open and not shared:
        gone = house.machine(row.equipment) is None or house.rule(fault.kind, fault.rule) is None
        incident.end(desk, house, fault, "withdrawn" if gone else "cleared", desk.now_ns, "config")
    if row.told is not None or row.fault is not None:
        desk.certificates.put(CertificateRow(row.equipment, row.what, row.until, None, None, None))
        desk.tell("certificate.settled", {"equipment": row.equipment, "what": row.what, "until": row.until})


def remind(desk: Desk, house: House, found: list[Due]) -> None:
    """One notice a person, soonest first."""
    if not found:
        return
    found = sorted(found, key=lambda due: (due.days_left, due.machine.id, due.held.what))
    words = {lang: _words(found, lang) for lang in LANGUAGES}
    about = [[due.machine.id, due.held.what, due.until.isoformat()] for due in found]
    message = as_json({**words, "fault": None, "order": None, "certificates": about})
    for target in _targets(house):
        page = Page(
            desk.new_id("P"), None, None, target.channel, REASON, Severity.ADVISORY, message, desk.now_ns, desk.now_ns, person=target.person
        )
        desk.put_page(page)
        told = {"page": page.id, "channel": page.channel, "reason": REASON, "fault": None, "order": None, "person": page.person}
        desk.tell("page.queued", told)


def _targets(house: House) -> list[Target]:
    """Managers, supervisors and engineers on the first of their channels; where there are none, the channels that tell a group."""
    answering = [person.id for person in house.site.people.values() if person.roles & set(ANSWERING)]
    found = [target for person in answering if (target := next(own(house, CLASS, person), None)) is not None]
    return found or everyone(house, CLASS)


def _words(found: list[Due], lang: str) -> list[str]:
    first = found[0]
    each = [_named(due, lang) for due in found[:NAMED]]
    if len(found) == 1:
        head = say(f"certificate_notice.{_when(first)}.head", lang, what=_what(first, lang), days=first.days_left)
        return [cut(head, COLUMNS[lang]), cut(each[0], STEP_COLUMNS[lang])]
    head = say("certificate_notice.several.head", lang, count=len(found))
    line = say("certificate_notice.several.line", lang, names=("、" if lang == "zh" else ", ").join(each))
    return [cut(head, COLUMNS[lang]), cut(line, STEP_COLUMNS[lang])]


def _when(due: Due) -> str:
    return "past" if due.days_left < 0 else "ahead"


def _named(due: Due, lang: str) -> str:
    until = f"{due.until:%Y-%m-%d}"
    return say(f"certificate_notice.{_when(due)}.line", lang, machine=one_line(due.machine.name), what=_what(due, lang), until=until)


def _what(due: Due, lang: str) -> str:
    return one_line(due.held.name(lang))
