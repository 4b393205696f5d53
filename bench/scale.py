"""What a point costs at 1,000, 10,000 and 100,000 points a second, and what the collector holds in memory for 1,000 devices of 50 points.

`python bench/scale.py`, about two minutes; `--seconds`, `--picture FILE.svg` draws the figures (docs/pictures/collector-scale.svg is one).
Blocks of 125 registers read each second; CPU seconds from /proc, system calls and the journal's commits included.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.field import Shape, cpu_s, memory_mib, polled
from bench.picture import Mark, picture

SHAPES = (Shape(1, 8, 1.0), Shape(4, 20, 1.0), Shape(40, 20, 1.0))
HOUSE = Shape(50, 20, 1.0, 50)


@dataclass(frozen=True)
class Cost:
    points_s: float
    core: float  # share of one
    rss_mib: float
    load: float

    @property
    def us(self) -> float:
        """CPU microseconds a point."""
        return self.core / self.points_s * 1e6


def measured(shape: Shape, seconds: float) -> Cost:
    with polled(shape) as (_, collector):
        time.sleep(3)
        first, began, spent = collector.reader.last_seq(), time.monotonic(), cpu_s(collector.pid)
        time.sleep(seconds)
        took, spent, records = time.monotonic() - began, cpu_s(collector.pid) - spent, collector.reader.last_seq() - first
        return Cost(records * shape.block / took, spent / took, memory_mib(collector.pid)[0], os.getloadavg()[0])


def straight(costs: list[Cost]) -> tuple[float, float]:
    """(share of a core that runs whatever is read, CPU us a point) of the line through the first and the last."""
    few, many = costs[0], costs[-1]
    slope = (many.core - few.core) / (many.points_s - few.points_s)
    return few.core - slope * few.points_s, slope * 1e6


def drawn(costs: list[Cost]) -> str:
    """Share of a core over points a second, with the straight line fixed + slope * points."""
    fixed, slope = straight(costs)
    return picture(
        [Mark(cost.points_s, cost.core, f"{cost.core:.1%}, {cost.us:.2f} µs a point") for cost in costs],
        lambda points: max(fixed, 0.0) + slope * points / 1e6,
        title=f"share of a core; dashed: {max(fixed, 0):.1%} + {slope:.2f} µs a point",
        across="points read, checked and journalled a second",
        y_names={0.001: "0.1 %", 0.01: "1 %", 0.1: "10 %", 1.0: "100 %"},
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    costs = []
    for shape in SHAPES:
        cost = measured(shape, options.seconds)
        costs.append(cost)
        devices = shape.lines * shape.units
        print(f"{shape.points:7,} points of {devices:4} devices each second: {cost.core:6.2%} of a core, ", end="")
        print(f"{cost.us:5.2f} CPU us a point, {cost.rss_mib:.0f} MiB (load {cost.load:.1f})", flush=True)
    fixed, slope = straight(costs)
    print(f"on a straight line: {fixed:.2%} of a core whatever is read, {slope:.2f} CPU us a point; ", end="")
    middle = costs[1].core / (fixed + slope * costs[1].points_s / 1e6)
    print(f"{SHAPES[1].points:,} points stand at {middle:.2f} of it")
    with polled(HOUSE) as (_, collector):
        time.sleep(options.seconds)
        rss, pss = memory_mib(collector.pid)
    print(f"{HOUSE.lines * HOUSE.units:,} devices of {HOUSE.block} points each second: {rss:.0f} MiB resident, {pss:.0f} MiB proportional")
    if options.picture:
        options.picture.write_text(drawn(costs), "utf-8")


if __name__ == "__main__":
    main()
