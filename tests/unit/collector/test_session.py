"""A line's session as a play: events in, commands out, no sockets and no time but what the script says."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest

from collector.actions import Ask, Command, Dial, HangUp, Rest, Samples, Say
from collector.backoff import BUSY_PAUSES_S
from collector.bindings import Job
from collector.poll_plan import Read
from collector.session import ACCEPTED, BUSY, GATEWAY_TARGET, Session
from plantroom.kinds import PointType
from plantroom.model import Quality
from plantroom.profiles import Encoding, OneHot, Register, Table
from tests.unit.collector.lines import WALL_NS, at, at_s, bound, jobs_of, number, point, profile, register, session

READ = Read(Table.HOLDING, 10, 2)
TWO = profile([register("level", 10), register("speed", 11)], timeout_s=1.0)


def pump(unit: int = 1, name: str = "p-1", period_s: float = 1.0) -> list[Job]:
    return jobs_of(TWO, [bound(name, "level", period_s), bound(name, "speed", period_s)], unit)


def rest(seconds: float) -> Rest:
    return Rest(pytest.approx(at_s(seconds)))  # type: ignore[arg-type]


def told(commands: Sequence[Command]) -> list[object]:
    """Commands without arrays: samples as (first point, values or the one reason)."""
    return [_plain(command) for command in commands]


def _plain(command: Command) -> object:
    if not isinstance(command, Samples):
        return command
    batch = command.batch
    reasons = {Quality(int(code)).word for code in batch.quality[0]}
    return (batch.frame.points[0], batch.values[0].tolist() if reasons == {"good"} else sorted(reasons))


def up(play: Session) -> None:
    """Dialled, linked, the first read asked."""
    assert play.start(at(0)) == [Dial(at_s(0))]
    assert told(play.linked(at(0.1))) == [Ask(1, READ, 1.0)]


def test_a_reply_becomes_one_batch_of_its_equipment_at_the_instant_it_ended() -> None:
    play = session(pump())
    up(play)
    commands = play.answered(at(0.12), struct.pack(">HH", 7, 1500), 0.02)
    assert told(commands) == [Say("up", ""), ("p-1.level", [7.0, 1500.0]), rest(1.0)]
    batch = commands[1].batch  # type: ignore[union-attr]
    assert batch.at_ns.tolist() == [WALL_NS + 120_000_000] and not batch.stamped
    assert told(play.woken(at_s(1.0))) == [Ask(1, READ, 1.0)]


def test_an_exception_makes_bad_samples_and_the_unit_keeps_its_turns() -> None:
    play = session(pump())
    up(play)
    assert told(play.refused(at(0.12), 2, 0.02)) == [Say("up", ""), ("p-1.level", ["exception"]), rest(1.0)]
    assert told(play.woken(at_s(1.0))) == [Ask(1, READ, 1.0)]


def test_busy_is_asked_again_within_half_the_period_and_then_believed() -> None:
    play = session(pump())
    up(play)
    assert told(play.refused(at(0.12), BUSY, 0.02)) == [Say("up", ""), rest(0.12 + BUSY_PAUSES_S[0])]
    assert told(play.woken(at_s(0.3))) == [Ask(1, READ, 1.0)]
    assert told(play.refused(at(0.32), ACCEPTED, 0.02)) == [rest(0.32 + BUSY_PAUSES_S[1])]
    assert told(play.woken(at_s(0.53))) == [Ask(1, READ, 1.0)]
    assert told(play.refused(at(0.54), BUSY, 0.02))[0] == ("p-1.level", ["exception"]), "the third pause would not fit"
    assert play.tally.busy == 3


def test_busy_then_an_answer_is_a_good_sample_of_the_same_slot() -> None:
    play = session(pump())
    up(play)
    play.refused(at(0.12), BUSY, 0.02)
    play.woken(at_s(0.3))
    assert told(play.answered(at(0.32), bytes(4), 0.02))[0] == ("p-1.level", [0.0, 0.0])


def test_a_gateway_that_cannot_reach_its_unit_is_no_answer_of_the_unit() -> None:
    play = session([*pump(1), *pump(2, "p-2")])
    play.start(at(0))
    play.linked(at(0))
    commands = told(play.refused(at(0.1), GATEWAY_TARGET, 0.1))
    assert commands[:2] == [Say("up", ""), ("p-1.level", ["no_answer"])]
    assert commands[2] == Ask(2, READ, 0.25), "the line goes on with the others"


def test_a_silent_unit_has_bad_samples_when_it_dies_and_with_every_probe_that_fails() -> None:
    slow = profile([register("level", 10), register("hours", 90)])
    both = jobs_of(slow, [bound("p-1", "level", 1.0), bound("p-1", "hours", 60.0)])
    play = session([*both, *pump(2, "p-2")])
    play.start(at(0))
    play.linked(at(0))
    dead = told(play.silent(at(0.25)))
    assert dead[:2] == [("p-1.level", ["no_answer"]), ("p-1.hours", ["no_answer"])], "never heard, so dead at once, with all its points"
    assert dead[2] == Ask(2, READ, 1.25), "the gateway may still be waiting for the first one"
    play.answered(at(0.26), bytes(4), 0.01)
    seen = []
    for tick in range(100):
        for command in play.woken(at_s(0.3 + tick / 10)):
            if isinstance(command, Ask) and command.unit == 2:
                play.answered(at(0.3 + tick / 10), bytes(4), 0.01)
            elif isinstance(command, Ask):
                seen.append(told(play.silent(at(0.3 + tick / 10)))[:2])
    assert len(seen) >= 2 and all(both == [("p-1.level", ["no_answer"]), ("p-1.hours", ["no_answer"])] for both in seen)


def test_a_unit_that_misses_one_answer_is_asked_again_and_the_second_time_is_dead() -> None:
    play = session([*pump(1), *pump(2, "p-2")])
    play.start(at(0))
    play.linked(at(0))
    play.answered(at(0.01), bytes(4), 0.01)
    play.answered(at(0.02), bytes(4), 0.01)
    first = next(c for c in play.woken(at_s(1.01)) if isinstance(c, Ask))
    assert first.unit == 1 and first.patience_s == pytest.approx(0.5), "what the other unit's period bears"
    out = told(play.silent(at(1.51)))
    assert out[0] == ("p-1.level", ["no_answer"])
    assert play._schedule.units[1].health == "suspect"


def test_a_wrong_answer_is_bad_and_the_line_is_dialled_anew_at_once() -> None:
    play = session(pump())
    up(play)
    play.answered(at(0.12), bytes(4), 0.02)
    play.woken(at_s(1.0))
    commands = told(play.garbled(at(1.1), "function 4 answered where 3 was asked"))
    assert commands == [
        ("p-1.level", ["decode"]),
        HangUp("wrong answer: function 4 answered where 3 was asked"),
        Dial(at_s(1.1)),
    ]
    assert told(play.linked(at(1.11))) == [Ask(1, READ, 1.0)]


def test_a_line_that_never_worked_waits_longer_and_longer_up_to_ten_seconds() -> None:
    play = session(pump())
    play.start(at(0))
    waits = []
    for second in range(8):
        commands = play.unlinked(at(100 * second), "refused")
        dial = commands[-1]
        assert isinstance(dial, Dial)
        waits.append(round(dial.at_s - at_s(100 * second), 3))
        assert ("p-1.level", ["no_answer"]) in told(commands), "every failed dial says that nothing is known"
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]


def test_the_state_of_a_connection_is_said_once_per_change_and_up_only_with_an_answer() -> None:
    play = session(pump())
    play.start(at(0))
    said = []
    for n in range(3):
        said += [c for c in play.unlinked(at(n), "refused") if isinstance(c, Say)]
    said += [c for c in play.linked(at(5)) if isinstance(c, Say)]
    said += [c for c in play.answered(at(5.1), bytes(4), 0.1) if isinstance(c, Say)]
    said += [c for c in play.unlinked(at(6), "closed by the device") if isinstance(c, Say)]
    assert said == [Say("down", "refused"), Say("up", ""), Say("down", "closed by the device")]


def test_a_half_open_connection_is_given_up_after_a_round_without_any_answer() -> None:
    play = session(pump())
    up(play)
    play.answered(at(0.12), bytes(4), 0.02)
    out: list[object] = []
    now, commands = 1.0, told(play.woken(at_s(1.0)))
    while not any(isinstance(c, HangUp) for c in commands):
        assert now < 60
        now += 1.0
        commands = told(play.silent(at(now)) if isinstance(commands[-1], Ask) else play.woken(at_s(now)))
        out += commands
    assert out.count(("p-1.level", ["no_answer"])) == 3
    assert Say("down", "no answer to 3 requests in a row") in out
    assert out[-1] == Dial(at_s(now))


def test_the_pause_between_requests_that_a_device_wants_is_kept() -> None:
    polite = profile([register("level", 10), register("far", 500)], gap_s=0.025)
    play = session(jobs_of(polite, [bound("p-1", "level"), bound("p-1", "far")]))
    play.start(at(0))
    play.linked(at(0))
    assert told(play.answered(at(0.01), bytes(2), 0.01))[-1] == rest(0.035)
    assert told(play.woken(at_s(0.035))) == [Ask(1, Read(Table.HOLDING, 500, 1), 1.0)]


def test_a_value_of_two_reads_is_one_sample_of_both_and_bad_where_one_of_them_failed() -> None:
    mode = OneHot({5: Register(Table.COIL, 0, Encoding.BIT), 6: Register(Table.COIL, 900, Encoding.BIT)})
    two = profile([point("mode", mode), register("near", 3, Table.COIL, Encoding.BIT)])
    codes = number("mode", PointType.ENUM, codes={"auto": 5, "manual": 6})
    play = session(jobs_of(two, [bound("g-1", "mode", kind_point=codes), bound("g-1", "near")]))
    play.start(at(0))
    assert play.linked(at(0)) == [Ask(1, Read(Table.COIL, 0, 4), 1.0)]
    assert told(play.answered(at(0.01), b"\x00", 0.01)) == [Say("up", ""), Ask(1, Read(Table.COIL, 900, 1), 1.0)]
    assert told(play.answered(at(0.02), b"\x01", 0.01))[0] == ("g-1.mode", [6.0, 0.0])
    play.woken(at_s(1.0))
    play.answered(at(1.01), b"\x08", 0.01)
    samples = play.refused(at(1.02), 2, 0.01)[0]
    assert isinstance(samples, Samples)
    assert samples.batch.quality.tolist() == [[Quality.EXCEPTION, Quality.GOOD]]
    assert samples.batch.values[0, 1] == 1.0 and np.isnan(samples.batch.values[0, 0])


def test_a_contact_that_chatters_changes_once_it_held() -> None:
    contact = profile([register("open", 0, Table.DISCRETE, Encoding.BIT)])
    play = session(jobs_of(contact, [bound("v-1", "open", period_s=0.1, debounce_s=0.2)]))
    play.start(at(0))
    play.linked(at(0))
    seen = []
    for n, bit in enumerate([0, 1, 0, 1, 1, 1, 1, 0]):
        seen.append(told(play.answered(at(n / 10), bytes([bit]), 0.001))[-2][1])  # type: ignore[index]
        play.woken(at_s((n + 1) / 10))
    assert seen == [[0.0], [0.0], [0.0], [0.0], [0.0], [1.0], [1.0], [1.0]]


def test_missed_slots_are_counted() -> None:
    play = session(pump())
    up(play)
    play.answered(at(0.12), bytes(4), 0.02)
    play.woken(at_s(4.5))
    assert play.tally.missed_slots == 3
