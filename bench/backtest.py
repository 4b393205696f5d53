"""Back-test: rows and samples a second, and minutes for a month of thirty air handlers at one sample a minute.

`python bench/backtest.py [--days 30] [--machines 30] [--in-a-row]`: in a row = without stretches, what the same evaluator costs otherwise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

import numpy as np  # noqa: E402

from plantroom.clock import NS  # noqa: E402
from plantroom.kinds import load_kind  # noqa: E402
from plantroom.site import Equipment, Site, Web  # noqa: E402
from rules.backtest import Backtest  # noqa: E402
from rules.book import pack  # noqa: E402
from rules.history import Samples, Span  # noqa: E402

START = 1_767_225_600 * NS  # 2026-01-01
POINTS = (
    "fan_cmd", "fan_status", "fan_speed", "supply_temp", "supply_temp_sp", "return_temp", "mixed_temp", "outdoor_temp", "cool_valve_cmd",
    "heat_valve_cmd", "oa_damper_cmd", "filter_dp_supply", "duct_static", "duct_static_sp", "supply_flow", "fan_current", "return_humidity",
    "return_co2", "freeze_stat", "control_mode",
)  # fmt: skip


class Made:
    """A History of air handlers that run from seven to seven and have a bad day now and then."""

    devices = False

    def __init__(self, machines: int, days: int) -> None:
        self._names = [f"ahu-{n}" for n in range(machines)]
        self._days = days
        known = load_kind("ahu").points
        self._columns = tuple(name for name in POINTS if name in known)
        self.points = dict.fromkeys(self._names, self._columns)

    def close(self) -> None:
        pass

    def spans(self, start_ns: int | None, end_ns: int | None) -> Iterator[Span]:
        random = np.random.default_rng(7)
        at = START + np.arange(self._days * 1440, dtype=np.int64) * 60 * NS
        hour = (at - START) / NS / 3600
        on = ((hour % 24 >= 7) & (hour % 24 < 19)).astype(float)
        outdoor = 18 + 8 * np.sin((hour - 9) / 24 * 2 * np.pi)
        found = {}
        for name in self._names:
            noise = random.standard_normal((at.size, 6)) * 0.15
            stuck = (hour // 24 == random.integers(0, self._days)) * on
            supply = np.where(on > 0, 14 + noise[:, 0] + 6 * stuck, 24 + noise[:, 0])
            cool = np.clip(on * (45 + 3 * (outdoor - 20) + 50 * stuck + 4 * noise[:, 1]), 0, 100)
            made = {
                "fan_cmd": on * 80, "fan_status": on, "fan_speed": on * (75 + noise[:, 2]), "supply_temp": supply,
                "supply_temp_sp": np.full(at.size, 14.0), "return_temp": 24.5 + noise[:, 1],
                "mixed_temp": 0.75 * 24.5 + 0.25 * outdoor + noise[:, 2],
                "outdoor_temp": outdoor + noise[:, 3], "cool_valve_cmd": cool, "heat_valve_cmd": np.zeros(at.size),
                "oa_damper_cmd": on * 25,
                "filter_dp_supply": on * (120 + hour / 24 + 3 * noise[:, 3]), "duct_static": on * (250 + 5 * noise[:, 4]),
                "duct_static_sp": np.full(at.size, 250.0), "supply_flow": on * (5000 + 60 * noise[:, 5]),
                "fan_current": on * (9 + noise[:, 4]),
                "return_humidity": 55 + 4 * noise[:, 5], "return_co2": 500 + 250 * on + 40 * noise[:, 0], "freeze_stat": np.zeros(at.size),
                "control_mode": np.ones(at.size),
            }  # fmt: skip
            found[name] = Samples(self._columns, at, np.column_stack([made[column] for column in self._columns]))
        yield Span(START, int(at[-1]) + 60 * NS, found)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--days", type=int, default=30)
    ask.add_argument("--machines", type=int, default=30)
    ask.add_argument("--in-a-row", action="store_true")
    given = ask.parse_args()
    kind = load_kind("ahu")
    equipment = {f"ahu-{n}": Equipment(f"ahu-{n}", kind, f"AHU {n}") for n in range(given.machines)}
    nothing: dict[str, object] = {}
    site = Site("bench", "Bench", "UTC", "en", "gb", Web(), {}, {}, equipment, {}, None, {}, {}, nothing)  # type: ignore[arg-type]
    history = Made(given.machines, given.days)
    test = Backtest(site, pack(), most=1) if given.in_a_row else Backtest(site, pack())
    started, cpu = time.perf_counter(), time.process_time()
    events = list(test.run(history))
    took, spent = time.perf_counter() - started, time.process_time() - cpu
    raised = sum(event.event == "raised" for event in events)
    print(f"{given.machines} air handlers, {given.days} days, {len(history.points['ahu-0'])} points, {test.rules} rules: {raised} faults")
    print(f"{test.rows:,} rows, {test.samples:,} samples in {took:.1f} s ({spent:.1f} s of CPU); {test.again} stretches judged twice")
    print(f"{test.rows / took:,.0f} rows/s, {test.samples / took:,.0f} samples/s, {took / 60 * 30 / given.days:.2f} min a month")


if __name__ == "__main__":
    main()
