"""Carries a discovery's questions over one TCP connection, with a pause after each."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from math import inf
from typing import cast

from collector import identification
from collector.connect import Way
from collector.discovery import Discovery, Heard, Question
from collector.exchange import Answer, Exchange, Garbled, Late, Refusal, Settled, Spoilt
from collector.once import next_events
from plantroom.clock import NS, Clock

DIAL_S = 5.0
MOST_DIALS = 5  # after the first; a device that hangs up on every question is not probed to the end
_IDENTIFYING = 0x8000  # transactions of identification, out of the way of the reads' own


class BrokenOff(Exception):
    """The device took no connection any more; what was found until then stands in the discovery."""


async def probe(way: Way, exchange: Exchange, discovery: Discovery, gap_s: float, clock: Clock) -> None:
    """Until the discovery has no more questions. gap_s: pause after each. Identification (43/14) is asked in Modbus TCP's frames.

    Raises OSError where no connection is to be had, BrokenOff where it was lost for good.
    """
    talk, line = discovery.talk(), _Line(way, exchange, clock)
    try:
        await line.connect()
        question = next(talk, None)
        while question is not None:
            heard = await line.ask(question)
            await asyncio.sleep(gap_s)
            try:
                question = talk.send(heard)
            except StopIteration:
                return
    finally:
        line.close()


class _Line:
    """One connection at a time, dialled anew where the device closed it or its answers cannot be trusted."""

    def __init__(self, way: Way, exchange: Exchange, clock: Clock) -> None:
        self._way, self._exchange, self._clock = way, exchange, clock
        self._stream: _Stream | None = None
        self._dials, self._identifying = 0, _IDENTIFYING

    async def connect(self) -> None:
        stream = _Stream()
        async with asyncio.timeout(DIAL_S):
            await self._way.connect(stream)
        self._stream = stream
        self._exchange.connected(self._now_s())

    def close(self) -> None:
        if self._stream is not None:
            self._stream.transport.abort()
            self._stream = None

    async def ask(self, question: Question) -> Heard:
        if self._stream is None:
            await self._again()
        assert self._stream is not None
        late: list[tuple[int, float]] = []
        began_s = self._now_s()
        try:
            if question.read is None:
                heard = await self._identify(question, self._stream)
            else:
                heard = await self._read(question, self._stream, late)
        except OSError as error:
            heard = Heard(why=str(error) or "the connection was lost")
            self.close()
        return Heard(heard.data, heard.told, heard.exception, heard.why, self._now_s() - began_s, tuple(late))

    async def _again(self) -> None:
        self._dials += 1
        if self._dials > MOST_DIALS:
            raise BrokenOff(f"hung up {MOST_DIALS} times")
        try:
            await self.connect()
        except OSError as error:
            raise BrokenOff(str(error) or "no answer to the dial") from error

    async def _read(self, question: Question, stream: _Stream, late: list[tuple[int, float]]) -> Heard:
        assert question.read is not None
        while True:
            await self._quiet(stream)
            stream.transport.write(self._exchange.request(question.unit, question.read, self._now_s()))
            heard = await self._hear(question.patience_s, stream, late)
            if heard is not None:
                return heard

    async def _quiet(self, stream: _Stream) -> None:
        """Until the exchange lets a request go; what comes meanwhile is its to judge, and may make it longer."""
        while (wait_s := self._exchange.free_s - self._now_s()) > 0 and wait_s < inf:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    if data := await stream.reader.read(4096):
                        self._exchange.receive(data, self._now_s())

    async def _hear(self, patience_s: float, stream: _Stream, late: list[tuple[int, float]]) -> Heard | None:
        """None: the line has settled, and the read itself is still to be asked."""
        try:
            async with asyncio.timeout(patience_s):
                while (events := await next_events(self._exchange, partial(stream.reader.read, 4096), self._clock)) is not None:
                    for event in events:
                        match event:
                            case Answer(answer):
                                return Heard(answer)
                            case Refusal(code):
                                return Heard(exception=code)
                            case Late(unit, took_s):
                                late.append((unit, took_s))
                            case Settled():
                                return None
                            case Spoilt(why):
                                return Heard(why=why)
                            case Garbled(why):
                                self.close()
                                return Heard(why=why)
        except TimeoutError:
            untrusted = self._exchange.cut_short
            why = self._exchange.give_up() or f"no answer within {patience_s:g} s"
            if untrusted:
                self.close()
            return Heard(why=why)
        self.close()
        return Heard(why="closed by the device")

    async def _identify(self, question: Question, stream: _Stream) -> Heard:
        """By its own frames: an identification has no length that is known beforehand."""
        self._identifying = _IDENTIFYING | (self._identifying + 1) & 0x7FFF
        stream.transport.write(identification.request(self._identifying, question.unit, question.category, question.first))
        buffer = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(question.patience_s):
                while data := await stream.reader.read(4096):
                    buffer += data
                    while (end := identification.whole(buffer)) and len(buffer) >= end:
                        frame, buffer = buffer[:end], buffer[end:]
                        found = identification.read(frame, self._identifying, question.unit)
                        if isinstance(found, identification.Told):
                            return Heard(told=found)
                        if isinstance(found, identification.Refused):
                            return Heard(exception=found.code)
                        if isinstance(found, identification.Unreadable):
                            self.close()
                            return Heard(why=found.why)
                    if end == 0:
                        break
        self.close()  # what a device half says to this is no beginning for the next answer
        return Heard(why=f"no identification within {question.patience_s:g} s")

    def _now_s(self) -> float:
        return self._clock.read().boot_ns / NS


class _Stream(asyncio.StreamReaderProtocol):
    """A byte stream to read from and a transport to write to. `connection_made` comes before anything is done with it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.reader = asyncio.StreamReader()
        super().__init__(self.reader)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        super().connection_made(transport)
