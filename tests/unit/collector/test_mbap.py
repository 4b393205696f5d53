"""Frames: what is ours, what is late, what nobody asked for, and what ends the trust in a connection."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.exchange import Answer, Event, Garbled, Late, Refusal, Settled, Spoilt, Stray
from collector.mbap import FUNCTION, MOST_STRAYS, WORST_S, Exchange
from collector.poll_plan import Read
from plantroom.profiles import Table

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

READ, OTHER = Read(Table.HOLDING, 0x0102, 2), Read(Table.HOLDING, 0x0200, 3)


def asked(first: int = 0x0A0B) -> Exchange:
    exchange = Exchange(first)
    assert exchange.request(17, READ, 1.0) == bytes.fromhex("0A0B 0000 0006 11 03 0102 0002")
    return exchange


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


RIGHT = bytes.fromhex("0A0B 0000 0007 11 03 04 1234 5678")


def test_the_right_answer_is_taken_with_its_latency() -> None:
    assert asked().receive(RIGHT, 1.25) == [Answer(bytes.fromhex("12345678"), 0.25)]


def test_bytes_may_come_one_by_one() -> None:
    exchange = asked()
    events = [event for byte in RIGHT for event in exchange.receive(bytes([byte]), 2.0)]
    assert kinds(events) == [Answer]


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ("0A0B 0000 0003 11 83 02", Refusal),
        ("0A0C 0000 0007 11 03 04 1234 5678", Stray),  # another transaction
        ("0000 0000 0007 11 03 04 1234 5678", Stray),
        ("0A0B 0000 0007 12 03 04 1234 5678", Stray),  # another unit
        ("0A0B 0000 0007 11 04 04 1234 5678", Garbled),  # another function
        ("0A0B 0000 0005 11 03 02 1234", Garbled),  # one register of two
        ("0A0B 0000 0009 11 03 06 1234 5678 9ABC", Garbled),  # three of two
        ("0A0B 0000 0007 11 03 02 1234 5678", Garbled),  # the count byte lies
        ("0A0B 0000 0003 11 84 02", Garbled),  # an exception of another function
        ("0A0B 0000 0002 11 03", Garbled),
        ("0A0B 0001 0007 11 03 04 1234 5678", Garbled),  # no Modbus
        ("0A0B 0000 FFFF 11 03 04 1234 5678", Garbled),
    ],
)
def test_what_is_not_exactly_the_answer_is_not_taken(frame: str, event: type[Event]) -> None:
    assert kinds(asked().receive(bytes.fromhex(frame), 2.0)) == [event]


def test_the_right_answer_still_counts_after_a_stray() -> None:
    exchange = asked()
    strays = bytes.fromhex("0A0B 0000 0007 12 03 04 0000 0000") + RIGHT
    assert kinds(exchange.receive(strays, 2.0)) == [Stray, Answer]


def test_an_answer_after_its_time_is_late_and_the_next_one_is_the_next_ones() -> None:
    exchange = asked()
    assert exchange.give_up() is None
    exchange.request(17, OTHER, 3.0)
    both = RIGHT + bytes.fromhex("0A0C 0000 0009 11 03 06 AAAA BBBB CCCC")
    assert exchange.receive(both, 3.5) == [Late(17, 2.5), Answer(bytes.fromhex("AAAABBBBCCCC"), 0.5)]
    assert kinds(exchange.receive(RIGHT, 4.0)) == [Stray], "late once, then a duplicate"


def test_a_read_that_the_owed_answer_could_be_taken_for_is_settled_first_by_a_part_of_another_length() -> None:
    exchange = asked()
    exchange.give_up()
    assert exchange.request(17, READ, 3.0) == bytes.fromhex("0A0C 0000 0006 11 03 0102 0001")
    mirrored = bytes.fromhex("0A0C 0000 0007 11 03 04 1234 5678")  # the old answer under the new number
    assert kinds(exchange.receive(mirrored + bytes.fromhex("0A0C 0000 0005 11 03 02 1234"), 3.5)) == [Stray, Settled]
    assert exchange.request(17, READ, 4.0) == bytes.fromhex("0A0D 0000 0006 11 03 0102 0002"), "then the read itself"


def test_an_answer_that_came_late_is_settled_too_for_a_gateway_that_asked_twice_sends_it_twice() -> None:
    exchange = asked()
    exchange.give_up()
    assert kinds(exchange.receive(RIGHT, 3.0)) == [Late]
    assert exchange.request(17, READ, 3.1) == bytes.fromhex("0A0C 0000 0006 11 03 0102 0001")
    mirrored = bytes.fromhex("0A0C 0000 0007 11 03 04 1234 5678")
    assert kinds(exchange.receive(mirrored + bytes.fromhex("0A0C 0000 0005 11 03 02 1234"), 3.2)) == [Stray, Settled]


def test_a_single_register_that_came_late_under_its_own_number_is_asked_and_believed_as_ever() -> None:
    exchange, one = Exchange(worst_s={1: 1.0}), Read(Table.HOLDING, 7, 1)
    exchange.request(1, one, 0.0)
    exchange.give_up()
    assert kinds(exchange.receive(bytes.fromhex("0001 0000 0005 01 03 02 1111"), 0.4)) == [Late]
    exchange.request(1, one, 0.5)
    assert exchange.receive(bytes.fromhex("0002 0000 0005 01 03 02 2222"), 0.6) == [Answer(b"\x22\x22", pytest.approx(0.1), 1)]


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_a_unit_that_answers_no_part_of_a_block_is_asked_for_the_whole_again(count: int) -> None:
    """Some know their blocks only whole and are silent at anything else: a silence must not cut them off for good."""
    exchange, whole, now_s = Exchange(worst_s={1: 1.0}), Read(Table.HOLDING, 7, count), 0.0
    exchange.request(1, whole, now_s)
    exchange.give_up(1)
    tries = 0
    while tries < 5:
        now_s, tries = now_s + 10.0, tries + 1  # as far apart as probes get
        if exchange.request(1, whole, now_s)[-2:] == count.to_bytes(2, "big"):
            break
        exchange.give_up(1)
    number = (tries + 1).to_bytes(2, "big")
    answer = number + bytes.fromhex("0000") + (3 + 2 * count).to_bytes(2, "big") + bytes((1, 3, 2 * count)) + bytes(2 * count)
    assert kinds(exchange.receive(answer, now_s + 0.1)) == [Answer]


def test_what_was_asked_on_a_lost_connection_is_owed_on_the_next() -> None:
    exchange = asked()
    exchange.connected(5.0)
    assert exchange.request(17, READ, 6.0) == bytes.fromhex("0A0C 0000 0006 11 03 0102 0001")


@pytest.mark.parametrize("following", ["0A0B 0000 0003 11 83 0B", "0009 0000 0003 12 83 0B", "0A0B 00"])
def test_a_frame_that_stops_and_goes_on_with_the_next_is_not_believed(following: str) -> None:
    """Which ends, by its length, within the one that follows it."""
    cut, next_one = RIGHT[:-2], bytes.fromhex(following)
    exchange = asked()
    assert kinds(exchange.receive(cut, 1.0)) == [] and kinds(exchange.receive(next_one, 1.1)) == [Garbled]
    if len(next_one) > 3:
        assert Answer not in kinds(asked().receive(cut + next_one, 1.0))


def test_one_register_has_no_part_so_no_answer_is_believed_before_the_worst_answer_time_is_over() -> None:
    exchange, one = Exchange(worst_s={1: 1.0}), Read(Table.HOLDING, 7, 1)
    exchange.request(1, one, 0.0)
    exchange.give_up()
    exchange.request(1, one, 0.5)
    assert kinds(exchange.receive(bytes.fromhex("0002 0000 0005 01 03 02 1111"), 0.6)) == [Spoilt]
    exchange.request(1, one, 1.6)
    assert kinds(exchange.receive(bytes.fromhex("0003 0000 0005 01 03 02 2222"), 1.7)) == [Answer]


def test_what_is_owed_is_kept_over_connections() -> None:
    exchange = asked()
    exchange.give_up()
    exchange.connected(2.0)
    assert exchange.request(17, READ, 2.1)[-1] == 1
    exchange.give_up()
    assert exchange.request(17, READ, 2.2 + WORST_S)[-1] == 2


def test_a_late_answer_under_a_newer_number_that_was_given_up_too_is_booked_by_its_length() -> None:
    exchange = asked()
    exchange.give_up()
    exchange.request(17, OTHER, 2.0)
    exchange.give_up()
    assert kinds(exchange.receive(bytes.fromhex("0A0C 0000 0007 11 03 04 1234 5678"), 2.1)) == [Late], "the first one's"
    assert exchange.request(17, OTHER, 2.2)[-1] == 1, "the second is owed still"


def test_several_units_are_asked_at_once_and_each_gets_its_own() -> None:
    exchange = Exchange()
    for unit in (1, 2, 3):
        exchange.request(unit, READ, 0.0)
    third, first = (bytes((0, n, 0, 0, 0, 7, n, 3, 4, n, n, n, n)) for n in (3, 1))
    events = exchange.receive(third[:5], 0.1) + exchange.receive(third[5:] + first, 0.2)
    assert events == [Answer(bytes((3,) * 4), 0.2), Answer(bytes((1,) * 4), 0.2)]
    assert [event.unit for event in events if isinstance(event, Answer)] == [3, 1]
    assert exchange.give_up(2) is None
    assert kinds(exchange.receive(bytes((0, 2, 0, 0, 0, 7, 2, 3, 4, 0, 0, 0, 0)), 0.3)) == [Late]


def test_a_number_given_up_is_not_given_to_another_request() -> None:
    exchange = Exchange(0xFFFF)
    exchange.request(1, READ, 0.0)
    exchange.give_up()
    for _ in range(0x10000 - 1):
        frame = exchange.request(1, READ, 0.0)
        assert frame[:2] != b"\xff\xff"
        exchange.give_up()
        exchange._given_up = {0xFFFF: (1, 0.0)}


def test_giving_up_tells_what_came_instead() -> None:
    exchange = asked()
    exchange.receive(bytes.fromhex("0A0B 0000 0007 12 03 04 1234 5678"), 1.5)
    assert exchange.give_up() == "unit 18 answered for unit 17"
    exchange = asked()
    exchange.receive(RIGHT[:9], 1.5)
    assert exchange.cut_short and exchange.give_up() == "answer cut short after 9 bytes"


def test_an_answer_to_an_earlier_connection_is_a_stray_on_the_next() -> None:
    exchange = asked()
    exchange.connected(3.0)
    exchange.request(17, READ, 2.0)
    assert kinds(exchange.receive(RIGHT, 2.1)) == [Stray]


def test_a_flood_of_strays_ends_the_trust() -> None:
    exchange = asked()
    events = exchange.receive(bytes.fromhex("0000 0000 0003 11 83 02") * (MOST_STRAYS + 5), 2.0)
    assert kinds(events)[-1] is Garbled


@PATIENT
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_any_bytes_give_declared_events_and_never_an_answer_that_was_not_sent(chunks: list[bytes]) -> None:
    exchange = asked()
    for chunk in chunks:
        events = exchange.receive(chunk, 2.0)
        assert all(isinstance(event, Answer | Refusal | Late | Stray | Garbled) for event in events)
        if any(isinstance(event, Garbled) for event in events):
            return
        if any(isinstance(event, Answer) for event in events):
            assert RIGHT[:9] in b"".join(chunks)


@PATIENT
@given(st.integers(0, len(RIGHT) - 1), st.integers(1, 255))
def test_one_flipped_byte_in_the_head_is_never_taken(place: int, flip: int) -> None:
    spoilt = bytearray(RIGHT)
    spoilt[place] ^= flip
    taken = [event for event in asked().receive(bytes(spoilt), 2.0) if isinstance(event, Answer)]
    assert not taken or place >= 9, "only the data itself has no check of its own on TCP"


def test_only_the_four_reads_exist() -> None:
    assert {table: table.function for table in Table} == FUNCTION
    assert set(FUNCTION.values()) == {1, 2, 3, 4}


def whole(exchange: Exchange, unit: int, values: list[int]) -> list[Event]:
    """A read of so many holding registers and its answer in one piece."""
    request = exchange.request(unit, Read(Table.HOLDING, 0, len(values)), 1.0)
    data = b"".join(value.to_bytes(2, "big") for value in values)
    return exchange.receive(request[:4] + (3 + len(data)).to_bytes(2, "big") + bytes([unit, 3, len(data)]) + data, 1.1)


def test_registers_that_look_like_the_head_of_a_reply_are_registers() -> None:
    """A load of 93, a 1, then cells nobody serves: `.. 00 00 00 5d 00 01 5a ..` was taken for a frame, twenty times a second, as long as it stood."""
    for unit in (1, 5, 90):
        assert kinds(whole(Exchange(1), unit, [7, 0, 93, 1, 0x5A5A, 0x5A5A])) == [Answer]
    assert kinds(whole(Exchange(1), 1, [4, 0, 4, 2, 0x0101])) == [Answer]


@PATIENT
@given(st.lists(st.one_of(st.integers(0, 6), st.integers(0, 255), st.integers(255, 1100)), min_size=4, max_size=125), st.integers(5, 247))
def test_no_small_values_of_a_healthy_unit_end_its_connection(values: list[int], unit: int) -> None:
    assert kinds(whole(Exchange(40_000), unit, values)) == [Answer]


def test_a_reply_of_ours_within_a_frame_is_one_whatever_number_it_bears() -> None:
    short = bytes.fromhex("0A0B 0000 000B 11 03 08 1234")
    for number, length in (("0A0B", "000B 11 03 08"), ("F000", "000B 11 03 08"), ("0A0B", "0003 11 83 02"), ("F000", "0003 11 83 02")):
        exchange = Exchange(0x0A0B)
        exchange.request(17, Read(Table.HOLDING, 0, 4), 1.0)
        head = bytes.fromhex(f"{number} 0000 {length}")
        assert Garbled in kinds(exchange.receive(short + head, 1.2) or exchange.receive(bytes(20), 1.3)), (number, length)


@PATIENT
@given(st.integers(0, 241), st.integers(0, 9))
def test_a_head_within_a_block_of_zeros_is_seen_wherever_it_stands(at: int, zeros: int) -> None:
    """Also right behind zeros of its own, where a quick look for its three could begin too early."""
    exchange = Exchange(0x0A0B)
    begun = exchange.request(17, Read(Table.HOLDING, 0, 125), 1.0)[:4] + bytes.fromhex("00FD 11 03 FA")
    again = bytes.fromhex("0A0B 0000 00FD 11 03 FA")
    data = bytes(at) + again + bytes([1] * zeros)
    assert kinds(exchange.receive((begun + data).ljust(9 + 250, b"\0"), 1.2)) == [Garbled]
