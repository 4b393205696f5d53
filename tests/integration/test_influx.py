"""The InfluxDB follower against a real engine: Debian's 1.6, asked as 1.x directly and as 2.x through the tests' own shim.

The shim is no InfluxDB 2.x: it proves our requests' form and our reading of the answers; storing and refusing is the engine's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import numpy as np
import pytest

from collector.store.answers import Answer, Verdict
from collector.store.influx import InfluxStore
from collector.store.influx_http import InfluxEndpoint, follower_name
from plantroom.clock import NS
from plantroom.model import Batch, Frame, Quality
from plantroom.site import StoreTarget
from tests.kit.influx_v2_shim import Canned, Shim
from tests.kit.influxd import Influxd
from tests.kit.telemetry import START_NS, SiteJournal, samples_of

pytestmark = pytest.mark.needs("influxd")

EQUIPMENT = {f"gen-{n}": "generator" for n in range(1, 6)} | {"泵 1,2=a": "fire pump,消防", 'q"uote': "ahu"}
TOKEN = "a secret only the store may see"


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with Influxd(tmp_path_factory.mktemp("influxd")) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteJournal]:
    with SiteJournal(tmp_path / "hq") as journal:
        yield journal


@pytest.fixture
def database(influx: Influxd, request: pytest.FixtureRequest) -> str:
    """One for each test."""
    name = f"db_{abs(hash(request.node.nodeid))}"
    influx.create(name)
    return name


def fill(site: SiteJournal, rows: int, seed: int = 7) -> None:
    """Ten points of each equipment, one message of all of it a second; a tenth bad or absent."""
    chance = np.random.default_rng(seed)
    points = [f"{equipment}.p {n}" if equipment.startswith("泵") else f"{equipment}.p_{n}" for equipment in EQUIPMENT for n in range(10)]
    quality = chance.choice(np.array([0] * 18 + [Quality.NO_ANSWER, Batch.ABSENT], np.uint8), (rows, len(points)))
    values = np.where(quality == 0, chance.normal(50, 20, (rows, len(points))), np.nan)
    frame = Frame(tuple(points))
    site.put_batches(
        [
            Batch(frame, np.array([START_NS + row * NS], np.int64), values[row : row + 1], quality[row : row + 1])
            for row in range(rows)
        ]
    )


class Follower:
    """The follower as the service builds it, on a virtual clock; whatever it waits for, `on_pause` happens meanwhile."""

    def __init__(self, site: SiteJournal, url: str, api: int, database: str, token: str | None = None) -> None:
        self.site, self.target = site, StoreTarget(url, api, database, "org", token)
        self.name = follower_name(self.target)
        self.pauses: list[float] = []


    async def on_pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.site.clock.advance(seconds)

    def run(self, *, most: int = 50, endpoint: type[InfluxEndpoint] = InfluxEndpoint) -> None:
        """Until the journal's end is in the store."""

        async def follow() -> None:
            async with endpoint(self.target, self.site.clock) as opened:
                ledger = self.site.ledger()
                kinds = ledger.remember(EQUIPMENT)
                store = InfluxStore(
                    self.name, opened, self.site.journal, ledger, self.site.clock, "总部, hq", kinds, pause=self.on_pause
                )
                while records := self.site.records(store.position)[:most]:
                    await store.take(records)

        asyncio.run(follow())

    def events(self) -> list[str]:
        return [json.loads(body)["event"] for body in self.site.events()]

    def account(self) -> tuple[int, int, int]:
        """(stored, dead, what is missing in the account)"""
        counts = self.site.ledger().counts(self.name).values()
        return sum(one.stored for one in counts), sum(one.dead for one in counts), sum(one.difference for one in counts)


def good(site: SiteJournal) -> dict[tuple[str, int], float]:
    """The journal's good samples by (point, instant)."""
    reader = site.journal.reader()
    samples = samples_of(reader).items()
    return {(point, at): value for point, found in samples for at, value, code in found if code == 0 and value is not None}


