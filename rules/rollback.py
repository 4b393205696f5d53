"""Ways back for memory: of some machines of an evaluator, or of a whole engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rules.evaluate import KindEvaluator

if TYPE_CHECKING:
    from rules.engine import Engine

Indexes = npt.NDArray[np.intp]

# Of the arrays an evaluator remembers: those with an entry for all machines together, and parts that count machines in the last axis.
SHARED = frozenset({"facts", "late", "origin"})
MACHINES_LAST = frozenset({"sample", "condition", "silence", "vitals"})


class Saved:
    """What an evaluator remembers of some machines (None: of all), copied."""

    def __init__(self, evaluator: KindEvaluator, rows: Indexes | None = None) -> None:
        self._evaluator, self._rows = evaluator, rows
        self._copies = {name: array[self._of(name)].copy() for name, array in evaluator.remembered()}

    @property
    def bytes(self) -> int:
        return sum(copy.nbytes for copy in self._copies.values())

    def put_back(self) -> None:
        for name, array in self._evaluator.remembered():
            array[self._of(name)] = self._copies[name]

    def _of(self, name: str) -> Any:
        """Where these machines stand in an array."""
        part, _, leaf = name.partition("/")
        if self._rows is None or (leaf or part) in SHARED:
            return ...
        return (..., self._rows) if part in MACHINES_LAST else self._rows


class Mark:
    """A whole engine's memory at one instant: configuration, time and every evaluator. The desk has its own way back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.seen = engine.seen
        self._rest = engine.time, engine.config, engine.house, engine.evaluators, engine.router, engine.applied
        self._saved = [Saved(evaluator) for evaluator in engine.evaluators.values()]
        self.bytes = sum(saved.bytes for saved in self._saved)

    def put_back(self) -> None:
        engine = self._engine
        engine.seen = self.seen
        engine.time, engine.config, engine.house, engine.evaluators, engine.router, engine.applied = self._rest
        for saved in self._saved:
            saved.put_back()
