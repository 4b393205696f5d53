"""Others' pollers beside ours on the same simulated device, one after the other: CPU seconds per million points and what each really reads.

    ten units x 100 registers each second                                   what a point costs
    thirty units on one serial line behind a gateway, ten of them silent    how often the living are read

`python bench/peers.py [name ...]`; about eight minutes, the first time some more: programs are fetched into .cache/peers (`make clean`
takes them away). Points and periods are counted by the device, CPU is that of the peer's processes. Prints figures; asserts nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median

import uvloop
from peer_device import LIVE, TEN, THIRTY
from peer_programs import BLOCK, PEERS, PERIOD_S, TIMEOUT_S, Job, NotHere, Peer, scratch

HERE = Path(__file__).parent
COST_S, ISOLATION_S = 15.0, 40.0


# what is measured


@dataclass(frozen=True)
class Measured:
    """cpu_s: of the peer's processes. units: unit -> when its first cell was read."""

    cpu_s: float
    points: int
    requests: int
    units: dict[int, list[float]]
    seconds: float

    @property
    def cost(self) -> float:
        return self.cpu_s / self.points * 1e6 if self.points else float("inf")

    def period_s(self, units: Sequence[int]) -> float | None:
        """Mean time between two reads of a live unit; None where none was read twice."""
        gaps = [b - a for unit in units for a, b in pairwise(self.units.get(unit, []))]
        return sum(gaps) / len(gaps) if gaps else None

    def longest_s(self, units: Sequence[int]) -> float:
        return max((b - a for unit in units for a, b in pairwise(self.units.get(unit, []))), default=self.seconds)

    def unread(self, units: Sequence[int]) -> int:
        return sum(len(self.units.get(unit, [])) < 2 for unit in units)


class Device:
    """The simulated device's process."""

    def __enter__(self) -> Device:
        command = [sys.executable, str(HERE / "peer_device.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
        self.ten, self.thirty = self._heard()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def begin(self) -> None:
        self._say("begin")

    def end(self, port: int) -> dict[str, object]:
        self._say("end")
        return self._heard()[str(port)]

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def _heard(self) -> dict[str, dict[str, object]]:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def cpu_s(group: int) -> float:
    """Of all threads of a process group: to the nanosecond, where /proc/PID/stat counts in hundredths. Threads that have ended are lost."""
    spent_ns = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = re.sub(r"^.*\) ", "", entry.read_text()).split()
            if int(fields[2]) == group:
                spent_ns += sum(int(task.read_text().split()[0]) for task in entry.parent.glob("task/*/schedstat"))
    return spent_ns / 1e9


def measured(peer: Peer, device: Device, port: int, units: int, seconds: float, folder: Path) -> Measured:
    own = folder / f"{re.sub('[^a-z]', '', peer.name.lower())}-{units}"
    own.mkdir()
    started = peer.start(Job(port, units, own))
    log = (own / "output").open("w")
    environment = os.environ | started.environment
    process = subprocess.Popen(started.command, cwd=own, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        time.sleep(peer.warm_s)
        if process.poll() is not None:
            raise NotHere(f"ended with {process.returncode}: {(own / 'output').read_text()[-300:]}")
        device.begin()
        began, before = time.monotonic(), cpu_s(process.pid)
        time.sleep(seconds)
        spent, took = cpu_s(process.pid) - before, time.monotonic() - began
        seen = device.end(port)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()
    times = {int(unit): list(at) for unit, at in dict(seen["units"]).items()}  # type: ignore[call-overload]
    return Measured(spent, int(str(seen["points"])), int(str(seen["requests"])), times, took)


# a broker that stands for ThingsBoard


@contextmanager
def broker(folder: Path) -> Iterator[None]:
    """mosquitto, and the answer to the question a gateway asks before it publishes. Its port stands in the file `broker`."""
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "broker").write_text(str(port))
    if program is None:
        yield
        return
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], **quiet)
    answering = subprocess.Popen([sys.executable, str(HERE / "peers.py"), "answer", str(port)], **quiet)
    try:
        yield
    finally:
        for each in (answering, process):
            each.kill()
            each.wait()


