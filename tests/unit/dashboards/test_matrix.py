"""Route x role x site x thing (O-2, P15): nobody gets what is not theirs, and nothing answers with a server error. Printed: how many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI

from dashboards.console import tables
from dashboards.console.commanding import Commander, Deed, Recorded
from dashboards.console.guard import needs
from dashboards.console.pace import Buckets, Pace
from dashboards.console.roles import Person
from dashboards.console.sites import Sites
from plantroom.clock import NS, VirtualClock
from plantroom.roles import DEEDS, Permission
from tests.kit import matrix
from tests.kit.console_client import served
from tests.kit.matrix import PERSONS, Case, Who

Scenario = Callable[[FastAPI, list[Who]], Awaitable[None]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, VirtualClock]]:
    folder, clock = tmp_path_factory.mktemp("matrix"), VirtualClock(1_795_262_400 * NS)
    houses = matrix.furnish(folder / "data", clock, folder)
    yield folder / "data", clock
    for house in houses:
        house.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Person]]:
    """(site, deed, who) of every command that would have been recorded; no engine waits behind it."""
    found: list[tuple[str, str, Person]] = []

    async def send(self: Commander, deed: Deed, person: Person, command_id: str) -> Recorded:
        found.append((self._view.id, deed.does, person))
        return Recorded(command_id, 1, self._view.clock.read().wall_ns, person.name)

    monkeypatch.setattr(Commander, "send", send)
    return found


def with_persons(data: tuple[Path, VirtualClock], scenario: Scenario) -> None:
    async def go() -> None:
        async with served(*data) as app:
            app.state.accounts = Buckets(Pace(1e9, 1.0))
            known = {account.name for account in app.state.access.accounts()}
            persons = [Who("nobody", None, (), {})]
            for name, role, sites in PERSONS:
                if name not in known:
                    app.state.access.add(name, role, "correct horse 9", sites)
                _, token = app.state.access.new_token(name, "", 30)
                persons.append(Who(name, role, sites, {"authorization": f"Bearer {token}"}))
            await scenario(app, persons)

    asyncio.run(go())


def test_every_route_for_every_role_about_everything(data: tuple[Path, VirtualClock], sent: list[tuple[str, str, Person]]) -> None:
    async def scenario(app: FastAPI, persons: list[Who]) -> None:
        began = time.process_time()
        n, wrong, met = await matrix.run(app, matrix.cases(app, persons))
        print(f"CPU {time.process_time() - began:.1f} s")
        print(f"matrix: {n} cases, {len(wrong)} wrong, {len(sent)} commands got as far as the journal")
        assert not wrong, "\n".join(wrong[:20])
        assert n >= 5_000
        assert met == {matrix.OWN, matrix.ALIEN, matrix.WEST}, "the control: those who may do see them"
        by = {who.name: who for who in persons}
        for site, does, person in sent:
            assert by[person.name].allowed(DEEDS[does], site), (site, does, person)
        ours = DEEDS.keys() - {"heard", "test_page", "erase", "purge"}  # a screen's and the command line's, which are none of these
        assert {does for _, does, _ in sent} == ours, "the control: each deed got through for somebody"

    with_persons(data, scenario)


def slice_of(app: FastAPI, persons: list[Who], *paths: str) -> Iterator[Case]:
    return (case for case in matrix.cases(app, persons) if case.path in paths and case.method == "GET")


def test_it_fails_when_one_query_forgets_whose_rows_it_reads(data: tuple[Path, VirtualClock], monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(app: FastAPI, persons: list[Who]) -> None:
        firm = [who for who in persons if who.name == "vendor.e"]
        asked = ("/faults", "/faults/F11-1", "/orders", "/orders/O11-1", "/api/v1/orders", "/api/v1/faults/F11-1")
        assert not (await matrix.run(app, slice_of(app, firm, *asked)))[1], "the control"
        for name in ("faults", "fault", "open_orders", "order"):
            with monkeypatch.context() as patch:
                patch.setitem(tables.QUERIES, name, tables.QUERIES[name].replace(":own IS NULL OR", "1 OR"))
                assert (await matrix.run(app, slice_of(app, firm, *asked)))[1], name
        asked = ("/api/v1/orders", "/api/v1/orders/O15-1", "/api/v1/faults/F15-1", "/orders/O14-1")
        for name, mine in (("open_orders", "firm = :firm"), ("order", "firm = :firm"), ("fault", "w.firm = :firm"), ("handings", "h.firm = :firm")):
            with monkeypatch.context() as patch:
                patch.setitem(tables.QUERIES, name, tables.QUERIES[name].replace(mine, mine.replace("= :firm", "IS NOT NULL")))
                assert (await matrix.run(app, slice_of(app, firm, *asked)))[1], f"{name} forgets which firm"

    with_persons(data, scenario)


def test_it_fails_when_sites_are_not_kept_apart(data: tuple[Path, VirtualClock], monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(app: FastAPI, persons: list[Who]) -> None:
        monkeypatch.setattr(Sites, "seen_by", lambda self, person, wanted=None: self.all())
        east = [who for who in persons if who.name == "viewer.e"]
        for path in ("/", "/orders", "/oncall", "/health", "/api/v1/equipment", "/api/v1/sites", "/api/v1/connections", "/api/v1/oncall"):
            assert (await matrix.run(app, slice_of(app, east, path)))[1], path

    with_persons(data, scenario)


def test_a_new_route_joins_by_itself(data: tuple[Path, VirtualClock]) -> None:
    router = APIRouter()

    @router.get("/new/{order_id}", dependencies=[needs(Permission.SEE)])
    def new(order_id: str) -> str:
        return matrix.WEST

    async def scenario(app: FastAPI, persons: list[Who]) -> None:
        app.router.routes.extend(router.routes)
        joined = [case for case in matrix.cases(app, persons) if case.path.startswith("/new/")]
        assert len(joined) > 100
        assert (await matrix.run(app, iter(joined)))[1], "and one that shows everything to everybody is found"

    with_persons(data, scenario)


def test_every_query_says_whose_rows_it_reads() -> None:
    """What stands here reads no rows of a machine, or by ids that another query gave out."""
    free = {"position", "people", "private", "attempts", "receipts"}
    assert {name for name, text in tables.QUERIES.items() if ":own" not in text} == free
