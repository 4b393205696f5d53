"""History's claims: line protocol beside influxdb-client's Point API in the same run; Parquet bytes a sample; a month's panel.

`python bench/history.py [--years N]`: with years, the panels are also measured over that much history (some minutes to make it).
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from influxdb_client import Point, WritePrecision

from collector.store.gather import Flat
from collector.store.lines import LineEncoder
from collector.store.seal import mark, write_parts
from plantroom.clock import NS, SystemClock
from plantroom.history import EmbeddedHistory
from plantroom.history.embedded import connect
from plantroom.history.parts import DAY_NS, counting, found
from plantroom.journal import Journal
from plantroom.journal.columns import Columns, stack
from plantroom.journal.record import encode_batch
from plantroom.model import Frame, one_row

START = 1_763_683_200 * NS


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of one run: the best of three."""
    best = float("inf")
    for _ in range(3):
        before = time.process_time()
        work()
        best = min(best, time.process_time() - before)
    return best


def telemetry(points: int, rows: int) -> Columns:
    """One device's reads: half measured values with a decimal, a quarter states, a quarter counters."""
    chance = np.random.default_rng(1)
    frame = Frame(tuple(f"gen-1.point_{n}" for n in range(points)))
    values = np.empty((rows, points))
    for column in range(points):
        if column % 4 < 2:
            values[:, column] = np.round(20 + np.cumsum(chance.normal(0, 0.05, rows)), 1)
        elif column % 4 == 2:
            values[:, column] = np.cumsum(chance.random(rows) < 0.01) % 2
        else:
            values[:, column] = np.arange(rows) // 7 + 12_000
    return Columns(frame, START + np.arange(rows, dtype=np.int64) * NS, values, np.zeros((rows, points), np.uint8))


def lines() -> None:
    print("line protocol, CPU seconds per million points (points = field values):")
    for points in (4, 20, 60):
        rows = 200_000 // points
        columns = telemetry(points, rows)
        n = rows * points
        ours = cpu(lambda columns=columns: LineEncoder("hq", {"gen-1": "generator"}).encode(columns)) / n * 1e6  # type: ignore[misc]
        few = rows // 20
        theirs = cpu(lambda columns=columns, few=few: point_api(columns, few)) / (few * points) * 1e6  # type: ignore[misc]
        single = cpu(lambda columns=columns, few=few: point_api_single(columns, few)) / (few * points) * 1e6  # type: ignore[misc]
        print(f"  {points:3} points a read: ours {ours:.3f}, {1 / ours:.1f} M points/s a core")
        print(f"      influxdb-client, one Point a value: {single:.2f} ({single / ours:.0f} x)")
        print(f"      influxdb-client, one Point a read: {theirs:.2f} ({theirs / ours:.0f} x)")
    columns = telemetry(20, 10_000)
    rows = zip(columns.at_ns.tolist(), columns.values, columns.quality, strict=True)
    bodies = [encode_batch(one_row(columns.frame, at_ns, values, quality)).body for at_ns, values, quality in rows]
    encoder = LineEncoder("hq", {"gen-1": "generator"})
    whole = cpu(lambda: encoder.encode(stack(bodies, columns.frame))) / 200_000 * 1e6
    print(f"  from the journal's bodies, 20 points each, one row a record: {whole:.3f}")


def point_api(columns: Columns, rows: int) -> None:
    names = [point.partition(".")[2] for point in columns.frame.points]
    for row in range(rows):
        point = Point("generator").tag("site", "hq").tag("equipment", "gen-1")
        for name, value in zip(names, columns.values[row], strict=True):
            point = point.field(name, float(value))
        point.time(int(columns.at_ns[row]), WritePrecision.NS).to_line_protocol()


def point_api_single(columns: Columns, rows: int) -> None:
    """As most users write it: one Point for each value."""
    names = [point.partition(".")[2] for point in columns.frame.points]
    for row in range(rows):
        at_ns = int(columns.at_ns[row])
        for name, value in zip(names, columns.values[row], strict=True):
            point = Point("generator").tag("site", "hq").tag("equipment", "gen-1").field(name, float(value))
            point.time(at_ns, WritePrecision.NS).to_line_protocol()


def day_of_samples(day: int, points: int, period_s: float, grain_ns: int) -> Flat:
    """A day of slow telemetry: devices of 20 points read together, a few milliseconds off their slot, 0.2 % without an answer."""
    chance = np.random.default_rng(day)
    rows = int(86_400 / period_s)
    slots = START + day * DAY_NS + (np.arange(rows) * period_s * NS).astype(np.int64)
    names = tuple(sorted(f"eq-{n // 20:03}.p_{n % 20:02}" for n in range(points)))
    values, at, quality = [], [], []
    for device in range(points // 20):
        read_at = (slots + chance.integers(0, 20_000_000, rows)) // grain_ns * grain_ns
        silent = chance.random(rows) < 0.002
        block = telemetry(20, rows).values + device
        block[silent] = np.nan
        values.append(block.T.reshape(-1))
        at.append(np.tile(read_at, 20))
        quality.append(np.tile(silent.astype(np.uint8), 20))
    which = np.repeat(np.arange(points, dtype=np.int32), rows)
    return Flat(names, which, np.concatenate(at), np.concatenate(values), np.concatenate(quality))


def parquet(days: int, points: int, period_s: float, grain_ns: int, label: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-history-"))
    try:
        db = connect()
        db.execute("SET temp_directory = ?", [str(folder / ".spill")])
        samples = 0
        took = 0.0
        for day in range(days):
            flat = day_of_samples(day, points, period_s, grain_ns)
            before = time.perf_counter()
            write_parts(db, folder / "history", flat, day + 1, day + 1)
            took += time.perf_counter() - before
            samples += len(flat.at_ns)
        mark(folder / "history", days)
        parts = counting(found(folder / "history"), days)
        size = sum(part.size for part in parts)
        speed = samples / took / 1e6
        print(f"{label}: {samples:,} samples, {size / samples:.2f} B a sample with quality, sealed at {speed:.1f} M samples/s")
        with closing(EmbeddedHistory(folder / "history", Journal(folder / "journal", SystemClock()).reader())) as history:
            for name, span in (("a day", 1), ("a month", 30), ("a year", 365)):
                if span > days:
                    continue
                end = START + days * DAY_NS
                times = []
                for point in ("eq-001.p_00", "eq-003.p_05", "eq-004.p_12", "eq-001.p_00", "eq-002.p_17"):
                    before = time.perf_counter()
                    rows = len(history.query([point], end - span * DAY_NS, end, span * DAY_NS // 1000)[point])
                    times.append((time.perf_counter() - before) * 1000)
                said = f"first {times[0]:.0f} ms, then median {sorted(times[1:])[2]:.0f} ms"
                print(f"  panel of one point over {name} in {rows} steps: {said}")
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--years", type=int, default=0)
    years = parser.parse_args().years
    lines()
    print("Parquet (zstd, sorted by point and time):")
    parquet(30, 2000, 60, 1_000_000, "2,000 points each minute, stamps of whole milliseconds")
    parquet(3, 400, 60, 1, "400 points each minute, stamps of whole nanoseconds")
    parquet(10, 100, 1, 1_000_000, "100 points each second, stamps of whole milliseconds")
    parquet(2, 100, 1, 1, "100 points each second, stamps of whole nanoseconds")
    if years:
        parquet(365 * years, 2000, 60, 1_000_000, f"{years} years of 2,000 points each minute")
    print(f"peak memory of this run: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