def held(influx: Influxd, database: str) -> dict[tuple[str, int], float]:
    """Every field value in the engine, as the journal would name it."""
    found: dict[tuple[str, int], float] = {}
    for kind in set(EQUIPMENT.values()):
        for series in influx.ask(f'SELECT * FROM "{kind}" GROUP BY equipment', database):
            assert "site" in series["columns"]
            names = series["columns"]
            for row in series["values"]:
                for name, value in zip(names, row, strict=True):
                    if name not in ("time", "site") and value is not None:
                        found[f"{series['tags']['equipment']}.{name}", row[0]] = value
    return found


@pytest.mark.parametrize("api", [1, 2])
def test_every_good_sample_of_the_journal_is_in_the_engine_exactly_once(
    influx: Influxd, site: SiteJournal, database: str, api: int
) -> None:
    fill(site, 120)
    with Shim(influx.url, TOKEN) as shim:
        follower = Follower(site, influx.url if api == 1 else shim.url, api, database, TOKEN if api == 2 else None)
        follower.run()
    assert held(influx, database) == good(site)
    assert influx.count(database) == len(good(site)) == follower.account()[0]
    assert follower.account()[1:] == (0, 0)
    assert follower.events() == []


def test_the_tags_and_the_quality_changes_read_back_as_they_were(influx: Influxd, site: SiteJournal, database: str) -> None:
    site.put({"泵 1,2=a.出口 压力": 1.5}, START_NS)
    site.put({"泵 1,2=a.出口 压力": Quality.NO_ANSWER}, START_NS + NS)
    Follower(site, influx.url, 1, database).run()
    (series,) = influx.ask('SELECT code, word FROM quality GROUP BY *', database)
    assert series["tags"] == {"site": "总部, hq", "equipment": "泵 1,2=a", "point": "出口 压力"}
    assert series["values"] == [[START_NS, 0, "good"], [START_NS + NS, 1, "no_answer"]]


def test_an_engine_killed_in_mid_write_has_every_sample_once_after_it_is_back(influx: Influxd, site: SiteJournal, database: str) -> None:
    fill(site, 400)
    kills = 0

    class Killing(InfluxEndpoint):
        """Every third request meets a kill -9 while it is under way."""

        posts = 0

        async def post(self, lines: Sequence[bytes]) -> Answer:
            nonlocal kills
            Killing.posts += 1
            if Killing.posts % 3:
                return await super().post(lines)
            kills += 1
            answer, _ = await asyncio.gather(super().post(lines), asyncio.to_thread(influx.kill))
            return answer

    class Restarting(Follower):
        async def on_pause(self, seconds: float) -> None:
            await super().on_pause(seconds)
            if not influx.running:
                await asyncio.to_thread(influx.start)

    follower = Restarting(site, influx.url, 1, database)
    try:
        follower.run(endpoint=Killing)
    finally:
        if not influx.running:
            influx.start()
    assert kills >= 2
    assert held(influx, database) == good(site)
    assert follower.account() == (len(good(site)), 0, 0)


def test_the_count_notices_a_follower_that_does_not_wait_for_the_answer(influx: Influxd, site: SiteJournal, database: str) -> None:
    """The control: whoever takes silence for success loses what was sent meanwhile."""
    fill(site, 100)

    class Believing(InfluxEndpoint):
        posts = 0

        async def post(self, lines: Sequence[bytes]) -> Answer:
            Believing.posts += 1
            if Believing.posts == 2:
                await asyncio.to_thread(influx.kill)
                await super().post(lines)
                await asyncio.to_thread(influx.start)
                return Answer(Verdict.STORED, "")
            return await super().post(lines)

    try:
        Follower(site, influx.url, 1, database).run(endpoint=Believing)
    finally:
        if not influx.running:
            influx.start()
    assert 0 < len(held(influx, database)) < len(good(site))


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503])
def test_a_refusal_of_any_kind_costs_nothing_but_time(influx: Influxd, site: SiteJournal, database: str, status: int) -> None:
    fill(site, 60)
    with Shim(influx.url, TOKEN) as shim:
        shim.instead.extend([Canned(204, after=True), *[Canned(status, headers={"Retry-After": "3"})] * 20])
        follower = Follower(site, shim.url, 2, database, TOKEN)
        follower.run(most=20)
    assert held(influx, database) == good(site)
    assert follower.account() == (len(good(site)), 0, 0)
    told = {401: "store_refused", 403: "store_refused", 404: "store_refused"}.get(status, "store_down")
    assert follower.events() == [told, f"{told}_over"]
    assert set(follower.pauses) == {3.0} or told == "store_refused"
    assert not any(TOKEN.encode() in body for body in site.events())


