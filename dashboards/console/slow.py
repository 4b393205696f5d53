"""uvicorn's HTTP protocol with limits it lacks: how large a head may be, how long head and body may take, how many connections a peer has.

A client that sends a byte a second (slowloris) or a head without end would hold one of the server's connections for ever.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0  # from the connection, or from the first byte of a later request, to the last byte of its head
BODY_S = 30.0  # from there to the last byte of the body: 64 KiB at modem speed
MOST_HEAD = 16 * 1024
MOST_FROM_ONE = 100  # connections; the server has 400. This machine itself is not counted: a proxy speaks for many


class PatientProtocol(HttpToolsProtocol):
    _peers: ClassVar[Counter[str]] = Counter()
    _timer: asyncio.TimerHandle | None = None
    _peer: str | None = None
    _head: int | None = 0  # bytes of a head so far; None while no head is being read

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        host = str((transport.get_extra_info("peername") or ("",))[0])
        if not _here(host):
            self._peer = host
            self._peers[host] += 1
            if self._peers[host] > MOST_FROM_ONE:
                self._refuse(b"503 Service Unavailable", b"retry-after: 10\r\n")
                return
        self._within(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._within(None)
        if self._peer is not None:
            self._peers[self._peer] -= 1
            if not self._peers[self._peer]:
                del self._peers[self._peer]
            self._peer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._within(HEAD_S)

    def on_headers_complete(self) -> None:
        self._head = None
        self._within(BODY_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._within(None)
        super().on_message_complete()

    def _within(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._refuse, b"408 Request Timeout")

    def _refuse(self, status: bytes, header: bytes = b"") -> None:
        """An answer where none has begun, and the end of the connection."""
        self._within(None)
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(b"HTTP/1.1 %b\r\n%bcontent-length: 0\r\nconnection: close\r\n\r\n" % (status, header))
            self.transport.close()


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
