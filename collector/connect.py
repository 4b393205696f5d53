"""Ways to a byte stream: a host and port. A serial port is one too (serial_line)."""

from __future__ import annotations

import asyncio
import socket
import ssl
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
class Secured:
    """Modbus/TCP Security: TLS from 1.2 on, with a certificate on either side. ca, cert, key: PEM files, read anew for each connection.

    expected: the name or address in the device's certificate. Source: MODBUS/TCP Security Protocol Specification V36, 6 and 7; roles are
    for servers that grant more to some, and we only read.
    """

    host: str
    port: int
    ca: str
    cert: str
    key: str
    expected: str

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    async def connect(self, protocol: asyncio.Protocol) -> None:
        context = self._context()
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: protocol, self.host, self.port, ssl=context, server_hostname=self.expected
            )
        except ssl.SSLCertVerificationError as error:
            wanted = f"expected: {self.expected}, signed by {self.ca}"
            raise OSError(f"its certificate is not accepted ({error.verify_message}); {wanted}") from error
        except ssl.SSLError as error:
            raise OSError(f"no TLS: {said(error)}") from error
        except (ConnectionResetError, ConnectionAbortedError) as error:
            raise OSError("no TLS: the other end closed during the handshake; is this its secured port?") from error
        polite(transport.get_extra_info("socket"))

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(self.ca)
        except OSError as error:
            raise OSError(f"{self.ca} is no file of certificates: {error.strerror or error}") from error
        try:
            context.load_cert_chain(self.cert, self.key)
        except OSError as error:
            raise OSError(f"{self.cert} and {self.key} are no certificate with its key: {error.strerror or error}") from error
        return context


def why_ended(way: Way, error: Exception | None) -> str:
    """Why a connection ended, in words."""
    if error is not None:
        return said(error)
    refused = "; perhaps it does not accept our certificate" if isinstance(way, Secured) else ""  # TLS 1.3 says so after the handshake
    return f"closed by the device{refused}"


def said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).lower().replace("_", " ")
        return f"the other end says: {reason.partition('alert ')[2]}" if "alert " in reason else reason
    return str(error)


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
