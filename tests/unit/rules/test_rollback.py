"""A way back covers every array an evaluator remembers, whatever kind it watches: each is cut along its machines, or is shared by all."""

from __future__ import annotations

import numpy as np
import pytest

from plantroom.clock import NS
from plantroom.model import Batch
from rules.evaluate import KindEvaluator
from rules.rollback import Saved
from simulators.upsets import UPSETS
from tests.kit.ward import healthy

MACHINES, TAKEN = 7, np.array([1, 6])
SHARED = {"facts", "late", "origin"}


@pytest.fixture(params=sorted(UPSETS))
def evaluator(request: pytest.FixtureRequest) -> KindEvaluator:
    return healthy(request.param, MACHINES, 0.002, 30.0).evaluator


def test_what_some_machines_had_comes_back_and_the_others_keep_what_is_new(evaluator: KindEvaluator) -> None:
    before = {name: array.copy() for name, array in evaluator.remembered()}
    saved = Saved(evaluator, TAKEN)
    for _, array in evaluator.remembered():
        array[...] = 1 - np.nan_to_num(array.astype(np.float64)).clip(0, 1).astype(array.dtype)
    after = {name: array.copy() for name, array in evaluator.remembered()}
    saved.put_back()
    assert "facts" in before
    for name, array in evaluator.remembered():
        if name.rsplit("/", 1)[-1] in SHARED:
            assert np.array_equal(array, before[name], equal_nan=array.dtype.kind == "f"), name
            continue
        axes = [axis for axis, length in enumerate(array.shape) if length == MACHINES]
        assert axes, name
        axis = axes[-1] if name.split("/", 1)[0] in ("sample", "condition", "silence", "vitals") else axes[0]
        for row in range(MACHINES):
            expected = (before if row in TAKEN else after)[name]
            assert np.array_equal(array.take(row, axis), expected.take(row, axis), equal_nan=array.dtype.kind == "f"), (name, row)


def test_a_second_look_at_an_instant_finds_and_changes_nothing(evaluator: KindEvaluator) -> None:
    """Every rule of every kind, on whatever values: what lets the engine leave out the tick of an instant at which all were looked at."""
    random = np.random.default_rng(5)
    points = list(evaluator.kind.points.values())
    codes = [sorted(point.codes.values()) or [0.0, 1.0, 30.0, 400.0] for point in points]
    everyone, now = np.arange(MACHINES), 1_780_000_000 * NS
    moved = 0
    for _ in range(40):
        now += int(random.integers(1, 90)) * NS
        values = np.array([[random.choice(some) for some in codes] for _ in range(MACHINES)], np.float64)
        quality = random.choice([0, 0, 0, 1, Batch.ABSENT], values.shape).astype(np.uint8)
        moved += len(evaluator.step(everyone, np.full(MACHINES, now), values, quality))
        before = {name: array.copy() for name, array in evaluator.remembered()}
        assert evaluator.looked(now)
        assert evaluator.tick(now) == []
        changed = [n for n, array in evaluator.remembered() if not np.array_equal(array, before[n], equal_nan=array.dtype.kind == "f")]
        assert changed == []
    assert moved
