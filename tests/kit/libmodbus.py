"""libmodbus (Debian libmodbus5, which mbpoll brings) through ctypes: an independent client and server in C.

Their calls give the interpreter lock away, so a server thread and the code under test run side by side.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Mapping
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_uint8, c_uint16, c_uint32, c_void_p
from functools import cache
from typing import Any

from tests.kit.simulator import free_ports

CELLS = 65_536
_LONGEST = 260  # MODBUS_TCP_MAX_ADU_LENGTH


class _Mapping(ctypes.Structure):
    _fields_ = (
        *((f"{what}_{table}", c_int) for table in ("bits", "input_bits", "input_registers", "registers") for what in ("nb", "start")),
        ("tab_bits", POINTER(c_uint8)),
        ("tab_input_bits", POINTER(c_uint8)),
        ("tab_input_registers", POINTER(c_uint16)),
        ("tab_registers", POINTER(c_uint16)),
    )


@cache
def library() -> ctypes.CDLL:
    found = ctypes.CDLL("libmodbus.so.5", use_errno=True)
    found.modbus_new_tcp.restype, found.modbus_new_tcp.argtypes = c_void_p, (c_char_p, c_int)
    found.modbus_mapping_new.restype = POINTER(_Mapping)
    found.modbus_strerror.restype = c_char_p
    found.modbus_get_float_abcd.restype = c_float
    for name in ("connect", "close", "free", "set_slave", "tcp_listen", "tcp_accept", "receive", "reply", "set_response_timeout"):
        getattr(found, f"modbus_{name}").argtypes = (c_void_p, *_ARGUMENTS.get(name, ()))
    for name in READS.values():
        getattr(found, name).argtypes = (c_void_p, c_int, c_int, c_void_p)
    found.modbus_mapping_free.argtypes = (POINTER(_Mapping),)
    return found


_ARGUMENTS: Mapping[str, tuple[Any, ...]] = {
    "set_slave": (c_int,),
    "tcp_listen": (c_int,),
    "tcp_accept": (POINTER(c_int),),
    "receive": (c_void_p,),
    "reply": (c_void_p, c_int, POINTER(_Mapping)),
    "set_response_timeout": (c_uint32, c_uint32),
}
READS = {1: "modbus_read_bits", 2: "modbus_read_input_bits", 3: "modbus_read_registers", 4: "modbus_read_input_registers"}


class Refused(Exception):
    """libmodbus's word for it: an exception reply, a time-out, an answer it does not take."""


def _failed() -> Refused:
    return Refused(library().modbus_strerror(ctypes.get_errno()).decode())


class Client:
    def __init__(self, port: int, unit: int = 1) -> None:
        self._context = library().modbus_new_tcp(b"127.0.0.1", port)
        assert self._context
        library().modbus_set_response_timeout(self._context, 5, 0)
        library().modbus_set_slave(self._context, unit)

    def __enter__(self) -> Client:
        if library().modbus_connect(self._context) < 0:
            raise _failed()
        return self

    def __exit__(self, *_: object) -> None:
        library().modbus_close(self._context)
        library().modbus_free(self._context)

    def read(self, function: int, address: int, count: int) -> list[int]:
        """Bits or registers. Raises Refused."""
        cells = ((c_uint8 if function < 3 else c_uint16) * count)()
        if getattr(library(), READS[function])(self._context, address, count, cells) < 0:
            raise _failed()
        return list(cells)


def float_of(words: list[int]) -> float:
    """Two registers, high word first."""
    return float(library().modbus_get_float_abcd((c_uint16 * 2)(*words)))


class Server:
    """Every address of every table, 0 where nothing is set. tables: function code -> address -> value. One connection after the other."""

    def __init__(self, tables: Mapping[int, Mapping[int, int]]) -> None:
        self.port = free_ports(1)[0]
        self._context = library().modbus_new_tcp(b"127.0.0.1", self.port)
        self._mapping = library().modbus_mapping_new(CELLS, CELLS, CELLS, CELLS)
        assert self._context and self._mapping
        made = self._mapping.contents
        places = {1: made.tab_bits, 2: made.tab_input_bits, 3: made.tab_registers, 4: made.tab_input_registers}
        for function, cells in tables.items():
            for address, value in cells.items():
                places[function][address] = value
        self._listener = library().modbus_tcp_listen(self._context, 4)
        assert self._listener >= 0, _failed()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(fileno=os.dup(self._listener)) as listener:
            listener.shutdown(socket.SHUT_RDWR)  # an accept that waits comes back
        self._thread.join(10)
        assert not self._thread.is_alive(), "the client of this server is still connected"
        os.close(self._listener)
        library().modbus_mapping_free(self._mapping)
        library().modbus_free(self._context)

    def _serve(self) -> None:
        query, listener = (c_uint8 * _LONGEST)(), c_int(self._listener)
        while library().modbus_tcp_accept(self._context, byref(listener)) >= 0:
            while (length := library().modbus_receive(self._context, query)) >= 0:
                library().modbus_reply(self._context, query, length, self._mapping)
            library().modbus_close(self._context)
