"""Rules over history: what the engine would have raised.

The same evaluator as live (rules/past.py), many stretches of time at once (rules/stretches.py). Fire panels go first: what they say of
the whole site, and the site's working hours, is told to all others as live. Each point's poll period is read off the history (its usual
spacing) where that is longer than the site's own. A stretch of more than six hours without any sample is the recorder's silence, not the
machines': no device is called silent for it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from plantroom.clock import NS
from plantroom.kinds import Kind
from plantroom.model import Severity
from plantroom.site import Binding, Equipment, Site
from rules.applies import settings_of, why_not
from rules.book import Rulebook
from rules.condition import State, Transition
from rules.facts import CONFIRMED, PANEL
from rules.history import RECORDER_OFF_NS, History, Samples, Span, spacing_s
from rules.past import Calendar, PastEvaluator
from rules.rule import Rule
from rules.stretches import MOST, Rows, Stretches
from rules.virtual import bound
from rules.windows import Ints

# Rules that look back alike far go together: the farthest sets the warm-up of all. Those that learn go apart: they go in a row at first.
BANDS_S = (3 * 3600.0, 8 * 3600.0, 32 * 3600.0)
OPEN = (State.ACTIVE, State.RECOVERING)


@dataclass(frozen=True, slots=True)
class Event:
    """raised: the fault became active; cleared: it ended. since_ns: its onset."""

    at_ns: int
    since_ns: int
    event: str
    rule: str
    equipment: str
    severity: Severity
    no_data: bool


class Backtest:
    """One version of the rules over one history.

    only: rules by id that are judged, None = all. samples, rows: how many were judged; again: stretches that were judged twice.
    """

    def __init__(self, site: Site, book: Rulebook, *, only: Container[str] | None = None, most: int = MOST) -> None:
        self._site, self._book, self._only, self._most = site, book, only, most
        self._calendar = Calendar()
        self._lanes: list[_Lane] = []
        self._last: int | None = None
        self._onset: dict[tuple[str, str], int] = {}
        self._seen: tuple[int, int] | None = None
        self.samples = self.rows = 0

    @property
    def machines(self) -> Mapping[str, Equipment]:
        """The machines as the history showed them."""
        return {machine.id: machine for lane in self._lanes for machine in lane.machines}

    @property
    def span(self) -> tuple[int, int]:
        """First and last instant of the history that was read; (0, 0) where there was none."""
        return self._seen or (0, 0)

    def facts_at(self, at_ns: int) -> Mapping[str, bool]:
        """What held for the whole site, once the history was read that far."""
        return {name: bool(yes[0]) for name, (yes, _) in self._calendar.facts_at(np.array([at_ns], np.int64)).items()}

    @property
    def again(self) -> int:
        return sum(part.again for lane in self._lanes for part in lane.parts)

    @property
    def rules(self) -> int:
        """How many rules apply to some machine of the history."""
        return sum(len(lane.severity) for lane in self._lanes)

    def run(self, history: History, start_ns: int | None = None, end_ns: int | None = None) -> Iterator[Event]:
        """Events in the order of time with start <= at < end. What lies before start still counts: windows and timers are warm by then.

        Raises BadInput where the history cannot be used; events of the spans before the bad place have been yielded then.
        """
        for span in history.spans(start_ns, end_ns):
            if not self._lanes:
                self._lanes = list(self._found(history, span))
            self._seen = (self._seen[0] if self._seen else span.begin_ns, span.end_ns)
            for event in self._take(span):
                if (start_ns is None or event.at_ns >= start_ns) and (end_ns is None or event.at_ns < end_ns):
                    yield event

    def _take(self, span: Span) -> list[Event]:
        self._pauses(span)
        _working_hours(self._calendar, self._site, span)
        events: list[Event] = []
        for lane in self._lanes:
            moved = lane.take(span, self._calendar)
            self.samples, self.rows = self.samples + lane.samples, self.rows + lane.rows
            if lane.kind.name == PANEL:
                _fires(self._calendar, moved)
            events += self._events(lane, moved)
        return sorted(events, key=lambda event: event.at_ns)

    def _events(self, lane: _Lane, moved: Sequence[Transition]) -> Iterator[Event]:
        """A fault's onset is what it was when it was raised: a stretch that found it standing does not know it."""
        for t in moved:
            if (t.before in OPEN) == (t.after in OPEN) or (self._only is not None and t.rule not in self._only):
                continue
            key = t.equipment, t.rule
            if t.after in OPEN:
                self._onset[key] = t.onset_ns
                yield Event(t.at_ns, t.onset_ns, "raised", t.rule, t.equipment, lane.severity[t.rule], t.no_data)
            else:
                since_ns = self._onset.pop(key, t.onset_ns)
                yield Event(t.at_ns, since_ns, "cleared", t.rule, t.equipment, lane.severity[t.rule], t.no_data)

    def _pauses(self, span: Span) -> None:
        instants = [part.at_ns for part in span.machines.values() if part.at_ns.size]
        if not instants:
            return
        at = np.unique(np.concatenate([*instants, *([[self._last]] if self._last is not None else [])]))
        gaps = np.flatnonzero(np.diff(at) > RECORDER_OFF_NS)
        self._calendar.pauses += [(int(at[gap]), int(at[gap + 1])) for gap in gaps]
        self._last = int(at[-1])

    def _found(self, history: History, span: Span) -> Iterator[_Lane]:
        """A lane for each kind in the history, fire panels first."""
        by_kind: dict[str, list[Equipment]] = {}
        for name, points in history.points.items():
            machine = self._site.equipment[name]
            samples = span.machines.get(name)
            if history.devices and not machine.bindings:  # what it may have is only guessed: what it shows counts
                points = tuple(point for point in points if samples is not None and samples.of(point).size)
            found = _watched(machine, points, samples, history.devices)
            by_kind.setdefault(machine.kind.name, []).append(found)
        settings = settings_of(self._site)
        for kind, machines in sorted(by_kind.items(), key=lambda item: (item[0] != PANEL, item[0])):
            rules = [rule for rule in self._book.for_kind(kind) if self._only is None or rule.id in self._only or rule.id == CONFIRMED]
            rules = [rule for rule in rules if any(why_not(rule, machine, settings) is None for machine in machines)]
            bands: dict[tuple[float, bool], list[Rule]] = {}
            for rule in rules:
                alone = PastEvaluator(machines[0].kind, machines, [rule], settings, self._calendar)
                reach_s = alone.warm_ns() / NS
                band = next((band for band in BANDS_S if reach_s <= band), reach_s)
                bands.setdefault((band, alone.learns), []).append(rule)
            parts = [Stretches(machines[0].kind, machines, of, settings, self._calendar) for _, of in sorted(bands.items())]
            severity = {rule.id: rule.severity_for(kind) for rule in rules}
            yield _Lane(machines[0].kind, machines, parts, severity, self._most)


