"""A field of Modbus devices for benches, as cheap as can be in Python, and the collector on it as the process `plantroom run` starts.

The devices answer from replies prepared before: per unit 16 blocks of words that differ, taken in turn, so that what is measured is the
collector. What each process spent is read from /proc; nothing of the collector is called from here.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import orjson
import uvloop

from plantroom.clock import SystemClock
from plantroom.journal import Journal, Kind
from plantroom.journal.record import Entry
from plantroom.kinds import BUILTIN
from plantroom.site_file import hash_of

BLOCK, VARIANTS = 125, 16
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
KIND = """
kind: bench
says: {{zh: 台架, en: Bench}}
points:
  v: {{type: float, numbered: {block}, every: {period}, says: {{zh: 值, en: value}}}}
items: {{}}
"""
PROFILE = """
profile: bench-block
model: a contiguous block of scaled, range-checked words with a sentinel
kind: bench
source: {{document: this bench, addressing: zero_based}}
bus: {{max_registers: 125}}
points:
"""
POINT = "  v_{n}: {{table: holding, address: {address}, type: u16, scale: 0.1, range: [0, 6000], sentinels: {{0xFFFF: none}}}}\n"


@dataclass(frozen=True)
class Shape:
    """lines: connections; units: devices on each; block: words of each, one request; period_s: between two reads of a device."""

    lines: int
    units: int
    period_s: float
    block: int = BLOCK

    @property
    def points(self) -> int:
        return self.lines * self.units * self.block

    @property
    def rate(self) -> float:
        """Points a second."""
        return self.points / self.period_s


# the devices: one process, one port for each line


class _Device(asyncio.Protocol):
    def __init__(self, tails: dict[bytes, list[bytes]]) -> None:
        self._tails = tails

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.Transport, transport).write

    def data_received(self, data: bytes) -> None:
        for at in range(0, len(data), 12):  # the collector has one request out at a time; here for whoever has more
            request = data[at + 6 : at + 12]
            tails = self._tails.get(request) or self._made(request)
            self._write(data[at : at + 2] + tails[data[at + 1] % VARIANTS])

    def _made(self, request: bytes) -> list[bytes]:
        """A part of the block: what a reader asks to settle an answer that came late."""
        unit, _, address, count = struct.unpack(">BBHH", request)
        self._tails[request] = _replies(unit, address, count)
        return self._tails[request]


def word(unit: int, variant: int, address: int) -> int:
    """The value behind a register, 0..4095: differs between units, variants and addresses."""
    return (unit * 131 + variant * 17 + address * 7) % 4096


def _tails(units: int, block: int) -> dict[bytes, list[bytes]]:
    """Request behind the length -> the reply's bytes behind the transaction, one for each variant."""
    return {
        struct.pack(">BBHH", unit, 3, 0, block): _replies(unit, 0, block)
        for unit in range(1, units + 1)
    }


def _replies(unit: int, address: int, count: int) -> list[bytes]:
    return [
        struct.pack(f">HHBBB{count}H", 0, 3 + 2 * count, unit, 3, 2 * count, *(word(unit, v, a) for a in range(address, address + count)))
        for v in range(VARIANTS)
    ]


async def serve(lines: int, units: int, block: int) -> None:
    loop, tails = asyncio.get_running_loop(), _tails(units, block)
    servers = [await loop.create_server(lambda: _Device(tails), "127.0.0.1", 0) for _ in range(lines)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.Event().wait()


class Devices:
    def __init__(self, shape: Shape) -> None:
        words = [sys.executable, __file__, str(shape.lines), str(shape.units), str(shape.block)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ports: list[int] = json.loads(self._process.stdout.readline())
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


# the collector


class Collector:
    """`plantroom service collect` on a configuration of its own making, put into the journal as `plantroom apply` would."""

    def __init__(self, shape: Shape, ports: list[int], folder: Path) -> None:
        self.data, self.shape = folder, shape
        self.journal = Journal(folder / "bench" / "journal", SystemClock())
        files = {"site.yaml": _site(shape, ports), "kinds/bench.yaml": KIND.format(block=shape.block, period=_period(shape))}
        files["profiles/bench-block.yaml"] = PROFILE.format() + "".join(POINT.format(n=n + 1, address=n) for n in range(shape.block))
        files["kinds/monitor.yaml"] = (BUILTIN / "monitor.yaml").read_text()
        with self.journal.writer("bench") as writer:
            body = {"hash": hash_of(files), "who": "bench", "difference": "", "root": "site.yaml", "files": files}
            writer.append([Entry(Kind.CONFIG, orjson.dumps(body))])
        words = [sys.executable, "-m", "plantroom", "service", "collect", "--data", str(folder), "--site", "bench"]
        self.log = folder / "log.txt"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        self.pid = self._process.pid
        self.reader = self.journal.reader()

    def wait_until(self, records: int, most_s: float) -> None:
        """Until so many records stand in the journal."""
        until = time.monotonic() + most_s
        while self.reader.last_seq() < records:
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"the collector does not work:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    @property
    def journal_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.journal.folder.glob("*.db*"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.reader.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _period(shape: Shape) -> str:
    return f"{shape.period_s * 1000:g}ms"


def _site(shape: Shape, ports: list[int]) -> str:
    lines = ["site: {id: bench, name: Bench, zone: Asia/Shanghai, language: en, practice: gb}", "connections:"]
    lines += [f"  - {{id: l{line}, modbus_tcp: {{host: 127.0.0.1, port: {port}}}}}" for line, port in enumerate(ports)]
    lines += ["equipment:"]
    lines += [
        f"  - {{id: d{line}-{unit}, kind: bench, name: d, profile: bench-block, connection: l{line}, unit: {unit}}}"
        for line in range(shape.lines)
        for unit in range(1, shape.units + 1)
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def polled(shape: Shape) -> Iterator[tuple[Devices, Collector]]:
    """Devices and a collector that reads them, warmed up: every device has been read."""
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder,
        Devices(shape) as devices,
        Collector(shape, devices.ports, Path(folder)) as collector,
    ):
        collector.wait_until(2 + 3 * shape.lines * shape.units, 60 + shape.points / 2000)
        yield devices, collector


# what a process costs


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, all threads, system calls included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def threads_cpu_s(pid: int) -> dict[str, float]:
    """The same by thread: the loop's, and those that commit and keep the journal."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
        found[task.name] = (int(fields[11]) + int(fields[12])) * TICK_S
    return found


def memory_mib(pid: int) -> tuple[float, float]:
    """(resident, proportional) size in MiB; the second counts a page shared by n processes as 1/n."""
    sizes = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return tuple(int(sizes[name].split()[0]) / 1024 for name in ("Rss", "Pss"))  # type: ignore[return-value]


def machine_idle_s() -> float:
    """Idle seconds of all cores together since the machine's start."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return (int(fields[4]) + int(fields[5])) * TICK_S


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:])))
