"""Register flip -> durable fault -> webhook received: 100 machines polled each second over one gateway, then 1,000 devices over twenty.

The real service as processes; the time is taken where the wire shows the new value and where the receiver has the page's body. The rule
is `phase_loss` (for: 2s by its source); the site sets its delay to 0 s for this bench, so that what is measured is ours. A flip waits for
the next poll: on average half a period. Peer: a pymodbus loop that reads the same module each second and posts to the same receiver
itself, with nothing durable between.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.kit.house import House, Inputs, Receiver

NO_DELAY = "rules: {parameters: {phase_loss: {delay: 0s}}}\n"


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def ours(flips: int, pumps: int, seed: int, pumps_a_module: int) -> tuple[list[float], list[float]]:
    """(flip -> page received, flip -> fault durable) in s."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), pumps, extra=NO_DELAY, pumps_a_module=pumps_a_module)
        try:
            house.start()
            house.wait_for(lambda: house.rows("SELECT 1 FROM position WHERE seq > 20"), 30, "the engine runs")
            time.sleep(5)
            wall_offset = time.time_ns() - time.monotonic_ns()
            flipped: dict[str, int] = {}
            for pump in rng.sample(range(pumps), flips):
                flipped[f"fp-{pump}"] = house.inputs.phase_loss(pump, 1)
                time.sleep(rng.uniform(0.1, 0.5))

            def came() -> dict[str, int]:
                """When the page of each flip came; a starved machine may bring other pages too."""
                faults = [(at, body["fault"]) for at, _, body in list(house.receiver.pages)]
                return {str(f["equipment"]): at for at, f in faults if isinstance(f, dict) and f["rule"] == "phase_loss"}

            house.wait_for(lambda: len(came()) >= flips, 60, f"{flips} pages, not {len(came())}")
            pages = [(at - flipped[name]) / 1e9 for name, at in came().items()]
            if other := len(house.receiver.pages) - len(pages):
                print(f"({other} pages of other faults: devices were read too seldom on this machine)")
            rows = house.rows("SELECT equipment, raised_ns FROM fault WHERE rule = 'phase_loss'")
            durable = [(int(str(raised)) - wall_offset - flipped[str(name)]) / 1e9 for name, raised in rows]
            return pages, durable
        finally:
            house.close()


def peer(flips: int, seed: int) -> list[float]:
    from pymodbus.client import AsyncModbusTcpClient

    rng, inputs, receiver = random.Random(seed), Inputs(1), Receiver()
    stop = threading.Event()

    async def loop() -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=inputs.port, timeout=1, retries=0)
        await client.connect()
        before = [False] * 32
        due = time.monotonic()
        while not stop.is_set():
            bits = (await client.read_discrete_inputs(0, count=32, device_id=1)).bits
            for at, (old, new) in enumerate(zip(before, bits, strict=False)):
                if new and not old and at % 3 == 2:
                    request = urllib.request.Request(receiver.url, json.dumps({"at": at}).encode(), {"X-Plantroom-Id": "peer"})
                    await asyncio.to_thread(urllib.request.urlopen, request)
            before = bits
            due += 1
            await asyncio.sleep(max(0, due - time.monotonic()))
        client.close()

    thread = threading.Thread(target=asyncio.run, args=(loop(),))
    thread.start()
    took = []
    time.sleep(2)
    for flip in range(flips):
        seen = len(receiver.pages)
        began = inputs.set(1, 3 * (flip % 10) + 2, 1)
        with receiver.came:
            receiver.came.wait_for(lambda seen=seen: len(receiver.pages) > seen, 5)
        took.append((receiver.pages[-1][0] - began) / 1e9)
        inputs.set(1, 3 * (flip % 10) + 2, 0)
        time.sleep(1.2 + rng.random())
    stop.set()
    thread.join()
    inputs.close()
    receiver.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--flips", type=int, default=60)
    parser.add_argument("--pumps", type=int, help="one size only")
    options = parser.parse_args()
    rows = {}
    for pumps, pumps_a_module in ((100, 10), (1000, 1)) if options.pumps is None else ((options.pumps, 1 if options.pumps > 100 else 10),):
        pages, durable = ours(options.flips, pumps, 7, pumps_a_module)
        what = f"{pumps} machines, {pumps // pumps_a_module} devices"
        rows |= {f"{what}: flip -> fault durable": durable, f"{what}: flip -> webhook received": pages}
    rows["peer: pymodbus loop, one device, nothing durable"] = peer(20, 7)
    for name, took in rows.items():
        print(f"{name:<54} p50 {percentile(took, 0.5) * 1e3:7.0f} ms   p99 {percentile(took, 0.99) * 1e3:7.0f} ms   n {len(took)}")
    print(f"bar: p99 <= poll interval (1,000 ms) + 100 ms; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
