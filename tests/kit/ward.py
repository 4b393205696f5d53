"""A ward: many machines of one kind, each with an upset of its own, judged by the whole pack at the points' own sampling.

No wire, no journal: plant -> samples -> the engine's evaluator. What is proven is that the pack finds what it must, in time, once, and
says nothing else; that wires and engine carry it is proven elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

import numpy as np

from plantroom.clock import NS, to_ns
from plantroom.kinds import load_kind
from plantroom.model import Batch, Quality
from plantroom.site import Equipment
from rules.applies import SiteSettings, parameters
from rules.book import pack
from rules.condition import State
from rules.evaluate import KindEvaluator
from rules.rule import Rule
from rules.virtual import bound
from simulators.devices import plants
from simulators.devices.plant import Plant
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets import UPSETS

ZONE = "Asia/Shanghai"
HEALTHY_SPAN = "2026-07-15T00:00:00+08:00"
TAIL_S = 60.0  # watched after the last moment at which a fault may be raised: nothing else may come
SLACK_S = 1.0
DAY_S = 86_400.0
SEASONS, SEASON_DAYS = 4, 91  # whole weeks, so that working hours are the same in each
NEIGHBOURS = 5  # healthy machines of one building: the same weather, the same supply


@dataclass(frozen=True, slots=True)
class Case:
    """One machine of a ward. upset None: a healthy one. later_days: its calendar stands so far ahead of the ward's, in whole weeks."""

    upset: Upset | None
    settings: Mapping[str, float]
    seed: int
    later_days: int = 0

    def __str__(self) -> str:
        name = self.upset.name if self.upset else "healthy"
        return f"{name}{dict(self.settings) if self.settings else ''} on machine {self.seed}"


@dataclass(slots=True)
class Course:
    """What was said about one machine: (s since the upset began, rule, state) of every transition."""

    case: Case
    said: list[tuple[float, str, State]] = field(default_factory=list)

    def raised(self, rule: str | None = None) -> list[tuple[float, str]]:
        return [(at, name) for at, name, state in self.said if state is State.ACTIVE and rule in (None, name)]


@dataclass(frozen=True, slots=True)
class Read:
    """What is read from some machines at once. where: their cells of a step."""

    period_s: float
    where: tuple[np.ndarray, ...]
    machines: Sequence[Plant]
    shown: Callable[[Mapping[str, float]], object]


class Ward:
    """Machines of one kind that start at the same instant and are stepped alike. neighbours: so many in a row share their surroundings."""

    def __init__(
        self, kind: str, cases: Sequence[Case], *, at: str, after_s: float, length_s: float, tick_s: float, neighbours: int = 1
    ) -> None:
        self.kind, self.cases = load_kind(kind), tuple(cases)
        self._after_s, self._length_s, self._tick_s = after_s, length_s, tick_s
        self._now_ns = to_ns(datetime.fromisoformat(at))
        made = plants()[kind]
        self.machines: list[Plant] = []
        self._around: list[tuple[Surroundings, int]] = []  # and how far ahead of the ward's time they are, ns
        self._near: list[Surroundings] = []  # each machine's
        fleet: list[Equipment] = []
        for n, case in enumerate(self.cases):
            if n % neighbours == 0:
                ahead = round(case.later_days * DAY_S) * NS
                around = Surroundings(ZONE, np.random.default_rng([case.seed, 0]), self._now_ns + ahead)
                self._around.append((around, ahead))
            make = made.MAKES[(case.upset.make if case.upset else n) % len(made.MAKES)]
            bare = Equipment(f"machine-{n}", self.kind, f"machine {n}", parameters={**made.PARAMETERS, **make})
            shown = made.built(bare, {**made.PARAMETERS, **make}, np.random.default_rng([case.seed, 1]), around, ())
            names = [name for name in self.kind.points if name in shown.points]
            fleet.append(bound(bare, {name: max(self.kind.points[name].period_s, tick_s) for name in names}))
            self.machines.append(shown)
            self._near.append(around)
        self.evaluator = KindEvaluator(self.kind, fleet, pack().for_kind(kind))
        self._reads = list(self._reading())
        self._low, self._high = np.full(len(self.evaluator.columns), -np.inf), np.full(len(self.evaluator.columns), np.inf)
        for name, column in self.evaluator.columns.items():
            if (span := self.kind.points[name].range) is not None:
                self._low[column], self._high[column] = span

    def _reading(self) -> Iterator[Read]:
        """Points of one period that some of the machines have alike."""
        alike: dict[tuple[str, ...], list[int]] = {}
        for row, machine in enumerate(self.machines):
            alike.setdefault(tuple(name for name in self.evaluator.columns if name in machine.points), []).append(row)
        for names, rows in alike.items():
            for period_s in sorted({max(self.kind.points[name].period_s, self._tick_s) for name in names}):
                read = [name for name in names if max(self.kind.points[name].period_s, self._tick_s) == period_s]
                where = np.ix_(rows, [self.evaluator.columns[name] for name in read])
                yield Read(period_s, where, [self.machines[row] for row in rows], itemgetter(*read))

    def rule(self, rule: str) -> Rule | None:
        return next((found for found in self.evaluator.rules if found.id == rule), None)

    def patience_s(self, rule: Rule) -> float:
        machine = self.evaluator.equipment[0]
        value = parameters(rule, machine, SiteSettings())[rule.for_] if isinstance(rule.for_, str) else rule.for_
        return float(value or 0.0)

    def period_s(self, rule: Rule) -> float:
        """The slowest of the points it needs: a change is seen with the next sample."""
        needed = {name for entry in rule.needs for name in entry}
        machine = self.evaluator.equipment[0]
        return max((b.period_s for b in machine.bindings if b.kind_point.name in needed), default=1.0)

    def run(self) -> list[Course]:
        courses = [Course(case) for case in self.cases]
        begun_ns = self._now_ns + round(self._after_s * NS)
        everyone = np.arange(len(self.machines))
        at = {machine.id: n for n, machine in enumerate(self.evaluator.equipment)}
        for tick in range(1, round((self._after_s + self._length_s) / self._tick_s) + 1):
            began = self._now_ns < begun_ns
            self._now_ns += round(self._tick_s * NS)
            if began and self._now_ns >= begun_ns:
                for machine, case in zip(self.machines, self.cases, strict=True):
                    if case.upset is not None:
                        machine.upset(case.upset.name, **case.settings)
            for around, ahead in self._around:
                around.step(self._now_ns + ahead, self._tick_s)
            for near, machine in zip(self._near, self.machines, strict=True):
                machine.step(near.now_s, self._tick_s)
            self.evaluator.tell({"site_fire": self._near[0].fire, "working_hours": self._near[0].working_hours})
            values, quality = self._samples(tick)
            for t in self.evaluator.step(everyone, np.full(everyone.size, self._now_ns, np.int64), values, quality):
                back = t.before is State.RECOVERING and t.after is State.ACTIVE  # it never went: no second raise
                if not back and (t.after is not State.PENDING or t.before is not State.CLEARED):
                    courses[at[t.equipment]].said.append(((t.at_ns - begun_ns) / NS, t.rule, t.after))
        return courses

    def _samples(self, tick: int) -> tuple[np.ndarray, np.ndarray]:
        size = len(self.machines), len(self.evaluator.columns)
        values, quality = np.full(size, np.nan), np.full(size, Batch.ABSENT, np.uint8)
        now_s = tick * self._tick_s
        for read in self._reads:
            if now_s % read.period_s < self._tick_s:
                values[read.where] = np.array([read.shown(machine.points) for machine in read.machines]).reshape(len(read.machines), -1)
                quality[read.where] = Quality.GOOD
        sampled = quality == Quality.GOOD
        quality[sampled & (values != values)] = Quality.SENTINEL
        quality[sampled & ((values < self._low) | (values > self._high))] = Quality.OUT_OF_RANGE
        values[quality != Quality.GOOD] = np.nan
        return values, quality


