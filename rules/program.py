"""Checked graph -> a program over arrays: every expression of all rules of a kind, each computed once per look, for many machines at once.

Plain operations are rules/operations.py, what remembers rules/stateful.py; here stand the points and what never changes (computed once).
Operations of one family are done together (rules/schedule.py) while the machines of a look are few: then it is the calls of numpy that
cost. Of many machines at a time each is done alone, in place, without gathering its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from rules.graph import Form, Graph, Node
from rules.look import Look, Machines
from rules.operations import AT_LEAST, AT_MOST, Step, family, step_of
from rules.schedule import ALONE, Stage, stages
from rules.sheet import NO, UNKNOWN, YES, Index, Places, Sheet, pick
from rules.stateful import Stateful
from rules.vitals import NAMES
from rules.windows import Bools, Floats, Rows, Span, Truth

GIVEN = ("fact", "silence", "polls_missed", "age", "stale", *NAMES)  # told by the look
MANY = 2_000  # machines: from here on the arrays of many expressions no longer fit the cache together


class Program:
    """run(look) computes everything; truth(node) is then the (true, false) of a condition. states: what is remembered, by expression.

    roots: the conditions anybody asks for, None = all; what none of them depends on is not computed, and unknown.
    """

    def __init__(self, graph: Graph, machines: Machines, roots: Iterable[int] | None = None) -> None:
        self._graph, self._machines = graph, machines
        nodes = graph.nodes
        self._places = places = Places(sum(node.type.form is Form.BOOL for node in nodes))
        self._fixed = self._settle()
        wanted = self._wanted(range(len(nodes)) if roots is None else roots)
        self._points = slice(places.numbers, places.numbers + len(machines.points))
        places.number |= {index: places.numbers + machines.points[str(n.data[0])] for index, n in enumerate(nodes) if n.op == "point"}
        places.numbers += len(machines.points)
        given = [index for index in wanted if nodes[index].op in GIVEN]
        self._place(given)
        self._given = [self._read(index, nodes[index]) for index in given]
        self._stateful = Stateful(graph, machines, wanted)
        self.states = self._stateful.states
        families: dict[int, str] = {index: name for index in wanted if (name := _family(nodes[index].op)) is not None}
        self._plan = self._planned(families | self._stateful.families, self._stateful.needs)
        self._stateful.keep(self._plan)
        self._few = list(self._steps(lambda tasks: [tasks]))
        self._sheet: Sheet
        self._part: Sheet | None = None

    def run(self, look: Look) -> None:
        sheet = self._sheet = self._sheet_of(look.span)
        sheet.look = look
        sheet.numbers[self._points] = look.known
        together = look.span.now.size < MANY
        with np.errstate(all="ignore"):
            for step in self._given:
                step(sheet)
            self._stateful.let_pass(look, together)
            for step in self._few if together else self._many:
                step(sheet)

    def truth(self, node: int) -> Truth:
        return self._sheet.truth(self._places.truth[node])

    def number(self, node: int) -> Floats:
        found: Floats = self._sheet.numbers[self._places.number[node]]
        return found

    def fixed(self, node: int) -> Floats:
        """A number that never changes, of every machine."""
        found: Floats = self._fixed.numbers[self._places.number[node]]
        return found

    def rows_of(self, node: int) -> tuple[int, int]:
        """Where a condition stands, for `table`: known true, known false."""
        return self._places.truth[node]

    def table(self, rows: Index) -> Bools:
        found: Bools = pick(self._sheet.truths, rows)
        return found

    # --- what never changes

    def _settle(self) -> Sheet:
        graph, places, machines = self._graph, self._places, self._machines
        static = [index for index, node in enumerate(graph.nodes) if node.static]
        leaves = [index for index in static if graph.nodes[index].op in ("parameter", "has", "number", "truth")]
        self._place(leaves)
        plan = self._planned({index: name for index in static if (name := _family(graph.nodes[index].op)) is not None}, {})
        sheet = Sheet(places, machines.size)
        for index in leaves:
            node = graph.nodes[index]
            if node.op in ("parameter", "number"):
                parameter = node.op == "parameter"
                values = machines.parameters[str(node.data[0]), str(node.data[1])] if parameter else float(str(node.data[0]))
                sheet.numbers[places.number[index]] = values
            else:
                there = machines.has(str(node.data[0])) if node.op == "has" else bool(node.data[0])
                true, false = places.truth[index]
                sheet.truths[true], sheet.truths[false] = there, np.logical_not(there)
        with np.errstate(all="ignore"):
            for name, tasks in plan:
                if name != ALONE:
                    step_of(graph, places, tasks)(sheet)
        self._fixed_numbers, self._fixed_truths = places.numbers, places.truths
        numbers, truths = sheet.numbers[: places.numbers], sheet.truths
        self._uniform = bool(((numbers == numbers[:, :1]) | (numbers != numbers)).all() and (truths == truths[:, :1]).all())
        return sheet

    @cached_property
    def _whole(self) -> Sheet:
        """For looks at all machines."""
        return self._filled(Sheet(self._places, self._machines.size), slice(None))

    def _sheet_of(self, span: Span) -> Sheet:
        """The last look's where it was as wide: what is written anew at each look need not be made anew."""
        if isinstance(span.rows, slice):
            return self._whole
        if self._part is None or self._part.numbers.shape[1] != span.now.size:
            self._part = self._filled(Sheet(self._places, span.now.size), span.rows)
        elif not self._uniform:
            self._filled(self._part, span.rows)
        return self._part

    def _filled(self, sheet: Sheet, rows: Rows) -> Sheet:
        """With what never changes."""
        fixed, half = self._fixed, self._places.half
        sheet.numbers[1 : self._fixed_numbers] = fixed.numbers[1 : self._fixed_numbers, rows]
        for first, end in ((3, self._fixed_truths), (half + 3, half + self._fixed_truths)):
            sheet.truths[first:end] = fixed.truths[first:end, rows]
        return sheet

    # --- what need not be computed

    def _wanted(self, roots: Iterable[int]) -> list[int]:
        """The changing nodes that the roots depend on. Behind a `has()` that is false for all machines nothing is computed; a yes/no that
        is settled by it gets its value here, once and for all; what nobody asks for is unknown."""
        nodes, settled, places = self._graph.nodes, dict[int, bool](), self._places
        for index, node in enumerate(nodes):
            if node.type.form is Form.BOOL and (truth := self._known(index, node, settled)) is not None:
                settled[index] = truth
        wanted, todo = set[int](), list(roots)
        while todo:
            index = todo.pop()
            if index not in wanted and index not in settled and not nodes[index].static:
                wanted.add(index)
                todo += nodes[index].args
        for index, node in enumerate(nodes):
            if node.static or index in wanted:
                continue
            if node.type.form is Form.BOOL:
                places.constant(index, UNKNOWN if index not in settled else YES if settled[index] else NO)
            else:
                places.number[index] = UNKNOWN
        return sorted(wanted)

    def _known(self, index: int, node: Node, settled: Mapping[int, bool]) -> bool | None:
        """A yes/no that is the same for every machine at every instant; None where it is not, or unknown."""
        if node.static:
            true, false = self._fixed.truth(self._places.truth[index])
            return bool(true[0]) if true.size and (true.all() and not false.any() or false.all() and not true.any()) else None
        if node.op == "not":
            inner = settled.get(node.args[0])
            return None if inner is None else not inner
        if node.op in ("and", "or"):
            decides = node.op == "or"  # one side alone
            sides = [settled.get(a) for a in node.args]
            return decides if decides in sides else None if None in sides else not decides
        return None

    # --- in which order, and where

    def _planned(self, families: Mapping[int, str], needs: Mapping[int, Sequence[int]]) -> list[Stage]:
        """The stages, and rows for what comes of them."""
        nodes = self._graph.nodes
        plan = stages(families, {task: needs[task] if task in needs else nodes[task].args for task in families})
        for _, tasks in plan:
            self._place([task for task in tasks if task < len(nodes)])
        return plan

    def _place(self, indexes: Sequence[int]) -> None:
        """indexes: of one family, or of what has neighbours of no meaning."""
        nodes, places = self._graph.nodes, self._places
        logical = [index for index in indexes if nodes[index].type.form is Form.BOOL]
        for index in [index for index in logical if nodes[index].op == ALONE]:
            places.truth[index] = places.truth[nodes[index].args[0]][::-1]
        places.put_truths([i for i in logical if nodes[i].op != ALONE], {i for i in logical if nodes[i].op == "or"})
        numbers = [index for index in indexes if nodes[index].type.form is not Form.BOOL]
        places.put_numbers(numbers)
        for bounds, ops in ((places.least, AT_LEAST), (places.most, AT_MOST)):
            places.put_numbers([index for index in numbers if nodes[index].op in ops], bounds)

    @cached_property
    def _many(self) -> list[Step]:
        return list(self._steps(lambda tasks: [[task] for task in tasks]))

    def _steps(self, apart: Callable[[list[int]], list[list[int]]]) -> Iterator[Step]:
        """apart: which tasks of a stage are done together."""
        for name, tasks in self._plan:
            for some in apart(tasks) if name != ALONE else ():
                mine = some[0] in self._stateful.families
                yield self._stateful.step(some, self._places) if mine else step_of(self._graph, self._places, some)

    # --- what the look tells

    def _read(self, index: int, node: Node) -> Step:
        """A point's age or staleness, a fact of the site, or what is derived from the devices."""
        places, op = self._places, node.op
        if op in ("fact", "stale"):
            true, false = places.truth[index]
        else:
            number = places.number[index]
        name = str(node.data[0]) if node.data else op
        row = self._machines.points.get(name, -1)

        def fact(sheet: Sheet) -> None:
            sheet.truths[true], sheet.truths[false] = sheet.look.facts[name]

        def stale(sheet: Sheet) -> None:
            old = sheet.look.old(row)
            sheet.truths[true], sheet.truths[false] = old, ~old

        def age(sheet: Sheet) -> None:
            sheet.numbers[number] = sheet.look.age(row)

        def derived(sheet: Sheet) -> None:
            sheet.numbers[number] = getattr(sheet.look, op)

        def vital(sheet: Sheet) -> None:
            sheet.numbers[number] = sheet.look.vital(op)

        readers = {"fact": fact, "stale": stale, "age": age, "silence": derived, "polls_missed": derived}
        return readers.get(op, vital)

    # --- identity of what is remembered, over restarts and new rule versions

    def parameters_of(self, state: str) -> Iterator[tuple[str, str]]:
        """(rule, parameter) pairs a remembered expression depends on."""
        for owner, name in self._machines.parameters:
            if f"parameter({owner},{name})" in state:
                yield owner, name


def _family(op: str) -> str | None:
    return ALONE if op == "not" else family(op)
