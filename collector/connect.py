"""Ways to a byte stream: a host and port. A serial port is one too (serial_line)."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Protocol

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Way(Protocol):
    """name: how messages call it. connect: the protocol is told of its transport before it returns; OSError where there is no connection.

    A connection whose making is cancelled is closed by the way itself.
    """

    @property
    def name(self) -> str: ...

    async def connect(self, protocol: asyncio.Protocol) -> None: ...


@dataclass(frozen=True, slots=True)
class Tcp:
    host: str
    port: int

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    async def connect(self, protocol: asyncio.Protocol) -> None:
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, self.host, self.port)
        polite(transport.get_extra_info("socket"))


def polite(sock: socket.socket) -> None:
    """No delay, a dead peer noticed within half a minute, and a reset instead of a lingering close (devices have 1 to 4 sockets)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
