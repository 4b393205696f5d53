"""Server-sent events: what changed is told once, in order, to those who may see it; who comes back misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI

from dashboards.console import events
from dashboards.console.events import Client, Hub, TooMany
from dashboards.console.roles import Person, Role
from plantroom.clock import NS, VirtualClock
from tests.kit.console_client import served
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
BOSS = Person("boss", Role.ADMIN)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path), VirtualClock(NOW))
    made.samples("gen-1", 5)
    made.engine_at(1)
    yield made
    made.close()


class Heard:
    """Reads one stream, event by event."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream, self.last_id = stream, ""

    async def next(self) -> tuple[str, Any]:
        """Kind and data of the next event that is one."""
        async with asyncio.timeout(10):
            async for block in self._stream:
                fields = dict(line.split(b": ", 1) for line in block.strip().split(b"\n") if b": " in line)
                if b"event" in fields:
                    self.last_id = fields.get(b"id", b"").decode() or self.last_id
                    return fields[b"event"].decode(), orjson.loads(fields[b"data"])
        raise AssertionError("the stream ended")

    async def of(self, kind: str) -> Any:
        while True:
            found, data = await self.next()
            if found == kind:
                return data

    async def values_of(self, points: set[str]) -> list[Any]:
        """All samples told until each of these points was."""
        told: list[Any] = []
        while not points <= {value["point"] for value in told}:
            told += (await self.of("values"))["values"]
        return told


def listen(app: FastAPI, person: Person = BOSS, equipment: frozenset[str] | None = None, last: str | None = None) -> Heard:
    hub: Hub = app.state.hub
    return Heard(hub.listen(Client(person, None, equipment), last, lambda: True))


