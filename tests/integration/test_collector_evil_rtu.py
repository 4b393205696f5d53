"""P3 on serial lines, whose answers do not say what they answer: not one value taken for another point or another time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
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
from collector.session import Ask, Command, Dial, HangUp, Tally
from plantroom.clock import Reading, SystemClock
from plantroom.model import Quality
from plantroom.profiles import Table
from tests.kit.evil_modbus import UNITS, some_read
from tests.kit.evil_rtu import FAULTS, WORST_S, EvilBus, OnTcp, OnTerminal

LINES = 40
PATIENCE_S = 0.8 * WORST_S  # shorter than the worst: the rest is the line's own quiet
BAUD = 115_200
Make = Callable[[], Exchange]


@dataclass
class Hammer:
    """In a session's place: asks for something else at once, whatever came, and holds what is taken against the truth."""

    bus: EvilBus
    chance: Random
    requests: int
    done: asyncio.Event
    one_unit: bool
    silences: int = 0
    asked: tuple[int, Read] | None = None
    tally: Tally = field(default_factory=Tally)
    outcome: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def start(self, at: Reading) -> list[Command]:
        return [Dial(0.0)]

    def linked(self, at: Reading) -> list[Command]:
        self.silences = 0
        return self._ask()

    def unlinked(self, at: Reading, reason: str) -> list[Command]:
        self.outcome["lost"] += 1
        return [Dial(0.0)]

    def answered(self, at: Reading, data: bytes, latency_s: float, _: int | None = None) -> list[Command]:
        """Right is: the answer to the last request that went out, and that was for what we asked."""
        assert self.asked is not None
        unit, read = self.asked
        last = len(self.bus.log)
        if self.bus.log[-1] != (unit, read.table.function, read.address, read.count) or data != self.bus.truth_of(last):
            self.wrong.append(f"unit {unit} {read}: line {self.bus.number} request {last}")
        self.outcome["taken"] += 1
        self.silences = 0
        return self._ask()

    def refused(self, at: Reading, code: int, latency_s: float, _: int | None = None) -> list[Command]:
        self.outcome["exception"] += 1
        return self._ask()

    def silent(self, at: Reading, quality: Quality = Quality.NO_ANSWER, _: int | None = None) -> list[Command]:
        self.outcome[f"silent {quality.word}"] += 1
        self.silences += 1
        return self._ask() if self.silences < 20 else [HangUp("no answer"), Dial(0.0)]

    def garbled(self, at: Reading, why: str) -> list[Command]:
        self.outcome["garbled"] += 1
        self.tally.garbled += 1
        return [HangUp(why), Dial(0.0)]

    def late(self, at: Reading, unit: int, latency_s: float) -> list[Command]:
        self.outcome["late"] += 1
        return []

    def woken(self, now_s: float) -> list[Command]:
        return []

    def _ask(self) -> list[Command]:
        self.requests -= 1
        if self.requests < 0:
            self.done.set()
            return []
        unit, read = some_read(self.chance)
        if self.one_unit:  # the hardest: always the same unit and length, only elsewhere
            unit, read = 1, Read(Table.HOLDING, read.address % 1000, 16)
        self.asked = unit, read
        return [Ask(unit, read, PATIENCE_S)]


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
            mallet = Hammer(bus, Random(seed * 1000 + i), total // lines, asyncio.Event(), one_unit=hardest or i % 4 == 1 or i % 8 == 2)
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
