"""A line on real sockets: links cut and back, silent units beside live ones, pauses, and an end that leaves nothing open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any

import uvloop

from collector.backoff import Backoff
from collector.bindings import Job
from collector.connect import Tcp
from collector.modbus import Line
from collector.session import Session
from plantroom.clock import NS, SystemClock
from plantroom.model import Batch, Quality
from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from tests.unit.collector.lines import bound, jobs_of, profile, register

MODEL = profile([register("level", 10), register("speed", 11)], timeout_s=1.0)


def on_uvloop(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())


def device(unit: int, period_s: float = 0.1) -> list[Job]:
    name = f"u{unit}"
    return jobs_of(MODEL, [bound(name, "level", period_s), bound(name, "speed", period_s)], unit, name)


def server(*units: int, port: int = 0) -> ModbusServer:
    return ModbusServer({unit: Memory({3: {10: 7, 11: 1500}}) for unit in units}, unknown="silence", port=port)


class Seen:
    """What a line delivered and said."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.said: list[str] = []
        self.changed = asyncio.Event()

    def take(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.changed.set()

    def say(self, state: str, reason: str) -> None:
        self.said.append(state)
        self.changed.set()

    async def until(self, happened: Callable[[], object], seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while not happened():
                self.changed.clear()
                await self.changed.wait()

    def good(self) -> int:
        return sum(not batch.quality.any() for batch in self.batches)

    def bad(self) -> int:
        return sum(bool((batch.quality == Quality.NO_ANSWER).all()) for batch in self.batches)


@asynccontextmanager
async def line(port: int, jobs: list[Job], first_s: float = 0.05) -> AsyncIterator[tuple[Line, Seen]]:
    clock, seen = SystemClock(), Seen()
    session = Session(jobs, clock.read(), Backoff(Random(1), first_s, 0.3))
    made = Line(Tcp("127.0.0.1", port), session, clock, seen.take, seen.say)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.run())
        yield made, seen
        task.cancel()


def test_a_device_is_read_on_its_period_with_the_instants_of_its_answers() -> None:
    async def play() -> None:
        device_server = server(1)
        await device_server.start()
        async with line(device_server.port, device(1)) as (_, seen):
            await seen.until(lambda: seen.good() >= 12)
        await device_server.stop()
        assert seen.batches[0].values.tolist() == [[7.0, 1500.0]] and seen.batches[0].frame.points == ("u1.level", "u1.speed")
        times = [int(batch.at_ns[0]) / NS for batch in seen.batches[2:]]
        assert abs((times[-1] - times[0]) / (len(times) - 1) - 0.1) < 0.02
        assert device_server.refused == 0

    on_uvloop(play)


def test_an_answer_that_lay_in_the_socket_while_our_loop_was_busy_is_no_late_one() -> None:
    """The loop's timers ring before it reads: a machine that was busy for longer than the patience would give up what has come."""

    class Prompt(asyncio.Protocol):
        requests = 0

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.socket: socket.socket = transport.get_extra_info("socket")

        def data_received(self, data: bytes) -> None:
            os.write(self.socket.fileno(), data[:2] + bytes.fromhex("00000007 010304 0007 05dc"))
            Prompt.requests += 1
            if Prompt.requests % 3 == 0:
                time.sleep(0.5)

    async def play() -> None:
        prompt = await asyncio.get_running_loop().create_server(Prompt, "127.0.0.1", 0)
        hasty = profile([register("level", 10), register("speed", 11)], timeout_s=0.2)
        jobs = jobs_of(hasty, [bound("u1", "level", 0.1), bound("u1", "speed", 0.1)], 1, "u1")
        async with line(prompt.sockets[0].getsockname()[1], jobs) as (made, seen):
            await seen.until(lambda: seen.good() >= 8)
        prompt.close()
        assert Prompt.requests >= 8 and (made.session.tally.silences, made.session.tally.late) == (0, 0)

    on_uvloop(play)


def test_a_link_that_is_cut_is_bad_at_once_and_good_again_when_it_is_back() -> None:
    async def play() -> None:
        first = server(1)
        await first.start()
        port = first.port
        async with line(port, device(1)) as (_, seen):
            await seen.until(lambda: seen.good() >= 2)
            await first.stop()
            await seen.until(lambda: seen.bad() >= 3)  # the cut itself and dials that fail
            second, before = server(1, port=port), seen.good()
            await second.start()
            await seen.until(lambda: seen.good() > before + 2)
            assert seen.said == ["up", "down", "up"]
        await second.stop()

    on_uvloop(play)


def test_ten_silent_units_of_thirty_leave_the_live_ones_their_period() -> None:
    async def play() -> None:
        gateway = server(*(unit for unit in range(1, 31) if unit % 3))
        await gateway.start()
        jobs = [job for unit in range(1, 31) for job in device(unit, 1.0)]
        async with line(gateway.port, jobs) as (made, seen):
            await asyncio.sleep(9.0)
        await gateway.stop()
        times: dict[str, list[float]] = defaultdict(list)
        for batch in seen.batches:
            if not batch.quality.any():
                times[batch.frame.points[0]].append(int(batch.at_ns[0]) / NS)
        silent = {batch.frame.points[0] for batch in seen.batches if batch.quality.any()}
        assert len(times) == 20 and len(silent) == 10
        for point, seen_at in times.items():
            gaps = [b - a for a, b in pairwise(seen_at[2:])]
            assert len(seen_at) >= 7 and max(gaps) < 1.7, point
        assert made.session.tally.missed_slots == 0

    on_uvloop(play)


def test_a_paused_line_asks_nothing_and_goes_on_afterwards() -> None:
    async def play() -> None:
        device_server = server(1)
        await device_server.start()
        async with line(device_server.port, device(1)) as (made, seen):
            await seen.until(lambda: seen.good() >= 2)
            made.pause()
            await asyncio.sleep(0.05)
            asked = device_server.requests
            await asyncio.sleep(0.5)
            assert device_server.requests == asked
            made.resume()
            before = seen.good()
            await seen.until(lambda: seen.good() > before + 2)
            assert made.session.tally.missed_slots >= 2 and seen.bad() == 0
        await device_server.stop()

    on_uvloop(play)


def test_a_line_cancelled_at_any_instant_leaves_no_connection_and_says_nothing_more() -> None:
    async def play() -> None:
        device_server, chance = server(1), Random(3)
        await device_server.start()
        for _ in range(60):
            clock, seen = SystemClock(), Seen()
            session = Session(device(1), clock.read(), Backoff(Random(1)))
            made = Line(Tcp("127.0.0.1", device_server.port), session, clock, seen.take, seen.say)
            task = asyncio.ensure_future(made.run())
            await asyncio.sleep(chance.uniform(0.0, 0.02))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            delivered = len(seen.batches)
            await asyncio.sleep(0.002)
            assert len(seen.batches) == delivered and seen.bad() == 0
        await asyncio.sleep(0.05)
        assert not device_server.connections
        await device_server.stop()

    on_uvloop(play)


def test_an_error_in_the_journal_ends_the_line_instead_of_vanishing() -> None:
    async def play() -> None:
        device_server = server(1)
        await device_server.start()
        clock = SystemClock()

        def refuse(batch: Batch) -> None:
            raise RuntimeError("the disk refused")

        made = Line(Tcp("127.0.0.1", device_server.port), Session(device(1), clock.read(), Backoff(Random(1))), clock, refuse, lambda *_: None)
        raised = ""
        try:
            async with asyncio.timeout(5):
                await made.run()
        except RuntimeError as error:
            raised = str(error)
        assert raised == "the disk refused"
        await device_server.stop()

    on_uvloop(play)
