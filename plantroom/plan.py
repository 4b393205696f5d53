"""The maintenance plan of a site: what the templates of its kinds ask of each machine, as jobs that fall due. Pure.

A job is one entry on one machine (a visit), or the entries of one round on all its machines, in the order of its stops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from hashlib import blake2b

from plantroom.model import EquipmentState, Severity
from plantroom.recurrence import Dates, Length, Recurrence, Unit
from plantroom.words import LANGUAGES, say

PREFIX = "rules/plans/"  # where the templates stand in a config record
ROUND = "@"  # before the name of a round: the subject of its job
LASTING = (EquipmentState.IN_SERVICE,)  # a plan is for what runs; commissioning has no plan yet, out of service has a pause


class ItemType(StrEnum):
    OK = "ok"
    NUMBER = "number"
    CHOICE = "choice"
    TEXT = "text"


class Performer(StrEnum):
    """Who does it, the three tiers' own words."""

    ENGINEER = "engineer"
    VENDOR = "vendor"
    THIRD_PARTY = "third_party"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """limits: of a number, in its unit, either end None = open. choices: word -> in both languages; bad: those that fail.

    photo: wanted with it. severity: of the order that a failed one opens. point: whose newest value a typed number is compared with (抄表),
    within: the largest difference, in the unit of the item.
    """

    id: str
    says: Mapping[str, str]
    type: ItemType = ItemType.OK
    unit: str = ""
    limits: tuple[float | None, float | None] = (None, None)
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    bad: frozenset[str] = frozenset()
    photo: bool = False
    severity: Severity = Severity.NORMAL
    point: str | None = None
    within: float = 0.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a kind's plan. tier: 1 daily, 2 monthly, 3 yearly, None = statutory on top. practice: gb | nfpa, None = both.

    evidence: what there must be a file of. round: its name, where it is done on a walk. satisfies: entries of the same machine that are
    done with it. suppresses: rules of that machine that its work sets off, for at most suppress_s. once: for one machine of the kind in a
    site, the first. src: O the owner's words, L law or code, P practice of the trade.
    """

    id: str
    says: Mapping[str, str]
    rule: Recurrence
    role: Performer
    clause: str
    src: str
    source: str
    items: Mapping[str, CheckItem]
    tier: int | None = None
    practice: str | None = None
    evidence: tuple[str, ...] = ()
    round: str | None = None
    satisfies: tuple[str, ...] = ()
    suppresses: tuple[str, ...] = ()
    suppress_s: int = 4 * 3600
    once: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The templates of one kind."""

    kind: str
    entries: Mapping[str, Entry]
    file: str = ""
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """What a site says of an entry. off: why it is not kept. last: when it was done last, as the ledger knows it."""

    every: tuple[int, Unit] | None = None
    minute: int | None = None
    grace: Length | None = None
    warn: Length | None = None
    off: str | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class RoundChange:
    """What a site says of a round. stops: its machines in the order one walks; those it leaves out follow."""

    name: str = ""
    stops: tuple[str, ...] = ()
    change: Change = Change()


