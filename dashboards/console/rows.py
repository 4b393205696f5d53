"""What the rows of a site's records are to screens and the API: values, nothing that asks for more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dashboards.console.remaining import Limit
from plantroom.evidence import KINDS

OPEN_CONDITIONS = ("active", "recovering")


@dataclass(frozen=True, slots=True)
class Fault:
    id: str
    rule: str
    equipment: str
    kind: str
    severity: str
    condition: str
    mode: str
    no_data: bool
    onset_ns: int
    raised_ns: int
    ended_ns: int | None
    ended_why: str | None
    text: Mapping[str, str]
    do: Mapping[str, str]
    trace: Mapping[str, Any]
    work_order: str | None
    shelved_until_ns: int | None
    shelf: Mapping[str, Any] | None
    parent: str | None = None  # the fault it is part of

    @property
    def open(self) -> bool:
        return self.condition in OPEN_CONDITIONS


@dataclass(frozen=True, slots=True)
class SeverityChange:
    """A person changed a fault's class. reason: None = none given, or erased. due_ns: the limit that had to be kept next then."""

    at_ns: int
    who: str
    second: str | None
    before: str
    after: str
    reason: str | None
    due_ns: int | None


@dataclass(frozen=True, slots=True)
class Handing:
    """An order was handed to a firm or taken back from it. reason: None = none given, or erased. told: (channel, person)."""

    at_ns: int
    who: str
    firm: str
    does: Literal["handed", "taken_back"]
    reason: str | None
    told: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A file that was put to something. kind: of plantroom.evidence.KINDS. name: None = none given, or erased."""

    hash: str
    about: str
    target: str
    at_ns: int
    who: str
    kind: str
    bytes: int
    name: str | None

    @property
    def shown(self) -> bool:
        return KINDS[self.kind].shown

    @property
    def size_text(self) -> str:
        return f"{self.bytes / 1e6:.1f} MB" if self.bytes >= 1e6 else f"{max(self.bytes / 1e3, 0.1):.1f} kB"


@dataclass(frozen=True, slots=True)
class Entered:
    """A deed entered on a phone without reception. entered_ns: by the phone's clock; counts: it is the deed's instant, not the receipt."""

    entered_ns: int
    received_ns: int
    counts: bool


@dataclass(frozen=True, slots=True)
class Hollow:
    """Somebody accepted and was not there by due_ns."""

    by: str
    accepted_ns: int
    due_ns: int


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    fault: str | None
    equipment: str
    severity: str
    state: str
    text: Mapping[str, str]
    round: int
    opened_ns: int
    opened_by: str
    accepted_ns: int | None
    accepted_by: str | None
    eta_ns: int | None
    arrived_ns: int | None
    arrived_by: str | None
    restored_ns: int | None
    restored_by: str | None
    restored_agrees: bool | None
    closed_ns: int | None
    closed_by: str | None
    cause: str | None
    remedy: str | None
    hold: Mapping[str, Any] | None
    hollow: tuple[Hollow, ...]  # acceptances nobody came after
    phone: Mapping[str, Entered]  # by state: steps entered without reception
    limits: tuple[Limit, ...]  # of the present round
    earlier: tuple[Limit, ...]  # of rounds before a re-opening
    radio_by: str | None = None  # who entered it after a radio call of who goes
    arrived_how: str | None = None  # qr, duty_room; None: entered by who arrived
    gravest: str | None = None  # the gravest class it ever had, where it is a milder one now
    firm: str | None = None  # whom it is handed to

    @property
    def holder(self) -> str | None:
        """Who has it now."""
        return self.restored_by or self.arrived_by or self.accepted_by

    @property
    def running(self) -> Limit | None:
        """The clock people look at: the running one that is due first."""
        return min((limit for limit in self.limits if limit.running), key=lambda limit: limit.due_ns, default=None)

    @property
    def entrapment(self) -> bool:
        """Whether it is about people trapped: those alone have the maintenance unit's limit."""
        return any(limit.name == "unit" for limit in self.limits)


