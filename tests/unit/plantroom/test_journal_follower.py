"""Waking: by the bell, by looking, across days; bells that are dead or too deep."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing
from pathlib import Path

import pytest

from plantroom.clock import VirtualClock
from plantroom.journal import Follower, Journal, Record
from plantroom.journal.bell import Bell, Ringer
from plantroom.journal.follower import Follower as BareFollower
from tests.kit.journals import TidyJournal, clock, entry


@pytest.fixture
def at() -> VirtualClock:
    return clock()


@pytest.fixture
def journal(tmp_path: Path, at: VirtualClock) -> Iterator[Journal]:
    with ExitStack() as opened:
        yield TidyJournal(tmp_path, at, opened)


async def take(following: AsyncIterator[list[Record]], n: int) -> list[int]:
    seqs: list[int] = []
    async with asyncio.timeout(10):
        while len(seqs) < n:
            batch = await anext(following)
            assert batch
            seqs += [record.seq for record in batch]
    return seqs


def follow(journal: Journal, after: int = 0, most: int = 10_000) -> aclosing[AsyncIterator[list[Record]]]:
    return aclosing(aiter(Follower(journal, after, most)))  # type: ignore[type-var]


def test_a_follower_gets_what_stands_and_then_what_comes(journal: Journal) -> None:
    async def scene() -> None:
        writer = journal.writer("collect")
        writer.append([entry("1"), entry("2"), entry("3")])
        async with follow(journal, after=1) as following:
            assert await take(following, 2) == [2, 3]
            waiting = asyncio.ensure_future(take(following, 1))
            await asyncio.sleep(0)
            assert not waiting.done()
            writer.append([entry("4")])
            assert await waiting == [4]

    asyncio.run(scene())


def test_a_follower_waits_for_a_journal_that_is_not_there_yet(journal: Journal) -> None:
    async def scene() -> None:
        async with follow(journal) as following:
            waiting = asyncio.ensure_future(take(following, 1))
            await asyncio.sleep(0)
            journal.writer("collect").append([entry("1")])
            assert await waiting == [1]

    asyncio.run(scene())


def test_the_bell_alone_wakes_it(journal: Journal) -> None:
    async def scene() -> None:
        writer = journal.writer("collect")
        following = aiter(BareFollower(journal.folder, 0, look_s=3600))
        async with aclosing(following):  # type: ignore[type-var]
            waiting = asyncio.ensure_future(take(following, 1))
            while not list((journal.folder / "bells").iterdir()):  # noqa: ASYNC110
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            writer.append([entry("1")])
            assert await waiting == [1]

    asyncio.run(scene())


def test_without_a_bell_looking_is_enough_even_over_midnight(journal: Journal, at: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ringer, "ring", lambda self: None)

    async def scene() -> None:
        writer = journal.writer("collect")
        async with follow(journal) as following:
            for n in range(1, 4):
                waiting = asyncio.ensure_future(take(following, 1))
                await asyncio.sleep(0)
                at.advance(86_400)
                writer.append([entry("x")])
                assert await waiting == [n]

    asyncio.run(scene())


def test_pages_are_no_longer_than_asked(journal: Journal) -> None:
    async def scene() -> None:
        journal.writer("collect").append([entry(str(n)) for n in range(25)])
        async with follow(journal, most=10) as following:
            assert [len(await anext(following)) for _ in range(3)] == [10, 10, 5]

    asyncio.run(scene())


def test_a_follower_that_goes_takes_its_bell_with_it(journal: Journal) -> None:
    async def scene() -> None:
        journal.writer("collect").append([entry("1")])
        async with follow(journal) as following:
            await take(following, 1)
            assert len(list((journal.folder / "bells").iterdir())) == 1
        assert list((journal.folder / "bells").iterdir()) == []

    asyncio.run(scene())


def test_bells_of_the_dead_are_swept_away_and_of_the_living_kept(tmp_path: Path) -> None:
    alive, ringer = Bell(tmp_path), Ringer(tmp_path)
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(tmp_path / "bells" / "dead"))
    dead.close()
    ringer.ring()
    assert [path.name for path in (tmp_path / "bells").iterdir()] == [alive._name]
    assert alive._socket.recv(16) == b"!"
    alive.close()
    ringer.close()


def test_a_full_bell_costs_the_writer_nothing(tmp_path: Path) -> None:
    bell, ringer = Bell(tmp_path), Ringer(tmp_path)
    for _ in range(10_000):  # far more than a socket's queue holds
        ringer.ring()
    bell.quiet()
    with pytest.raises(BlockingIOError):
        bell._socket.recv(16)
    bell.close()
    ringer.close()


def test_a_path_longer_than_a_socket_address_still_rings(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120) / ("y" * 120)
    deep.mkdir(parents=True)
    bell, ringer = Bell(deep), Ringer(deep)
    ringer.ring()
    assert bell._socket.recv(16) == b"!"
    bell.close()
    ringer.close()
