"""What polling costs: CPU per million polled points, ours beside a plain pymodbus loop on the same simulated device; and the isolation of
thirty units of which ten are silent. `python bench/poll.py`; about a minute. Every client and the server is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from random import Random

import uvloop

from collector.bindings import Job

LINES, UNITS, BLOCK, PERIOD_S = 40, 5, 125, 0.25  # 100,000 points/s
SECONDS = 10.0
CLIENTS = (
    ("plain pymodbus loop", "pymodbus"),
    ("the same on uvloop", "pymodbus_uvloop"),
    ("plantroom, decoded and checked", "ours"),
    ("plantroom, journalled with fsync", "journalled"),
)
THIRTY, SILENT, ISOLATION_S = 30, 10, 15.0


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# the device: one process, one port for each line


async def serve() -> None:
    from simulators.memory import Memory
    from simulators.modbus_server import ModbusServer

    cells = {3: {address: address * 7 % 4000 for address in range(BLOCK)}}
    servers = [ModbusServer({unit: Memory(cells) for unit in range(1, UNITS + 1)}) for _ in range(LINES)]
    gateway = ModbusServer({unit: Memory(cells) for unit in range(1, THIRTY + 1) if unit % 3}, unknown="silence")
    for server in (*servers, gateway):
        await server.start()
    sys.stdout.write(json.dumps([[server.port for server in servers], gateway.port]) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


# ours


async def ours(ports: list[int], journalled: bool) -> tuple[int, float]:
    """Points read and CPU seconds: schedule, socket, checks, decode to scaled and range-checked values; with the journal, fsynced too."""
    from collector.backoff import Backoff
    from collector.connect import Tcp
    from collector.metronome import Metronome
    from collector.modbus import Line
    from collector.outlet import Outlet
    from collector.session import Session
    from collector.sheaf import Sheaf
    from plantroom.clock import SystemClock
    from plantroom.journal import GroupWriter, Journal
    from plantroom.model import Batch

    clock, points = SystemClock(), 0
    folder = tempfile.TemporaryDirectory(dir=Path.cwd())
    writer = GroupWriter(Journal(Path(folder.name), clock).writer("collect"))
    outlet = Outlet(writer)

    def take(batch: Batch) -> None:
        nonlocal points
        points += batch.values.size
        if journalled:
            outlet.take(batch)

    def say(state: str, reason: str) -> None:
        return

    lines, site, metronome, sheaf = [], Site(), Metronome(clock), Sheaf()
    for number, port in enumerate(ports):
        jobs = [job for unit in range(1, UNITS + 1) for job in site.jobs(unit, f"l{number}-{unit}", PERIOD_S)]
        session = Session(jobs, clock.read(), Backoff(Random(number)), number / len(ports))
        lines.append(Line(Tcp("127.0.0.1", port), session, clock, take, say, metronome=metronome, sheaf=sheaf))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(writer.run()), *(group.create_task(line.run()) for line in lines)]
        await asyncio.sleep(1.0)
        began, before = cpu_s(), points
        await asyncio.sleep(SECONDS)
        spent, read = cpu_s() - began, points - before
        for task in tasks:
            task.cancel()
    folder.cleanup()
    missed = sum(line.session.tally.missed_slots for line in lines)
    if missed:
        print(f"  ({missed} slots missed)")
    return read, spent


class Site:
    """Devices of one profile: a block of scaled, range-checked words with a sentinel."""

    def __init__(self) -> None:
        from collector.bindings import Planner
        from plantroom.kinds import KindPoint, PointType
        from plantroom.profiles import BusLimits, DevicePoint, Encoding, Profile, Register, Table

        words = {f"v{i}": Register(Table.HOLDING, i, Encoding.U16, scale=0.1, sentinels={0xFFFF: "none"}) for i in range(BLOCK)}
        points = {name: DevicePoint(name, word, range=(0.0, 6000.0)) for name, word in words.items()}
        self._profile = Profile("bench", "bench", None, {}, BusLimits(), points)
        self._kind_point = KindPoint("v", PointType.FLOAT, "", {}, {})
        self._planner = Planner()

    def jobs(self, unit: int, name: str, period_s: float) -> list[Job]:
        from plantroom.site import Binding, Device

        bindings = [Binding(f"{name}.{key}", name, key, self._kind_point, period_s=period_s) for key in self._profile.points]
        return self._planner.jobs(Device(name, self._profile, "bus", unit), bindings)


# the peer


async def pymodbus_loop(ports: list[int]) -> tuple[int, float]:
    """The plain loop: a client a connection, each unit's block read after the other, words times their scale, then to the next period."""
    import logging

    from pymodbus.client import AsyncModbusTcpClient

    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port, timeout=1, retries=0) for port in ports]
    for client in clients:
        await client.connect()
    points, ended = 0, False  # not cancelled: pymodbus does not always let go

    async def loop(client: AsyncModbusTcpClient, number: int) -> None:
        nonlocal points
        next_s = time.monotonic() + PERIOD_S * number / len(ports)
        while not ended:
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
            for unit in range(1, UNITS + 1):
                answer = await client.read_holding_registers(0, count=BLOCK, device_id=unit)
                points += len([word * 0.1 for word in answer.registers])
            next_s += PERIOD_S

    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(clients):
            group.create_task(loop(client, number))
        await asyncio.sleep(1.0)
        began, before = cpu_s(), points
        await asyncio.sleep(SECONDS)
        spent, read = cpu_s() - began, points - before
        ended = True
    for client in clients:
        client.close()
    return read, spent


