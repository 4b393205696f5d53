"""A collector's session against a simulated server on virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest

from collector.actions import Undecoded
from collector.backoff import Backoff
from collector.session import Session
from plantroom.clock import NS
from plantroom.model import Batch, Quality
from simulators.agenda import Agenda
from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from simulators.virtual_commands import LATENCY_S, VirtualLine
from simulators.wire import WireFault
from tests.unit.collector.lines import bound, jobs_of, profile, register

START = 1_784_080_800 * NS
ONE = profile([register("level", 10)], timeout_s=1.0)


class Played:
    """Units of one register each, polled every second. said: (s since the start, unit, its quality) of each sample."""

    def __init__(self, units: int, faults: Mapping[int | None, WireFault] = {}) -> None:
        self.agenda = Agenda(START)
        self.said: list[tuple[float, int, Quality]] = []
        self.links: list[tuple[str, str]] = []
        self.server = ModbusServer({unit: Memory({3: {10: unit}}) for unit in range(1, units + 1)})
        self.server.faults.update(faults)
        jobs = [job for unit in range(1, units + 1) for job in jobs_of(ONE, [bound(f"p-{unit}", "level", 1.0)], unit)]
        line = Session(jobs, self.agenda.read(), Backoff(Random(1)))
        self.line = VirtualLine(self.agenda, self.server, line, self._deliver, lambda state, why: self.links.append((state, why)))

    def _deliver(self, batch: Batch) -> None:
        unit = int(batch.frame.points[0].split(".")[0].removeprefix("p-"))
        quality = Quality(int(batch.quality[0, 0]))
        assert quality is not Quality.GOOD or batch.values[0, 0] == unit
        self.said.append((round((self.agenda.now_ns - START) / NS, 3), unit, quality))

    def run(self, until_s: float) -> None:
        self.agenda.run(START + round(until_s * NS))


def test_each_unit_is_read_once_a_period() -> None:
    played = Played(3)
    played.run(10.0)
    assert played.links == [("up", "")]
    assert {quality for _, _, quality in played.said} == {Quality.GOOD}
    assert all(abs(len([1 for _, of, _ in played.said if of == unit]) - 10) <= 1 for unit in (1, 2, 3))


def test_what_has_no_turn_for_too_long_is_stale() -> None:
    """Forty units, each of them 300 ms slow: a round takes 12 s, and 6.5 s is all that a point read every second may wait."""
    played = Played(40, {None: WireFault("slow", {"delay_s": 0.3})})
    played.run(60.0)
    stale = {unit for _, unit, quality in played.said if quality is Quality.STALE}
    assert len(stale) > 20
    assert min(at_s for at_s, _, quality in played.said if quality is Quality.STALE) == pytest.approx(6.5, abs=0.01)


def test_a_silent_unit_is_given_up_after_its_patience() -> None:
    played = Played(1, {1: WireFault("silence")})
    played.run(60.0)
    assert played.said[0] == (pytest.approx(1.0 + LATENCY_S), 1, Quality.NO_ANSWER)
    assert ("down", "no answer to 3 requests in a row") in played.links


def test_an_answer_in_pieces_of_which_the_last_is_too_late_is_given_up() -> None:
    played = Played(1, {1: WireFault("drip", {"delay_s": 0.3})})
    played.run(3.0)
    assert {quality for _, _, quality in played.said} == {Quality.DECODE}


def test_a_unit_that_comes_back_while_an_old_answer_is_owed_is_asked_on() -> None:
    """Which of two like requests it answered cannot be told: the turn is spoilt, and ends. It once was given up a second time."""
    played = Played(3, {None: WireFault("silence")})
    played.agenda.at(START + 2 * NS, played.server.faults.clear)
    played.run(60.0)
    assert {unit for at_s, unit, quality in played.said if at_s > 30.0 and quality is Quality.GOOD} == {1, 2, 3}


def test_an_answer_before_which_nothing_else_happens_comes_when_it_would_have_come() -> None:
    """With something else due every millisecond all answers wait in the agenda: nothing else differs."""
    alone, beside = Played(3), Played(3)
    beside.agenda.every(0.001, lambda: None)
    for played in (alone, beside):
        played.run(10.0)
    assert alone.said == beside.said and len(alone.said) > 25


@pytest.mark.parametrize("fault", [None, WireFault("silence")])
def test_a_line_that_slept_goes_on_as_one_that_was_awake(fault: WireFault | None) -> None:
    """From 4 s to 20 s others read what it would have; then a unit falls silent, and all is said when it would have been said."""
    slept, awake = Played(3), Played(3)
    for played in (slept, awake):
        played.run(4.0)
        if played is slept:
            assert played.line.steady
            played.line.sleep()
        played.run(20.0)
        if played is slept:
            assert not [at_s for at_s, _, _ in played.said if at_s > 4.0]
            played.line.wake()
        if fault is not None:
            played.server.faults[2] = fault
        played.run(60.0)
    late = [said for said in awake.said if said[0] > 20.0]
    assert [said for said in slept.said if said[0] > 20.0] == late and len(late) > 60


def test_a_line_on_which_anything_is_amiss_is_not_steady() -> None:
    played = Played(3)
    assert not played.line.steady  # nothing is known of anybody yet
    played.run(4.0)
    assert played.line.steady
    played.server.faults[2] = WireFault("silence")
    assert not played.line.steady
    played.run(8.0)
    played.server.faults.clear()
    assert not played.line.steady  # one of its units is dead, as far as it knows
    played.run(60.0)
    assert played.line.steady


def test_plain_readings_are_handed_over_undecoded_to_who_wants_them_so() -> None:
    agenda, kept = Agenda(START), list[Undecoded]()
    jobs = jobs_of(ONE, [bound("p-1", "level", 1.0)], 1)
    session = Session(jobs, agenda.read(), Backoff(Random(1)))
    server = ModbusServer({1: Memory({3: {10: 7}})})
    VirtualLine(agenda, server, session, lambda batch: pytest.fail("decoded"), lambda state, why: None, kept.append)
    agenda.run(START + 5 * NS)
    assert len(kept) >= 4 and {reading.data for reading in kept} == {b"\0\7"} and kept[0].batch.values.tolist() == [[7.0]]