@dataclass(frozen=True, slots=True)
class Rescue:
    """The time line of people trapped in a lift, of the order's present round. released_ns: None = the lift is out of service."""

    work_order: str
    equipment: str
    known_ns: int
    reported_ns: int | None
    reported_by: str | None
    answered_ns: int | None
    answered_by: str | None
    staff_ns: int | None
    staff_by: str | None
    called_ns: int | None
    called_by: str | None
    unit_ns: int | None
    unit_by: str | None
    freed_ns: int | None
    freed_by: str | None
    trapped: int | None
    injured: int | None
    released_ns: int | None
    released_by: str | None


@dataclass(frozen=True, slots=True)
class ItemDay:
    """How long a functional item was what on one local day. state: what it is now, None where the day is over."""

    item: str
    day: str
    usable_s: float
    faulted_s: float
    unknown_s: float
    state: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """confirmed: False = taken by what may not know what became of it."""

    n: int
    channel: str
    verdict: str
    answer: str
    started_ns: int
    ended_ns: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was told of a page after it was sent. state: held, delivered, undelivered, read, acknowledged."""

    at_ns: int
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page to one channel: what was said, what the provider answered each time, and what became of it. person: whom it is for, None =
    who sees it.

    into: where it was held back, by a flood or the night, the page that tells it among others.
    """

    id: str
    channel: str
    person: str | None
    reason: str
    severity: str
    message: Mapping[str, Any]
    created_ns: int
    due_ns: int
    state: str
    answer: str | None
    attempts: tuple[Attempt, ...]
    receipts: tuple[Receipt, ...] = ()
    work_order: str | None = None
    into: Page | None = None

    @property
    def left_ns(self) -> int:
        """When a channel took it; until then when it is due."""
        return next((attempt.ended_ns for attempt in self.attempts if attempt.verdict == "accepted"), self.due_ns)

    @property
    def heard(self) -> Receipt | None:
        """What told that somebody heard or read it; its text is who."""
        return next((told for told in self.receipts if told.state == "read"), None)


@dataclass(frozen=True, slots=True)
class Call:
    """An order's calls. tell: each step's names; step: the next one, as many as there are = all told so far are told again.

    count: how often people were called after the first page. told: (channel, person or None) so far.
    """

    state: Literal["calling", "answered", "over"]
    tell: tuple[tuple[str, ...], ...]
    step: int
    next_ns: int | None
    count: int
    told: tuple[tuple[str, str | None], ...]

    @property
    def next_tell(self) -> tuple[str, ...] | None:
        """Whom the next step names; None = everybody told so far."""
        return self.tell[self.step] if self.step < len(self.tell) else None


@dataclass(frozen=True, slots=True)
class HeadCall:
    """A duty head of a matter of weight, of the order's present round. tell: a team or person. task: as they were told, by language."""

    head: str
    tell: str
    state: Literal["calling", "acknowledged", "over"]
    due_ns: int
    next_ns: int | None
    missed_ns: int | None
    acked_ns: int | None
    acked_by: str | None
    task: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RosterChange:
    """Where people depart from the plan, as they entered it. reason: None = none given, or erased."""

    id: str
    seq: int
    at_ns: int
    who: str
    kind: str
    team: str
    from_ns: int
    to_ns: int
    out_person: str | None
    in_person: str
    reason: str | None
    state: str


@dataclass(frozen=True, slots=True)
class Handover:
    """opened: what was open then (rules/handover.py), people's words in it as they stand now: None = erased."""

    id: str
    team: str
    opened: Mapping[str, Any]
    given_ns: int
    given_by: str
    given_note: str | None
    state: Literal["given", "taken", "replaced"]
    taken_ns: int | None
    taken_by: str | None
    taken_note: str | None


@dataclass(frozen=True, slots=True)
class Note:
    at_ns: int
    who: str
    does: str
    text: str | None  # None: erased
    phone: Entered | None = None


@dataclass(frozen=True, slots=True)
class CommandRow:
    """What became of a command. says: the reason in words by language; state: the target after it."""

    id: str
    seq: int
    at_ns: int
    who: str
    does: str
    target: str
    applied: bool
    reason: str
    says: Mapping[str, str]
    state: Mapping[str, Any]
    phone: Entered | None = None


@dataclass(frozen=True, slots=True)
class SignedPeriod:
    """Figures as somebody signed them. figures: the whole answer. changed: [figure, system, before, now] against the revision before."""

    revision: int
    at_ns: int
    who: str
    hash: str
    figures: Mapping[str, Any]
    changed: Sequence[Sequence[Any]]
    reason: str | None
