"""A device read once, for an engineer's look: each read in order over one connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import cast

from collector.connect import Way
from collector.exchange import Answer, Event, Exchange, Garbled, Identified, Refusal, Settled, Spoilt
from collector.identification import MOST_REPLIES
from collector.mbap import Exchange as TcpExchange
from collector.poll_plan import Read
from plantroom.clock import NS, Clock
from plantroom.model import Quality

DIAL_S = 5.0


@dataclass(frozen=True, slots=True)
class Got:
    """One read done once: its data bytes, or why there are none."""

    data: bytes | None
    quality: Quality
    why: str = ""


async def read_once(
    way: Way, exchange: Exchange, unit: int, reads: Sequence[Read], *, timeout_s: float, gap_s: float, clock: Clock
) -> list[Got]:
    """Each read once, in order, over one connection. Raises OSError (TimeoutError among them) where no connection is to be had."""
    found, pipe = list[Got](), _Pipe()
    async with asyncio.timeout(DIAL_S):
        await way.connect(pipe)
    exchange.connected(clock.read().boot_ns / NS)
    try:
        for read in reads:
            found.append(await _one(exchange, pipe, unit, read, timeout_s, clock))
            if pipe.garbled:
                found += [Got(None, Quality.DECODE, "not asked: the line cannot be trusted any more")] * (len(reads) - len(found))
                break
            await asyncio.sleep(gap_s)
    finally:
        pipe.transport.abort()
    return found


async def identify_once(way: Way, exchange: TcpExchange, unit: int, *, timeout_s: float, clock: Clock) -> tuple[dict[str, str], str]:
    """(what a device says of itself, why it says no more). Raises OSError where no connection is to be had."""
    pipe, texts, first = _Pipe(), dict[str, str](), 0
    async with asyncio.timeout(DIAL_S):
        await way.connect(pipe)
    exchange.connected(clock.read().boot_ns / NS)
    try:
        async with asyncio.timeout(timeout_s * MOST_REPLIES):
            for _ in range(MOST_REPLIES):
                pipe.transport.write(exchange.ask_who(unit, first, clock.read().boot_ns / NS))
                match await _who(exchange, pipe, clock):
                    case Identified(_, told, following):
                        texts.update(told)
                        if following is None or following <= first:
                            return texts, ""
                        first = following
                    case Refusal(code):
                        return texts, f"exception {code}: it does not know function 43/14"
                    case Spoilt(why) | Garbled(why):
                        return texts, why
                    case _:
                        return texts, "closed by the device"
    except TimeoutError:
        return texts, "no answer"
    finally:
        pipe.transport.abort()
    return texts, "it never came to an end"


async def _who(exchange: Exchange, pipe: _Pipe, clock: Clock) -> Event | None:
    """What the question came to; strays are none of it."""
    while (events := await next_events(exchange, pipe.read, clock)) is not None:
        for event in events:
            if isinstance(event, Identified | Refusal | Spoilt | Garbled):
                return event
    return None


async def next_events(exchange: Exchange, read: Callable[[], Awaitable[bytes]], clock: Clock) -> list[Event] | None:
    """What the next bytes tell, or the silence behind those that came; None: the other end has closed. read: empty at the end."""
    wait_s = exchange.ripe_s - clock.read().boot_ns / NS
    try:
        async with asyncio.timeout(None if wait_s == inf else max(0.0, wait_s)):
            data = await read()
    except TimeoutError:
        return exchange.ripen(clock.read().boot_ns / NS)
    return exchange.receive(data, clock.read().boot_ns / NS) if data else None


async def _one(exchange: Exchange, pipe: _Pipe, unit: int, read: Read, timeout_s: float, clock: Clock) -> Got:
    while True:
        while (wait_s := exchange.free_s - clock.read().boot_ns / NS) > 0:
            await asyncio.sleep(wait_s)
            pipe.listened(exchange, clock)
        pipe.transport.write(exchange.request(unit, read, clock.read().boot_ns / NS))
        got = await _answer(exchange, pipe, timeout_s, clock)
        if got is not None:
            return got


async def _answer(exchange: Exchange, pipe: _Pipe, timeout_s: float, clock: Clock) -> Got | None:
    """None: the line has settled, and the read itself is still to be asked."""
    try:
        async with asyncio.timeout(timeout_s):
            while (events := await next_events(exchange, pipe.read, clock)) is not None:
                for event in events:
                    match event:
                        case Answer(answer):
                            return Got(answer, Quality.GOOD)
                        case Refusal(code):
                            return Got(None, Quality.EXCEPTION, f"exception {code}")
                        case Spoilt(why):
                            return Got(None, Quality.DECODE, why)
                        case Garbled(why):
                            pipe.garbled = True
                            return Got(None, Quality.DECODE, why)
                        case Settled():
                            return None
        pipe.garbled = True
        return Got(None, Quality.DECODE, "closed by the device")
    except TimeoutError:
        pipe.garbled = exchange.cut_short
        wrong = exchange.give_up()
        return Got(None, Quality.NO_ANSWER if wrong is None else Quality.DECODE, wrong or f"no answer within {timeout_s:g} s")


class _Pipe(asyncio.Protocol):
    """A byte stream to wait on. garbled: what comes of it cannot be trusted any more."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.garbled = False
        self._data, self._ended, self._more = b"", False, asyncio.Event()

    async def read(self) -> bytes:
        """What came since the last read, empty at the end."""
        while not self._data and not self._ended:
            self._more.clear()
            await self._more.wait()
        data, self._data = self._data, b""
        return data

    def listened(self, exchange: Exchange, clock: Clock) -> None:
        """What came while nothing was asked goes to the exchange, which may want more quiet for it."""
        data, self._data = self._data, b""
        if data:
            exchange.receive(data, clock.read().boot_ns / NS)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._more.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._more.set()