def wards(kind: str, *, sizes: bool, slow: bool, within_s: float = math.inf) -> Iterator[tuple[Ward, Sequence[Case]]]:
    """Every upset of a kind that a rule must find, those of one instant and tick together. sizes: all three of each, else one.

    slow: those that take a coarse tick or more than four hours, else the others. within_s: of those, only what is over so soon.
    """
    groups: dict[tuple[str, float, float, float], list[Case]] = {}  # instant, tick, how long it is watched, days before it
    rules = {rule.id: rule for rule in pack().for_kind(kind)}
    for upset in UPSETS[kind].values():
        if upset.found_by is None or upset.found_by not in rules:
            continue
        rule = rules[upset.found_by]
        patience = rule.for_ if isinstance(rule.for_, float) else rule.parameters[rule.for_].value or 0.0
        if slow != (upset.tick_s > 5.0 or upset.shows_s + patience > 4 * 3600.0):
            continue
        settings = upset.sizes or ({},) * 3
        length = 600.0 * -(-(upset.shows_s + patience) // 600.0)
        groups.setdefault((upset.at, upset.tick_s, max(length, min(upset.after_s, DAY_S)), upset.after_s // DAY_S), []).extend(
            Case(upset, given, seed) for seed, given in enumerate(settings if sizes else settings[-2:-1] or settings[:1], 1)
        )
    for (at, tick_s, length, _), cases in groups.items():
        after = max(case.upset.after_s for case in cases if case.upset)
        longest = max(length, 60.0) + TAIL_S + 4 * max(60.0, tick_s)
        if after + longest > within_s:
            continue
        yield Ward(kind, cases, at=at, after_s=after, length_s=longest, tick_s=tick_s), cases


def wrong_with(ward: Ward, course: Course) -> list[str]:
    """What the pack did not do as it should; an empty list is a pass."""
    upset = course.case.upset
    if upset is None:
        return [f"{course.case}: {rule} was raised after {at:g} s" for at, rule in course.raised()]
    rule = ward.rule(upset.found_by or "")
    assert rule is not None
    latest = upset.shows_s + ward.patience_s(rule) + ward.period_s(rule) + SLACK_S
    found = [at for at, _ in course.raised(rule.id)]
    wrong = []
    if not found:
        wrong.append(f"{course.case}: {rule.id} was not raised")
    elif not 0.0 <= found[0] <= latest:
        wrong.append(f"{course.case}: {rule.id} was raised after {found[0]:g} s, at the latest wanted after {latest:g} s")
    if len(found) > 1:
        wrong.append(f"{course.case}: {rule.id} was raised {len(found)} times, at {', '.join(f'{at:g}' for at in found)} s")
    wrong += [f"{course.case}: {name} was raised after {at:g} s" for at, name in course.raised() if name not in (rule.id, *upset.leads_to)]
    return wrong


def healthy(kind: str, machines: int, days: float, tick_s: float, at: str = HEALTHY_SPAN) -> Ward:
    """Machines on which nothing goes wrong, a part of them in each season, five to a building."""
    cases = [Case(None, {}, 100 + n, SEASON_DAYS * (n // NEIGHBOURS % SEASONS)) for n in range(machines)]
    return Ward(kind, cases, at=at, after_s=0.0, length_s=days * DAY_S, tick_s=tick_s, neighbours=NEIGHBOURS)
