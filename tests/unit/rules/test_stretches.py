"""How history is cut into stretches never changes a result; what one machine shows never depends on what else is in the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from plantroom.clock import NS
from plantroom.site import Site
from plantroom.site_file import load_site
from rules.backtest import Backtest, Event
from rules.book import Rulebook
from rules.history import Samples, Span
from tests.kit.rules import made

START = 1_780_000_000 * NS
MINUTE = 60 * NS
RULES = {
    "level": "fuel_level < 30",
    "drop": "engine_speed < 300 and delta(fuel_level, 1h) < -2",
    "swing": "std(gen_frequency, 30m) > 0.5",
    "long_run": "duration(engine_speed > 300) > 2h",
    "not_since": "since(engine_speed > 300) > 3h",
    "old": "stale(fuel_level)",
    "often": "rises(engine_speed > 300, 6h) > 1",
    "usual": "fuel_level < learned(fuel_level, 2h) - 20",
    "night": "not working_hours and engine_speed > 300",
    "silent": "silence > 10m",
}
HELD = {"level": {"clear_when": "fuel_level > 70"}}  # hysteresis: what was long ago decides


@dataclass
class Made:
    """A History in memory, in one span or several."""

    machines: Mapping[str, Samples]
    cuts: tuple[int, ...] = ()
    devices: bool = False
    points: Mapping[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.points = {name: samples.points for name, samples in self.machines.items()}

    def close(self) -> None:
        pass

    def spans(self, start_ns: int | None, end_ns: int | None) -> Iterator[Span]:
        edges = [START, *(START + cut * MINUTE for cut in self.cuts), max(int(s.at_ns[-1]) for s in self.machines.values()) + MINUTE]
        for begin, end in zip(edges, edges[1:], strict=False):
            found = {}
            for name, samples in self.machines.items():
                rows = slice(*np.searchsorted(samples.at_ns, [begin, end]).tolist())
                quality = None if samples.quality is None else samples.quality[rows]
                found[name] = Samples(samples.points, samples.at_ns[rows], samples.values[rows], quality)
            yield Span(begin, end, found)


def generator(seed: int, days: float, jitter_s: int = 20) -> Samples:
    """Minutes of a generator that starts and stops, loses samples, is silent for a while; and drifts slowly."""
    random = np.random.default_rng(seed)
    size = round(days * 1440)
    at = START + np.arange(size) * MINUTE + random.integers(0, jitter_s * NS + 1, size)
    running = np.cumsum(random.random(size) < 0.01) % 2
    fuel = np.clip(50 + np.cumsum(random.normal(0, 0.8, size)), 5, 95)
    values = np.column_stack([running * 1500.0, fuel, 50 + random.normal(0, 0.4, size) * (running + 0.2)])
    values[random.random(values.shape) < 0.05] = np.nan
    for _ in range(3):
        hole = random.integers(0, size - 60)
        values[hole : hole + random.integers(5, 60)] = np.nan
    keep = ~np.isnan(values).all(axis=1)
    return Samples(("engine_speed", "fuel_level", "gen_frequency"), at[keep], values[keep])


@pytest.fixture(scope="module")
def book() -> Rulebook:
    keys = {"for_": "2m", "clear_after": "1m"}
    return Rulebook(tuple(made(when, id=name, **keys, **HELD.get(name, {})) for name, when in RULES.items()))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    lines = "".join(f"  - {{id: gen-{n}, kind: generator, name: G{n}}}\n" for n in range(1, 5))
    path.write_text(f"site: {{id: lab, name: Lab, zone: Asia/Shanghai, language: en, practice: gb}}\nequipment:\n{lines}")
    return load_site(path)


def told(site: Site, book: Rulebook, history: Made, most: int) -> tuple[list[Event], Backtest]:
    test = Backtest(site, book, most=most)
    return list(test.run(history)), test


@pytest.mark.parametrize("seed", [3, pytest.param(2, marks=pytest.mark.soak), pytest.param(4, marks=pytest.mark.soak)])
def test_stretches_side_by_side_find_what_one_after_the_other_finds(site: Site, book: Rulebook, seed: int) -> None:
    history = Made({f"gen-{n}": generator(10 * seed + n, 1.5) for n in range(1, 3)})
    whole, _ = told(site, book, history, 1)
    assert {event.rule for event in whole} >= {"level", "drop", "night", "silent"}
    for most in (3, 64):
        cut, _ = told(site, book, history, most)
        assert cut == whole


def test_spans_of_any_length_give_the_same(site: Site, book: Rulebook) -> None:
    """On the minute: the usual spacing of a point is read off the first span."""
    machines = {f"gen-{n}": generator(n, 1.3, 0) for n in range(1, 3)}
    whole, _ = told(site, book, Made(machines), 64)
    assert told(site, book, Made(machines, (450, 451, 1_000, 1_500)), 64)[0] == whole
    assert told(site, book, Made(machines, (1_500,)), 1)[0] == whole


def test_a_machine_shows_the_same_whatever_else_is_in_the_table(site: Site, book: Rulebook) -> None:
    machines = {f"gen-{n}": generator(n, 0.8) for n in range(1, 4)}
    together, _ = told(site, book, Made(machines), 64)
    for name, samples in machines.items():
        alone, _ = told(site, book, Made({name: samples}), 64)
        assert alone == [event for event in together if event.equipment == name]


def test_a_fault_that_stands_over_many_stretches_keeps_its_onset(site: Site, book: Rulebook) -> None:
    size = 8 * 1440
    fuel = np.full(size, 20.0)
    fuel[:30], fuel[-300:] = 80.0, 80.0
    history = Made({"gen-1": Samples(("fuel_level",), START + np.arange(size) * MINUTE, fuel[:, None])})
    events = [event for event in told(site, book, history, 64)[0] if event.rule == "level"]
    assert [event.event for event in events] == ["raised", "cleared"]
    assert events[0].since_ns == events[1].since_ns == START + 30 * MINUTE
