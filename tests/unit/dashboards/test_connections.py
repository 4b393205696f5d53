"""What the collector counted, as the API and the page of Plantroom itself show it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dashboards.console.roles import Role
from plantroom import link_counts
from plantroom.clock import NS, VirtualClock
from plantroom.link_counts import LinkCounts, UnitCounts
from tests.kit.console_client import logged_in, served
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
COUNTS = {
    "requests": 120, "answers": 100, "exceptions": 3, "silences": 17, "garbled": 0, "late": 1, "missed_slots": 2, "dials": 1, "busy": 0,
    "repeated": 4, "unconfirmed": 1, "strays": 0,
}  # fmt: skip
UNITS = [
    UnitCounts(unit=3, devices=["gen-1"], health="alive", p50_ms=4.5, p99_ms=31.25),
    UnitCounts(unit=9, devices=["io-1"], health="dead", p50_ms=None, p99_ms=None),
]
BUS = LinkCounts(id="bus-1", state="up", reason="", counts=COUNTS, units=UNITS, p50_ms=4.5, p99_ms=31.25)
BROKER = LinkCounts(
    id="broker-1", state="down", reason="refused", units=[], p50_ms=None, p99_ms=None,
    counts={"messages": 900, "delivered again": 2, "silent": 1, "too many messages": 30, "missing messages": 4},
)  # fmt: skip


def test_each_connection_is_shown_with_its_counts_and_units_to_those_who_see_its_site(tmp_path: Path) -> None:
    async def run() -> None:
        clock = VirtualClock(NOW)
        house = Installation(tmp_path / "data", site_file(tmp_path), clock)
        async with served(house.data, clock) as app, logged_in(app, Role.VIEWER) as browser:
            assert (await browser.get("/api/v1/connections")).json() == {"connections": []}, "nothing was counted yet"
            link_counts.write(house.data / "hq", NOW, [BUS, BROKER, {**BUS, "id": "long-gone"}])
            found = (await browser.get("/api/v1/connections?site=hq")).json()["connections"]
            head = {"site": "hq", "at": "2026-11-21T12:00:00.000Z", "stale": False}
            assert found == [{**head, **BUS}, {**head, **BROKER}], "and only what the site file has"
            assert (await browser.get("/api/v1/connections?site=elsewhere")).status_code == 404
            page = (await browser.get("/health?lang=en")).text
            assert "120 / 100" in page and "4.5 / 31.25 ms" in page and ">9<" in page
            assert "down · refused" in page and "<td>900</td><td>34</td>" in page, "a broker that is down is not left out"
            clock.advance(60.0)
            assert (await browser.get("/api/v1/connections")).json()["connections"][0]["stale"]
            (house.data / "hq" / link_counts.NAME).write_bytes(b'{"at_ns": 1, "connec')
            assert (await browser.get("/api/v1/connections")).json() == {"connections": []}, "a damaged file is none"
        house.close()

    asyncio.run(run())