def run(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(whole())


async def told(app: FastAPI, heard: Heard, house: Installation, id_: str) -> Any:
    """A fault raised now, as this stream hears it."""
    reading = asyncio.ensure_future(heard.of("fault"))
    await asyncio.sleep(0)
    house.fault(id_, "gen-1", "danger", rule=id_)
    return await reading


def test_a_raised_and_an_ended_fault_are_told_with_their_order(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        heard = listen(app)
        fault = await told(app, heard, house, "F1-1")
        assert (fault["id"], fault["condition"], fault["site"]) == ("F1-1", "active", "hq")
        house.order("O1-1", "gen-1", fault="F1-1")
        assert (await heard.of("order"))["state"] == "open"
        house.records.db.execute("UPDATE fault SET condition = 'cleared', ended_ns = ? WHERE id = 'F1-1'", (NOW,))
        assert (await heard.of("fault"))["condition"] == "cleared"
        house.records.db.execute("UPDATE work_order SET state = 'closed' WHERE id = 'O1-1'")
        assert (await heard.of("order"))["state"] == "closed"

    run(house, scenario)


def test_who_comes_back_with_the_last_id_hears_what_was_missed_and_only_that(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        first = listen(app)
        await told(app, first, house, "F1-1")
        other = listen(app)
        await told(app, other, house, "F2-1")  # while the first was away
        again = listen(app, last=first.last_id)
        assert (await again.of("fault"))["id"] == "F2-1"
        for unknown in ("1-1", "nonsense", f"{first.last_id.partition('-')[0]}x-1"):
            kind, _ = await listen(app, last=unknown).next()
            assert kind == "reset", unknown

    run(house, scenario)


def test_values_are_told_when_they_change_and_only_of_the_machines_asked_for(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        app.state.hub._look(app.state.sites.all()[0])  # what is known before anybody listens is no news
        one, both, none = listen(app, equipment=frozenset({"gen-1"})), listen(app), listen(app, equipment=frozenset())
        reading = [
            asyncio.ensure_future(one.of("values")),
            asyncio.ensure_future(both.values_of({"gen-1.engine_speed", "fp-1.pump_running"})),
        ]
        silent = asyncio.ensure_future(none.of("values"))
        await asyncio.sleep(0)
        house.sample({"gen-1.engine_speed": 1503.0, "gen-1.common_alarm": 0.0})
        house.sample({"fp-1.pump_running": 1.0})
        alone, everything = (await reading[0])["values"], await reading[1]
        for values in (alone, everything):
            speed = next(v for v in values if v["point"] == "gen-1.engine_speed")
            assert (speed["value"], speed["text"]["zh"]) == (1503.0, "1,503")
        assert {v["point"] for v in alone} == {"gen-1.engine_speed"}, "an unchanged value is no news, another machine neither"
        assert {v["point"] for v in everything} == {"gen-1.engine_speed", "fp-1.pump_running"}, "each machine in its share of the looks"
        assert not silent.done()
        silent.cancel()

    run(house, scenario)


def test_a_person_hears_nothing_of_a_site_they_may_not_see(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    houses = [Installation(tmp_path / "data", site_file(tmp_path, id_), clock) for id_ in ("east", "west")]

    async def scenario(app: FastAPI) -> None:
        heard = listen(app, Person("e", Role.VIEWER, frozenset({"east"})))
        reading = asyncio.ensure_future(heard.of("fault"))
        await asyncio.sleep(0)
        houses[1].fault("F1-1", "gen-1")
        app.state.hub._look(app.state.sites.all()[1], shares=())
        assert "F1-1" in app.state.hub._seen["west"].faults, "the control: it was there to be told"
        houses[0].fault("F2-1", "gen-1")
        assert (await reading)["id"] == "F2-1"

    try:
        run(houses[0], scenario)
    finally:
        for house in houses:
            house.close()


FIRM = """
people:
  - {id: liu, name: 刘工, roles: [vendor], firm: 通力电梯}
"""


def test_a_firms_person_hears_of_their_machines_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = site_file(tmp_path, people=FIRM)
    path.write_text(path.read_text("utf-8").replace("kind: generator,", "kind: generator, ledger: {supplier: 通力电梯},"), "utf-8")
    house = Installation(tmp_path / "data", path, VirtualClock(NOW))
    liu = Person("liu", Role.VENDOR)

    async def scenario(app: FastAPI) -> None:
        hub: Hub = app.state.hub
        [view] = app.state.sites.all()
        hub._look(view)
        heard, third = listen(app, liu), listen(app, Person("zhou", Role.THIRD_PARTY))
        silent = asyncio.ensure_future(third.of("fault"))
        reading = asyncio.ensure_future(heard.next())
        await asyncio.sleep(0)
        house.fault("F1-1", "fp-1", minutes_ago=1.0)  # the newest is told first
        house.fault("F2-1", "gen-1")
        hub._look(view, shares=())
        kind, data = await reading
        assert (kind, data["id"]) == ("fault", "F2-1"), "not of the other machine, though it came first"
        values = asyncio.ensure_future(heard.of("values"))
        await asyncio.sleep(0)
        house.sample({"fp-1.pump_running": 1.0})
        house.sample({"gen-1.engine_speed": 1503.0})
        assert {value["point"] for value in (await values)["values"]} == {"gen-1.engine_speed"}
        assert not silent.done(), "a third party hears nothing of the plant"
        silent.cancel()
        back = listen(app, liu, last=f"{hub._start}-0")  # what is told again to who comes back is filtered too
        assert (await back.of("fault"))["id"] == "F2-1"
        with monkeypatch.context() as patch:
            patch.setattr(app.state.sites, "theirs", lambda *_: None)
            everything = listen(app, liu, last=f"{hub._start}-0")
            assert (await everything.of("fault"))["id"] == "F1-1", "the negative control"

    try:
        run(house, scenario)
    finally:
        house.close()


def test_a_client_that_does_not_read_is_dropped_and_slows_nobody(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(app: FastAPI) -> None:
        hub: Hub = app.state.hub
        stuck = Client(BOSS, None, None, asyncio.Queue(3))
        stream = hub.listen(stuck, None, lambda: True)
        await anext(stream)  # it connects, and reads no more
        heard = listen(app)
        for n in range(5):
            await told(app, heard, house, f"F{n}-1")
        assert hub.dropped == 1
        assert [block async for block in stream][-1:] != [b"never"], "its stream ends"

    run(house, scenario)


def test_the_stream_ends_with_the_session(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)

    async def scenario(app: FastAPI) -> None:
        allowed = [True, True, False]
        hub: Hub = app.state.hub
        blocks = [block async for block in hub.listen(Client(BOSS, None, None), None, lambda: allowed.pop(0))]
        assert [b"heartbeat" in block for block in blocks].count(True) == 2
        assert blocks[-1].startswith(b"event: ended")
        assert len(hub) == 0

    run(house, scenario)


def test_no_more_streams_than_this_process_serves(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        streams = [app.state.hub.listen(Client(BOSS, None, None), None, lambda: True) for _ in range(events.MOST_CLIENTS)]
        for stream in streams:
            await anext(stream)
        with pytest.raises(TooMany):
            await anext(app.state.hub.listen(Client(BOSS, None, None), None, lambda: True))
        await streams[0].aclose()
        await anext(app.state.hub.listen(Client(BOSS, None, None), None, lambda: True))

    run(house, scenario)
