"""RTU frames: what is taken, what waits for silence, and why a unit that owes an answer is settled before it is believed again."""

from __future__ import annotations

from math import inf

import pytest

from collector.exchange import Answer, Event, Garbled, Late, Refusal, Settled, Spoilt, Stray
from collector.poll_plan import Read
from collector.rtu import BABBLE_S, FORGOTTEN_S, Exchange, check, on_the_line_s, silence_s
from plantroom.profiles import Table

SILENCE_S, WORST_S = 0.004, 0.5
READ = Read(Table.HOLDING, 107, 3)
OTHER = Read(Table.HOLDING, 400, 3)  # as long as READ, somewhere else
DATA = bytes.fromhex("022B 0000 0064")


def frame(unit: int, function: int, data: bytes) -> bytes:
    body = bytes((unit, function, len(data))) + data if function < 0x80 else bytes((unit, function)) + data
    return body + check(body)


RIGHT = frame(17, 3, DATA)


class Talk:
    """An exchange with its clock: asked at 1.0 s, hears bytes, lets silences pass."""

    def __init__(self, read: Read = READ, unit: int = 17) -> None:
        self.exchange = Exchange(SILENCE_S, {17: WORST_S, 18: WORST_S})
        self.now_s = 1.0
        self.sent = self.ask(read, unit)

    def ask(self, read: Read = READ, unit: int = 17) -> bytes:
        self.now_s = max(self.now_s, self.exchange.free_s)
        return self.exchange.request(unit, read, self.now_s)

    def hears(self, *chunks: bytes, after_s: float = 0.02, between_s: float = 0.001) -> list[Event]:
        """The bytes, and the silence behind them."""
        self.now_s += after_s
        events: list[Event] = []
        for chunk in chunks:
            events += self.exchange.receive(chunk, self.now_s)
            self.now_s += between_s
        if self.exchange.ripe_s < inf:
            self.now_s = max(self.now_s, self.exchange.ripe_s)
            events += self.exchange.ripen(self.now_s)
        return events

    def gives_up(self) -> str | None:
        self.now_s += WORST_S
        return self.exchange.give_up()


def test_the_check_is_that_of_the_specification() -> None:
    assert check(bytes.fromhex("0207")) == bytes.fromhex("4112")  # MODBUS over Serial Line V1.02, 6.2.2
    assert check(b"123456789") == (0x4B37).to_bytes(2, "little")  # the catalogued check value of CRC-16/MODBUS


def test_a_request_as_in_the_specification() -> None:
    assert Talk().sent == bytes.fromhex("11 03 006B 0003 7687")  # Application Protocol, 6.3, in an RTU frame


@pytest.mark.parametrize(("baud", "silence_ms"), [(1200, 32.083), (9600, 4.010), (19_200, 2.005), (38_400, 1.75), (115_200, 1.75)])
def test_silence_between_frames_by_the_rate_of_the_line(baud: int, silence_ms: float) -> None:
    assert 1000 * silence_s(baud) == pytest.approx(silence_ms, abs=0.001)


def test_characters_of_a_read_on_the_line() -> None:
    assert on_the_line_s(9600, Read(Table.HOLDING, 0, 125)) == pytest.approx((8 + 255) * 11 / 9600)


def test_the_right_answer_is_taken_once_the_line_is_silent_behind_it() -> None:
    talk = Talk()
    assert talk.exchange.receive(RIGHT, 1.25) == []
    assert talk.exchange.ripe_s == 1.25 + SILENCE_S
    assert talk.exchange.ripen(talk.exchange.ripe_s) == [Answer(DATA, 0.25)]
    assert talk.exchange.free_s == 1.25 + SILENCE_S, "and so is the next request"


def test_bytes_may_come_one_by_one() -> None:
    events = Talk().hears(*(bytes([byte]) for byte in RIGHT))
    assert [type(event) for event in events] == [Answer]


def test_an_exception_is_a_refusal() -> None:
    assert Talk().hears(frame(17, 0x83, b"\x02")) == [Refusal(2, pytest.approx(0.02))]


@pytest.mark.parametrize("noise", [b"\x00", b"\xff\xff", b"\x11", b"\x11\x03", b"\x11\x03\x06", b"\x11\x03\x20", b"\x11\x83", bytes(range(40))])
def test_garbage_before_and_after_an_answer_is_passed_over(noise: bytes) -> None:
    assert Answer(DATA, pytest.approx(0.02, abs=0.01)) in Talk().hears(noise + RIGHT + noise)


