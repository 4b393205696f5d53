"""A wire that can be cut: a TCP relay in a thread, through which a component is reached, or refused, or swallowed."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from enum import Enum


class Way(Enum):
    THROUGH = "through"
    REFUSED = "refused"  # nobody listens, what was open is reset: a host that is up, without the service
    SWALLOWED = "swallowed"  # connections are taken, not a byte is passed on in either direction: a route that is gone


class Relay:
    """`port` leads to `target` on loopback. `set` may be called from any thread and returns when it holds."""

    def __init__(self, target: int) -> None:
        self._target, self._way = target, Way.THROUGH
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        started = threading.Event()
        self._loop.call_soon(lambda: started.set())
        self._thread.start()
        started.wait()
        self.set(Way.THROUGH)

    def set(self, way: Way) -> None:
        asyncio.run_coroutine_threadsafe(self._change(way), self._loop).result(10)

    def close(self) -> None:
        self.set(Way.REFUSED)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _change(self, way: Way) -> None:
        before, self._way = self._way, way
        if way is Way.REFUSED and self._server is not None:
            self._server.close()
            self._server = None
        if way is Way.REFUSED or before is Way.SWALLOWED:  # after a route was gone its old connections are worth nothing
            for writer in list(self._open):
                writer.transport.abort()
            while self._open:  # noqa: ASYNC110 - each connection's task says goodbye by itself
                await asyncio.sleep(0.001)
        if way is not Way.REFUSED and self._server is None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError, ConnectionError):
                if self._way is Way.SWALLOWED:
                    while await reader.read(65_536):
                        pass
                    return
                answers, there = await asyncio.open_connection("127.0.0.1", self._target)
                self._open.add(there)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, there))
                    group.create_task(self._pass(answers, writer))
        except* OSError:  # one side was reset: so is the other
            pass
        finally:
            for end in (writer, there):
                if end is not None:
                    end.transport.abort()
                    self._open.discard(end)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self._way is Way.THROUGH:
                writer.write(data)
                await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
