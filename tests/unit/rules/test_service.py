"""The engine's process on a disk that refuses what is not the records: a mark, a snapshot. Neither ends the alerting."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import structlog

from plantroom.clock import SystemClock
from rules.engine import Engine, Outcome
from rules.service import RulesService


def test_a_mark_the_disk_refuses_ends_nothing(tmp_path: Path) -> None:
    """It only lets the keeper drop more of the journal; the records hold the truth."""
    (tmp_path / "journal" / "positions" / "rules").mkdir(parents=True)  # what cannot be written, whoever tries
    service = RulesService(tmp_path, SystemClock())
    engine = cast(Engine, SimpleNamespace(desk=SimpleNamespace(position=SimpleNamespace(seq=7))))
    service._keep(engine, Outcome(7, True, 1))


@pytest.mark.parametrize("error", [ZeroDivisionError("a defect of ours"), OSError(28, "No space left on device")])
def test_a_snapshot_that_cannot_be_made_ends_nothing(tmp_path: Path, error: Exception) -> None:
    def memory() -> object:
        raise error

    (tmp_path / "journal").mkdir()
    engine = cast(Engine, SimpleNamespace(config=object(), seen=object(), memory=memory))
    with structlog.testing.capture_logs() as logs:
        RulesService(tmp_path, SystemClock())._remember(engine)
    assert [log["event"] for log in logs] == ["snapshot.failed"]
