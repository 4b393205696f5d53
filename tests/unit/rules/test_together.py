"""Operations are done together or each alone, machines together or some at a time: nothing that is found or remembered may depend on it."""

from __future__ import annotations

import numpy as np
import pytest

from plantroom.clock import NS
from plantroom.kinds import load_kind
from plantroom.model import Batch, Quality
from rules import program, rings
from rules.book import pack
from rules.condition import Transition
from rules.evaluate import KindEvaluator
from rules.schedule import stages
from rules.virtual import machine

MACHINES, LOOKS, START = 5, 60, 1_800_000_000 * NS
QUALITIES = (Quality.GOOD, Quality.GOOD, Quality.GOOD, Quality.OUT_OF_RANGE, Quality.DECODE, Batch.ABSENT)


def judged(kind_name: str, groups: list[list[int]]) -> tuple[list[Transition], bytes]:
    """What some looks at random samples find, and what they leave. groups: machines that are looked at together."""
    kind, random = load_kind(kind_name), np.random.default_rng(5)
    evaluator = KindEvaluator(kind, [machine(kind, kind.points, 5.0, id=f"m-{n}") for n in range(MACHINES)], pack().for_kind(kind_name))
    spans = np.array([point.range or (0.0, 3.0) for point in kind.points.values()])
    found: list[Transition] = []
    for look in range(LOOKS):
        values = random.uniform(spans[:, 0], spans[:, 1], (MACHINES, len(spans)))
        values[:, : len(spans) // 2] = np.round(values[:, : len(spans) // 2])
        quality = random.choice(np.array(QUALITIES, np.uint8), values.shape) if look % 3 else np.zeros(values.shape, np.uint8)
        now = START + look * 7 * NS
        for rows in groups:
            some = np.array(rows)
            found += evaluator.step(some, np.full(some.size, now), values[some], quality[some])
        found += evaluator.tick(now + 3 * NS)
    found.sort(key=lambda t: (t.equipment, t.rule, t.at_ns))
    return found, evaluator.snapshot()


@pytest.mark.parametrize("kind", ["elevator", "ahu", "fire_pump", "generator", "meter"])
def test_alone_or_together_is_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, left = judged(kind, [list(range(MACHINES))])
    assert found
    apart, left_apart = judged(kind, [[3], [0, 2], [1, 4]])
    assert (repr(apart), left_apart) == (repr(found), left)
    monkeypatch.setattr(program, "MANY", 1)
    monkeypatch.setattr(rings, "MANY", 1)
    alone, left_alone = judged(kind, [list(range(MACHINES))])
    assert (repr(alone), left_alone) == (repr(found), left)


def test_a_stage_needs_nothing_of_itself_and_everything_comes_after_what_it_needs() -> None:
    needs = {0: (), 1: (0,), 2: (1,), 3: (), 4: (2, 3), 5: (4, 4)}
    families = {0: "a", 1: "b", 2: "a", 3: "a", 4: "b", 5: "not"}
    done: set[int] = set()
    plan = stages(families, needs)
    for family, tasks in plan:
        assert all(families[task] == family and set(needs[task]) <= done for task in tasks)
        done |= set(tasks)
    assert done == set(families)
    assert [family for family, _ in plan] == ["a", "b", "a", "b", "not"]
