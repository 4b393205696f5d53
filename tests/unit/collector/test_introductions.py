"""Identification (43/14): once a connection, in idle time, and what a device that cannot is spared."""

from __future__ import annotations

from dataclasses import replace

from collector import identification
from collector.actions import Ask, AskWho, Command, Dial, Known, Rest, Samples
from collector.exchange import Identified, Refusal, Spoilt
from collector.mbap import Exchange
from collector.session import Session
from plantroom.clock import SystemClock
from tests.unit.collector.lines import at, at_s, bound, jobs_of, profile, register, session

ASKED = profile([register("level", 10)], timeout_s=1.0, identify=True)
SHY = profile([register("level", 10)], timeout_s=1.0)


def linked(*made: object) -> tuple[Session, list[Command]]:
    """Two units, each answered once; what is commanded then."""
    jobs = [job for unit, one in enumerate(made, 1) for job in jobs_of(one, [bound(f"p-{unit}", "level")], unit, f"dev-{unit}")]  # type: ignore[arg-type]
    play = session(jobs)
    play.start(at(0))
    play.linked(at(0))
    out: list[Command] = []
    for n in range(len(made)):
        out = play.answered(at(0.01 * (n + 1)), bytes(2), 0.01)
    return play, out


def test_a_device_is_asked_who_it_is_when_the_line_is_idle_and_once_only() -> None:
    play, out = linked(ASKED, SHY)
    assert isinstance(out[-1], AskWho) and (out[-1].unit, out[-1].first) == (1, 0)
    assert out[-1].patience_s < 0.981, "not longer than until the next slot"
    more = play.identified(at(0.03), {"vendor": "Acme"}, 2)[-1]
    assert isinstance(more, AskWho) and more.first == 2
    out = play.identified(at(0.04), {"revision": "1.2"}, None)
    assert out[0] == Known("dev-1", {"vendor": "Acme", "revision": "1.2"}) and isinstance(out[-1], Rest)
    play.unlinked(at(0.5), "closed by the device")
    play.linked(at(1.0))
    play.answered(at(1.01), bytes(2), 0.01)
    assert isinstance(play.answered(at(1.02), bytes(2), 0.01)[-1], AskWho), "a new connection may be to another device"


def test_one_that_refuses_or_says_nothing_keeps_its_health_and_is_left_alone() -> None:
    for answer in ("refused", "silent"):
        play, out = linked(ASKED)
        assert isinstance(out[-1], AskWho)
        out = play.refused(at(0.05), 1, 0.01, 1) if answer == "refused" else play.silent(at(0.9), unit=1)
        assert not any(isinstance(c, Samples | AskWho) for c in out) and play.units[1].health == "alive"
        assert play.tally.silences == 0
        assert any(isinstance(c, Ask) for c in play.woken(at_s(1.0)))


def test_nobody_is_asked_who_has_not_answered_or_whose_profile_does_not_say_so() -> None:
    play, out = linked(SHY)
    assert isinstance(out[-1], Rest)
    silent = session(jobs_of(ASKED, [bound("p-1", "level")]))
    assert silent.start(at(0)) == [Dial(at_s(0))]
    silent.linked(at(0))
    assert not any(isinstance(c, AskWho) for c in silent.silent(at(1.0)))
    assert replace(jobs_of(ASKED, [bound("p-1", "level")])[0], identify=False).identify is False


def test_the_frames_are_those_of_the_standard_and_a_bad_answer_is_nothing() -> None:
    exchange, now = Exchange(7), SystemClock().read().boot_ns / 1e9
    assert exchange.ask_who(3, 0, now) == bytes.fromhex("0007 0000 0005 03 2B 0E 01 00")
    reply = bytes.fromhex("0007 0000 000E 03 2B 0E 01 01 00 00 01 00 04") + b"Acme"
    assert exchange.receive(reply, now) == [Identified(3, {"vendor": "Acme"}, None)]
    exchange.ask_who(3, 0, now)
    assert exchange.receive(bytes.fromhex("0008 0000 0003 03 AB 01"), now) == [Refusal(1, 0.0, 3)]
    exchange.ask_who(3, 0, now)
    assert isinstance(exchange.receive(bytes.fromhex("0009 0000 0006 03 2B 0E 01 01 00"), now)[0], Spoilt)
    assert identification.FUNCTION == 43