class _Lane:
    """All machines of one kind: its rules in parts that look back alike far."""

    def __init__(
        self, kind: Kind, machines: Sequence[Equipment], parts: Sequence[Stretches], severity: Mapping[str, Severity], most: int
    ) -> None:
        self.kind, self.machines, self.parts, self.severity, self._most = kind, machines, parts, severity, most
        self.samples = self.rows = 0

    def take(self, span: Span, calendar: Calendar) -> list[Transition]:
        rows = joined(self.kind, self.machines, span.machines)
        facts = sorted({at for instants in calendar.changes.values() for at in instants if span.begin_ns <= at < span.end_ns})
        told = with_looks(rows, np.array(facts, np.int64)) if facts and any(part.asks_facts for part in self.parts) else rows
        self.rows, self.samples = rows.at_ns.size, int(np.count_nonzero(~np.isnan(rows.values)))
        moved: list[Transition] = []
        for part in self.parts:
            begin = span.begin_ns
            for _ in range(5):
                if (learning := part.learning_ns()) == 0 or begin >= span.end_ns:
                    break
                end = min(begin + learning, span.end_ns)
                moved += part.take(told if part.asks_facts else rows, begin, end, 1)
                begin = end
            if begin < span.end_ns:
                moved += part.take(told if part.asks_facts else rows, begin, span.end_ns, self._most)
        return moved


