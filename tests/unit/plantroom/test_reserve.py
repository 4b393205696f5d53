"""The file that is given back when the disk is full, and what is said meanwhile; on a disk whose free space only the test moves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from plantroom import reserve
from plantroom.reserve import AGAIN_S, LOOK_S, LOW_BYTES, SAY_S, Reserve, Step, step

MIB = 1 << 20
TOTAL = 400 * MIB
WANTED = TOTAL // reserve.SHARE


@pytest.mark.parametrize("held,free,then", [
    (True, LOW_BYTES, Step.KEEP), (True, LOW_BYTES - 1, Step.GIVE), (True, 0, Step.GIVE),
    (False, 0, Step.KEEP), (False, WANTED + 2 * LOW_BYTES - 1, Step.KEEP), (False, WANTED + 2 * LOW_BYTES, Step.TAKE),
])  # fmt: skip
def test_it_is_given_when_nothing_else_is_left_and_taken_back_when_there_is_room_for_more(held: bool, free: int, then: Step) -> None:
    assert step(held, free, WANTED) is then


class Scene:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free, self.refuses, self.said = TOTAL // 2, False, list[str]()
        monkeypatch.setattr(reserve.shutil, "disk_usage", lambda _: SimpleNamespace(total=TOTAL, free=self.free))
        self.file, self.reserve = folder / "reserve", Reserve(folder, self._say)

    def _say(self, event: Mapping[str, object]) -> bool:
        if not self.refuses:
            self.said.append(str(event["event"]))
        return not self.refuses

    def look(self, seconds: float = LOOK_S) -> None:
        for _ in range(round(seconds / LOOK_S)):
            self.reserve.look()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def test_a_full_disk_is_given_the_room_and_said_until_it_is_over(scene: Scene) -> None:
    scene.look()
    blocks = scene.file.stat().st_blocks * 512
    assert scene.file.stat().st_size == WANTED and blocks >= WANTED, "really taken, no hole"
    scene.free = 0
    scene.look()
    assert not scene.file.exists() and scene.said == [], "first the room, then the word that needs it"
    scene.free = WANTED
    scene.look()
    assert scene.said == ["disk_full"]
    scene.look(SAY_S - 1)
    assert scene.said == ["disk_full"]
    scene.look(1.5)
    assert scene.said == ["disk_full"] * 2, "again while it lasts"
    scene.free = TOTAL // 2
    scene.look()
    assert scene.file.exists() and scene.said == ["disk_full", "disk_full", "disk_full_over"], "at once"


def test_what_a_journal_refuses_is_said_later(scene: Scene) -> None:
    """Somebody greedy has eaten the reserve as well."""
    scene.look()
    scene.free, scene.refuses = 0, True
    scene.look(20)
    assert not scene.file.exists() and scene.said == []
    scene.refuses = False
    scene.look(AGAIN_S)
    assert scene.said == ["disk_full"]
    scene.free, scene.refuses = TOTAL // 2, True
    scene.look(SAY_S + 1)
    scene.refuses = False
    scene.look(AGAIN_S)
    assert scene.said == ["disk_full", "disk_full_over"]


def test_a_start_on_a_disk_that_is_nearly_full_says_so(scene: Scene) -> None:
    scene.free = 8 * MIB
    scene.look()
    assert not scene.file.exists() and scene.said == ["disk_full"]


def test_what_the_disk_refuses_to_take_leaves_no_stub(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reserve.os, "posix_fallocate", full)
    scene.look()
    assert not scene.file.exists() and scene.said == []
