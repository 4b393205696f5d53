"""How much of a serial line is used, and what silent units cost the others: ours beside a pymodbus loop, on a pseudo-terminal whose far end
is paced as the line is. `python bench/serial_line.py`; about two minutes. The far end and every client are processes of their own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import select
import subprocess
import sys
import time
import tty
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from random import Random

import uvloop

BAUDS, BLOCKS, UNITS, SECONDS = (9600, 19_200), (10, 60), 10, 12.0
THIRTY, PERIOD_S, ISOLATION_S, BLOCK = 30, 2.5, 40.0, 20
TIMEOUT_S = 0.5
PIECE = 8  # characters a driver hands on at once


# the far end: characters take their time, in both directions


def far_end(baud: int, silent_every: int) -> None:
    """Units 1..30 but each `silent_every`th. Prints the terminal's name, and when stdin ends what the line was used for."""
    from simulators.memory import Memory
    from simulators.rtu_server import sealed

    character_s = 11 / baud
    silence_s = 3.5 * character_s if baud <= 19_200 else 0.00175
    memory = Memory({3: {address: address * 7 % 4000 for address in range(125)}})
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    print(os.ttyname(theirs), flush=True)
    began_s = ended_s = 0.0
    characters, reads, pauses, late_s = 0, 0, list[float](), 0.0  # late_s: by which our own writes missed the line's time
    while sys.stdin not in select.select([ours, sys.stdin], [], [])[0]:
        asked_s = time.monotonic()
        request = os.read(ours, 8)
        while len(request) < 8:
            request += os.read(ours, 8 - len(request))
        assert request == sealed(request[:6]), request.hex()
        if began_s:
            pauses.append(asked_s - ended_s)
        else:
            began_s = asked_s
        unit, function, address, count = request[0], request[1], int.from_bytes(request[2:4]), int.from_bytes(request[4:6])
        characters += 8
        ended_s = asked_s + 8 * character_s
        if silent_every and unit % silent_every == 0:
            continue
        reply = sealed(bytes((unit, function)) + (memory.read(function, address, count) or b""))
        begin_s = ended_s + silence_s  # no device may answer sooner
        for at in range(0, len(reply), PIECE):
            piece = reply[at : at + PIECE]
            wait_s = begin_s + (at + len(piece)) * character_s - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            os.write(ours, piece)
        end_s, ended_s = begin_s + len(reply) * character_s, time.monotonic()
        late_s += ended_s - end_s
        characters, reads = characters + len(reply), reads + 1
    whole_s, busy_s = ended_s - began_s - late_s, characters * character_s
    needed_s = busy_s + reads * 2 * silence_s
    shortest = min(pauses, default=0.0)
    early = sum(pause < silence_s for pause in pauses)
    print(json.dumps([needed_s / whole_s, busy_s / whole_s, reads, 1000 * shortest, 1000 * silence_s, early, len(pauses)]), flush=True)


# the clients


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def ours(port: str, baud: int, thirty: bool) -> None:
    from collector.backoff import Backoff
    from collector.bindings import Planner
    from collector.links import exchange_of, on_this_line, way_of
    from collector.modbus import Line
    from collector.session import Session
    from plantroom.clock import SystemClock
    from plantroom.kinds import KindPoint, PointType
    from plantroom.model import Batch
    from plantroom.profiles import BusLimits, DevicePoint, Encoding, Profile, Register, Table
    from plantroom.site import Binding, Device, ModbusRtu

    clock, link = SystemClock(), ModbusRtu(port, baud)
    times: dict[str, list[float]] = defaultdict(list)

    def take(batch: Batch) -> None:
        if not batch.quality.any():
            times[batch.frame.points[0]].append(int(batch.at_ns[0]) / 1e9)

    def say(state: str, reason: str) -> None:
        return

    jobs, kind_point = [], KindPoint("v", PointType.FLOAT, "", {}, {})
    for unit in range(1, (THIRTY if thirty else UNITS) + 1):
        count = BLOCK if thirty else BLOCKS[unit % len(BLOCKS)]
        points = {f"v{i}": DevicePoint(f"v{i}", Register(Table.HOLDING, i, Encoding.U16)) for i in range(count)}
        profile = Profile("bench", "bench", None, {}, BusLimits(timeout_s=TIMEOUT_S), points)
        period_s = PERIOD_S if thirty else 0.1
        bindings = [Binding(f"u{unit}.{key}", f"u{unit}", key, kind_point, period_s=period_s) for key in points]
        jobs += Planner().jobs(Device(f"u{unit}", profile, "bus", unit), bindings)
    jobs = on_this_line(link, jobs)
    session = Session(jobs, clock.read(), Backoff(Random(1)), waits_out=True)
    line = Line(way_of(link), session, clock, take, say, exchange=exchange_of(link, jobs))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(line.run())
        await asyncio.sleep(12.0 if thirty else 2.0)  # the first round looks for the silent ones
        began, before, missed = cpu_s(), sum(map(len, times.values())), session.tally.missed_slots
        await asyncio.sleep(ISOLATION_S if thirty else SECONDS)
        spent, good = cpu_s() - began, sum(map(len, times.values())) - before
        task.cancel()
    if thirty:
        report({point: seen[4:] for point, seen in times.items()}, f", {session.tally.missed_slots - missed} slots missed")
    else:
        print(json.dumps([spent, good]))


