"""What a line says of itself: state, counts, and how each unit behind it answers."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from random import Random
from typing import cast

from pytest import approx

from collector.backoff import Backoff
from collector.connect import Tcp
from collector.counts import of_broker, of_line
from collector.modbus import Line
from collector.mqtt import MqttLink
from collector.outlet import Outlet
from plantroom import link_counts
from plantroom.clock import SystemClock
from plantroom.site import Mqtt
from tests.kit.mqtt_collector import publisher
from tests.unit.collector.lines import at, bound, jobs_of, profile, register, session

TWO = profile([register("level", 10), register("speed", 11)], timeout_s=1.0)


def test_a_line_says_what_it_counted_and_who_answers(tmp_path: Path) -> None:
    play = session([job for unit in (1, 2) for job in jobs_of(TWO, [bound(f"p-{unit}", "level")], unit, f"dev-{unit}")])
    line = Line(Tcp("127.0.0.1", 1), play, SystemClock(), lambda _: None, lambda *_: None)
    assert of_line("bus-1", line)["state"] == "connecting"
    play.start(at(0))
    play.linked(at(0))
    play.answered(at(0.02), bytes(2), 0.02)
    play.silent(at(0.27))
    said = of_line("bus-1", line)
    assert (said["state"], said["counts"]["requests"], said["counts"]["silences"]) == ("up", 2, 1)
    assert said["units"] == [
        {"unit": 1, "devices": ["dev-1"], "health": "alive", "p50_ms": approx(20.0, rel=0.05), "p99_ms": approx(20.0, rel=0.05)},
        {"unit": 2, "devices": ["dev-2"], "health": "dead", "p50_ms": None, "p99_ms": None},
    ]
    assert said["p50_ms"] == said["units"][0]["p50_ms"]
    link_counts.write(tmp_path, 7, [said])
    assert link_counts.read(tmp_path) == {"at_ns": 7, "connections": [said]}
    assert link_counts.read(tmp_path / "nowhere") is None


class Ear:
    """In an outlet's place: hears what a connection says."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def say(self, connection: str, state: str, reason: str) -> None:
        self.heard.set()


def test_a_broker_that_cannot_be_reached_is_down_and_says_why() -> None:
    async def play() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        ear = Ear()
        link = MqttLink("b", Mqtt("127.0.0.1", port), "c", [publisher()], cast(Outlet, ear), SystemClock(), Backoff(Random(1)))
        assert of_broker("b", link)["state"] == "connecting"
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            task = group.create_task(link.run())
            await ear.heard.wait()
            task.cancel()
        said = of_broker("b", link)
        assert said["state"] == "down" and str(port) in said["reason"] and said["units"] == []

    asyncio.run(play())
