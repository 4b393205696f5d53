"""A serial port as a way to devices: pyserial opens and sets it, the event loop watches its descriptor. One process has it, ever."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import termios
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import serial
from serial.tools import list_ports

_MOST_BYTES = 4096
_PSEUDO = Path("/dev/pts")


@dataclass(frozen=True, slots=True)
class SerialPort:
    """device: its path. parity: N, E or O."""

    device: str
    baud: int
    parity: str = "E"
    stop_bits: int = 1

    @property
    def name(self) -> str:
        return self.device

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """Opened beside the loop: an adapter that hangs would hold up all other lines."""
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(None, self._open)
        try:
            port = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        PortTransport(loop, port, protocol)

    def _open(self) -> serial.Serial:
        """Locked for us alone, for those that look (flock) and those that do not (TIOCEXCL). Raises OSError that says what to do."""
        parity = "N" if Path(os.path.realpath(self.device)).is_relative_to(_PSEUDO) else self.parity  # a pseudo-terminal has none
        try:
            port = serial.Serial(self.device, self.baud, parity=parity, stopbits=self.stop_bits, timeout=0, exclusive=True)
        except serial.SerialException as error:
            raise _explained(_inner_errno(error) or error.errno, str(error)) from error
        except (ValueError, termios.error) as error:
            raise OSError(errno.EINVAL, f"the port does not take {self.baud} baud, parity {parity}: {error}") from error
        with suppress(OSError):
            fcntl.ioctl(port.fd, termios.TIOCEXCL)
        with suppress(OSError, ValueError):  # else an FTDI adapter holds bytes back for 16 ms; not every driver can
            port.set_low_latency_mode(True)
        return port


class PortTransport(asyncio.Transport):
    """Bytes of an open port to and from a protocol, until it is aborted, closed, or gone from the machine."""

    def __init__(self, loop: asyncio.AbstractEventLoop, port: serial.Serial, protocol: asyncio.Protocol) -> None:
        super().__init__({"serial": port})
        self._loop, self._port, self._protocol = loop, port, protocol
        self._fd: int = port.fd
        self._unsent = b""
        self._closed = False
        loop.add_reader(self._fd, self._readable)
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closed:
            return
        waiting, self._unsent = bool(self._unsent), self._unsent + bytes(data)
        if not waiting:
            self._send()

    def abort(self) -> None:
        """What is not sent yet is thrown away."""
        self._end(None)

    def close(self) -> None:
        self._end(None)

    def is_closing(self) -> bool:
        return self._closed

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _MOST_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(OSError(error.errno, f"the port is gone: {error.strerror}"))
            return
        if data:
            self._protocol.data_received(data)
        else:
            self._end(OSError(errno.ENODEV, "the port is gone: was the adapter pulled out?"))

    def _send(self) -> None:
        try:
            sent = os.write(self._fd, self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._end(OSError(error.errno, f"the port is gone: {error.strerror}"))
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._loop.add_writer(self._fd, self._send)
        else:
            self._loop.remove_writer(self._fd)

    def _end(self, error: OSError | None) -> None:
        if self._closed:
            return
        self._closed, self._unsent = True, b""
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        with suppress(termios.error, OSError):
            termios.tcflush(self._fd, termios.TCIOFLUSH)  # else closing waits until the rest is sent
        with suppress(OSError):
            self._port.close()
        self._loop.call_soon(self._protocol.connection_lost, error)


def _close_late(opening: asyncio.Future[serial.Serial]) -> None:
    """Nobody waits for this port any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _inner_errno(error: BaseException) -> int | None:
    """pyserial does not always pass the number on, but keeps the error it was made of."""
    cause = error.__context__
    if isinstance(cause, termios.error):
        return int(cause.args[0])
    return cause.errno if isinstance(cause, OSError) else None


def _explained(number: int | None, said: str) -> OSError:
    match number:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            there = ", ".join(sorted(port.device for port in list_ports.comports())) or "none"
            return OSError(number, f"there is no such port; is the adapter plugged in? This machine has: {there}")
        case errno.EACCES | errno.EPERM:
            return OSError(number, "the port is not ours to open; add the user of the service to the port's group (dialout)")
        case errno.EAGAIN | errno.EBUSY:
            return OSError(number, "another process has the port; a serial line has one master")
        case errno.ENOTTY | errno.EISDIR:
            return OSError(number, "that is no serial port")
    return OSError(number or errno.EIO, said)
