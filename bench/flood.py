"""The engine in a flood: 10,000 urgent faults within a minute, each with its order, clocks, call and pages, and every page's attempt.

In one process on a virtual clock, without sockets: what is counted is the engine's own CPU. The cost of a fault must not grow with how
many stand open; the line at the end is the cost of the first and of the last thousand. Bar: 10,000 faults in 60 s take less than 60 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import numpy as np

from plantroom.journal.record import encode_batch
from plantroom.model import Frame, one_row
from tests.kit.engine import SITE, Kit

A_MODULE = 10  # pumps on one module of 32 inputs
POINTS = ("phase_loss", "pump_running", "control_mode")
EACH = 167  # faults a second


def site_text(pumps: int) -> str:
    """A line for each ten modules."""
    modules = -(-pumps // A_MODULE)
    text = SITE.format(equipment="".join(_pump(n) for n in range(pumps)))
    devices = "".join(
        f"  - {{id: io-{n}, profile: generic-32di, connection: bus-{n // 10}, unit: {1 + n % 10}}}\n" for n in range(modules)
    )
    lines = "".join(f"  - {{id: bus-{n}, modbus_tcp: {{host: 127.0.0.1, port: {2000 + n}}}}}\n" for n in range(-(-modules // 10)))
    text = text.replace("  - {id: bus, modbus_tcp: {host: 127.0.0.1, port: 1502}}\n", lines)
    return text.replace("  - {id: io-1, profile: generic-32di, connection: bus, unit: 1}\n", devices)


def _pump(n: int) -> str:
    at = len(POINTS) * (n % A_MODULE) + 1
    mode = "{as: control_mode, values: {0: manual, 1: auto}}"
    take = f"di_{at}: {{as: phase_loss}}, di_{at + 1}: {{as: pump_running}}, di_{at + 2}: {mode}"
    return f"  - {{id: fp-{n}, kind: fire_pump, name: {n}号消防泵, points: [{{device: io-{n // A_MODULE}, take: {{{take}}}}}]}}\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pumps", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        kit.configure(site_text(options.pumps))
        kit.run()
        frames = [
            Frame(tuple(f"fp-{n}.{point}" for n in range(first, min(first + A_MODULE, options.pumps)) for point in POINTS))
            for first in range(0, options.pumps, A_MODULE)
        ]  # fmt: skip
        lost = np.zeros(options.pumps)
        _poll(kit, frames, lost)
        kit.ticks(3)
        kit.run()
        costs, paged = [], 0
        for done in range(EACH, options.pumps + 3 * EACH, EACH):
            lost[: min(done, options.pumps)] = 1
            _poll(kit, frames, lost, around=done)
            kit.tick()
            began = time.process_time()
            kit.run()
            for (page,) in kit.rows("SELECT id FROM outbox WHERE state = 'queued' ORDER BY rowid LIMIT ?", 2 * EACH):
                kit.attempt(page, "accepted")
                paged += 1
            kit.run()
            costs.append(time.process_time() - began)
        raised = kit.one("SELECT count(*) FROM fault WHERE rule = 'phase_loss'")
        seconds = 1000 // EACH
        first, last = sum(costs[3 : 3 + seconds]) / seconds / EACH, sum(costs[-4 - seconds : -4]) / seconds / EACH
        print(f"{raised} urgent faults in {len(costs)} s, {paged} pages taken: {sum(costs):.1f} CPU s; a fault of the first thousand "
              f"{first * 1e3:.2f} ms, of the last {last * 1e3:.2f} ms; bar: {options.pumps / EACH:.0f} s")  # fmt: skip
        kit.close()


def _poll(kit: Kit, frames: list[Frame], lost: np.ndarray, around: int | None = None) -> None:
    """What is polled, or of it the modules whose pumps have just changed."""
    at_ns = kit.clock.read().wall_ns
    lowest, highest = (0, len(frames)) if around is None else ((around - 2 * EACH) // A_MODULE, around // A_MODULE + 1)
    for n in range(max(0, lowest), min(len(frames), highest)):
        frame = frames[n]
        values = np.zeros(len(frame.points))
        values[0::3] = lost[n * A_MODULE : n * A_MODULE + len(values) // 3]
        values[2::3] = 1  # auto
        batch = one_row(frame, at_ns, values, np.zeros(len(values), np.uint8))
        kit.append(encode_batch(batch), "collect")


if __name__ == "__main__":
    main()
