"""RTU framing under hostile bytes, and under units that answer in order but as late as they please."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.exchange import Answer, Event, Garbled, Late, Refusal, Settled, Spoilt, Stray
from collector.poll_plan import Read
from collector.rtu import Exchange
from plantroom.profiles import Table
from simulators.rtu_server import sealed

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)  # the machine may be busy
SILENCE_S, WORST_S = 0.002, 0.1
DECLARED = (Answer, Refusal, Late, Stray, Garbled, Spoilt, Settled)
WORDS = Read(Table.HOLDING, 100, 4)


def answer(unit: int, function: int, data: bytes) -> bytes:
    return sealed(bytes((unit, function, len(data))) + data)


def heard(exchange: Exchange, chunks: Sequence[bytes], now_s: float) -> tuple[list[Event], float]:
    """The chunks a tenth of a silence apart, and the silence behind them."""
    events: list[Event] = []
    for chunk in chunks:
        events += exchange.receive(chunk, now_s)
        now_s += SILENCE_S / 10
    if exchange.ripe_s < inf:
        now_s = max(now_s, exchange.ripe_s)
        events += exchange.ripen(now_s)
    return events, now_s


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@PATIENT
@given(
    st.binary(min_size=8, max_size=8), st.lists(st.integers(0, 400), max_size=30), st.booleans(),
    st.binary(max_size=12).filter(lambda noise: b"\x11\x03\x08" not in noise), st.binary(max_size=12),
)  # fmt: skip
def test_an_answer_is_found_however_it_is_cut_and_whatever_stands_around_it(
    data: bytes, places: list[int], echo: bool, before: bytes, after: bytes
) -> None:
    exchange = Exchange(SILENCE_S, {17: WORST_S})
    sent = exchange.request(17, WORDS, 1.0)
    stream = (sent if echo else b"") + before + answer(17, 3, data) + after
    events, _ = heard(exchange, cut(stream, places), 1.01)
    assert [event.data for event in events if isinstance(event, Answer)] == [data]


hostile = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.builds(answer, st.sampled_from((17, 18)), st.sampled_from((1, 3, 4)), st.binary(max_size=20)),
        st.builds(lambda unit, function, code: sealed(bytes((unit, function | 0x80, code))), st.sampled_from((17, 18)), st.integers(0, 127), st.integers(0, 255)),
        st.builds(lambda frame, cut: frame[: cut % len(frame)], st.builds(answer, st.just(17), st.just(3), st.binary(min_size=8, max_size=8)), st.integers(0, 100)),
        st.builds(lambda frame, at: frame[: at % len(frame)] + b"\x55" + frame[at % len(frame) + 1 :], st.builds(answer, st.just(17), st.just(3), st.binary(min_size=8, max_size=8)), st.integers(0, 100)),
    ),
    max_size=12,
)  # fmt: skip


@PATIENT
@given(st.lists(st.tuples(st.sampled_from((17, 18)), st.integers(0, 3), hostile, st.integers(0, 3)), max_size=12), st.lists(st.integers(0, 200), max_size=8))
def test_hostile_bytes_bring_declared_events_and_no_data_but_of_a_sealed_frame_of_the_unit_asked(
    steps: list[tuple[int, int, list[bytes], int]], places: list[int]
) -> None:
    exchange, now_s = Exchange(SILENCE_S, {17: WORST_S, 18: WORST_S}), 1.0
    for unit, more, frames, idle in steps:
        for chunk in frames[:idle]:  # what comes unasked
            assert all(isinstance(event, DECLARED) for event in exchange.receive(chunk, now_s))
            now_s += SILENCE_S / 2
        now_s = max(now_s, exchange.free_s)
        read = Read(Table.HOLDING, 100, 1 + more)
        exchange.request(unit, read, now_s)
        stream = b"".join(frames)
        events, now_s = heard(exchange, cut(stream, places), now_s + 0.001)
        assert all(isinstance(event, DECLARED) for event in events)
        for event in events:
            if isinstance(event, Answer):
                assert len(event.data) == 2 * read.count and answer(unit, 3, event.data) in stream
        if not any(isinstance(event, Answer | Refusal | Settled | Spoilt) for event in events):
            now_s += WORST_S
            exchange.give_up()


@dataclass
class Bus:
    """Units that answer in order, each after its own time, or not at all. An answer's first word is the number of its request."""

    now_s: float = 1.0

    def __post_init__(self) -> None:
        self.requests = 0
        self._free_s: dict[int, float] = defaultdict(float)
        self._coming: list[tuple[float, int, bytes]] = []

    def asked(self, request: bytes, takes_s: float | None) -> None:
        self.requests += 1
        unit, function, count = request[0], request[1], int.from_bytes(request[4:6])
        if takes_s is not None:
            self._free_s[unit] = max(self.now_s, self._free_s[unit]) + takes_s
            data = self.requests.to_bytes(2, "big") * count
            insort(self._coming, (self._free_s[unit], self.requests, answer(unit, function, data)))

    def until(self, until_s: float) -> list[bytes]:
        """What comes until then, at the latest the first of it; the clock goes there."""
        if self._coming and self._coming[0][0] <= until_s:
            at_s, _, frame = self._coming.pop(0)
            self.now_s = max(self.now_s, at_s)
            return [frame]
        self.now_s = max(self.now_s, until_s)
        return []


