"""The collector at line rate: 100,000 and 1,000,000 points a second read over Modbus TCP, checked, scaled and journalled with fsync.

The million twice: by one site, whose collector is one process and so one core, and by two sites of half a million, a core each.
`python bench/burst.py`, about four minutes; `--seconds`, `--only 100k`. Collector and simulated devices are processes of their own and
counted apart; so is what else the machine did meanwhile. Afterwards the journal is read: what counts is what stands in it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.field import Collector, Shape, cpu_s, machine_idle_s, memory_mib, polled, threads_cpu_s
from plantroom.journal import Kind
from plantroom.journal.columns import frame_id_of, stack

SHAPES = {  # what each site reads, how many sites, seconds
    "100k": (Shape(40, 5, 0.25), 1, 20.0),
    "1M": (Shape(100, 10, 0.125), 1, 60.0),
    "2x500k": (Shape(50, 10, 0.125), 2, 60.0),
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


def burst(name: str, shape: Shape, sites: int, seconds: float) -> None:
    with ExitStack() as stack:
        fields = [stack.enter_context(polled(shape)) for _ in range(sites)]
        collectors = [collector for _, collector in fields]

        def spent() -> tuple[float, float, float]:
            """CPU seconds: ours, the devices', idle."""
            return sum(cpu_s(c.pid) for c in collectors), sum(cpu_s(d.pid) for d, _ in fields), machine_idle_s()

        time.sleep(3)
        before, threads, size = spent(), [threads_cpu_s(c.pid) for c in collectors], sum(c.journal_bytes for c in collectors)
        began, first = time.monotonic(), [c.reader.last_seq() for c in collectors]
        time.sleep(seconds)
        took, last = time.monotonic() - began, [c.reader.last_seq() for c in collectors]
        ours, theirs, idle = (now - then for now, then in zip(spent(), before, strict=True))
        size = sum(c.journal_bytes for c in collectors) - size
        by_thread = [_growth(then, threads_cpu_s(c.pid)) for then, c in zip(threads, collectors, strict=True)]
        load, rss = os.getloadavg()[0], [memory_mib(c.pid)[0] for c in collectors]
        counted = [journalled(c, after, end) for c, after, end in zip(collectors, first, last, strict=True)]
        bodies = [r for r in collectors[0].reader.read_after(last[0] - 1000, 1000) if r.kind is Kind.TELEMETRY]
        log = "".join(c.log.read_text() for c in collectors)
    good, bad = sum(g for g, _ in counted), sum(b for _, b in counted)
    cores, samples, wanted = os.cpu_count() or 1, good + bad, sites * shape.rate
    others = cores * took - idle - ours - theirs
    print(f"{name}: {sites} x {shape.lines} connections x {shape.units} devices, blocks of {shape.block}, ", end="")
    print(f"every {shape.period_s * 1e3:g} ms: {wanted:,.0f} points/s wanted, for {took:.0f} s")
    print(f"  in the journal      {good / took:12,.0f} good samples/s = {good / took / wanted:.1%} of what was wanted; {bad} bad")
    print(f"  collector           {ours / took:12.1%} of a core; {ours / samples * 1e6:.3f} CPU s a million points; ", end="")
    print(f"loop and commits {'; '.join(f'{a / took:.1%}, {b / took:.1%}' for a, b, *_ in by_thread)}; {max(rss):.0f} MiB")
    print(f"  simulated devices   {theirs / took:12.1%} of a core, counted apart")
    print(f"  the machine's rest  {others / took:12.1%} of a core of {cores}; load {load:.1f}")
    body = sum(len(r.body) for r in bodies) / len(bodies) / shape.block
    print(f"  journal             {size / samples:12.2f} bytes a sample on disk ({body:.2f} in the record): ", end="")
    print(f"{size / took * DAY_S / 1e9:,.0f} GB a day at this rate")
    for line in [line for line in log.splitlines() if "warning" in line or "error" in line][:3]:
        print("  log:", line[:240])


def _growth(before: dict[str, float], after: dict[str, float]) -> list[float]:
    """CPU seconds of a process's threads, the busiest first."""
    return sorted((now - before.get(task, 0.0) for task, now in after.items()), reverse=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=SHAPES)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    for name, (shape, sites, seconds) in SHAPES.items():
        if options.only in (None, name):
            burst(name, shape, sites, options.seconds or seconds)


if __name__ == "__main__":
    main()
