"""The socket of one connection to a device or gateway: bytes to its line, and its end."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast


class Owner(Protocol):
    """Who reads what comes. Belongs to the loop's thread."""

    def received(self, wire: Wire, data: bytes) -> None: ...
    def lost(self, wire: Wire, error: Exception | None) -> None: ...

    def broken(self, error: BaseException) -> None:
        """One of the two raised."""


class Wire(asyncio.Protocol):
    """One connection from its making to its end. closed: it is gone."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.transport: asyncio.Transport
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._owner.received(self, data)
        except BaseException as error:  # the loop would only log it
            self._owner.broken(error)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set()
        try:
            self._owner.lost(self, error)
        except BaseException as failure:  # the loop would only log it
            self._owner.broken(failure)

    def drop(self) -> None:
        """Reset: what is in flight is thrown away, the device's socket is free at once."""
        self.transport.abort()
