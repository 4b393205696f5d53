"""Rules: samples a second on one core with 20 rules per machine, in large and small batches; memory; cost against size. Peer: rule-engine.

`--look`: CPU ms of one look at 1, 10, 100 machines of each kind that has points, with all its rules and all its points, values that move a
little. `--picture FILE.svg` draws cost against machines (docs/pictures/rules-scale.svg is one); `--linear` measures that alone.

A sample is one point's value in a step. A batch of 500 is one second of 50 machines with 10 points each; of 100,000, of 10,000 machines.
The peer gets the same 20 comparisons without what it has not (durations, windows, units, unknown values), so it does less.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # this file is called rules.py too

import numpy as np  # noqa: E402

from bench.peer_programs import NotHere, environment_of  # noqa: E402
from bench.picture import Mark, picture  # noqa: E402
from plantroom.kinds import Kind, kind_names, load_kind  # noqa: E402
from rules.book import pack  # noqa: E402
from rules.evaluate import KindEvaluator  # noqa: E402
from rules.rule import Rule  # noqa: E402
from rules.rule_file import parse_rule  # noqa: E402
from rules.virtual import machine  # noqa: E402

NS = 1_000_000_000
POINTS = (
    "engine_speed", "oil_pressure", "coolant_temp", "fuel_level", "battery_voltage", "gen_frequency", "gen_voltage_l1n", "gen_load_percent",
    "mains_ok", "control_mode",
)  # fmt: skip
TYPICAL = {
    "engine_speed": (1500, 3), "oil_pressure": (350, 5), "coolant_temp": (82, 1), "fuel_level": (80, 0.1), "battery_voltage": (27, 0.1),
    "gen_frequency": (50, 0.05), "gen_voltage_l1n": (230, 1), "gen_load_percent": (60, 2), "mains_ok": (1, 0), "control_mode": (1, 0),
}  # fmt: skip
LOOKED_AT = (1, 10, 100)  # machines
WHEN = (  # (expression, the same for the peer)
    ("engine_speed > 300 and duration(engine_speed > 300) > 12s and oil_pressure < 103", "engine_speed > 300 and oil_pressure < 103"),
    ("engine_speed > 300 and duration(engine_speed > 300) > 12s and oil_pressure < 124", "engine_speed > 300 and oil_pressure < 124"),
    ("coolant_temp > 98", "coolant_temp > 98"),
    ("coolant_temp > 95", "coolant_temp > 95"),
    ("engine_speed < 100 and coolant_temp < 21", "engine_speed < 100 and coolant_temp < 21"),
    ("control_mode != auto", "control_mode != 1"),
    ("fuel_level < 25", "fuel_level < 25"),
    ("fuel_level < 10", "fuel_level < 10"),
    ("engine_speed < 100 and delta(fuel_level, 30m) < -3", "engine_speed < 100 and fuel_level < 3"),
    ("battery_voltage < 24.5", "battery_voltage < 24.5"),
    ("battery_voltage < 23", "battery_voltage < 23"),
    ("battery_voltage > 33", "battery_voltage > 33"),
    ("engine_speed > 1500 * 1.14", "engine_speed > 1710"),
    ("gen_frequency > 57 or gen_frequency < 45 and engine_speed > 300", "gen_frequency > 57 or gen_frequency < 45 and engine_speed > 300"),
    ("abs(gen_voltage_l1n - 230) > 23 and engine_speed > 1400", "gen_voltage_l1n > 253 and engine_speed > 1400"),
    ("avg(gen_load_percent, 1m) > 110", "gen_load_percent > 110"),
    ("not mains_ok and engine_speed < 300", "mains_ok == 0 and engine_speed < 300"),
    ("rises(engine_speed > 300, 1h) > 6", "engine_speed > 6000"),
    ("engine_speed < 50 and gen_frequency > 40", "engine_speed < 50 and gen_frequency > 40"),
    ("std(gen_frequency, 1m) > 0.5 and engine_speed > 1400", "gen_frequency > 52 and engine_speed > 1400"),
)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--linear", action="store_true")
    ask.add_argument("--look", action="store_true")
    ask.add_argument("--picture", type=Path)
    given = ask.parse_args()
    if given.look:
        looks()
        return
    rules = [made(number, expression) for number, (expression, _) in enumerate(WHEN)]
    if given.linear:
        linear(rules, given.picture)
        return
    print(f"{len(rules)} rules, {len(POINTS)} points a machine; 4 windows of 1 min to 1 h, 2 durations")
    for machines, most in ((100, 500), (1_000, 500), (1_000, 10_000), (10_000, 500), (10_000, 100_000)):
        rate = measured(rules, machines, most)
        print(f"{machines * len(POINTS):>7,} points, batches of {most:>7,}: {rate:>12,.0f} samples/s on one core")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"10,000 machines x {len(rules)} rules: {before:,.0f} MiB resident at most, Python and numpy included")
    linear(rules, given.picture)
    restart(rules)
    peer()


def made(number: int, when: str) -> Rule:
    names = [name for name in POINTS if name in when]
    return parse_rule(
        f"id: rule_{number}\napplies_to: generator\nneeds: [{', '.join(names)}]\nwhen: {when}\n"
        "for: 2s\nclear_after: 10s\non_missing: hold\n"
        f"severity: normal\nsays: {{zh: 测, en: test}}\ndo: {{zh: 看, en: look}}\n"
        f"tests:\n  - {{name: quiet, every: 1s, {names[0]}: '1 x1, 0 x1', expect: {{0s: cleared}}}}\n",
        f"bench/rule_{number}.yaml",
    )


def evaluator_of(rules: list[Rule], machines: int) -> KindEvaluator:
    kind = load_kind("generator")
    return KindEvaluator(kind, [machine(kind, POINTS, 1.0, id=f"gen-{n}") for n in range(machines)], rules)


def measured(rules: list[Rule], machines: int, most: int, seconds: float = 3.0) -> float:
    """Samples a CPU second: every machine once a virtual second, in steps of at most `most` samples, and a tick each second."""
    evaluator = evaluator_of(rules, machines)
    random = np.random.default_rng(7)
    columns = np.array([evaluator.columns[name] for name in POINTS])
    middle, spread = np.array([TYPICAL[name] for name in POINTS]).T
    chunk = min(machines, most // len(POINTS))
    groups = [np.arange(start, min(start + chunk, machines)) for start in range(0, machines, chunk)]
    rounds = [[(middle + spread * random.standard_normal((rows.size, len(POINTS)))) for rows in groups] for _ in range(4)]
    quality = np.zeros((chunk, len(POINTS)), np.uint8)
    now, samples, turn, moved = 1_800_000_000 * NS, 0, 0, 0
    spent = -1.0
    started = time.process_time()
    while spent < seconds:
        for rows, values in zip(groups, rounds[turn % 4], strict=True):
            moved += len(evaluator.step(rows, np.full(rows.size, now), values, quality[: rows.size], columns))
            samples += values.size
        moved += len(evaluator.tick(now + NS // 2))
        now, turn = now + NS, turn + 1
        if turn == 3:  # warm
            started, samples = time.process_time(), 0
        spent = time.process_time() - started if turn >= 3 else -1.0
    assert moved == 0, "the plant of the bench is healthy"
    return samples / spent


def looks() -> None:
    book = pack()
    print(f"CPU ms of a look at so many machines, polled each 5 s{'':16}" + "".join(f"{machines:>8}" for machines in LOOKED_AT))
    total = [0.0] * len(LOOKED_AT)
    for name in kind_names():
        kind, rules = load_kind(name), book.for_kind(name)
        if not kind.points:
            continue
        spent = [look_ms(kind, rules, machines) for machines in LOOKED_AT]
        total = [before + ms for before, ms in zip(total, spent, strict=True)]
        print(
            f"{name:<20} {len(rules):>3} rules, {len(kind.points):>3} points {'':26}" + "".join(f"{ms:>8.2f}" for ms in spent), flush=True
        )
    print(f"{'all of them':<66}" + "".join(f"{ms:>8.2f}" for ms in total))


def look_ms(kind: Kind, rules: Sequence[Rule], machines: int, seconds: float = 0.25) -> float:
    """A step with every point of every machine. Values stay near the middle of their range: what is wrong there is wrong all the time."""
    evaluator = KindEvaluator(kind, [machine(kind, kind.points, 5.0, id=f"m-{n}") for n in range(machines)], rules)
    middle = np.array([sum(point.range) / 2 if point.range is not None else 0.0 for point in kind.points.values()])
    rows, quality = np.arange(machines), np.zeros((machines, middle.size), np.uint8)
    random = np.random.default_rng(7)
    rounds = [middle * (1 + 0.001 * random.standard_normal((machines, middle.size))) for _ in range(4)]
    now, turn, began = 1_800_000_000 * NS, 0, 0.0
    while turn <= 30 or time.process_time() - began < seconds:
        if turn == 30:  # warm
            began = time.process_time()
        evaluator.step(rows, np.full(machines, now), rounds[turn % 4], quality)
        now, turn = now + 5 * NS, turn + 1
    return (time.process_time() - began) / (turn - 30) * 1e3


def linear(rules: list[Rule], file: Path | None) -> None:
    """Cost of a second of plant against the number of machines, all of them in one step; and of a sample against the number of rules."""
    marks = []
    for machines in (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000):
        ms = machines * len(POINTS) / measured(rules, machines, machines * len(POINTS), 1.0) * 1e3
        marks.append(Mark(machines, ms, f"{ms:.2g} ms"))
        print(f"{machines:>7,} machines: {ms:8.2f} CPU ms a second of plant, {ms * 1e3 / machines:7.2f} us a machine", flush=True)
    slope = (marks[-1].y - marks[0].y) / (marks[-1].x - marks[0].x)
    fixed = marks[0].y - slope * marks[0].x
    off = max(abs(mark.y / (fixed + slope * mark.x) - 1) for mark in marks)
    print(f"on a straight line: {fixed:.2f} ms whatever there is, {slope * 1e3:.2f} us a machine; farthest from it {off:.0%}")
    by_rules = (f"{20 * n} rules {1e9 / measured(varied(n), 3_000, 100_000, 1.0):.0f}" for n in (1, 2, 4, 8))
    print("ns a sample, 3,000 machines, the same mix with other numbers: " + ", ".join(by_rules))
    if file is not None:
        title = f"CPU of one second of plant, 20 rules a machine; dashed: {fixed:.1f} ms + {slope * 1e3:.1f} µs a machine"
        names = {0.1: "0.1 ms", 1.0: "1 ms", 10.0: "10 ms", 100.0: "100 ms", 1000.0: "1 s"}
        file.write_text(picture(marks, lambda x: fixed + slope * x, title=title, across="machines of one kind", y_names=names), "utf-8")


def varied(times: int) -> list[Rule]:
    """The twenty so many times, each time with numbers of their own: nothing of one serves another."""

    def other(time: int, when: str) -> str:
        return re.sub(r"(?<![\w.])\d+(\.\d+)?(?![\w.])", lambda number: f"{float(number[0]) * (1 + time / 1000):g}", when)

    return [made(len(WHEN) * time + number, other(time, when)) for time in range(times) for number, (when, _) in enumerate(WHEN)]


def restart(rules: list[Rule]) -> None:
    evaluator = evaluator_of(rules, 10_000)
    evaluator.tick(1_800_000_000 * NS)
    started = time.perf_counter()
    blob = evaluator.snapshot()
    taken = time.perf_counter() - started
    started = time.perf_counter()
    evaluator.restore(blob)
    print(f"10,000 machines: snapshot {len(blob) / 2**20:,.0f} MiB in {taken:.2f} s, restored in {time.perf_counter() - started:.2f} s")


def peer() -> None:
    try:
        programs = environment_of("rule-engine", "rule-engine>=4.5,<6")
    except NotHere as why:
        print(f"peer rule-engine: cannot be had here: {why}")
        return
    asked = {"rules": [text for _, text in WHEN], "thing": {name: float(TYPICAL[name][0]) for name in POINTS}, "seconds": 3.0}
    command = [str(programs / "python"), str(Path(__file__).with_name("rule_engine_peer.py"))]
    told = json.loads(subprocess.run(command, input=json.dumps(asked), check=True, capture_output=True, text=True).stdout)
    said = f"{told['rate']:,.0f} samples/s on one core, {1e6 / told['rate']:.1f} CPU s a million (comparisons only)"
    print(f"peer rule-engine {told['version']}: {said}")


if __name__ == "__main__":
    main()