def joined(kind: Kind, machines: Sequence[Equipment], samples: Mapping[str, Samples]) -> Rows:
    """The samples of a kind's machines under one set of columns."""
    order = {name: column for column, name in enumerate(kind.points)}
    have = [samples.get(machine.id) for machine in machines]
    names = sorted({name for one in have if one is not None for name in one.points}, key=order.__getitem__)
    ends = np.cumsum([0 if one is None else one.at_ns.size for one in have])
    values = np.full((int(ends[-1]), len(names)), np.nan)
    judged = any(one is not None and one.quality is not None for one in have)
    quality = np.full(values.shape, 255, np.uint8) if judged else None
    at_ns = np.zeros(int(ends[-1]), np.int64)
    for one, end in zip(have, ends.tolist(), strict=True):
        if one is None or not one.at_ns.size:
            continue
        rows, places = slice(end - one.at_ns.size, end), [names.index(name) for name in one.points]
        at_ns[rows] = one.at_ns
        values[rows, places] = one.values
        if quality is not None and one.quality is not None:
            quality[rows, places] = one.quality
        elif quality is not None:
            quality[rows, places] = np.where(np.isnan(one.values), 255, 0)
    return Rows(at_ns, values, quality, ends, np.array([order[name] for name in names], np.intp))


def with_looks(rows: Rows, at_ns: Ints) -> Rows:
    """The same with a row without samples for each machine at these instants: what holds for the site turns there."""
    before, first = [], 0
    for end in rows.ends.tolist():
        before.append(first + np.searchsorted(rows.at_ns[first:end], at_ns))
        first = end
    places = np.concatenate(before)
    quality = rows.quality if rows.quality is None else np.insert(rows.quality, places, 255, axis=0)
    more = np.arange(1, len(before) + 1) * at_ns.size
    values = np.insert(rows.values, places, np.nan, axis=0)
    return Rows(np.insert(rows.at_ns, places, np.tile(at_ns, len(before))), values, quality, rows.ends + more, rows.columns)


def _watched(machine: Equipment, points: Sequence[str], samples: Samples | None, devices: bool) -> Equipment:
    """The machine as the history shows it: its points, each with its usual spacing where that is longer than what the site says."""
    known = {binding.kind_point.name: binding for binding in machine.bindings}
    usual = spacing_s(samples.at_ns) if samples is not None else 0.0
    periods = {}
    for point in points:
        at = samples.of(point) if samples is not None and point in samples.points else np.zeros(0, np.int64)
        asked = known[point].period_s if point in known else 0.0
        spacing = spacing_s(at, usual or machine.kind.points[point].period_s)
        periods[point] = asked if 0 < spacing <= 2 * asked else spacing
    found = bound(machine, periods)
    if not devices:
        return found

    def own(binding: Binding) -> Binding:
        real = known.get(binding.kind_point.name)
        return binding if real is None else replace(binding, device=real.device)

    return replace(found, bindings=tuple(own(binding) for binding in found.bindings))


def _working_hours(calendar: Calendar, site: Site, span: Span) -> None:
    """When working hours begin and end in this span; before the first span: whether they are on."""
    instants, zone = calendar.changes["working_hours"], ZoneInfo(site.zone)
    on = len(instants) % 2 == 1
    if not instants and site.calendar.is_on(span.begin_ns, zone):
        instants.append(span.begin_ns)
        on = True
    for at in site.calendar.turns(span.begin_ns, span.end_ns, zone):
        if site.calendar.is_on(at, zone) != on:
            instants.append(at)
            on = not on


def _fires(calendar: Calendar, moved: Sequence[Transition]) -> None:
    """The site is on fire while some panel's confirmed fire stands."""
    instants = calendar.changes["site_fire"]
    burning = calendar.burning
    for t in sorted((t for t in moved if t.rule == CONFIRMED), key=lambda t: t.at_ns):
        before = bool(burning)
        (burning.add if t.after in OPEN else burning.discard)(t.equipment)
        if bool(burning) != before:
            instants.append(t.at_ns)
