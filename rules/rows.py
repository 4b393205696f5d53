"""The rows of records.db the engine holds in memory while they are open. Field names are column names; instants are epoch ns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from plantroom.model import Severity
from rules.clocks import OrderClock
from rules.order import Facts, State

__all__ = [
    "Attempt", "Call", "CertificateRow", "Drill", "Evidence", "Fault", "Handing", "Handover", "HeadCall", "ItemTime", "Note", "Order",
    "OrderClock", "Outcome", "Page", "Pending", "Rescue", "RosterChange", "SeverityChange", "SignedPeriod", "Skipped", "as_json", "born",
    "columns",
]  # fmt: skip


def as_json(value: Any) -> str:
    """The canonical text of a value: sorted keys, so that a rebuild gives the same bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def born(id_: str) -> tuple[int, int]:
    """The order in which ids came to be: F12-2 -> (12, 2). Whatever emits something goes through rows in this order, never a dict's."""
    seq, _, n = id_[1:].partition("-")
    return int(seq), int(n)


def columns(row: Any) -> dict[str, Any]:
    """A row as its columns, as it stands now. The rows are flat: `asdict`, which copies what it finds, takes ten times as long."""
    return {name: getattr(row, name) for name in row.__slots__}


@dataclass(slots=True)
class Pending:
    """A condition that is not at rest. at_ns: its last transition; for the monitor's, when its event was last seen.

    trace_json: while it is pending, the samples that began it.
    """

    equipment: str
    rule: str
    state: str
    since_ns: int
    at_ns: int
    fault: str | None = None
    trace_json: str | None = None


@dataclass(slots=True)
class Fault:
    """parent: the fault it is part of (rules/parentage.py). presented: as in rules/recent.py; CHILD where it was part of
    one before its own page left."""

    id: str
    rule: str
    rule_hash: str
    equipment: str
    kind: str
    severity: Severity
    condition: str
    mode: str
    no_data: bool
    onset_ns: int
    raised_ns: int
    text_json: str
    do_json: str
    trace_json: str
    ended_ns: int | None = None
    ended_why: str | None = None
    work_order: str | None = None
    shelved_until_ns: int | None = None
    shelf_json: str | None = None
    parent: str | None = None
    presented: int = 1

    @property
    def open(self) -> bool:
        return self.condition in ("active", "recovering")


@dataclass(slots=True)
class Order:
    id: str
    fault: str | None
    equipment: str
    severity: Severity
    state: State
    text_json: str
    opened_ns: int
    opened_by: str
    round: int = 1
    accepted_ns: int | None = None
    accepted_by: str | None = None
    eta_ns: int | None = None
    arrived_ns: int | None = None
    arrived_by: str | None = None
    restored_ns: int | None = None
    restored_by: str | None = None
    restored_agrees: int | None = None
    closed_ns: int | None = None
    closed_by: str | None = None
    cause: str | None = None
    remedy: str | None = None
    hold_json: str | None = None
    hollow_json: str | None = None
    phone_json: str | None = None  # rules/entered.py
    radio_by: str | None = None
    arrived_how: str | None = None
    gravest: Severity | None = None  # where it once was graver
    firm: str | None = None  # whom it is handed to
    firm_told: str | None = None  # [[channel, person]]: who is called for that reason alone

    @property
    def worst(self) -> Severity:
        """The gravest class it ever had: what it is judged by, also where a person has lowered it since."""
        return self.gravest or self.severity

    @property
    def performers(self) -> frozenset[str]:
        return frozenset(who for who in (self.accepted_by, self.arrived_by, self.restored_by) if who)

    @property
    def holder(self) -> str | None:
        """Who has it now: the last one who did something to it."""
        return self.restored_by or self.arrived_by or self.accepted_by

    def facts(self, *, fault_open: bool, withheld: bool = False) -> Facts:
        return Facts(self.state, self.worst, self.performers, fault_open, withheld, self.closed_ns)


@dataclass(slots=True)
class Page:
    """A row of the outbox. answered_ns: a test page, when the person said that they have it."""

    id: str
    fault: str | None
    work_order: str | None
    channel: str
    reason: str
    severity: Severity
    message_json: str
    created_ns: int
    due_ns: int
    state: str = "queued"
    attempts: int = 0
    answer: str | None = None
    person: str | None = None
    answered_ns: int | None = None


@dataclass(slots=True)
class Call:
    """Whom an order's chain calls next (rules/calling.py). began_ns: the steps' times count from there. step: the next one.

    count: how often people were called after the first page. called_json: [[channel, person or null]], who was told so far. asked_ns: of
    the first page since which no provider has taken one; taken_ns: when one last did; widened: how often since then the next channels were
    taken.
    """

    work_order: str
    state: str
    chain_json: str
    began_ns: int
    step: int
    next_ns: int | None
    count: int
    called_json: str
    asked_ns: int | None = None
    taken_ns: int | None = None
    widened: int = 0


@dataclass(frozen=True, slots=True)
class SeverityChange:
    """reason: private.id. due_ns: the limit people have to keep next from then on."""

    fault: str
    seq: int
    at_ns: int
    who: str
    second: str | None
    before: str
    after: str
    reason: str | None
    due_ns: int | None


