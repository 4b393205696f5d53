"""The part of a program that remembers: durations, windows, what is learned. Expressions of one sort are kept and moved together.

A task is a node of the graph or, with a number beyond them, the feeding of a ring or of what is learned: once per look, before the first
function that asks it. From MANY machines on each is kept by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rules.functions import LEARNING, WINDOWED
from rules.graph import Form, Graph
from rules.lasting import Lasting, Since
from rules.learned import Learned
from rules.look import Look, Machines
from rules.operations import Step
from rules.ring import Ring
from rules.rings import Rings
from rules.schedule import Stage
from rules.sheet import Places, Sheet, index_of, pick, span_of
from rules.slots import Window
from rules.windows import Bools


class Feeding(NamedTuple):
    """What is fed, the same for all functions that ask the same."""

    windowed: bool
    args: tuple[int, ...]
    length_s: float
    counter: bool


class Stateful:
    """families, needs: of all its tasks, for the schedule. states: what is remembered, by expression, in the order of the graph."""

    def __init__(self, graph: Graph, machines: Machines, wanted: Sequence[int]) -> None:
        self._graph, self._machines = graph, machines
        self._feeds: dict[Feeding, int] = {}
        self.families: dict[int, str] = {}
        self.needs: dict[int, Sequence[int]] = {}
        self.states: dict[str, Lasting | Since | Ring | Learned] = {}
        self._number: dict[int, int] = {}  # of a task among those of its family
        self._lengths: dict[str, Lasting | Since] = {}
        self._rings = Rings(machines.size, ())
        self._learned: dict[int, Learned] = {}
        self._wanted = [index for index in wanted if graph.nodes[index].op in (*WINDOWED, *LEARNING, "duration", "since")]
        for index in self._wanted:
            self._enter(index)

    def _enter(self, index: int) -> None:
        node = self._graph.nodes[index]
        if node.op in ("duration", "since"):
            self._task(index, node.op, node.args)
            return
        sort = "feed" if node.op in WINDOWED else "teach"
        key = self._feeding(index)
        feed = self._feeds.setdefault(key, len(self._graph.nodes) + len(self._feeds))
        self._task(feed, sort, node.args)
        self._task(index, node.op, (feed,))

    def _task(self, task: int, family: str, needs: Sequence[int]) -> None:
        self.families[task], self.needs[task] = family, needs

    def _feeding(self, index: int) -> Feeding:
        node = self._graph.nodes[index]
        counter = len(node.data) > 1 and bool(node.data[1])
        return Feeding(node.op in WINDOWED, node.args, float(str(node.data[0])), counter)

    # --- what is kept

    def keep(self, plan: Sequence[Stage]) -> None:
        """Makes the memory, in the order of the plan: what is done together stands together."""
        order: dict[str, list[int]] = {}
        for family, tasks in plan:
            if tasks[0] in self.families:
                tasks.sort(key=self._yes_no_first)
                order.setdefault(family, []).extend(tasks)
        size, keyed = self._machines.size, {feed: key for key, feed in self._feeds.items()}
        for family, tasks in order.items():
            self._number |= {task: number for number, task in enumerate(tasks)}
            if family in ("duration", "since"):
                self._lengths[family] = (Lasting if family == "duration" else Since).of(len(tasks), size)
            elif family == "feed":
                self._rings = Rings(size, [self._window(keyed[task]) for task in tasks])
            elif family == "teach":
                self._learned |= {task: Learned(size, keyed[task].length_s) for task in tasks}
        self._name()

    def _yes_no_first(self, task: int) -> bool:
        """Fed together they are two blocks."""
        return self._graph.nodes[self.needs[task][0]].type.form is not Form.BOOL if task >= len(self._graph.nodes) else False

    def _is_yes_no(self, key: Feeding) -> bool:
        return self._graph.nodes[key.args[0]].type.form is Form.BOOL

    def _window(self, key: Feeding) -> Window:
        nodes = self._graph.nodes
        asked = frozenset(node.op for index, node in enumerate(nodes) if node.op in WINDOWED and self._feeding(index) == key)
        period_s = self._machines.period_s(self._graph.points(*key.args))
        return Window(key.length_s, period_s, asked, counter=key.counter, yes_no=self._is_yes_no(key))

    def _name(self) -> None:
        spelled = self._graph.spelled
        for index in self._wanted:
            if (lengths := self._lengths.get(self.families[index])) is not None:
                self.states[spelled(index)] = lengths.part(self._number[index])
                continue
            key = self._feeding(index)
            feed, what = self._feeds[key], ",".join(spelled(a) for a in key.args)
            if key.windowed:
                self.states.setdefault(
                    f"{what} over {key.length_s:g}{' counted' if key.counter else ''}", Ring(self._rings, self._number[feed])
                )
            else:
                self.states.setdefault(f"learned({what}) in {key.length_s:g}", self._learned[feed])

    # --- what is done

    def let_pass(self, look: Look, together: bool) -> None:
        """Time passes for what is held in windows, before anything new is taken."""
        self._rings.let_pass(look.span, together)

    def step(self, tasks: Sequence[int], places: Places) -> Step:
        """What does tasks of one family that stand together."""
        family, first = self.families[tasks[0]], self._number[tasks[0]]
        if family in self._lengths:
            return self._lasting(tasks, self._lengths[family].part(slice(first, first + len(tasks))), places)
        if family == "feed":
            return self._feed(tasks, first, places)
        if family == "teach":
            return _in_turn([self._teach(task, places) for task in tasks])
        if family in LEARNING:
            return _in_turn([self._known(task, places) for task in tasks])
        return self._answer(family, tasks, places)

    def _lasting(self, tasks: Sequence[int], kept: Lasting | Since, places: Places) -> Step:
        arguments = [places.truth[self._graph.nodes[task].args[0]] for task in tasks]
        true, false = (index_of([pair[side] for pair in arguments]) for side in (0, 1))
        out = span_of([places.number[task] for task in tasks])

        def lasting(sheet: Sheet) -> None:
            sheet.numbers[out] = kept.update(sheet.look.span, (pick(sheet.truths, true), pick(sheet.truths, false)))

        return lasting

    def _feed(self, tasks: Sequence[int], first: int, places: Places) -> Step:
        rings = self._rings
        some = rings.some(first, first + len(tasks))
        arguments = [self.needs[task][0] for task in tasks]
        logical = [a for a in arguments if self._graph.nodes[a].type.form is Form.BOOL]
        numbers = index_of([places.number[a] for a in arguments[len(logical) :]] or [0])
        true, false = (index_of([places.truth[a][side] for a in logical] or [0]) for side in (0, 1))
        count, yes_no = len(tasks), len(logical)
        hits = [n for n in range(count) if "hits" in rings.windows[first + n].names]
        points = {n: [self._machines.points[name] for name in self._graph.points(arguments[n])] for n in hits}

        def fresh_of(look: Look) -> Bools | None:
            if look.fresh is None or not hits:
                return None
            fresh = np.zeros((count, look.span.now.size), np.bool_)
            for n, rows in points.items():
                fresh[n] = np.logical_or.reduce(look.fresh[rows])
            return fresh

        def feed(sheet: Sheet) -> None:
            look = sheet.look
            x = np.empty((count, look.span.now.size))
            if yes_no:
                x[:yes_no] = np.where(pick(sheet.truths, true), 1.0, np.where(pick(sheet.truths, false), 0.0, np.nan))
            if yes_no < count:
                x[yes_no:] = pick(sheet.numbers, numbers)
            rings.take(some, look.span.rows, x, fresh_of(look))

        return feed

    def _answer(self, function: str, tasks: Sequence[int], places: Places) -> Step:
        feeds = [self._feeds[self._feeding(task)] for task in tasks]
        rings = self._rings
        asked = rings.asked(function, [self._number[feed] for feed in feeds])
        if function == "changed":
            true, false = (span_of([places.truth[task][side] for task in tasks]) for side in (0, 1))

            def changed(sheet: Sheet) -> None:
                sheet.truths[true], sheet.truths[false] = rings.changed(asked, sheet.look.span.rows)

            return changed
        out = span_of([places.number[task] for task in tasks])
        bounds = places.least if tasks[0] in places.least else places.most
        beside = span_of([bounds[task] for task in tasks]) if tasks[0] in bounds else None

        def answer(sheet: Sheet) -> None:
            sheet.numbers[out], bound = rings.answer(asked, sheet.look.span.rows)
            if beside is not None:
                sheet.numbers[beside] = bound

        return answer

    def _teach(self, task: int, places: Places) -> Step:
        """Value and spread of one expression share what is learned."""
        state, (a, *condition) = self._learned[task], self.needs[task]
        number, truth = places.number[a], places.truth[condition[0]] if condition else None

        def teach(sheet: Sheet) -> None:
            state.update(sheet.look.span, sheet.numbers[number], sheet.truth(truth) if truth is not None else None)

        return teach

    def _known(self, task: int, places: Places) -> Step:
        state, row = self._learned[self._feeds[self._feeding(task)]], places.number[task]
        spread = self._graph.nodes[task].op == "learned_spread"

        def known(sheet: Sheet) -> None:
            sheet.numbers[row] = (state.spread if spread else state.middle)[sheet.look.span.rows]

        return known


def _in_turn(steps: Iterable[Callable[[Sheet], None]]) -> Step:
    found = tuple(steps)

    def run(sheet: Sheet) -> None:
        for step in found:
            step(sheet)

    return run
