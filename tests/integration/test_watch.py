"""The monitor watched, as processes: killed, frozen or blind, it is noticed outside in time; where nothing gets out, the hook sounds.

`make test` shortens all times alike; `make soak` runs them as they ship (20 s, 30 s, 70 s) and prints the figures.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.outside import REAL, SHORT, Outside, Times

FROZEN = {  # who is stopped -> what people outside are told
    "supervisor": "监控失联",
    "collect": "监控采集停了",
    "rules": "监控报警判断停了",
    "notify": "监控通知停了",
}


def outside(folder: Path, times: Times) -> Iterator[Outside]:
    made = Outside(folder, times)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    yield from outside(tmp_path_factory.mktemp("watched"), SHORT)


@pytest.fixture
def watched_for_real(tmp_path: Path) -> Iterator[Outside]:
    yield from outside(tmp_path, REAL)


def keep_frozen(watched: Outside, service: str, over: threading.Event) -> None:
    """Before a new process has done anything, where times are so long that there is one."""
    while not over.wait(0.1 if watched.times is REAL else 5.0):
        if service == "supervisor" or service in watched.house.services():
            watched.signal(service, signal.SIGSTOP)


def frozen(watched: Outside, service: str) -> float:
    """Stops a process, waits for people outside to be told, lets it go on, waits for the all-clear; returns how long the first took.

    The supervisor kills a service that stands still for so long, so the next one is stopped as well: what never moves again.
    """
    began = time.monotonic()
    watched.signal(service, signal.SIGSTOP)
    over = threading.Event()
    again = threading.Thread(target=keep_frozen, args=(watched, service, over))
    again.start()
    try:
        told = watched.told("raised", began, watched.times.told + 1, FROZEN[service])
    finally:
        over.set()
        again.join()
        watched.signal(service, signal.SIGCONT)
    watched.told("cleared", told, watched.times.noticed)
    return told - began


def unheard(watched: Outside) -> tuple[float, float]:
    """No channel takes an urgent page; returns how long from its being queued until the hook sounded and people outside were told."""
    watched.house.receiver.status = 500
    try:
        watched.house.inputs.phase_loss(0, 1)
        watched.house.wait_for(lambda: watched.house.rows("SELECT 1 FROM outbox WHERE state = 'queued'"), 20, "an urgent page is queued")
        began = time.monotonic()
        watched.wait_for(lambda: watched.siren()[-1:] == ["on page_unheard"], watched.times.pages + 2 * watched.times.every + 5, "the hook sounds")
        sounded = time.monotonic()
        told = watched.told("raised", began, watched.times.told + watched.times.pages, "紧急通知无人收到")
        assert watched.siren().count("on page_unheard") == 1, "the hook is not run again while it is on"
    finally:
        watched.house.receiver.status = 200
    watched.wait_for(lambda: watched.siren()[-1:] == ["off over"], 90, "the hook is switched off")  # a page is tried again within a minute
    watched.told("cleared", told, watched.times.noticed)
    watched.house.inputs.phase_loss(0, 0)
    return sounded - began, told - began


def without_watcher(watched: Outside) -> float:
    """The watcher dies; returns how long until the hook sounded here."""
    began = time.monotonic()
    watched.end_watching()
    watched.wait_for(lambda: watched.siren()[-1:] == ["on nobody_outside"], watched.times.outside + watched.times.every + 10, "the hook sounds")
    sounded = time.monotonic()
    rows = "SELECT condition FROM fault WHERE rule = 'watcher_unreachable'"
    watched.house.wait_for(lambda: watched.house.rows(rows), 10, "the loss of the watcher is a fault of ours")
    watched.watch()
    watched.wait_for(lambda: watched.siren()[-1:] == ["off over"], watched.times.every + 15, "the hook is switched off")
    watched.house.wait_for(lambda: watched.house.rows(rows) == [("cleared",)], 30, "the fault ends")
    return sounded - began


def killed(watched: Outside) -> float:
    """The whole installation, at one stroke."""
    pids = [*watched.house.services().values(), watched.house.pid]
    began = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return watched.told("raised", began, watched.times.told + 1, "监控失联") - began


def test_nobody_is_told_while_all_is_well(watched: Outside) -> None:
    """In a stretch longer than a silence may be; where the machine itself stood still for seconds, in the one after it."""
    for _ in range(3):
        before = len(watched.receiver.pages), watched.siren()
        time.sleep(watched.times.late + 2)  # not a wait for something: that nothing comes is what is tried
        if (len(watched.receiver.pages), watched.siren()) == before:
            return
    raise AssertionError(f"told while all is well: {watched.receiver.pages}, {watched.siren()}")


@pytest.mark.parametrize("service", FROZEN)
def test_a_frozen_process_is_noticed_outside(watched: Outside, service: str) -> None:
    assert frozen(watched, service) <= watched.times.noticed


def test_urgent_pages_that_nobody_takes_sound_the_hook_and_are_told_outside(watched: Outside) -> None:
    sounded, told = unheard(watched)
    assert watched.times.pages < sounded and told <= watched.times.told


def test_the_death_of_the_watcher_sounds_the_hook_and_is_a_fault(watched: Outside) -> None:
    assert without_watcher(watched) > watched.times.outside - watched.times.every


def test_an_alarm_that_lasts_is_told_again_until_somebody_takes_it(watched: Outside) -> None:
    """Last: it kills the installation."""
    took = killed(watched)
    assert took <= watched.times.noticed
    began = time.monotonic()
    again = watched.told("escalated", began, watched.times.again + 2)
    assert again - began > watched.times.again - 2


@pytest.mark.soak
@pytest.mark.parametrize("service", FROZEN)
def test_real_times_of_a_frozen_process(watched_for_real: Outside, service: str) -> None:
    took = frozen(watched_for_real, service)
    print(f"\n{service} frozen: people outside told after {took:.0f} s")
    assert took <= 90


@pytest.mark.soak
def test_real_times_of_pages_that_nobody_takes(watched_for_real: Outside) -> None:
    sounded, told = unheard(watched_for_real)
    print(f"\nurgent page taken by nobody: hook after {sounded:.0f} s, people outside told after {told:.0f} s")
    assert sounded <= 130 and told <= 190


@pytest.mark.soak
def test_real_times_of_a_dead_watcher(watched_for_real: Outside) -> None:
    took = without_watcher(watched_for_real)
    print(f"\nwatcher dead: hook after {took:.0f} s")
    assert took <= 220


@pytest.mark.soak
def test_real_times_of_a_dead_installation(watched_for_real: Outside) -> None:
    took = killed(watched_for_real)
    print(f"\ninstallation killed: people outside told after {took:.0f} s")
    assert took <= 90
