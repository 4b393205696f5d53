"""Every upset of the cooling machines at both ends of its settings: all points stay numbers within what is plausible."""

from __future__ import annotations

import pytest

from plantroom.kinds import load_kind
from simulators.devices import plants
from simulators.upsets import UPSETS
from tests.kit.plant import Bench

KINDS = ("chiller", "tower", "pump", "vav", "fcu")


@pytest.mark.parametrize("kind", KINDS)
def test_every_upset_at_both_ends_leaves_plausible_values(kind: str) -> None:
    spans = {name: point.range for name, point in load_kind(kind).points.items() if point.range is not None}
    bench = Bench(plants()[kind], kind, tick_s=15.0)
    assert set(bench.points) == set(load_kind(kind).points)
    for upset in UPSETS[kind].values():
        for end in ("low", "high"):
            bench.plant.upset(upset.name, **{name: getattr(setting, end) for name, setting in upset.settings.items()})
            bench.run(900.0)
            bench.plant.end_upset(upset.name)
            wild = {name: bench.points[name] for name, (low, high) in spans.items() if not low <= bench.points[name] <= high}
            assert not wild, f"{upset.name} at its {end} end: {wild}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_values(kind: str) -> None:
    one, other = (Bench(plants()[kind], kind, seed=7, tick_s=10.0) for _ in range(2))
    one.run(600.0)
    other.run(600.0)
    assert one.points == other.points
