"""What the API answers with, as types: they make the OpenAPI document and are checked on every answer. Instants are ISO 8601 UTC."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from plantroom.link_counts import UnitCounts

Words = dict[str, str]


class ClockShape(TypedDict):
    name: str
    started_at: str
    warn_at: str
    due_at: str
    stopped_at: str | None
    breached_at: str | None
    left_s: int
    phase: Literal["running", "warning", "breached", "kept"]


class ShelfShape(TypedDict):
    until: str
    by: str | None
    second: str | None
    reason: str | None


class ConnectionShape(TypedDict):
    """at: when it was counted; stale: longer ago than the collector takes. units: [] for a broker. p50_ms, p99_ms: of its last answers."""

    site: str
    id: str
    at: str
    stale: bool
    state: str
    reason: str
    counts: dict[str, int]
    units: list[UnitCounts]
    p50_ms: float | None
    p99_ms: float | None


class ConnectionList(TypedDict):
    connections: list[ConnectionShape]


class FaultShape(TypedDict):
    site: str
    id: str
    rule: str
    equipment: str
    equipment_name: str
    kind: str
    severity: str
    urgent: bool
    condition: str
    mode: str
    no_data: bool
    onset_at: str
    raised_at: str
    ended_at: str | None
    ended_why: str | None
    text: Words
    do: Words
    order: str | None
    parent: str | None
    shelved: ShelfShape | None
    clocks: list[ClockShape]


class AttemptShape(TypedDict):
    n: int
    channel: str
    verdict: str
    confirmed: bool
    answer: str
    started_at: str
    ended_at: str


class IntoShape(TypedDict):
    """left_at: when a channel took it; until then when it is due."""

    id: str
    state: str
    left_at: str
class ReceiptShape(TypedDict):
    """What was told of a page after it was sent. state: held, delivered, undelivered, read, acknowledged."""

    at: str
    state: str
    text: str


class PageShape(TypedDict):
    """One page to one channel. person: whom it is for, null = who sees the channel. Accepted is not delivered, read or taken.

    into: the page that tells it among others, where a flood or the night held it back; null otherwise.
    """

    id: str
    channel: str
    person: str | None
    reason: str
    state: str
    message: dict[str, Any]
    created_at: str
    attempts: list[AttemptShape]
    into: IntoShape | None
    receipts: list[ReceiptShape]


class ToldShape(TypedDict):
    channel: str
    person: str | None


class CallShape(TypedDict):
    """Whom an order's chain called. count: times after the first page. next_tell: teams, people, channels; null with a next_at = all who
    were told, again."""

    state: Literal["calling", "answered", "over"]
    count: int
    told: list[ToldShape]
    next_at: str | None
    next_tell: list[str] | None


class HollowShape(TypedDict):
    """Accepted, and not there by due_at."""

    by: str
    accepted_at: str
    due_at: str


class SaidShape(TypedDict):
    at: str
    by: str | None


class RescueShape(TypedDict):
    """People trapped in a lift. steps: those said so far, of reported answered staff called unit freed released."""

    known_at: str
    steps: dict[str, SaidShape]
    trapped: int | None
    injured: int | None


class HeadShape(TypedDict):
    """A duty head of a matter of weight: engineering, security, service, manager. tell: a team or person. missed: not confirmed in time."""

    head: str
    tell: str
    state: Literal["calling", "acknowledged", "over"]
    due_at: str
    next_at: str | None
    missed: bool
    acked_at: str | None
    acked_by: str | None


class SeverityChangeShape(TypedDict):
    """A person changed the class. second: who agreed. due_at: the limit that had to be kept next then."""

    at: str
    who: str
    second: str | None
    before: str
    after: str
    reason: str | None
    due_at: str | None


class FaultDetail(FaultShape):
    """children: the faults that are part of this one, by onset; first_out: of it and them the one whose condition began first. steps: the
    emergency steps of its rule in the configuration in force, by language, in order; empty without any."""

    trace: dict[str, Any]
    call: CallShape | None
    pages: list[PageShape]
    children: list[str]
    first_out: str
    steps: dict[str, list[str]]
    severity_changes: list[SeverityChangeShape]


class ItemDayShape(TypedDict):
    """One local day of the site; the three lengths add up to what of it is over."""

    day: str
    usable_s: float
    faulted_s: float
    unknown_s: float


class ItemShape(TypedDict):
    """A functional item. state: usable, faulted, unknown, None where it does not count (commissioning, out of service)."""

    item: str
    text: Words
    state: str | None
    days: list[ItemDayShape]


class ItemsShape(TypedDict):
    equipment: str
    items: list[ItemShape]


class NoteShape(TypedDict):
    at: str
    who: str
    does: str
    text: str | None


class HandingShape(TypedDict):
    """Handed to a firm, or taken back. told: ids of the people called by it."""

    at: str
    who: str
    firm: str
    does: Literal["handed", "taken_back"]
    reason: str | None
    told: list[str]


class OrderShape(TypedDict):
    site: str
    id: str
    fault: str | None
    equipment: str
    equipment_name: str
    severity: str
    state: str
    text: Words
    round: int
    opened_at: str
    opened_by: str
    accepted_at: str | None
    accepted_by: str | None
    eta_at: str | None
    arrived_at: str | None
    arrived_by: str | None
    restored_at: str | None
    restored_by: str | None
    restored_agrees: bool | None
    closed_at: str | None
    closed_by: str | None
    cause: str | None
    remedy: str | None
    hold: dict[str, Any] | None
    firm: str | None
    entered: dict[str, EnteredShape]
    clocks: list[ClockShape]


class EvidenceShape(TypedDict):
    """bytes: its length. name: as the sender called it, null where it was not given or was erased."""

    hash: str
    about: str
    target: str
    kind: str
    bytes: int
    name: str | None
    who: str
    at: str


class EvidenceList(TypedDict):
    evidence: list[EvidenceShape]


class OrderDetail(OrderShape):
    """rescue: null where nobody was trapped. heads: [] where it is no matter of weight."""

    notes: list[NoteShape]
    call: CallShape | None
    hollow: list[HollowShape]
    rescue: RescueShape | None
    heads: list[HeadShape]
    handings: list[HandingShape]
    pages: list[PageShape]


class SampleShape(TypedDict):
    """value: null when the newest sample is bad. silent: nothing came for longer than the point may stay away."""

    point: str
    value: float | None
    unit: str
    text: Words
    quality: str
    at: str | None
    silent: bool
    last_good: float | None
    last_good_at: str | None


class EquipmentShape(TypedDict):
    site: str
    id: str
    kind: str
    kind_name: Words
    name: str
    state: str
    location: str
    monitored: bool
    open_faults: list[str]
    values: list[SampleShape]


class SeriesShape(TypedDict):
    """Columns of one length. With step_s each row is a bucket; a row of null is a gap, its quality says why."""

    site: str
    point: str
    unit: str
    from_at: str
    to_at: str
    step_s: float | None
    at: list[float]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    last: list[float | None]
    quality: list[str]
    count: list[int]


class EnteredShape(TypedDict):
    """A deed entered without reception. counts: entered_at is the instant of the deed, else received_at is."""

    entered_at: str
    received_at: str
    counts: bool


class SessionShape(TypedDict):
    """now: epoch ms."""

    person: str
    form_token: str | None
    now: int
    pages: list[str]


class CommandShape(TypedDict):
    """outcome: recorded = in the journal, not judged yet; applied; refused with a reason. state: the target after it."""

    command_id: str
    outcome: Literal["recorded", "applied", "refused"]
    recorded_at: str
    does: str | None
    target: str | None
    reason: str | None
    says: Words | None
    state: dict[str, Any] | None
    phone: EnteredShape | None


class TroubleShape(TypedDict):
    """Every answer that is no success: a code for programs, a text for people."""

    reason: str
    text: str


class SiteShape(TypedDict):
    id: str
    name: str
    zone: str
    newest_sample_at: str | None
    journal_seq: int
    engine_seq: int
    engine_at: str | None
    engine_lag_s: float | None
    trouble: str | None
    pages: dict[str, int]


class FaultList(TypedDict):
    """next: give it as `before` for the rows that follow; null at the end."""

    faults: list[FaultShape]
    next: str | None


class OrderList(TypedDict):
    orders: list[OrderShape]
    next: str | None


class EquipmentList(TypedDict):
    equipment: list[EquipmentShape]


class SiteList(TypedDict):
    sites: list[SiteShape]


class LackShape(TypedDict):
    """A certificate somebody needs for a kind of the site; until: the last day of the one they had."""

    kind: str
    certificate: str
    until: str | None


class OnDutyShape(TypedDict):
    """channels: on which they have an address; [] = nobody can reach them."""

    id: str
    name: str
    roles: list[str]
    channels: list[str]
    missing: list[LackShape]


class NextShape(TypedDict):
    from_at: str
    people: list[str]


class TeamShape(TypedDict):
    """until_at: when others come or nobody is on any more; null = not within 35 days. next: null = nobody within 35 days."""

    team: str
    name: str
    on: list[OnDutyShape]
    until_at: str | None
    next: NextShape | None


RosterChangeShape = TypedDict(
    "RosterChangeShape",
    {
        "id": str, "kind": str, "team": str, "from_at": str, "until_at": str, "out": str | None, "in": str, "reason": str | None,
        "entered_at": str, "entered_by": str,
    },
)  # fmt: skip


class HandoverShape(TypedDict):
    """open: orders, holds, shelved, calls, commissioning, changes as they stood at given_at; words that were erased are null."""

    id: str
    team: str
    state: Literal["given", "taken", "replaced"]
    given_at: str
    given_by: str
    given_note: str | None
    taken_at: str | None
    taken_by: str | None
    taken_note: str | None
    open: dict[str, list[Any]]


class OnCallShape(TypedDict):
    site: str
    at: str
    teams: list[TeamShape]
    changes: list[RosterChangeShape]
    handovers: list[HandoverShape]


class OnCallList(TypedDict):
    sites: list[OnCallShape]


class StoredShape(TypedDict):
    """hash: SHA-256 of the file, which is kept under it. command: what became of putting it to its target."""

    hash: str
    kind: str
    bytes: int
    command: CommandShape


class AskedShape(TypedDict):
    does: Literal["move", "excuse"]
    by: str
    until: str | None
    at: str | None


class PlanTaskShape(TypedDict):
    """subject: a machine, or @<round>. left_s: until its grace is over. behind: the one before it was missed."""

    site: str
    id: str
    job: str
    subject: str
    round: bool
    entry: str
    text: Words
    role: str
    state: str
    day: str
    due_day: str
    warn_at: str
    due_at: str
    overdue_at: str
    left_s: int
    behind: bool
    late: bool | None
    moved_from: str | None
    asked: AskedShape | None
    agreed_by: str | None
    started_at: str | None
    started_by: str | None
    busy_until: str | None
    ended_at: str | None
    ended_by: str | None
    satisfied_by: str | None
    countersign_due_at: str | None
    countersigned_at: str | None
    countersigned_by: str | None


class PlanTaskList(TypedDict):
    tasks: list[PlanTaskShape]
    next: str | None


class CheckItemShape(TypedDict):
    key: str
    equipment: str
    text: Words
    type: str
    unit: str
    limits: list[float | None]
    choices: dict[str, Words]
    photo: bool


class CheckResultShape(TypedDict):
    """measured: what telemetry read at that instant, where the two are compared."""

    equipment: str
    item: str
    outcome: str
    number: float | None
    measured: float | None
    value: str | None
    photo: str | None
    order: str | None


class PlanTaskDetail(PlanTaskShape):
    """wants: sorts of evidence without which it is not completed. evidence: sort -> sha-256 of files."""

    items: list[CheckItemShape]
    results: list[CheckResultShape]
    wants: list[str]
    evidence: dict[str, list[str]]
