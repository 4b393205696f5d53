from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector.store.deliver import Delivery
from collector.store.faults import FaultProjection, text
from collector.store.health import Doctor
from collector.store.ledger import Ledger
from plantroom.clock import NS, VirtualClock
from plantroom.records import Records
from tests.kit.fake_store import FakeStore
from tests.kit.telemetry import START_NS


class Scene:
    """records.db as the engine would write it, a projection and the store it goes to."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock(START_NS)
        self.records = Records.open(folder / "records.db")
        self.ledger = Ledger(folder / "store.db")
        self.store = FakeStore()
        self._path = folder / "records.db"
        self.restart()

    def restart(self) -> None:
        delivery = Delivery(self.store, Doctor(), lambda: 0.0, self._silent)
        self._projection = FaultProjection("i.faults", self._path, self.ledger, delivery, self.clock, "hq")

    async def _silent(self, event: str, why: str) -> None:
        raise AssertionError(event)

    def raised(self, fault: str, at_ns: int, **other: object) -> None:
        words = json.dumps({"zh": "油压低, \"80\" kPa", "en": "Low oil pressure 80 kPa"})
        columns = {
            "id": fault, "rule": f"rule_{fault.lower()}", "rule_hash": "h", "equipment": "gen-1", "kind": "generator",
            "severity": "readiness", "condition": "active", "onset_ns": at_ns, "raised_ns": at_ns, "text_json": words, "do_json": "{}", "trace_json": "{}",
        } | other  # fmt: skip
        names = ", ".join(columns)
        self.records.db.execute(f"INSERT INTO fault ({names}) VALUES ({', '.join('?' * len(columns))})", tuple(columns.values()))

    def ended(self, fault: str, at_ns: int) -> None:
        self.records.db.execute("UPDATE fault SET condition = 'cleared', ended_ns = ? WHERE id = ?", (at_ns, fault))

    def project(self) -> None:
        with closing(Records.open(self._path, readonly=True)) as records:
            asyncio.run(self._projection.project(records))

    def said(self) -> list[tuple[str, int, float | str]]:
        """(fault, seconds after the start, open)"""
        return [(str(fields["id"]), (at - START_NS) // NS, fields["open"]) for _, at, fields in self.store.of("fault")]

    def close(self) -> None:
        self.records.close()
        self.ledger.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with closing(Scene(tmp_path)) as made:
        yield made


def test_a_fault_is_open_from_its_raising_to_its_end(scene: Scene) -> None:
    scene.raised("F1", START_NS + 10 * NS)
    scene.project()
    scene.ended("F1", START_NS + 20 * NS)
    scene.project()
    assert scene.said() == [("F1", 10, 1.0), ("F1", 20, 0.0)]
    tags, _, fields = scene.store.of("fault")[0]
    assert tags == {"site": "hq", "equipment": "gen-1", "kind": "generator", "rule": "rule_f1", "severity": "readiness"}
    assert [fields["event"] for _, _, fields in scene.store.of("fault")] == ["raised", "ended"]
    assert fields["zh"] == '油压低, "80" kPa'


def test_an_open_fault_is_said_again_every_minute_and_no_longer(scene: Scene) -> None:
    scene.raised("F1", START_NS + 10 * NS)
    for _ in range(3):
        scene.project()
        scene.project()
        scene.clock.advance(60)
    scene.ended("F1", START_NS + 150 * NS)
    scene.project()
    scene.clock.advance(60)
    scene.project()
    assert scene.said() == [("F1", 10, 1.0), ("F1", 60, 1.0), ("F1", 120, 1.0), ("F1", 150, 0.0)]


def test_a_restart_says_only_what_is_new(scene: Scene) -> None:
    scene.raised("F1", START_NS)
    scene.project()
    posts = len(scene.store.posts)
    scene.restart()
    scene.raised("F2", START_NS + NS)
    scene.project()
    assert [(name, at) for name, at, _ in scene.said()] == [("F1", 0), ("F2", 1)]
    assert sum(scene.store.posts[posts:]) == 1


def test_records_that_were_rebuilt_are_told_again_as_a_whole(scene: Scene) -> None:
    for number in range(3):
        scene.raised(f"F{number}", START_NS + number * NS)
    scene.project()
    scene.records.db.execute("DELETE FROM fault")
    scene.raised("F0", START_NS)
    scene.store.stored.clear()
    scene.project()
    assert scene.said() == [("F0", 0, 1.0)]


def test_a_text_is_one_line_whatever_it_holds() -> None:
    assert text('a "b" \\ c\nd') == b'"a \\"b\\" \\\\ c d"'