def test_our_own_request_that_comes_back_is_no_answer() -> None:
    talk = Talk()
    assert [type(e) for e in talk.hears(talk.sent + RIGHT)] == [Answer]
    again = talk.ask(OTHER)
    assert [type(e) for e in talk.hears(again[:3], again[3:], RIGHT[:1], RIGHT[1:])] == [Answer]


def test_an_echo_that_looks_like_its_answer_is_not_taken_for_it() -> None:
    """17 coils at 0x03xx: the request has the very form of an answer with three bytes, check and all."""
    coils = Read(Table.COIL, 0x0310, 17)
    talk = Talk(coils)
    assert talk.hears(talk.sent) == []
    assert talk.gives_up() is None
    assert Talk(coils).hears(b"\x00" + talk.sent) == [], "nor behind noise"
    right = frame(17, 1, b"\x01\x02\x03")
    quiet = Talk(Read(Table.COIL, 0x0200, 17))
    quiet.hears(right)
    again = quiet.ask(coils)
    assert [type(e) for e in quiet.hears(again)] == [Answer], "on an adapter known not to echo it can only be the answer"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (frame(18, 3, DATA), "unit 18, function 3, 6 data bytes, where unit 17, function 3, 6 were asked"),
        (frame(17, 4, DATA), "unit 17, function 4, 6 data bytes, where unit 17, function 3, 6 were asked"),
        (frame(17, 3, DATA[:4]), "unit 17, function 3, 4 data bytes, where unit 17, function 3, 6 were asked"),
        (frame(17, 3, DATA + b"\x00\x01"), "unit 17, function 3, 8 data bytes, where unit 17, function 3, 6 were asked"),
    ],
)
def test_an_answer_that_cannot_be_ours_is_waited_past(wrong: bytes, why: str) -> None:
    talk = Talk()
    assert talk.hears(wrong) == [Stray(why)]
    assert [type(e) for e in talk.hears(RIGHT)] == [Answer]
    talk = Talk()
    talk.hears(wrong)
    assert talk.gives_up() == why


def test_a_wrong_check_ends_the_wait_but_not_the_trust_in_the_line() -> None:
    talk = Talk()
    assert talk.hears(RIGHT[:-1] + b"\x00") == [Spoilt("an answer whose check is wrong")]
    assert talk.exchange.free_s < talk.now_s + SILENCE_S + 1e-9


def test_a_frame_cut_short_is_said_when_patience_runs_out() -> None:
    talk = Talk()
    assert talk.hears(RIGHT[:-1]) == []
    assert talk.gives_up() == "10 bytes that are no answer"


def test_two_answers_that_differ_are_both_dropped_and_the_same_twice_is_one() -> None:
    assert Talk().hears(frame(17, 3, b"\0\1\0\2\0\3") + RIGHT) == [Spoilt("two answers that differ")]
    assert [type(e) for e in Talk().hears(RIGHT, RIGHT)] == [Answer]


def test_after_a_silence_the_line_is_quiet_for_the_worst_answer_time_whatever_comes_next() -> None:
    talk = Talk()
    talk.now_s += 0.1  # patience may be shorter
    talk.exchange.give_up()
    assert talk.exchange.free_s == 1.0 + WORST_S


def test_a_late_answer_in_the_quiet_is_late_and_its_unit_owes_nothing_more() -> None:
    talk = Talk()
    talk.exchange.give_up()
    assert talk.hears(RIGHT, after_s=0.3) == [Late(17, pytest.approx(0.3))]
    assert talk.ask(OTHER) == Talk(OTHER).sent


def test_a_unit_that_owes_an_answer_is_settled_by_a_shorter_one() -> None:
    talk = Talk()
    talk.gives_up()
    part = Talk(Read(Table.HOLDING, OTHER.address, 1)).sent
    assert talk.ask(OTHER) == part
    assert talk.hears(RIGHT) == [Late(17, pytest.approx(0.52, abs=0.01))], "later than it may be, and of the form of what is wanted"
    assert talk.hears(frame(17, 3, b"\0\7")) == [Settled()]
    assert talk.ask(OTHER) == Talk(OTHER).sent
    assert talk.hears(frame(17, 3, b"\0\7\0\7\0\7")) == [Answer(b"\0\7\0\7\0\7", pytest.approx(0.02))]


def test_another_read_of_the_unit_settles_it_as_well() -> None:
    talk = Talk()
    talk.gives_up()
    longer = Read(Table.HOLDING, 107, 4)
    assert talk.ask(longer) == Talk(longer).sent
    talk.hears(frame(17, 3, DATA + b"\0\1"))
    assert talk.ask(OTHER) == Talk(OTHER).sent


