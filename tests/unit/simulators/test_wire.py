"""Faults on the wire: a good reply in, what is really sent out."""

from __future__ import annotations

from random import Random

import pytest

from simulators.wire import OF_IMAGE, OF_MODBUS, Close, PlayDead, Send, WireFault, distort

REPLY = bytes.fromhex("0102 0000 0007 05 03 04 1234 5678".replace(" ", ""))
BITS = bytes.fromhex("0102 0000 0005 05 01 02 0901".replace(" ", ""))
EXCEPTION = bytes.fromhex("0102 0000 0003 05 83 02".replace(" ", ""))


def sent(name: str, reply: bytes = REPLY, **settings: float) -> bytes:
    acts = distort(WireFault(name, settings), reply, Random(1))
    assert all(isinstance(act, Send) for act in acts)
    return b"".join(act.data for act in acts if isinstance(act, Send))


def test_each_does_what_its_name_says() -> None:
    assert distort(WireFault("silence"), REPLY, Random(1)) == ()
    assert distort(WireFault("slow", {"delay_s": 2.0}), REPLY, Random(1)) == (Send(REPLY, 2.0),)
    assert distort(WireFault("late", {"delay_s": 2.0}), REPLY, Random(1)) == (Send(REPLY, 2.0, in_order=False),)
    assert distort(WireFault("cut"), REPLY, Random(1)) == (Close(),)
    assert distort(WireFault("half_open"), REPLY, Random(1)) == (PlayDead(),)
    assert sent("exception", code=4.0) == bytes.fromhex("010200000003058304")
    assert sent("busy") == bytes.fromhex("010200000003058306")
    assert sent("duplicate") == REPLY + REPLY
    assert sent("wrong_unit") == REPLY[:6] + b"\x06" + REPLY[7:]
    assert sent("wrong_tid") == b"\x01\x01" + REPLY[2:]
    assert sent("zero_tid") == b"\x00\x00" + REPLY[2:]
    assert sent("wrong_function") == REPLY[:7] + b"\x04" + REPLY[8:]
    assert sent("truncated") == REPLY[:-1]
    assert sent("drip") == REPLY and len(distort(WireFault("drip"), REPLY, Random(1))) == len(REPLY)
    assert sent("garbage") != REPLY


def test_a_short_answer_is_framed_consistently() -> None:
    assert sent("short") == bytes.fromhex("0102000000050503021234")
    assert sent("short", BITS) == bytes.fromhex("010200000004050101 09".replace(" ", ""))
    assert sent("short", EXCEPTION) == EXCEPTION


@pytest.mark.parametrize("name", [name for name in OF_MODBUS if name not in OF_IMAGE])
@pytest.mark.parametrize("reply", [REPLY, BITS, EXCEPTION])
def test_every_fault_takes_every_reply(name: str, reply: bytes) -> None:
    assert (Send(reply),) != distort(WireFault(name), reply, Random(1)) or name == "short"


def test_a_rate_spares_the_rest() -> None:
    rng = Random(5)
    spared = sum(distort(WireFault("silence", {"rate": 0.25}), REPLY, rng) == (Send(REPLY),) for _ in range(2000))
    assert 1400 < spared < 1600


def test_a_fault_or_number_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError):
        WireFault("gremlins")
    with pytest.raises(ValueError, match="no setting speed"):
        WireFault("slow", {"speed": 1.0})
    with pytest.raises(ValueError, match="outside"):
        WireFault("silence", {"rate": 1.5})