takes = st.one_of(st.none(), st.floats(0.001, 0.05), st.floats(0.001, 0.05), st.floats(0.05, 8 * WORST_S))
in_time = st.one_of(st.none(), st.floats(0.001, 0.95 * WORST_S))
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from((1, 1, 2)), st.integers(30, 32), st.lists(takes, min_size=3, max_size=3)),
        st.tuples(st.just(3), st.just(1), st.lists(in_time, min_size=3, max_size=3)),  # nothing to settle it by: it keeps its time
    ),
    max_size=25,
)


def hears(exchange: Exchange, bus: Bus, deadline_s: float) -> list[Event]:
    """Until something comes of the request, or patience ends and nothing is ripening."""
    events: list[Event] = []
    while not any(isinstance(event, Answer | Settled | Spoilt) for event in events):
        ripe_s = exchange.ripe_s
        frames = bus.until(deadline_s if ripe_s == inf else ripe_s)
        for frame in frames:
            events += exchange.receive(frame, bus.now_s)
        if frames:
            continue
        if ripe_s == inf:
            break
        events += exchange.ripen(bus.now_s)
    return events


def converse(exchange: Exchange, conversation: list[tuple[int, int, list[float | None]]]) -> tuple[list[int], int]:
    """How far each answer taken was from the request it was taken for, and how many were taken."""
    bus, apart = Bus(), list[int]()
    for unit, count, times in conversation:
        read, events, lags = Read(Table.HOLDING, 100, count), list[Event](), iter([*times, *times, *times])
        while not any(isinstance(event, Answer | Spoilt) for event in events):
            while bus.now_s < exchange.free_s:
                for frame in bus.until(exchange.free_s):
                    exchange.receive(frame, bus.now_s)
            bus.asked(exchange.request(unit, read, bus.now_s), next(lags, None))
            events = hears(exchange, bus, bus.now_s + 0.6 * WORST_S)
            apart += [bus.requests - int.from_bytes(event.data[:2]) for event in events if isinstance(event, Answer)]
            if not any(isinstance(event, Answer | Settled | Spoilt) for event in events):
                exchange.give_up()
                break
    return apart, len(apart)


@PATIENT
@given(steps)
def test_an_answer_is_always_the_last_requests_however_late_units_are(conversation: list[tuple[int, int, list[float | None]]]) -> None:
    apart, _ = converse(Exchange(SILENCE_S, {1: WORST_S, 2: WORST_S, 3: WORST_S}), conversation)
    assert set(apart) <= {0}


class Unsettled(Exchange):
    """The control: without settling, quiet for the worst answer time alone."""

    def request(self, unit: int, read: Read, now_s: float) -> bytes:
        self._owed.clear()
        return super().request(unit, read, now_s)


def test_control_without_settling_a_late_answer_is_taken_for_the_next() -> None:
    late: list[tuple[int, int, list[float | None]]] = [(1, 2, [2.05 * WORST_S, 0.01, 0.01]), (1, 2, [0.01, 0.01, 0.01]), (1, 2, [0.01, 0.01, 0.01])]
    assert set(converse(Unsettled(SILENCE_S, {1: WORST_S}), late)[0]) - {0}
    apart, taken = converse(Exchange(SILENCE_S, {1: WORST_S}), late)
    assert set(apart) == {0} and taken >= 1


def test_an_answer_that_others_were_waited_out_for_is_not_believed_at_once() -> None:
    """Found by the long form: all lengths owed, and the answer behind an older one had cleared what was owed."""
    conversation: list[tuple[int, int, list[float | None]]] = [
        (1, 2, [0.4375, None, None]), (1, 2, [None, None, None]), (1, 2, [None, None, None]), (1, 4, [0.3125, None, None]),
        (1, 3, [0.002, None, None]), (1, 2, [None, None, None]), (1, 2, [None, None, None]), (1, 4, [0.03, None, None]),
    ]  # fmt: skip
    assert set(converse(Exchange(SILENCE_S, {1: WORST_S}), conversation)[0]) <= {0}


@pytest.mark.soak
@settings(PATIENT, max_examples=5_000)
@given(steps)
def test_the_same_for_long(conversation: list[tuple[int, int, list[float | None]]]) -> None:
    apart, _ = converse(Exchange(SILENCE_S, {1: WORST_S, 2: WORST_S, 3: WORST_S}), conversation)
    assert set(apart) <= {0}