# thirty units, ten of them silent


async def our_thirty(port: int) -> None:
    from collector.backoff import Backoff
    from collector.connect import Tcp
    from collector.modbus import Line
    from collector.session import Session
    from plantroom.clock import SystemClock
    from plantroom.model import Batch

    clock = SystemClock()
    times: dict[str, list[float]] = defaultdict(list)

    def take(batch: Batch) -> None:
        if not batch.quality.any():
            times[batch.frame.points[0]].append(int(batch.at_ns[0]) / 1e9)

    def say(state: str, reason: str) -> None:
        return

    site = Site()
    jobs = [job for unit in range(1, THIRTY + 1) for job in site.jobs(unit, f"u{unit}", 1.0)]
    line = Line(Tcp("127.0.0.1", port), Session(jobs, clock.read(), Backoff(Random(1))), clock, take, say)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(line.run())
        await asyncio.sleep(ISOLATION_S)
        task.cancel()
    gaps = [b - a for seen in times.values() for a, b in pairwise(seen[2:])]
    mean, missed = sum(gaps) / len(gaps), line.session.tally.missed_slots
    print(f"  plantroom       live units read every {mean:.3f} s, longest gap {max(gaps):.2f} s; {missed} slots missed")


async def pymodbus_thirty(port: int) -> None:
    import logging

    from pymodbus.client import AsyncModbusTcpClient
    from pymodbus.exceptions import ModbusIOException

    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=0.5, retries=0)
    await client.connect()
    began, rounds = time.monotonic(), 0
    while time.monotonic() - began < ISOLATION_S:
        for unit in range(1, THIRTY + 1):
            if not client.connected:
                await client.connect()
            try:
                await client.read_holding_registers(0, count=BLOCK, device_id=unit)
            except ModbusIOException:
                continue
        rounds += 1
    print(f"  pymodbus loop   live units read every {(time.monotonic() - began) / rounds:.2f} s (time-out 0.5 s, no retries)")
    client.close()


# side by side


def main() -> None:
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    ports, gateway = json.loads(server.stdout.readline())
    try:
        rate = LINES * UNITS * BLOCK / PERIOD_S
        print(f"CPU seconds per million polled points; blocks of {BLOCK} registers, {LINES} connections, {rate:,.0f} points/s")
        figures = {}
        for name, words in CLIENTS:
            command = [sys.executable, __file__, words, json.dumps(ports)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
            *notes, last = answer.stdout.strip().splitlines()
            points, spent = json.loads(last)
            figures[words] = spent / points * 1e6
            core = f"{100 * spent / SECONDS:.1f} % of a core at {points / SECONDS:,.0f} points/s"
            print(f"  {name:34} {figures[words]:6.3f}   ({core})", *notes, flush=True)
        decoded, journalled = (figures[words] / figures["pymodbus"] for words in ("ours", "journalled"))
        print(f"  ratio to pymodbus: decoded {decoded:.2f}, journalled {journalled:.2f}")
        print(f"{THIRTY} units on one gateway, {SILENT} silent, period 1 s", flush=True)
        for words in ("our_thirty", "pymodbus_thirty"):
            subprocess.run([sys.executable, __file__, words, str(gateway)], check=True, timeout=60)
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["serve"]:
            uvloop.run(serve())
        case ["our_thirty", port]:
            uvloop.run(our_thirty(int(port)))
        case ["pymodbus_thirty", port]:
            uvloop.run(pymodbus_thirty(int(port)))
        case ["pymodbus", ports]:
            print(json.dumps(asyncio.run(pymodbus_loop(json.loads(ports)))))
        case ["pymodbus_uvloop", ports]:
            print(json.dumps(uvloop.run(pymodbus_loop(json.loads(ports)))))
        case [word, ports]:
            print(json.dumps(uvloop.run(ours(json.loads(ports), word == "journalled"))))