def test_a_settling_that_is_refused_counts_for_one_owed_answer() -> None:
    talk = Talk()
    talk.gives_up()
    talk.ask()
    talk.gives_up()  # two are owed now: the read, and its part of one register
    assert talk.ask() == Talk(Read(Table.HOLDING, READ.address, 2)).sent
    assert talk.hears(frame(17, 0x83, b"\x02")) == [Settled()]
    assert talk.ask() == Talk().sent, "no answer as long as this one can be owed any more"
    assert talk.hears(frame(17, 3, b"\0\1")) == [Late(17, pytest.approx(0.54, abs=0.01))]
    assert talk.hears(RIGHT) == [Answer(DATA, pytest.approx(0.05, abs=0.02))]


def test_a_unit_that_refuses_everything_is_not_asked_for_ever() -> None:
    single = Read(Table.HOLDING, 5, 1)
    for read in (READ, single):
        talk = Talk(read)
        talk.gives_up()
        talk.ask(read)
        assert talk.hears(frame(17, 0x83, b"\x02")) == [Settled()]
        talk.ask(read)
        assert talk.hears(frame(17, 0x83, b"\x02")) == [Refusal(2, pytest.approx(0.02))]


def test_a_single_register_has_no_part_so_its_first_answer_is_thrown_away_and_waited_out() -> None:
    single = Read(Table.HOLDING, 5, 1)
    talk = Talk(single)
    talk.gives_up()
    assert talk.ask(single) == Talk(single).sent
    assert talk.hears(frame(17, 3, b"\0\1")) == [Settled()]
    assert talk.exchange.free_s == pytest.approx(talk.now_s + WORST_S)
    talk.ask(single)
    assert talk.hears(frame(17, 3, b"\0\2")) == [Answer(b"\0\2", pytest.approx(0.02))]


def test_a_single_register_is_settled_by_another_read_that_the_unit_is_known_to_answer() -> None:
    single, longer = Read(Table.HOLDING, 5, 1), Read(Table.HOLDING, 107, 3)
    talk = Talk(longer)
    talk.hears(RIGHT)
    talk.ask(single)
    talk.gives_up()
    assert talk.ask(single) == Talk(longer).sent
    assert talk.hears(RIGHT) == [Settled()]
    assert talk.ask(single) == Talk(single).sent


def test_another_units_debt_is_no_concern_of_this_one() -> None:
    talk = Talk()
    talk.gives_up()
    assert talk.ask(OTHER, 18) == Talk(OTHER, 18).sent
    assert talk.hears(RIGHT) == [Late(17, pytest.approx(0.52, abs=0.01))]
    assert [type(e) for e in talk.hears(frame(18, 3, DATA))] == [Answer]


def test_a_debt_is_forgotten_in_the_end() -> None:
    talk = Talk()
    talk.gives_up()
    talk.now_s += FORGOTTEN_S
    assert talk.ask(OTHER) == Talk(OTHER).sent


def test_who_answers_unasked_is_settled_before_he_is_believed_again() -> None:
    talk = Talk()
    talk.hears(RIGHT)
    assert talk.hears(RIGHT) == [Stray("unit 17, function 3, 6 data bytes, unasked")]
    assert talk.ask(OTHER) == Talk(Read(Table.HOLDING, OTHER.address, 1)).sent


def test_a_new_stream_is_listened_to_before_anything_is_asked() -> None:
    talk = Talk()
    talk.exchange.connected(1.2)
    assert talk.exchange.free_s == 1.2 + WORST_S
    assert talk.hears(RIGHT, after_s=0.3) == [Late(17, pytest.approx(0.3))], "what the old one asked is not forgotten either"


def test_a_line_that_is_never_silent_is_hung_up_on() -> None:
    talk = Talk()
    talk.gives_up()
    events: list[Event] = []
    while not events and talk.now_s < 20:
        talk.now_s += 0.001
        events = talk.exchange.receive(b"\x55", talk.now_s)
    assert [type(e) for e in events] == [Garbled]
    assert talk.now_s == pytest.approx(1.0 + WORST_S + BABBLE_S, abs=0.01)


def test_answers_on_the_heels_of_requests_are_no_babble() -> None:
    talk = Talk()
    for _ in range(100):
        talk.now_s += 0.06
        assert talk.exchange.receive(RIGHT[:4], talk.now_s) == []
        assert talk.exchange.receive(RIGHT[4:], talk.now_s + 0.001) == []
        (taken,) = talk.exchange.ripen(talk.exchange.ripe_s)
        assert isinstance(taken, Answer)
        talk.exchange.request(17, READ, talk.now_s + 0.002)  # a timer may be a millisecond early
