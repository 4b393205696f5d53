"""The socket of one connection to a broker: bytes to its owner, bytes from the subscriber's side of it out."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from collector.mqtt_session import Subscriber


class Owner(Protocol):
    """Who reads what comes. Belongs to the loop's thread."""

    def received(self, wire: Wire, data: bytes) -> None: ...
    def reason(self, error: BaseException) -> str: ...


class Wire(asyncio.Protocol):
    """over: why the connection ended, once it has."""

    def __init__(self, owner: Owner, subscriber: Subscriber) -> None:
        self._owner, self.subscriber = owner, subscriber
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self.flush()

    def data_received(self, data: bytes) -> None:
        if not self.over.done():
            self._owner.received(self, data)
            self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        self.end("the broker closed the connection" if error is None else self._owner.reason(error))

    def end(self, why: str) -> None:
        """Closes at once: what is not acknowledged comes again."""
        if not self.over.done():
            self.over.set_result(why)
        if self._transport is not None:
            self._transport.abort()

    def flush(self) -> None:
        if self._transport is not None and self.subscriber.sends and not self._transport.is_closing():
            self._transport.write(b"".join(self.subscriber.sends))
        self.subscriber.sends.clear()

    def hold(self, held: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if held else self._transport.resume_reading)()
