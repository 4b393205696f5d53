"""A whole line without sockets, in virtual time, against a device that lies: no value of another place or time, nothing but declared
qualities, one connection, reads only, and everything well again once the device is honest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.backoff import Backoff
from collector.mbap import Exchange, _Asked
from collector.modbus import Line
from collector.session import Session
from plantroom.model import Batch, Quality
from plantroom.profiles import Encoding, Table
from tests.kit.liar import LIES, Liar, word
from tests.kit.virtual_loop import VirtualLoop
from tests.unit.collector.lines import bound, jobs_of, profile, register

UNITS, WORDS, PERIOD_S = range(1, 5), 6, 0.5
FIRST = {3: 100, 4: 300}  # function -> address; the first register counts requests
DECLARED = {Quality.GOOD, Quality.NO_ANSWER, Quality.EXCEPTION, Quality.DECODE, Quality.STALE}
POINTS = [f"u{unit}.f{function}w{at}" for unit in UNITS for function in FIRST for at in range(WORDS)]
MOST_LOOKS = 200_000  # periods: a line that asks nothing any more comes to an end here
HEALED_S = 60.0  # dead units are probed at most 10 s apart, several of them on a tenth of the line's time
PATIENT = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@dataclass
class Judge:
    """Takes what the line delivers and holds it against the device."""

    liar: Liar
    wrong: list[str] = field(default_factory=list)
    qualities: Counter[int] = field(default_factory=Counter)
    good_s: dict[str, float] = field(default_factory=dict)
    good: int = 0

    def take(self, batch: Batch) -> None:
        for row in range(len(batch.at_ns)):
            for point, value, quality in zip(batch.frame.points, batch.values[row].tolist(), batch.quality[row].tolist(), strict=True):
                self.qualities[quality] += 1
                if quality == Quality.GOOD:
                    self._good(point, value)

    def _good(self, point: str, value: float) -> None:
        unit, function, at = (int(part) for part in point.removeprefix("u").replace(".f", "w").split("w"))
        right = self.liar.latest[unit].number & 0xFFFF if at == 0 else word(unit, function, FIRST[function] + at)
        if value != right:
            self.wrong.append(f"{point}: {value:g} where {right} is right")
        self.good += 1
        self.good_s[point] = self.liar.loop.now_s


    def ill(self) -> list[str]:
        """The points that are not read well again since the device is honest."""
        honest_s, now_s = self.liar.honest_since_s, self.liar.loop.now_s
        if honest_s is None:
            return POINTS
        return [point for point in POINTS if self.good_s.get(point, 0.0) < max(honest_s + PERIOD_S, now_s - 2 * PERIOD_S)]


def play(lies: Iterable[str], seed: int, *, concurrent: int = 1, exchange: type[Exchange] = Exchange) -> Judge:
    """Until the lies are used up and everything is well again, at most HEALED_S later."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        judge = Judge(Liar(loop, lies, seed))
        runner.run(_played(judge, concurrent, exchange))
    return judge


async def _played(judge: Judge, concurrent: int, exchange: type[Exchange]) -> None:
    liar, jobs = judge.liar, []
    for unit in UNITS:
        words = [register(f"f{f}w{at}", first + at, table, Encoding.U16) for f, table, first in _tables() for at in range(WORDS)]
        made = profile(words, timeout_s=1.0)
        jobs += jobs_of(made, [bound(f"u{unit}", point.name, PERIOD_S) for point in words], unit, f"u{unit}")
    session = Session(jobs, liar.loop.read(), Backoff(Random(judge.liar.seed)), concurrent=concurrent)
    line = Line(liar, session, liar.loop, judge.take, lambda *_: None, exchange=exchange(worst_s=dict.fromkeys(UNITS, 1.0)))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(line.run())
        for _ in range(MOST_LOOKS):
            await asyncio.sleep(PERIOD_S)
            if liar.honest_since_s is not None and (not judge.ill() or liar.loop.now_s > liar.honest_since_s + HEALED_S):
                break
        task.cancel()


def _tables() -> list[tuple[int, Table, int]]:
    return [(function, {3: Table.HOLDING, 4: Table.INPUT}[function], first) for function, first in FIRST.items()]


def check(judge: Judge) -> None:
    liar = judge.liar
    assert judge.wrong == []
    assert set(judge.qualities) <= DECLARED
    assert liar.most_open == 1, "never two connections to one device"
    assert not liar.forbidden, "P9"
    assert judge.ill() == [], "well again once the device is honest"


BEHIND, GLUED = "late under the next number", "cut short, and on"
LIE = st.sampled_from(["", *LIES])


@PATIENT
@given(lies=st.lists(LIE, max_size=60), seed=st.integers(0, 2**32), concurrent=st.sampled_from([1, 1, 4]))
def test_whatever_a_device_says_no_value_is_wrong_and_it_is_well_again_afterwards(lies: list[str], seed: int, concurrent: int) -> None:
    check(play(tellable(lies, concurrent), seed, concurrent=concurrent))


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_alone(lie: str) -> None:
    check(play([*[""] * 8, lie, *[""] * 8], 1))


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_ten_times_in_a_row(lie: str) -> None:
    check(play([*[""] * 8, *[lie] * 10], 1))


def test_a_gateway_that_stays_one_answer_behind() -> None:
    check(play([*[""] * 8, *[BEHIND] * 10], 1))


def test_a_device_that_stops_within_a_frame_and_goes_on_with_the_next() -> None:
    for seed in range(20):
        check(play([*["gateway, late", GLUED] * 200], seed))


def tellable(lies: Iterable[str], concurrent: int) -> list[str]:
    """Where several units are asked at once nothing tells a frame that the next one's first byte made whole: see collector.mbap."""
    return [lie for lie in lies if concurrent == 1 or lie != GLUED]


def many(total: int, seed: int, concurrent: int) -> Judge:
    chance, lies = Random(seed), tellable(LIES, concurrent)
    return play([chance.choice(lies) if chance.random() < 0.2 else "" for _ in range(total)], seed, concurrent=concurrent)


@pytest.mark.parametrize("concurrent", [1, 4])
def test_a_thousand_requests_with_a_fifth_of_lies(concurrent: int) -> None:
    judge = many(1_000, 7, concurrent)
    check(judge)
    assert len(judge.liar.met) > 30 and judge.good > 2_000


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_two_hundred_thousand_requests_with_a_fifth_of_lies(seed: int) -> None:
    judge = many(20_000, seed, 1 + 3 * (seed % 2))
    print(f"{judge.liar.requests} requests, {judge.liar.met.total()} lies of {len(judge.liar.met)} kinds, {judge.good} good values, {len(judge.wrong)} wrong")
    check(judge)


class Believing(Exchange):
    """The negative control: whatever frame comes is taken for the answer."""

    def _whose(self, transaction: int, unit: int) -> _Asked | None:
        return next(iter(self._open.values()), None)


def test_control_who_believes_every_frame_is_caught() -> None:
    lies = ["late", "again later", "another unit", "the transaction before", ""] * 200
    assert play(lies, 3, exchange=Believing).wrong