@dataclass(frozen=True, slots=True)
class Handing:
    """An order handed to a firm, or taken back from it. reason: private.id. told_json: [[channel, person]], called by it alone."""

    work_order: str
    seq: int
    at_ns: int
    who: str
    firm: str
    does: str  # handed | taken_back
    reason: str | None
    told_json: str


@dataclass(slots=True)
class Rescue:
    """The time line of people trapped in a lift, one round of an order (rules/entrapment.py). known_ns: the maintenance unit's limit counts
    from there. freed_ns: the order's `restored`. released_ns: signed, the lift may carry people again."""

    work_order: str
    round: int
    equipment: str
    known_ns: int
    reported_ns: int | None = None
    reported_by: str | None = None
    answered_ns: int | None = None
    answered_by: str | None = None
    staff_ns: int | None = None
    staff_by: str | None = None
    called_ns: int | None = None
    called_by: str | None = None
    unit_ns: int | None = None
    unit_by: str | None = None
    freed_ns: int | None = None
    freed_by: str | None = None
    trapped: int | None = None
    injured: int | None = None
    released_ns: int | None = None
    released_by: str | None = None


@dataclass(slots=True)
class HeadCall:
    """A duty head of a matter of weight, who is to confirm by due_ns (rules/heads.py). tell: the team or person. next_ns: the next call.

    missed_ns: the due instant that passed. called_json: [[channel, person or null]], who was told so far.
    """

    work_order: str
    round: int
    head: str
    tell: str
    state: str
    began_ns: int
    due_ns: int
    repeat_ns: int
    next_ns: int | None
    count: int = 0
    called_json: str = "[]"
    missed_ns: int | None = None
    acked_ns: int | None = None
    acked_by: str | None = None


@dataclass(slots=True)
class Drill:
    """The newest round of test pages of one person. answered_ns: when they answered any of them."""

    person: str
    created_ns: int
    answered_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """confirmed: 0 = accepted by what may not know whether it was delivered."""

    outbox: str
    n: int
    channel: str
    verdict: str
    answer: str
    started_ns: int
    ended_ns: int
    confirmed: int = 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is told of a page after it was sent. state: of rules.receipts.Told."""

    outbox: str
    seq: int
    at_ns: int
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    work_order: str
    seq: int
    at_ns: int
    who: str
    does: str
    text: str  # private.id
    phone_json: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that was put to something. about: order | equipment | task; kind: of plantroom.evidence.KINDS; name: private.id."""

    hash: str
    about: str
    target: str
    equipment: str | None
    seq: int
    at_ns: int
    who: str
    kind: str
    bytes: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command; a row of `command`."""

    id: str
    seq: int
    at_ns: int
    who: str
    does: str
    target: str
    outcome: str  # applied | refused
    reason: str
    says_json: str
    state_json: str
    phone_json: str | None = None


@dataclass(slots=True)
class RosterChange:
    """Where people depart from the plan (plantroom.roster.Change), and who said so. Both halves of a swap have one seq.

    state: of rules/roster_change.py. reason: private.id.
    """

    id: str
    seq: int
    at_ns: int
    who: str
    kind: str  # stand_in | swap
    team: str
    from_ns: int
    to_ns: int
    out_person: str | None
    in_person: str
    reason: str | None
    state: str = "ahead"
    ended_ns: int | None = None
    ended_by: str | None = None


@dataclass(slots=True)
class CertificateRow:
    """How far people were reminded of a machine's certificate. until: ISO day. told: days before it, 0 = past it, None = not at all."""

    equipment: str
    what: str
    until: str
    told: int | None = None
    told_ns: int | None = None
    fault: str | None = None


@dataclass(slots=True)
class SignedPeriod:
    """Figures as somebody signed them. first, until: local days, half-open. changed_json: against the revision before."""

    period: str
    revision: int
    seq: int
    at_ns: int
    who: str
    first: str
    until: str
    as_of: str
    hash: str
    figures_json: str
    changed_json: str
    reason: str | None = None


@dataclass(slots=True)
class Handover:
    """A shift handed over. state: of rules/handover.py. open_json: what was open then. given_note, taken_note: private.id."""

    id: str
    seq: int
    team: str  # "" at a site without teams
    open_json: str
    given_ns: int
    given_by: str
    given_note: str | None
    state: str = "given"
    taken_ns: int | None = None
    taken_by: str | None = None
    taken_note: str | None = None


@dataclass(slots=True)
class ItemTime:
    """One functional item on one local day. since_ns: the state runs from here on and is not yet added; None: the day is over.
    at_eight: its state at 08:00, "" where it was not in service then, None where it is not 08:00 yet."""

    equipment: str
    item: str
    day: str
    usable_ns: int = 0
    faulted_ns: int = 0
    unknown_ns: int = 0
    state: str = "unknown"
    heard: int = 0
    since_ns: int | None = None
    at_eight: str | None = None


@dataclass(slots=True)
class Skipped:
    """Steps that could not be applied, alike in `key`, no ten minutes apart. record: kind of the journal record; does: the part of its
    handling; kind, equipment: "" where none is meant; place: where it was raised."""

    id: str
    seq: int
    at_ns: int
    record: str
    does: str
    kind: str
    equipment: str
    error: str
    place: str
    last_seq: int
    last_ns: int
    count: int = 1

    @property
    def key(self) -> tuple[str, ...]:
        return self.record, self.does, self.kind, self.equipment, self.place