def test_an_answer_lost_on_its_way_doubles_nothing(influx: Influxd, site: SiteJournal, database: str) -> None:
    fill(site, 60)
    with Shim(influx.url, TOKEN) as shim:
        shim.instead.extend([Canned(502, after=True), Canned(204, after=True)] * 3)
        follower = Follower(site, shim.url, 2, database, TOKEN)
        follower.run(most=20)
    assert held(influx, database) == good(site)
    assert follower.account() == (len(good(site)), 0, 0)


def test_a_body_too_large_is_halved_until_it_fits(influx: Influxd, site: SiteJournal, database: str) -> None:
    fill(site, 60)
    with Shim(influx.url, TOKEN) as shim:
        shim.most_bytes = 10_000
        follower = Follower(site, shim.url, 2, database, TOKEN)
        follower.run()
    assert held(influx, database) == good(site)
    assert len(shim.seen) > 10


@pytest.mark.parametrize("api", [1, 2])
def test_a_field_in_conflict_costs_its_own_samples_and_no_other(influx: Influxd, site: SiteJournal, database: str, api: int) -> None:
    """Someone else wrote `p_3` as a string: the engine refuses every line that carries it as a number."""
    day = START_NS // (86_400 * NS) * 86_400 * NS
    line = f'generator,site=x,equipment=x p_3="a string" {day}'
    assert httpx.post(f"{influx.url}/write", params={"db": database}, content=line, trust_env=False).status_code == 204
    fill(site, 30)
    with Shim(influx.url, TOKEN) as shim:
        follower = Follower(site, influx.url if api == 1 else shim.url, api, database, TOKEN if api == 2 else None)
        follower.run()
    lost = {key for key in good(site) if key[0].startswith("gen-") and key[0].endswith(".p_3")}
    expected = {key: value for key, value in good(site).items() if key not in lost}
    assert {key: value for key, value in held(influx, database).items() if not key[0].startswith("x.")} == expected
    assert follower.account() == (len(expected), len(lost), 0)
    letters = site.ledger().dead_letters(follower.name, 1000)
    assert len(letters) == len(lost)
    assert all("type conflict" in letter.reason and letter.line.startswith("generator,") for letter in letters)
    assert follower.events() == ["dead_letter"]


def test_samples_older_than_the_databases_retention_are_dead_letters_with_that_reason(
    influx: Influxd, site: SiteJournal, database: str
) -> None:
    """The virtual day of the journal lies years before the engine's own clock."""
    influx.ask(f'CREATE RETENTION POLICY "short" ON "{database}" DURATION 24h REPLICATION 1', method="POST")
    fill(site, 10)
    follower = Follower(site, influx.url, 1, f"{database}/short")
    follower.run()
    stored, dead, missing = follower.account()
    assert (stored, dead, missing) == (0, len(good(site)), 0)
    assert "retention" in site.ledger().dead_letters(follower.name, 1)[0].reason


def test_a_database_that_does_not_exist_is_a_refusal_that_names_it(influx: Influxd, site: SiteJournal) -> None:
    fill(site, 3)

    class Creating(Follower):
        async def on_pause(self, seconds: float) -> None:
            await super().on_pause(seconds)
            await asyncio.to_thread(influx.create, "late_database")

    follower = Creating(site, influx.url, 1, "late_database")
    follower.run()
    assert follower.events() == ["store_refused", "store_refused_over"]
    assert json.loads(site.events()[0])["why"] == '404: database not found: "late_database"'
    assert held(influx, "late_database") == good(site)


def test_another_database_is_filled_from_the_journals_beginning(influx: Influxd, site: SiteJournal, database: str) -> None:
    fill(site, 20)
    Follower(site, influx.url, 1, database).run()
    influx.create(f"{database}_new")
    Follower(site, influx.url, 1, f"{database}_new").run()
    assert held(influx, f"{database}_new") == held(influx, database) == good(site)
