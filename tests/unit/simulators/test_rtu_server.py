"""RTU frames of the simulated serial lines: worked by hand, and faults that keep to the frame's form where they should."""

from __future__ import annotations

from random import Random

import pytest

from simulators.rtu_server import crc16, distorted, sealed
from simulators.wire import OF_IMAGE, OF_MODBUS, Send, WireFault

REPLY = bytes.fromhex("0000 0000 0007 11 03 04 1234 5678")  # as on TCP
RIGHT = bytes.fromhex("11 03 04 1234 5678 90C6")


def sent(name: str, **settings: float) -> bytes:
    return b"".join(act.data for act in distorted(WireFault(name, settings), REPLY, Random(1)) if isinstance(act, Send))


def is_sealed(frame: bytes) -> bool:
    return frame[-2:] == crc16(frame[:-2]).to_bytes(2, "little")


def test_the_check_is_the_catalogued_one_and_stands_low_byte_first() -> None:
    assert crc16(b"123456789") == 0x4B37
    assert sealed(bytes.fromhex("0207")) == bytes.fromhex("0207 4112")  # the specification's own example


def test_each_fault_does_on_a_serial_line_what_its_name_says() -> None:
    assert sent("wrong_tid") == sent("zero_tid") == RIGHT, "there are no transactions"
    assert sent("crc")[:-1] == RIGHT[:-1] and not is_sealed(sent("crc"))
    assert sent("crc", rate=0.0) == RIGHT
    assert sent("truncated") == RIGHT[:-1]
    assert sent("duplicate") == RIGHT + RIGHT
    assert sent("drip") == RIGHT
    assert sent("exception", code=4.0)[:3] == bytes.fromhex("11 83 04")
    assert sent("wrong_unit")[0] == 0x12 and sent("wrong_function")[1] == 4 and sent("short")[2] == 2


@pytest.mark.parametrize("name", ["exception", "busy", "short", "wrong_unit", "wrong_function"])
def test_a_lie_is_well_sealed(name: str) -> None:
    assert is_sealed(sent(name)) and sent(name) != RIGHT


@pytest.mark.parametrize("name", [name for name in OF_MODBUS if name not in OF_IMAGE])
def test_every_fault_takes_a_frame(name: str) -> None:
    distorted(WireFault(name), REPLY, Random(1))
