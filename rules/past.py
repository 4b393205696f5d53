"""An evaluator over what was: the engine's own, whose rows may each stand at an instant of their own, and which knows when time alone will
turn something. Live there is a tick each second; in history time is moved to the instants that matter, row by row.

A row is a machine, or one stretch of a machine's history (rules/stretches.py). Looks are at a row's own samples, at its own turning
instants and where a fact of the site changes, so what is found about a machine does not depend on what else is in the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.kinds import Kind
from plantroom.site import Equipment
from rules.applies import SiteSettings
from rules.condition import Transition
from rules.conditions import FOREVER, STATES, Change
from rules.evaluate import JUST_AFTER_NS, LONGEST_WAIT_S, KindEvaluator
from rules.look import Look
from rules.lookback import COMPARISONS, COUNTING, WINDOWS
from rules.ring import Ring
from rules.rule import Rule
from rules.samples import Indexes
from rules.silence import Silence
from rules.turning import Turning
from rules.types import FACTS
from rules.windows import NEVER, Bools, Floats, Ints, Rows, Truth

FOREVER_S = 183 * 86_400.0


@dataclass(slots=True)
class Calendar:
    """What was true of the whole site, and when nobody listened. Grows with the history; the evaluators share it.

    changes: by fact, ascending instants at which it turned, the first to yes. pauses: (last row before, first row after) of the
    stretches in which the recorder was off: no device is called silent for them. burning: panels whose confirmed fire stands.
    """

    changes: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in FACTS})
    pauses: list[tuple[int, int]] = field(default_factory=list)
    burning: set[str] = field(default_factory=set)

    def facts_at(self, now: Ints) -> Mapping[str, Truth]:
        found = {}
        for name, instants in self.changes.items():
            yes: Bools = np.searchsorted(np.array(instants, np.int64), now, "right") % 2 == 1
            found[name] = (yes, ~yes)
        return found

    def listened(self, at_ns: Ints) -> Ints:
        """The instants on a clock that stands still while nobody listens."""
        off = np.zeros_like(at_ns)
        for begin, end in self.pauses:
            off += np.clip(at_ns, begin, end) - begin
        return np.where(at_ns == NEVER, NEVER, at_ns - off)

    def paused(self, now: Ints) -> Bools:
        found = np.zeros(now.shape, np.bool_)
        for begin, end in self.pauses:
            found |= (now >= begin) & (now < end)
        return found


class PastEvaluator(KindEvaluator):
    """turns_ns: per row, the next instant at which time alone may change something, as of its last look."""

    def __init__(self, kind: Kind, equipment: Sequence[Equipment], rules: Sequence[Rule], site: SiteSettings, calendar: Calendar) -> None:
        super().__init__(kind, equipment, rules, site)
        self._calendar = calendar
        if self.silence is not None:
            self.silence = _Listening(kind, self.equipment, calendar)
        aged = {str(node.data[0]) for node in self._graph.nodes if node.op in ("age", "stale")}
        bound = [{binding.kind_point.name for binding in machine.bindings} for machine in self.equipment]
        has = [[name in aged and name in have for have in bound] for name in self.samples.names]
        self._aged = np.array(has, np.bool_).reshape(len(self.samples.names), self._size)
        self._asks_facts = any(node.op == "fact" for node in self._graph.nodes)
        self._turns = Turning(self._graph, self.program, [root for pair in self._roots for root in pair if root is not None])
        self.turns_ns = np.full(self._size, FOREVER, np.int64)
        self._limits = {key: limit for key, limit in self._longest_asked()}

    @property
    def asks_facts(self) -> bool:
        return self._asks_facts

    @property
    def learns(self) -> bool:
        """Does something here remember from the very beginning on?"""
        return any(node.op in ("std", "learned", "learned_spread") for node in self._graph.nodes)

    def warm_ns(self) -> int:
        """How long a stretch has usually to be watched before it knows what one that was watched for ever does. A ring's oldest bucket
        counts whole, the newest sample may be a poll old. Only time depends on it: where it is too short the seam shows.
        """
        rings = [state for state in self.program.states.values() if isinstance(state, Ring)]
        lengths = [self._lengths(rule, length).max(initial=0) / NS for rule in self.rules for length in (rule.for_, rule.clear_after)]
        reach_s = min(self._reach_s() + 2 * max(lengths, default=0.0), FOREVER_S) + 4 * max(self._poll_s(), 1.0)
        return round(reach_s * NS) + 2 * max((ring.width for ring in rings), default=0)

    def _reach_s(self) -> float:
        """How far the deepest expression looks back: windows and limits of lengths, one inside the other added up."""
        nodes = self._graph.nodes
        reach: list[float] = []
        for node in nodes:
            own = float(str(node.data[0])) if node.op in WINDOWS else 0.0
            for side, other in (node.args, node.args[::-1]) if node.op in COMPARISONS else ():
                if nodes[side].op in COUNTING and nodes[other].static:
                    limit = float(np.nanmax(np.abs(self.program.fixed(other)), initial=0.0))
                    own = max(own, limit * (self._poll_s() if nodes[side].op == "polls_missed" else 1.0))
            reach.append(own + max((reach[a] for a in node.args), default=0.0))
        return max((reach[root] for pair in self._roots for root in pair if root is not None), default=0.0)

    def _poll_s(self) -> float:
        return max((binding.period_s for machine in self.equipment for binding in machine.bindings), default=1.0)

    def look_at(self, rows: Indexes, until_ns: Ints) -> None:
        """Works out `turns_ns` of the rows just looked at. until_ns: of each the instant at which it is looked at again anyway."""
        where: Rows = slice(None) if rows.size == self._size else rows
        now, look = self._clock[where], self._look
        assert look is not None, "only after a look"
        waits = np.where(until_ns == FOREVER, LONGEST_WAIT_S, (until_ns - now) / NS)
        left = self._turns.each(look, waits)
        turns = np.where(left < LONGEST_WAIT_S, now + (np.minimum(left, LONGEST_WAIT_S) * NS).astype(np.int64) + JUST_AFTER_NS, FOREVER)
        timer = self.held.deadline[:, where].min(axis=0, initial=FOREVER)
        until = self.samples.until[:, where]
        fresh = (until > now) & ~np.isnan(self.samples.value[:, where])
        stale = np.where(fresh, until, FOREVER).min(axis=0, initial=FOREVER)
        self.turns_ns[where] = np.minimum(np.minimum(timer, stale), turns)

    def _seen(self, where: Rows, now: Ints, passed: Ints, came: tuple[Indexes, Bools] | None) -> Look:
        look = super()._seen(where, now, passed, came)
        if self._asks_facts:
            look.facts = self._calendar.facts_at(now)
        if self._calendar.pauses:
            look.silence_grows = ~self._calendar.paused(now)
        return look

    def _transition(self, change: Change) -> Transition:
        """Without the values that moved it: history is asked for instants."""
        before, after = STATES[change.before], STATES[change.after]
        machine, rule = self.equipment[change.machine].id, self.rules[change.rule].id
        return Transition(machine, rule, before, after, change.at_ns, change.onset_ns, change.no_data, {}, {})

    # --- what is remembered of a row, for taking it elsewhere and for asking whether two rows remember the same

    def by_row(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        """Every array that differs between rows, machines first."""
        for name, array in self.remembered():
            group = name.partition("/")[0]
            if name in ("facts", "sample/late") or name.endswith("/origin"):
                continue
            yield name, array.T if group in ("sample", "condition", "silence", "vitals") else array
        yield "turns", self.turns_ns

    def settled(self, rows: Indexes) -> dict[str, npt.NDArray[np.generic]]:
        """What may still matter of what these rows remember: two that agree in it behave the same for ever, but for a fault's onset.

        A value gone stale, a duration beyond every limit it is compared with, the timers of what is at rest: no longer told apart.
        """
        found = {name: array[rows] for name, array in self.by_row() if name not in ("start", "heard")}
        clock = self._clock[rows]
        _forget_samples(found, clock)
        good = np.maximum(found["sample/good"].astype(np.int64), self._start[rows][:, None])
        found["sample/good"] = np.where(self._aged.T[rows], good, 0)
        _forget_conditions(found)
        if self.vitals is not None:
            found["vitals/moved"] = np.where(self.vitals.lively.T[rows], found["vitals/moved"], 0)
        for key, limit in self._limits.items():
            if (counted := found.get(f"{key}/counted")) is not None:
                found[f"{key}/counted"] = np.minimum(counted.astype(np.int64), limit)
            elif (seen := found.get(f"{key}/seen")) is not None:
                found[f"{key}/seen"] = np.where((seen != NEVER) & (clock - seen.astype(np.int64) > limit), -1, seen)
        for name in [name for name in found if name.endswith("/filled")]:
            _forget_learning(found, name.removesuffix("/filled"))
        for name in [name for name in found if name.endswith("/reference")]:
            if f"{name.removesuffix('/reference')}/past.square" not in found:
                del found[name]
        return found

    def _longest_asked(self) -> Iterator[tuple[str, int]]:
        """By the key of a remembered length the longest limit it is compared with, in ns; not there where it is used otherwise."""
        nodes = self._graph.nodes
        for index, node in enumerate(nodes):
            if node.op not in ("duration", "since"):
                continue
            longest = 0.0
            for user in (other for other in nodes if index in other.args):
                limit = next((a for a in user.args if a != index), index)
                if user.op not in ("less", "less_equal", "greater", "greater_equal") or not nodes[limit].static:
                    break
                longest = max(longest, float(np.nanmax(self.program.fixed(limit), initial=0.0)))
            else:
                yield self._graph.spelled(index), round(longest * NS) + NS


def _forget_samples(found: dict[str, npt.NDArray[np.generic]], clock: Ints) -> None:
    until, value = found["sample/until"].astype(np.int64), found["sample/value"].astype(np.float64)
    gone = (until <= clock[:, None]) | np.isnan(value)
    found["sample/until"], found["sample/value"] = np.where(gone, 0, until), np.where(gone, np.nan, value)


def _forget_conditions(found: dict[str, npt.NDArray[np.generic]]) -> None:
    state = found["condition/state"]
    pending, open_ = state == 1, state != 0
    running = pending | (state == 3)
    found["condition/seen"] = np.where(open_, found["condition/seen"], 0)
    found["condition/onset"] = np.where(pending, found["condition/onset"], 0)
    for name in ("held", "deadline"):
        found[f"condition/{name}"] = np.where(running, found[f"condition/{name}"], 0)


def _forget_learning(found: dict[str, npt.NDArray[np.generic]], key: str) -> None:
    done = found[f"{key}/filled"].astype(np.int64) >= found[f"{key}/means"].shape[1]
    for name in ("known", "area", "held"):
        array = found[f"{key}/{name}"].astype(np.float64)
        found[f"{key}/{name}"] = np.where(done, 0.0, array)
    found[f"{key}/means"] = np.where(done[:, None], 0.0, found[f"{key}/means"].astype(np.float64))


class _Listening(Silence):
    """Silence counts on a clock that stands still while the recorder is off."""

    def __init__(self, kind: Kind, equipment: Sequence[Equipment], calendar: Calendar) -> None:
        super().__init__(kind, equipment)
        self._calendar = calendar

    def seconds(self, where: Rows, now: Ints) -> tuple[Floats, Floats]:
        if not self._calendar.pauses:
            return super().seconds(where, now)
        truly = self.answered
        self.answered = self._calendar.listened(truly)
        try:
            return super().seconds(where, self._calendar.listened(now))
        finally:
            self.answered = truly
