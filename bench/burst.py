"""The collector at line rate: 100,000 and 1,000,000 points a second read over Modbus TCP, checked, scaled and journalled with fsync.

`python bench/burst.py`, about two minutes; `--seconds`, `--only 100k`. Collector and simulated devices are processes of their own and
counted apart; so is what else the machine did meanwhile. Afterwards the journal is read: what counts is what stands in it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.field import Collector, Shape, cpu_s, machine_idle_s, memory_mib, polled, threads_cpu_s
from plantroom.journal import Kind
from plantroom.journal.columns import frame_id_of, stack

SHAPES = {
    "100k": (Shape(40, 5, 0.25), 20.0),
    "1M": (Shape(100, 10, 0.125), 60.0),
}
DAY_S = 86_400


def journalled(collector: Collector, after: int, last: int) -> tuple[int, int]:
    """(good, bad) samples of the collector's records after..last, both read back and unpacked."""
    good = bad = 0
    seq = after
    while seq < last:
        records = [r for r in collector.reader.read_after(seq, min(20_000, last - seq))]
        seq = records[-1].seq
        frames: dict[bytes, list[bytes]] = {}
        for record in records:
            if record.kind is Kind.TELEMETRY:
                frames.setdefault(frame_id_of(record.body), []).append(record.body)
        for frame_id, bodies in frames.items():
            quality = stack(bodies, collector.reader.frame(frame_id)).quality
            bad += int(quality.astype(bool).sum())
            good += int(quality.size)
    return good - bad, bad


def burst(name: str, shape: Shape, seconds: float) -> None:
    with polled(shape) as (devices, collector):
        time.sleep(3)
        threads = threads_cpu_s(collector.pid)
        ours, theirs, idle, size = cpu_s(collector.pid), cpu_s(devices.pid), machine_idle_s(), collector.journal_bytes
        began, first = time.monotonic(), collector.reader.last_seq()
        time.sleep(seconds)
        took, last = time.monotonic() - began, collector.reader.last_seq()
        ours, theirs, idle = cpu_s(collector.pid) - ours, cpu_s(devices.pid) - theirs, machine_idle_s() - idle
        size = collector.journal_bytes - size
        by_thread = sorted((now - threads.get(task, 0.0) for task, now in threads_cpu_s(collector.pid).items()), reverse=True)
        load, (rss, _) = os.getloadavg()[0], memory_mib(collector.pid)
        good, bad = journalled(collector, first, last)
        bodies = [r for r in collector.reader.read_after(last - 1000, 1000) if r.kind is Kind.TELEMETRY]
        log = collector.log.read_text()
    cores, samples = os.cpu_count() or 1, good + bad
    others = cores * took - idle - ours - theirs
    print(f"{name}: {shape.lines} connections x {shape.units} devices, blocks of {shape.block}, every {shape.period_s * 1e3:g} ms: ", end="")
    print(f"{shape.rate:,.0f} points/s wanted, for {took:.0f} s")
    print(f"  in the journal      {good / took:12,.0f} good samples/s = {good / took / shape.rate:.1%} of what was wanted; {bad} bad")
    print(f"  collector           {ours / took:12.1%} of a core; {ours / samples * 1e6:.3f} CPU s a million points; ", end="")
    print(f"threads {', '.join(f'{spent / took:.1%}' for spent in by_thread[:3])}; {rss:.0f} MiB")
    print(f"  simulated devices   {theirs / took:12.1%} of a core, counted apart")
    print(f"  the machine's rest  {others / took:12.1%} of a core of {cores}; load {load:.1f}")
    body = sum(len(r.body) for r in bodies) / len(bodies) / shape.block
    print(f"  journal             {size / samples:12.2f} bytes a sample on disk ({body:.2f} in the record): ", end="")
    print(f"{size / took * DAY_S / 1e9:,.0f} GB a day at this rate")
    for line in log.splitlines():
        if "warning" in line or "error" in line:
            print("  log:", line[:240])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=SHAPES)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    for name, (shape, seconds) in SHAPES.items():
        if options.only in (None, name):
            burst(name, shape, options.seconds or seconds)


if __name__ == "__main__":
    main()
