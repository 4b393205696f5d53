"""When a dead service comes back, and what is said about it; on a clock that only the test moves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from plantroom.processes import Processes
from plantroom.supervisor import CONFIG_CHANGED, LONGEST_PATIENCE_S, LONGEST_PAUSE_S, PATIENCE_S, Child, children, on_exit, stands_still


def live_and_die(lives_s: list[float], code: int = 1) -> list[float]:
    """Pauses before each restart of a service that lives so long each time."""
    child, now_s, pauses = Child("collect", "hq"), 0.0, []
    for life_s in lives_s:
        child = replace(child, started_s=now_s)
        restart = on_exit(child, code, now_s + life_s)
        pauses.append(restart.after_s)
        now_s += life_s + restart.after_s
        child = restart.child
    return pauses


def test_pauses_double_up_to_ten_seconds() -> None:
    assert live_and_die([0.1] * 7) == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, LONGEST_PAUSE_S]


def test_a_minute_of_life_makes_the_next_pause_short_again() -> None:
    assert live_and_die([0.1, 0.1, 0.1, 60.0, 0.1, 59.9]) == [0.5, 1.0, 2.0, 0.5, 1.0, 2.0]


def test_every_death_is_an_event_with_its_exit_and_its_count() -> None:
    first = on_exit(Child("rules", "hq"), -9, 5.0)
    second = on_exit(first.child, 1, 5.0)
    assert first.event == {"event": "service_restarted", "service": "rules", "site": "hq", "exit": -9, "restarts": 1}
    assert second.event is not None and second.event["restarts"] == 2


def test_an_exit_with_zero_that_nobody_asked_for_is_a_death_too() -> None:
    restart = on_exit(Child("web", None), 0, 5.0)
    assert restart.event is not None and restart.event["exit"] == 0
    assert restart.after_s == 0.5


def test_a_newer_configuration_starts_it_at_once_and_says_nothing() -> None:
    child = replace(on_exit(Child("collect", "hq"), 1, 0.1).child, started_s=10.0)
    restart = on_exit(child, CONFIG_CHANGED, 30.0)
    assert (restart.after_s, restart.event, restart.child.restarts) == (0.0, None, 1)


def test_who_wants_a_newer_configuration_right_after_its_start_does_not_spin() -> None:
    assert live_and_die([0.01] * 3, CONFIG_CHANGED) == [0.5] * 3


def test_each_site_has_its_services_and_the_installation_one_web() -> None:
    of_a_site = ("collect", "rules", "history", "notify")
    wanted = [f"{site}/{name}" for site in "ab" for name in of_a_site]
    assert [child.name for child in children(("a", "b"))] == [*wanted, "web"]


def test_stopping_does_not_wait_for_a_pause(tmp_path: Path) -> None:
    async def scene() -> None:
        processes = Processes(tmp_path, {})
        processes.stop()
        async with asyncio.timeout(1):
            await processes._pause(60)

    asyncio.run(scene())


def test_who_says_nothing_stands_still_once_it_has_spoken() -> None:
    child = Child("notify", "hq")
    assert not stands_still(child, None, 3600.0), "it is still starting"
    assert not stands_still(child, 100.0, 100.0 + PATIENCE_S)
    assert stands_still(child, 100.0, 100.1 + PATIENCE_S)


def test_who_was_ended_for_standing_still_is_given_twice_as_long() -> None:
    """A step that takes a minute would take a minute each time: killed for ever it would never be done."""
    child = Child("rules", "hq")
    for patience_s in (60.0, 120.0, 240.0, 480.0, 960.0, LONGEST_PATIENCE_S):
        restart = on_exit(child, -9, 100.0, stood_still=True)
        assert restart.event is not None and restart.event["stood_still_s"] == child.patience_s
        child = restart.child
        assert child.patience_s == patience_s
    assert on_exit(child, 1, 1e6).child.patience_s == LONGEST_PATIENCE_S
