"""P3 on serial lines, whose answers do not say what they answer: not one value taken for another point or another time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

import pytest
import uvloop

from collector.connect import Tcp, Way
from collector.exchange import Answer, Event, Exchange
from collector.modbus import Line
from collector.poll_plan import Read
from collector.rtu import Exchange as RtuExchange
from collector.rtu import silence_s
from collector.serial_line import SerialPort
from plantroom.clock import SystemClock
from plantroom.profiles import Table
from tests.kit.evil_modbus import UNITS, some_read
from tests.kit.evil_rtu import FAULTS, WORST_S, EvilBus, OnTcp, OnTerminal
from tests.kit.hammer import Hammer

LINES = 40
PATIENCE_S = 0.8 * WORST_S  # shorter than the worst: the rest is the line's own quiet
BAUD = 115_200
Make = Callable[[], Exchange]


@dataclass(kw_only=True)
class BusHammer(Hammer):
    """one_unit: the hardest, always the same unit and length, only elsewhere."""

    bus: EvilBus
    chance: Random
    one_unit: bool

    def choose(self) -> tuple[int, Read]:
        unit, read = some_read(self.chance)
        return (1, Read(Table.HOLDING, read.address % 1000, 16)) if self.one_unit else (unit, read)

    def fault_of(self, unit: int, read: Read, data: bytes) -> str | None:
        """Right is: the answer to the last request that went out, and that was for what we asked."""
        last = len(self.bus.log)
        right = self.bus.log[-1] == (unit, read.table.function, read.address, read.count) and data == self.bus.truth_of(last)
        return None if right else f"line {self.bus.number} request {last}"


def ours() -> Exchange:
    return RtuExchange(silence_s(BAUD), dict.fromkeys(UNITS, WORST_S))


class Believing(RtuExchange):
    """The negative control: asks on as soon as patience ends, and takes the next frame that has the right form."""

    def connected(self, now_s: float) -> None:
        super().connected(now_s)
        self.free_s = now_s

    def request(self, unit: int, read: Read, now_s: float) -> bytes:
        self._owed.clear()
        return super().request(unit, read, now_s)

    def give_up(self, unit: int | None = None) -> str | None:
        free_s = self.free_s
        why = super().give_up(unit)
        self.free_s = free_s
        return why

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        asked = self._asked
        events = super().receive(data, now_s)
        if self._found and asked is not None and not self._found[0][1] & 0x80:
            self._end()
            return [*events, Answer(self._found_data(asked.head, data), now_s - asked.at_s)]
        return events

    def _found_data(self, head: bytes, data: bytes) -> bytes:
        return data[data.find(head) + 3 :][: head[2]]


async def hammer(total: int, share: float, make: Make, seed: int, lines: int, hardest: bool) -> list[Hammer]:
    """Half of the lines on pseudo-terminals, half over TCP; a third of them echo; a quarter ask one unit for one length only."""
    hammers = []
    async with AsyncExitStack() as buses, asyncio.TaskGroup() as group:
        tasks = []
        for i in range(lines):
            bus = EvilBus(i, seed * 1000 + i, share, echoes=i % 3 == 0)
            way: Way
            if i % 2:
                way = SerialPort((await buses.enter_async_context(OnTerminal(bus))).name, BAUD, "N")
            else:
                way = Tcp("127.0.0.1", (await buses.enter_async_context(OnTcp(bus))).port)
            mallet = BusHammer(
                requests=total // lines, done=asyncio.Event(), patience_s=PATIENCE_S, most_silences=20,
                bus=bus, chance=Random(seed * 1000 + i), one_unit=hardest or i % 4 == 1 or i % 8 == 2,
            )  # fmt: skip
            line = Line(way, mallet, SystemClock(), _refuse, _ignore, exchange=make())  # type: ignore[arg-type]
            tasks.append(group.create_task(line.run()))
            hammers.append(mallet)
        for mallet in hammers:
            await mallet.done.wait()
        for task in tasks:
            task.cancel()
    return hammers


def _refuse(*_: object) -> None:
    raise AssertionError("a hammer has no samples")


def _ignore(*_: object) -> None:
    return


def run_hammer(total: int, share: float, make: Make, seed: int = 1, lines: int = LINES, hardest: bool = False) -> list[Hammer]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(hammer(total, share, make, seed, lines, hardest))


def check(total: int, seed: int = 1) -> None:
    hammers = run_hammer(total, 0.2, ours, seed)
    met: Counter[str] = sum((mallet.bus.met for mallet in hammers), Counter())
    outcome: Counter[str] = sum((mallet.outcome for mallet in hammers), Counter())
    wrong = [each for mallet in hammers for each in mallet.wrong]
    sent = sum(len(mallet.bus.log) for mallet in hammers)
    print(f"{total} reads by {sent} requests, {met.total()} faults of {len(met)} kinds, {len(wrong)} wrong attributions; {dict(outcome)}")
    assert wrong == []
    assert set(met) == set(FAULTS), "every kind of fault was met"
    assert outcome["taken"] > 0.6 * total, "the faults did not simply end the conversation"
    assert not any(mallet.bus.forbidden for mallet in hammers), "only function codes 1 to 4, P9"


def test_no_value_on_a_wrong_point_in_ten_thousand_reads() -> None:
    check(10_000)


@pytest.mark.soak
def test_no_value_on_a_wrong_point_in_two_hundred_thousand_reads() -> None:
    check(200_000, seed=2)


def test_control_a_reader_that_asks_on_and_takes_what_has_the_right_form_is_caught() -> None:
    hammers = run_hammer(2_000, 0.2, lambda: Believing(silence_s(BAUD), dict.fromkeys(UNITS, WORST_S)))
    assert sum(len(mallet.wrong) for mallet in hammers) > 20


class Unsettled(RtuExchange):
    """The finer control: everything but the settling. It keeps quiet for as long as a unit may take, and believes it from then on."""

    def request(self, unit: int, read: Read, now_s: float) -> bytes:
        self._owed.clear()
        return super().request(unit, read, now_s)


def test_control_quiet_alone_does_not_save_a_reader_from_units_later_than_they_may_be() -> None:
    hammers = run_hammer(3_000, 0.3, lambda: Unsettled(silence_s(BAUD), dict.fromkeys(UNITS, WORST_S)), hardest=True)
    assert sum(len(mallet.wrong) for mallet in hammers) > 20
    assert not any(mallet.wrong for mallet in run_hammer(3_000, 0.3, ours, hardest=True)), "and the same with settling"


def test_without_faults_everything_is_taken() -> None:
    hammers = run_hammer(2_000, 0.0, ours, lines=4)
    assert sum((mallet.outcome for mallet in hammers), Counter[str]()) == Counter(taken=2_000)
    assert not any(mallet.wrong for mallet in hammers)
