"""Where the results of a look stand: every number of a kind's program in one table, every yes/no in another, a row each, machines across.

A number is a float64 with NaN = unknown. A yes/no takes two rows, known true and known false: neither = unknown. So `not` costs nothing:
it is the same two rows the other way round. Operations of one sort that can be done at the same time have neighbouring rows, and numpy is
called once for all of them: at few machines a call costs the same for forty rows as for one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.look import Look
from rules.windows import Floats, Truth

Index = slice | npt.NDArray[np.intp]
UNKNOWN, YES, NO = range(3)  # rows of every table of yes/no; row UNKNOWN of the numbers is NaN


class Places:
    """Which rows a node has. truths: how many yes/no there may be besides the constants.

    number: its row. truth: its rows (true, false). least, most: of a number only known to be at least or at most so much, that.
    """

    def __init__(self, truths: int) -> None:
        self.half = truths + 3
        self.numbers, self.truths = 1, 3
        self.number: dict[int, int] = {}
        self.truth: dict[int, tuple[int, int]] = {}
        self.least: dict[int, int] = {}
        self.most: dict[int, int] = {}

    def put_numbers(self, nodes: Iterable[int], into: dict[int, int] | None = None) -> None:
        into = self.number if into is None else into
        for node in nodes:
            into[node] = self.numbers
            self.numbers += 1

    def put_truths(self, nodes: Iterable[int], turned: Container[int] = ()) -> None:
        """turned: of these the known false stands in the upper half."""
        for node in nodes:
            row, other = self.truths, self.truths + self.half
            self.truth[node] = (other, row) if node in turned else (row, other)
            self.truths += 1

    def constant(self, node: int, row: int) -> None:
        """The node is YES, NO or UNKNOWN at every instant."""
        self.truth[node] = row, row + self.half


class Sheet:
    """The tables of one look: numbers [rows, machines], truths [2 x rows, machines]."""

    look: Look

    def __init__(self, places: Places, machines: int) -> None:
        self.numbers = np.empty((places.numbers, machines))
        self.truths = np.zeros((2 * places.half, machines), np.bool_)
        self.numbers[UNKNOWN] = np.nan
        self.truths[YES] = self.truths[NO + places.half] = True

    def truth(self, rows: tuple[int, int]) -> Truth:
        return self.truths[rows[0]], self.truths[rows[1]]


def span_of(rows: Sequence[int]) -> slice:
    """Rows that are known to follow each other: results are written straight into them."""
    assert list(rows) == list(range(rows[0], rows[0] + len(rows)))
    return slice(rows[0], rows[0] + len(rows))


def index_of(rows: Sequence[int]) -> Index:
    """Neighbouring rows are a view, which costs no copy."""
    neighbours = list(rows) == list(range(rows[0], rows[0] + len(rows)))
    return span_of(rows) if neighbours else np.array(rows, np.intp)


def pick(table: npt.NDArray[Any], index: Index) -> npt.NDArray[Any]:
    return table[index] if isinstance(index, slice) else table.take(index, 0)


def column(values: Sequence[float]) -> Floats:
    return np.array(values, np.float64)[:, None]