def answer(port: int) -> None:
    from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    def ready(client: Client, _: object, __: ConnectFlags, ___: ReasonCode, ____: Properties | None) -> None:
        client.subscribe("v1/devices/me/rpc/request/+")

    def asked(client: Client, _: object, message: MQTTMessage) -> None:
        unlimited = {"messages": "0:0,", "telemetryMessages": "0:0,", "telemetryDataPoints": "0:0,"}
        limits = {"maxPayloadSize": 65_536, "maxInflightMessages": 1000, "rateLimits": unlimited, "gatewayRateLimits": unlimited}
        client.publish(message.topic.replace("request", "response"), json.dumps(limits))

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_connect, client.on_message = ready, asked
    while True:
        with suppress(OSError):
            client.connect("127.0.0.1", port)
            break
        time.sleep(0.1)
    client.loop_forever()


# ours and the plain loop


async def ours(port: int, units: int, folder: Path, *, journalled: bool) -> None:
    """Schedule, socket, checks, decode to scaled and range-checked values; with the journal, fsync included."""
    import poll

    from collector.backoff import Backoff
    from collector.connect import Tcp
    from collector.modbus import Line
    from collector.outlet import Outlet
    from collector.session import Session
    from plantroom.clock import SystemClock
    from plantroom.journal import GroupWriter, Journal

    poll.BLOCK = BLOCK
    clock, site = SystemClock(), poll.Site()
    writer = GroupWriter(Journal(folder, clock).writer("collect"))
    jobs = [job for unit in range(1, units + 1) for job in site.jobs(unit, f"u{unit}", PERIOD_S)]
    take = Outlet(writer).take if journalled else lambda _: None
    line = Line(Tcp("127.0.0.1", port), Session(jobs, clock.read(), Backoff(Random(1))), clock, take, lambda *_: None)
    async with asyncio.TaskGroup() as group:
        group.create_task(writer.run())
        group.create_task(line.run())


async def pymodbus_loop(port: int, units: int) -> None:
    """A client, each unit's block read after the other, words times their scale, then to the next second."""
    import logging

    from pymodbus.client import AsyncModbusTcpClient
    from pymodbus.exceptions import ModbusException

    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=TIMEOUT_S, retries=0)
    next_s = time.monotonic()
    while True:
        for unit in range(1, units + 1):
            with suppress(ModbusException):
                if not client.connected:
                    await client.connect()
                read = await client.read_holding_registers(0, count=BLOCK, device_id=unit)
                [word * 0.1 for word in read.registers]
        next_s = max(next_s + PERIOD_S, time.monotonic())
        await asyncio.sleep(next_s - time.monotonic())


# side by side


def row(peer: Peer, device: Device, folder: Path) -> str:
    try:
        cost = measured(peer, device, device.ten, TEN, COST_S, folder)
        apart = measured(peer, device, device.thirty, THIRTY, ISOLATION_S, folder)
    except NotHere as error:
        return f"  {peer.name:20} skipped: {error}"
    alive, period_s = range(1, TEN + 1), apart.period_s(LIVE)
    found = cost.period_s(alive)
    read = f"{cost.points / cost.seconds:7,.0f} points/s in {cost.requests / cost.seconds:6,.0f} requests"
    steady = f"each unit every {found:.2f} s" if found else "no unit read twice"
    if period_s is None:
        living = f"no living unit read twice in {ISOLATION_S:.0f} s"
    else:
        living = f"{period_s:6.2f} s, longest {apart.longest_s(LIVE):5.2f} s"
        living += f", {apart.unread(LIVE)} of {len(LIVE)} not read twice" if apart.unread(LIVE) else ""
    return f"  {peer.name:20} {cost.cost:8.2f}   {read}, {steady:22} | {living:34}   ({peer.note})"


def main(names: Sequence[str]) -> None:
    chosen = [peer for peer in PEERS if not names or peer.name in names]
    silent = THIRTY - len(LIVE)
    print(f"CPU s per million points, {TEN} units x {BLOCK} registers a second | period of the living of {THIRTY} units, {silent} silent")
    loads: list[float] = []
    with ExitStack() as stack:
        device, folder = stack.enter_context(Device()), stack.enter_context(scratch())
        stack.enter_context(broker(folder))
        for peer in chosen:
            print(row(peer, device, folder), flush=True)
            loads.append(os.getloadavg()[0])
    print(f"load of this machine while it ran: {min(loads):.1f} to {max(loads):.1f}, median {median(loads):.1f}, on {os.cpu_count()} cores")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ours" | "journalled" as way, port, units, folder]:
            uvloop.run(ours(int(port), int(units), Path(folder), journalled=way == "journalled"))
        case ["pymodbus", port, units, _]:
            asyncio.run(pymodbus_loop(int(port), int(units)))
        case ["answer", port]:
            answer(int(port))
        case names:
            main(names)
