"""The hook as a program: run once for each change, never through a shell, never for long, without our secrets."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from plantroom.heartbeat.hook import AGAIN_S, Hook
from plantroom.heartbeat.siren import Reason, Wish


def program(folder: Path, body: str) -> str:
    path = folder / "siren; touch gone"  # a shell would take this apart
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def follow(hook: Hook, *wishes: tuple[Wish, Reason, float]) -> None:
    async def all_of_them() -> None:
        for wish, reason, now_s in wishes:
            await hook.follow(wish, reason, now_s)

    asyncio.run(all_of_them())


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


ON, OFF, KEEP = (Wish.ON, Reason.PAGE_UNHEARD), (Wish.OFF, Reason.OVER), (Wish.KEEP, Reason.OVER)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "told"


def test_it_is_run_once_for_each_change_with_the_reason(tmp_path: Path, told: Path) -> None:
    hook = Hook(program(tmp_path, f'echo "$*" >> {told}'), tmp_path)
    follow(hook, (*ON, 1), (*ON, 2), (Wish.ON, Reason.NOBODY_OUTSIDE, 3), (*KEEP, 4), (*OFF, 5), (*OFF, 6), (*ON, 7))
    assert told.read_text().splitlines() == ["on page_unheard", "off over", "on page_unheard"]


def test_a_new_supervisor_knows_that_it_sounds(tmp_path: Path, told: Path) -> None:
    path = program(tmp_path, f'echo "$*" >> {told}')
    follow(Hook(path, tmp_path), (*ON, 1))
    follow(Hook(path, tmp_path), (*ON, 1), (*KEEP, 2), (*OFF, 3))
    assert told.read_text().splitlines() == ["on page_unheard", "off over"]


def test_where_nobody_knows_it_is_switched_off_once(tmp_path: Path, told: Path) -> None:
    follow(Hook(program(tmp_path, f'echo "$*" >> {told}'), tmp_path), (*KEEP, 1), (*OFF, 2), (*OFF, 3))
    assert told.read_text().splitlines() == ["off over"]


def test_one_that_fails_is_not_on_and_is_tried_again_later(tmp_path: Path, told: Path) -> None:
    hook = Hook(program(tmp_path, f'echo "$*" >> {told}; exit 3'), tmp_path)
    follow(hook, (*ON, 1), (*ON, 2), (*ON, 1 + AGAIN_S))
    assert told.read_text().splitlines() == ["on page_unheard"] * 2
    assert not (tmp_path / "hook.on").exists()


def test_one_that_is_not_there_breaks_nothing(tmp_path: Path) -> None:
    follow(Hook(str(tmp_path / "none"), tmp_path), (*ON, 1))


def test_one_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    began = time.monotonic()
    follow(Hook(program(tmp_path, f"sleep 60 & echo $! > {pid}; wait"), tmp_path, limit_s=0.5), (*ON, 1))
    assert time.monotonic() - began < 5
    until = time.monotonic() + 10
    while alive(pid.read_text().strip()):
        assert time.monotonic() < until, "what the hook started lives on"
        time.sleep(0.01)


def test_our_secrets_are_not_the_hooks(tmp_path: Path, told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWER_WATCH_SECRET", "hunter2")
    follow(Hook(program(tmp_path, f"env > {told}"), tmp_path), (*ON, 1))
    assert "hunter2" not in told.read_text() and "PATH=" in told.read_text()