async def pymodbus_loop(port: str, baud: int, thirty: bool) -> None:
    """The plain loop: each unit's block after the other, at once again, or with thirty units each period."""
    from pymodbus import FramerType
    from pymodbus.client import AsyncModbusSerialClient
    from pymodbus.exceptions import ModbusIOException

    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    client = AsyncModbusSerialClient(port, framer=FramerType.RTU, baudrate=baud, parity="N", stopbits=2, timeout=TIMEOUT_S, retries=0)
    await client.connect()
    times: dict[str, list[float]] = defaultdict(list)
    started = next_s = time.monotonic()
    began, until = cpu_s(), started + (ISOLATION_S if thirty else SECONDS)
    while time.monotonic() < until:
        for unit in range(1, (THIRTY if thirty else UNITS) + 1):
            if not client.connected:
                await client.connect()
            try:
                await client.read_holding_registers(0, count=BLOCK if thirty else BLOCKS[unit % len(BLOCKS)], device_id=unit)
                times[f"u{unit}"].append(time.monotonic())
            except ModbusIOException:
                continue
        next_s += PERIOD_S
        if thirty:
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
    spent = cpu_s() - began
    client.close()
    if thirty:
        report({unit: seen[1:] for unit, seen in times.items()}, "")
    else:
        print(json.dumps([spent, sum(map(len, times.values()))]))


def report(times: dict[str, list[float]], more: str) -> None:
    gaps = [b - a for seen in times.values() for a, b in pairwise(seen)]
    print(f"each live unit every {sum(gaps) / len(gaps):.3f} s on average, longest {max(gaps):.2f} s, {len(times)} units{more}")


# side by side


def run(client: str, baud: int, thirty: bool) -> tuple[str, list[float]]:
    """What the client printed, and what the far end saw: use, characters alone, reads, shortest pause, silence in ms, early, all."""
    command = [sys.executable, __file__, "far_end", str(baud), "3" if thirty else "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as end:
        assert end.stdin is not None and end.stdout is not None
        port = end.stdout.readline().strip()
        asking = [sys.executable, __file__, client, port, str(baud), "thirty" if thirty else "all"]
        answer = subprocess.run(asking, capture_output=True, text=True, check=True, timeout=ISOLATION_S + 60)
        end.stdin.close()
        seen = json.loads(end.stdout.readline())
    return answer.stdout.strip(), seen


def main() -> None:
    words = {"ours": "plantroom", "pymodbus": "plain pymodbus loop"}
    print(f"A line with {UNITS} units, blocks of {BLOCKS[0]} and {BLOCKS[1]} registers, asked without a pause; 11 bits a character")
    print("  use = characters, the device's 3.5 before its answer, the master's 3.5 before the next request")
    for baud in BAUDS:
        for client, name in words.items():
            told, (use, characters, reads, shortest, silence, early, requests) = run(client, baud, False)
            spent, good = json.loads(told)
            pauses = f"pause before a request at least {shortest:.2f} ms of {silence:.2f} ({100 * early / requests:.0f} % shorter)"
            print(
                f"  {baud:6} baud  {name:20} used {100 * use:5.1f} % (characters alone {100 * characters:.1f} %); {pauses}; "
                f"{1e6 * spent / good:.0f} us CPU a read",
                flush=True,
            )
    print(f"{THIRTY} units at 9600 baud, {THIRTY // 3} silent, {BLOCK} registers each, period {PERIOD_S} s, time-out {TIMEOUT_S} s")
    for client, name in words.items():
        told, _ = run(client, 9600, True)
        print(f"  {name:20} {told}", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["far_end", baud, silent_every]:
            far_end(int(baud), int(silent_every))
        case ["ours", port, baud, what]:
            uvloop.run(ours(port, int(baud), what == "thirty"))
        case ["pymodbus", port, baud, what]:
            asyncio.run(pymodbus_loop(port, int(baud), what == "thirty"))