@dataclass(frozen=True, slots=True)
class SitePlan:
    """`plan:` of a site file. go_live: from when the plan is kept. kinds, machines: by id, then by entry."""

    go_live: date
    kinds: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    machines: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    rounds: Mapping[str, RoundChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stop:
    """One machine of a job and what is looked at there."""

    machine: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Job:
    """key: `lift-1/half_month`, `@daily`. subject: a machine, or @<round>. start: the anchor of fixed dates. last: a date before which it
    was done, as the ledger knows it. shipped: its rule before the site changed it; src: of the strictest entry."""

    key: str
    subject: str
    name: Mapping[str, str]
    rule: Recurrence
    role: Performer
    stops: tuple[Stop, ...]
    start: date
    last: date | None
    shipped: Recurrence
    src: str

    @property
    def is_round(self) -> bool:
        return self.subject.startswith(ROUND)

    @property
    def entry(self) -> Entry:
        return self.stops[0].entry

    @property
    def evidence(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(what for stop in self.stops for what in stop.entry.evidence))

    @property
    def looser(self) -> bool:
        """The site asks less than the owner's or the law's number."""
        longer = self.rule.days > self.shipped.days
        late = _seconds(self.rule.grace) > _seconds(self.shipped.grace)
        return self.src in ("O", "L") and (longer or late)

    @property
    def shape(self) -> str:
        """What makes its dates: another shape is another task."""
        rule = self.rule
        return f"{rule!r} {self.start} {self.last}"

    def item(self, key: str) -> tuple[Stop, CheckItem] | None:
        """Of `item`, or `machine.item` in a round."""
        for stop in self.stops:
            name = key.removeprefix(f"{stop.machine}.") if self.subject.startswith(ROUND) else key
            if (not self.subject.startswith(ROUND) or name != key) and name in stop.entry.items:
                return stop, stop.entry.items[name]
        return None

    def items(self) -> Iterator[tuple[str, Stop, CheckItem]]:
        """By the key a result is given under."""
        for stop in self.stops:
            for item in stop.entry.items.values():
                yield (f"{stop.machine}.{item.id}" if self.subject.startswith(ROUND) else item.id), stop, item


@dataclass(frozen=True, slots=True)
class Switched:
    """An entry that a site does not keep, and why."""

    machine: str
    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What of a site's equipment a plan looks at, in the order of the site file."""

    id: str
    kind: str
    state: EquipmentState


def jobs(plan: SitePlan, templates: Mapping[str, Plan], machines: list[Machine], practice: str) -> tuple[list[Job], list[Switched]]:
    """Every job of a site, by key, and what is switched off."""
    found: list[Job] = []
    off: list[Switched] = []
    walks: dict[str, list[Stop]] = {}
    seen: set[tuple[str, str]] = set()
    for machine in machines:
        template = templates.get(machine.kind)
        if template is None or machine.state not in LASTING:
            continue
        for entry in template.entries.values():
            if entry.practice not in (None, practice) or (entry.once and (machine.kind, entry.id) in seen):
                continue
            seen.add((machine.kind, entry.id))
            change = merged(plan.kinds.get(machine.kind, {}).get(entry.id), plan.machines.get(machine.id, {}).get(entry.id))
            if change.off is not None:
                off.append(Switched(machine.id, entry, change.off))
            elif entry.round is not None:
                walks.setdefault(entry.round, []).append(Stop(machine.id, entry))
            else:
                found.append(_visit(plan, machine.id, entry, change))
    found += [_walk(plan, name, stops) for name, stops in walks.items()]
    return sorted(found, key=lambda job: job.key), off


def merged(wide: Change | None, own: Change | None) -> Change:
    """The machine's own word before its kind's."""
    wide, own = wide or Change(), own or Change()
    given = {name: getattr(own, name) for name in Change.__slots__ if getattr(own, name) is not None}
    return replace(wide, **given)


def changed(rule: Recurrence, change: Change) -> Recurrence:
    """The rule as a site wants it."""
    if change.every is not None:
        n, unit = change.every
        if unit is not rule.unit:  # a day of the month means nothing to a week
            rule = replace(rule, day=None, weekday=None, nth=None, month=None)
        rule = replace(rule, every=n, unit=unit)
    if change.minute is not None:
        rule = replace(rule, minute=change.minute)
    if change.grace is not None:
        rule = replace(rule, grace=change.grace)
    return rule if change.warn is None else replace(rule, warn=change.warn)


def _visit(plan: SitePlan, machine: str, entry: Entry, change: Change) -> Job:
    rule = changed(entry.rule, change)
    start = change.last or plan.go_live + timedelta(days=spread(machine, entry.id, rule))
    return Job(
        f"{machine}/{entry.id}", machine, entry.says, rule, entry.role, (Stop(machine, entry),), start, change.last, entry.rule, entry.src
    )  # fmt: skip


def _walk(plan: SitePlan, name: str, stops: list[Stop]) -> Job:
    said = plan.rounds.get(name, RoundChange())
    order = {machine: place for place, machine in enumerate(said.stops)}
    stops = sorted(stops, key=lambda stop: order.get(stop.machine, len(order)))
    entry = stops[0].entry
    says = {lang: said.name or say("plan.walk", lang) for lang in LANGUAGES}
    rule = changed(entry.rule, said.change)
    src = min((stop.entry.src for stop in stops), key="OLP".index)
    return Job(f"{ROUND}{name}", f"{ROUND}{name}", says, rule, entry.role, tuple(stops), plan.go_live, None, entry.rule, src)


def spread(machine: str, entry: str, rule: Recurrence) -> int:
    """Days after the go-live at which a first date of unknown past lies (X-2): always the same for this machine and entry, over
    the machines spread evenly within one interval. Of daily dates none."""
    digest = blake2b(f"{machine}/{entry}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % max(1, rule.days)


def _seconds(length: Length) -> int:
    return length.days * 86_400 + length.seconds


def is_floating(rule: Recurrence) -> bool:
    return rule.dates is Dates.FLOATING
