"""When the engine's lag is a fault: in operation after ten seconds, after a start when a minute was not enough to catch up."""

from __future__ import annotations

from plantroom.clock import NS, Reading
from rules.lag import Lag, Word

STARTED = Reading(wall_ns=0, boot_ns=1_000 * NS, boot="b")


def at(second: float, boot: str = "b") -> Reading:
    return Reading(wall_ns=0, boot_ns=round((1_000 + second) * NS), boot=boot)


def look(lag: Lag, now_s: float, oldest_s: float, boot: str = "b") -> tuple[Word | None, float]:
    return lag.look(round((1_000 + now_s) * NS), at(oldest_s, boot))


def test_a_start_under_load_pages_nobody() -> None:
    """The first configuration took forty seconds to read; three later everything is taken."""
    lag = Lag(STARTED)
    assert [look(lag, now, oldest) for now, oldest in ((40, 0), (42, 20), (43, 42))] == [(None, 40.0), (None, 22.0), (None, 1.0)]


def test_a_backlog_that_a_minute_does_not_clear_is_a_fault_and_its_end_is_told() -> None:
    lag = Lag(STARTED)
    hour_ago = -3600.0
    said = [look(lag, now, hour_ago + 12 * now)[0] for now in (10, 59, 61, 80, 92)]
    assert said == [None, None, Word.LAGS, None, Word.LAGS]
    assert look(lag, 330, 329.5) == (Word.OVER, 0.5)
    assert look(lag, 331, 330.5) == (None, 0.5)


def test_records_of_an_earlier_boot_have_waited_since_the_start() -> None:
    assert look(Lag(STARTED), 61, 90_000, boot="before") == (Word.LAGS, 61.0)


def test_once_it_has_caught_up_ten_seconds_are_too_long() -> None:
    lag = Lag(STARTED)
    look(lag, 1, 0.5)
    assert look(lag, 30, 20.5) == (None, 9.5) and look(lag, 31, 20.5) == (Word.LAGS, 10.5)
    assert look(lag, 35, 30)[0] is None, "between the two limits nothing changes"
    assert look(lag, 36, 35)[0] is Word.OVER


def test_a_fault_that_stood_when_the_process_died_ends_when_it_has_caught_up() -> None:
    assert look(Lag(STARTED, lagging=True), 3, 2)[0] is Word.OVER
