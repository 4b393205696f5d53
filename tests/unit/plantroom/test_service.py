"""One service as a process: what its end means. The process itself stands in tests/integration/test_supervisor.py."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from plantroom import service
from plantroom.journal import Journal, Kind
from plantroom.service import NewerConfig, newer_config
from tests.kit.journals import TidyJournal, clock, entry


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with ExitStack() as opened:
        yield TidyJournal(tmp_path, clock(), opened)


def test_a_newer_configuration_ends_the_service_and_nothing_else_does(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CONFIG_LOOK_S", 0.001)

    async def scene() -> None:
        writer = journal.writer("apply")
        writer.append([entry("{}", Kind.CONFIG), entry("x")])
        watching = asyncio.ensure_future(newer_config(journal, 1))
        writer.append([entry("y", Kind.COMMAND)])
        await asyncio.sleep(0.02)
        assert not watching.done()
        writer.append([entry("{}", Kind.CONFIG)])
        with pytest.raises(NewerConfig, match="4 follows 1"):
            async with asyncio.timeout(10):
                await watching

    asyncio.run(scene())


def test_only_a_group_of_nothing_but_newer_configurations_is_one() -> None:
    newer, failure = NewerConfig("2 follows 1"), RuntimeError("fire")
    assert service._only_newer_config(ExceptionGroup("", [newer, ExceptionGroup("", [newer])]))
    assert not service._only_newer_config(ExceptionGroup("", [newer, ExceptionGroup("", [failure])]))
    assert service._causes(ExceptionGroup("", [newer, failure])) == ["NewerConfig: 2 follows 1", "RuntimeError: fire"]
