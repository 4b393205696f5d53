"""A machine or a whole tower on a bench: stepped by hand, no sockets, no wall clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from plantroom.clock import NS, to_ns
from plantroom.kinds import load_kind
from plantroom.site import Site
from plantroom.site_file import load_site
from simulators.devices.plant import Plant
from simulators.surroundings import Surroundings

WEDNESDAY_TEN = "2026-07-15T10:00:00+08:00"  # lifts are busy, air handlers cool
TOWER = Path(__file__).parents[2] / "simulators" / "sites" / "tower.yaml"


@cache
def tower() -> Site:
    return load_site(TOWER, env={})


def instant(text: str) -> int:
    from datetime import datetime

    return to_ns(datetime.fromisoformat(text))


class Bench:
    """One machine with its surroundings. `run` steps both; `until` steps until something holds and says when."""

    def __init__(
        self, make: Callable[..., Plant], kind: str, *, seed: int = 1, start: str = WEDNESDAY_TEN, tick_s: float = 0.1, **more: object
    ) -> None:
        self.tick_s = tick_s
        self.now_ns = instant(start)
        self.around = Surroundings("Asia/Shanghai", np.random.default_rng([seed, 0]), self.now_ns)
        parameters = more.pop("parameters", {})
        self.plant = make(load_kind(kind), parameters, np.random.default_rng([seed, 1]), self.around, **more)

    @property
    def points(self) -> Mapping[str, float]:
        return self.plant.points

    def tick(self) -> None:
        self.now_ns += round(self.tick_s * NS)
        self.around.step(self.now_ns, self.tick_s)
        self.plant.step(self.around.now_s, self.tick_s)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / self.tick_s)):
            self.tick()

    def until(self, holds: Callable[[Mapping[str, float]], bool], most_s: float = 600.0) -> float:
        """Seconds until it holds; fails when it has not within `most_s`."""
        for i in range(round(most_s / self.tick_s)):
            if holds(self.points):
                return i * self.tick_s
            self.tick()
        raise AssertionError(f"did not come to hold within {most_s} s")

    def record(self, seconds: float, *names: str) -> dict[str, np.ndarray]:
        """The course of some points."""
        rows = []
        for _ in range(round(seconds / self.tick_s)):
            self.tick()
            rows.append([self.points[name] for name in names])
        table = np.array(rows)
        return {name: table[:, i] for i, name in enumerate(names)}

    def code(self, point: str, word: str) -> float:
        return self.plant.code(point, word)
