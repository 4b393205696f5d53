"""Gateways on real sockets: several units at once, and late serial answers under the number of a newer request."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping
from itertools import pairwise
from random import Random
from typing import Any, cast

import pytest
import uvloop

from collector.backoff import Backoff
from collector.bindings import Job
from collector.connect import Tcp
from collector.mbap import Exchange
from collector.modbus import Line
from collector.poll_plan import Read
from collector.session import Session
from plantroom.clock import NS, SystemClock
from plantroom.model import Batch
from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from tests.unit.collector.lines import bound, jobs_of, profile, register


class Gateway(asyncio.Protocol):
    """Serial units behind a Modbus TCP gateway; every register holds 100 * unit + address.

    takes_s: how long a unit's serial line takes for an answer. ports: units on the same port wait for each other. mirrors: every answer goes
    out under the number of the newest request, as by a gateway that keeps only one.
    """

    def __init__(self, takes_s: Callable[[int], float], *, ports: Callable[[int], int] = lambda unit: 0, mirrors: bool = False) -> None:
        self.takes_s, self.ports, self.mirrors = takes_s, ports, mirrors
        self.free_at: dict[int, float] = defaultdict(float)
        self.newest = b"\0\0"
        self.waiting = self.most_waiting = self.requests = self.connections = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.connections += 1
        self.waiting = 0

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for at in range(0, len(data), 12):
            frame = data[at : at + 12]
            unit, self.newest = frame[6], frame[:2]
            self.waiting += 1
            self.requests += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            begins = max(loop.time(), self.free_at[self.ports(unit)])
            self.free_at[self.ports(unit)] = begins + self.takes_s(unit)
            loop.call_at(self.free_at[self.ports(unit)], self._answer, frame, self.transport)

    def _answer(self, frame: bytes, transport: asyncio.Transport) -> None:
        self.waiting -= 1
        number, unit, (address, count) = self.newest if self.mirrors else frame[:2], frame[6], struct.unpack(">HH", frame[8:])
        cells = struct.pack(f">{count}H", *(100 * unit + address + i for i in range(count)))
        if not transport.is_closing():
            transport.write(number + struct.pack(">HHBBB", 0, 3 + len(cells), unit, 3, len(cells)) + cells)


def on_uvloop(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())


async def polled(
    gateway: Gateway, jobs: list[Job], seconds: float, exchange: Exchange | None = None, concurrent: int = 1
) -> tuple[Line, list[Batch]]:
    """What a line brings of it in so many seconds."""
    server = await asyncio.get_running_loop().create_server(lambda: gateway, "127.0.0.1", 0)
    port, clock, batches = server.sockets[0].getsockname()[1], SystemClock(), list[Batch]()
    session = Session(jobs, clock.read(), Backoff(Random(1), 0.01, 0.05), concurrent=concurrent)
    line = Line(Tcp("127.0.0.1", port), session, clock, batches.append, lambda *_: None, exchange=exchange)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(line.run())
        await asyncio.sleep(seconds)
        task.cancel()
    server.close()
    return line, batches


def wrong_and_right(batches: list[Batch]) -> tuple[int, int]:
    """Points are `u<unit>.r<address>`."""
    outcome = Counter(
        value == 100 * int(point.split(".")[0][1:]) + int(point.split(".")[1][1:])
        for batch in batches
        for point, value, quality in zip(batch.frame.points, batch.values[0].tolist(), batch.quality[0].tolist(), strict=True)
        if quality == 0
    )
    return outcome[False], outcome[True]


def far_apart(unit: int, period_s: float, timeout_s: float) -> list[Job]:
    """Two reads of one length from different places."""
    made = profile([register("r10", 10), register("r11", 11), register("r500", 500), register("r501", 501)], timeout_s=timeout_s)
    return jobs_of(made, [bound(f"u{unit}", name, period_s) for name in made.points], unit, f"u{unit}")


class Unsettled(Exchange):
    """The negative control: after a silence it goes on as if nothing were owed."""

    def _settling(self, unit: int, read: Read, now_s: float) -> tuple[bool, Read]:
        return False, read


@pytest.mark.parametrize("framing", [Exchange, Unsettled])
def test_a_late_answer_under_the_number_of_the_next_request_is_taken_for_nobodys(framing: type[Exchange]) -> None:
    async def play() -> None:
        chance = Random(5)
        gateway = Gateway(lambda _: 0.16 if chance.random() < 0.2 else 0.002, mirrors=True)
        jobs = [*far_apart(1, 0.1, 0.1), *far_apart(2, 0.1, 0.1)]
        line, batches = await polled(gateway, jobs, 5.0, framing())
        wrong, right = wrong_and_right(batches)
        assert line.session.tally.silences > 5 and right > 12
        assert (wrong == 0) is (framing is Exchange), f"{wrong} of {wrong + right}"

    on_uvloop(play)


@pytest.mark.parametrize("concurrent", [1, 4])
def test_a_gateway_with_several_ports_is_asked_several_units_at_once(concurrent: int) -> None:
    """Twelve units of 150 ms each on four ports: 1.8 s of answers in each second, which one at a time cannot read."""

    async def play() -> None:
        gateway = Gateway(lambda _: 0.15, ports=lambda unit: unit % 4)
        made = profile([register("r10", 10)], timeout_s=1.0)
        jobs = [job for unit in range(1, 13) for job in jobs_of(made, [bound(f"u{unit}", "r10")], unit, f"u{unit}")]
        _, batches = await polled(gateway, jobs, 4.0, concurrent=concurrent)
        wrong, right = wrong_and_right(batches)
        assert wrong == 0 and gateway.connections == 1
        assert 1 < gateway.most_waiting <= 4 if concurrent > 1 else gateway.most_waiting == 1
        assert right > 40 if concurrent > 1 else right < 30

    on_uvloop(play)


def test_a_dead_unit_takes_its_own_turn_and_nobody_elses_where_several_are_asked_at_once() -> None:
    async def play() -> None:
        gateway = Gateway(lambda unit: 30.0 if unit == 1 else 0.005, ports=lambda unit: unit)
        made = profile([register("r10", 10)], timeout_s=1.0)
        jobs = [job for unit in range(1, 9) for job in jobs_of(made, [bound(f"u{unit}", "r10", 0.2)], unit, f"u{unit}")]
        line, batches = await polled(gateway, jobs, 4.0, concurrent=3)
        times: dict[str, list[float]] = defaultdict(list)
        for batch in batches:
            if not batch.quality.any():
                times[batch.frame.points[0]].append(int(batch.at_ns[0]) / NS)
        assert len(times) == 7 and max(b - a for seen in times.values() for a, b in pairwise(seen[2:])) < 0.45
        assert line.session.tally.silences >= 1 and wrong_and_right(batches)[0] == 0

    on_uvloop(play)


def test_a_device_says_who_it_is_and_one_that_cannot_is_read_all_the_same() -> None:
    async def play() -> None:
        server = ModbusServer({unit: Memory({3: {10: 7}}) for unit in (1, 2)})
        server.texts[1] = {0: "Acme", 1: "X-1", 2: "1.2"}
        await server.start()
        made = profile([register("r10", 10)], timeout_s=1.0, identify=True)
        jobs = [job for unit in (1, 2) for job in jobs_of(made, [bound(f"u{unit}", "r10", 0.2)], unit, f"dev-{unit}")]
        clock, batches, told = SystemClock(), list[Batch](), list[tuple[str, Mapping[str, str]]]()
        since = {"u1.r10": 0, "u2.r10": 0}  # batches since the first said who it is
        enough = asyncio.Event()

        def deliver(batch: Batch) -> None:
            batches.append(batch)
            since[batch.frame.points[0]] += bool(told)
            if min(since.values()) >= 3:
                enough.set()

        session = Session(jobs, clock.read(), Backoff(Random(1)))
        line = Line(
            Tcp("127.0.0.1", server.port), session, clock, deliver, lambda *_: None, introduce=lambda device, texts: told.append((device, texts))
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(line.run())
            async with asyncio.timeout(10):
                await enough.wait()
            task.cancel()
        await server.stop()
        assert told == [("dev-1", {"vendor": "Acme", "product_code": "X-1", "revision": "1.2"})]
        assert not any(batch.quality.any() for batch in batches)
        assert server.refused == 0

    on_uvloop(play)
