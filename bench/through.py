"""Samples a CPU second through the journal and the rules: fsynced, read back from the file, judged by 20 rules a machine, committed.

1,000 and 10,000 points (10 a machine), each machine polled once a virtual second, one record a read as the collector writes it. One
process, one core; appending (encode + commit) and following (read + checksum + decode + judge + commit) are timed apart. Peer: the same
samples handed to the PyPI rule-engine, nothing durable, nothing unknown, no time.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # bench/rules.py is called rules too

import importlib.util  # noqa: E402

import numpy as np  # noqa: E402

from plantroom.clock import NS, VirtualClock  # noqa: E402
from plantroom.journal import Entry, Journal, Kind  # noqa: E402
from plantroom.journal.record import encode_batch  # noqa: E402
from plantroom.kinds import load_kind  # noqa: E402
from plantroom.model import Frame, one_row  # noqa: E402
from plantroom.records import Records  # noqa: E402
from plantroom.site_file import load_site  # noqa: E402
from rules.book import Rulebook  # noqa: E402
from rules.engine import Engine  # noqa: E402
from rules.house import House  # noqa: E402
from rules.virtual import machine  # noqa: E402

_spec = importlib.util.spec_from_file_location("bench_rules", Path(__file__).with_name("rules.py"))
assert _spec is not None and _spec.loader is not None
bench_rules = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bench_rules)

SITE = "site: {id: bench, name: bench, zone: UTC, language: en, practice: gb}\n"
BATCHES_A_COMMIT = 500  # what a busy collector brings together in 5 ms and more


def measured(machines: int, seconds: int) -> None:
    rules = tuple(bench_rules.made(number, when) for number, (when, _) in enumerate(bench_rules.WHEN))
    kind = load_kind("generator")
    equipment = {f"gen-{n}": machine(kind, bench_rules.POINTS, 1.0, id=f"gen-{n}") for n in range(machines)}
    middle, spread = np.array([bench_rules.TYPICAL[name] for name in bench_rules.POINTS]).T
    random = np.random.default_rng(7)
    good = np.zeros(len(bench_rules.POINTS), np.uint8)
    frames = [Frame(tuple(f"gen-{n}.{name}" for name in bench_rules.POINTS)) for n in range(machines)]
    spent = {"append": 0.0, "follow + judge": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "site.yaml"
        file.write_text(SITE)
        site = replace(load_site(file, env={}), equipment=equipment)
        clock = VirtualClock(1_800_000_000 * NS)
        journal = Journal(Path(folder) / "journal", clock)
        writer, reader = journal.writer("collect"), journal.reader()
        records = Records.open(Path(folder) / "records.db")
        engine = Engine(records, lambda record: House(site, Rulebook(rules)), reader.frame)
        writer.append([Entry(Kind.CONFIG, b'{"hash": "bench", "who": "bench", "difference": ""}')])
        position = 0
        for second in range(seconds + 2):
            if second == 2:
                spent = dict.fromkeys(spent, 0.0)
            values = middle + spread * random.standard_normal((machines, len(bench_rules.POINTS)))
            began = time.process_time()
            now = clock.read().wall_ns
            entries = [encode_batch(one_row(frame, now, values[n], good)) for n, frame in enumerate(frames)]
            for at in range(0, machines, BATCHES_A_COMMIT):
                writer.append(entries[at : at + BATCHES_A_COMMIT])
            clock.advance(0.5)
            writer.append([Entry(Kind.TICK, b"{}")])
            clock.advance(0.5)
            spent["append"] += time.process_time() - began
            began = time.process_time()
            while got := reader.read_after(position, 2_000):
                engine.take(got)
                position = got[-1].seq
            spent["follow + judge"] += time.process_time() - began
        assert not list(records.db.execute("SELECT 1 FROM fault")), "the plant of the bench is healthy"
        size = sum(path.stat().st_size for path in (Path(folder) / "journal").glob("*.db*"))
        records.close()
        writer.close()
        reader.close()
    samples = machines * len(bench_rules.POINTS) * seconds
    whole = sum(spent.values())
    parts = ", ".join(f"{name} {1e6 * cpu / samples:.2f} us a sample" for name, cpu in spent.items())
    stored = size / (samples * (seconds + 2) / seconds)
    rate = f"{samples / whole:>10,.0f} samples/s on one core"
    print(f"{machines * 10:>7,} points, 20 rules a machine: {rate} ({parts}; {stored:.1f} B a sample in the journal)")


def main() -> None:
    measured(100, 60)
    measured(1_000, 20)
    bench_rules.peer()


if __name__ == "__main__":
    main()
