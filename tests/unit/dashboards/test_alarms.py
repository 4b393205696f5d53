"""Alarm housekeeping as the API, the page and the command tell it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from dashboards.console.roles import Role
from plantroom.cli import run
from plantroom.clock import NS, VirtualClock, iso
from tests.kit.console_client import client, logged_in, served
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
MINUTE = 60 * NS


def flooded(folder: Path, clock: VirtualClock) -> Installation:
    house = Installation(folder / "data", site_file(folder), clock)
    for n in range(14):
        house.fault(f"F{n + 1}-1", "gen-1", rule=f"rule_{n}", minutes_ago=30.0 - n / 2, condition="cleared")
    return house


def test_the_page_and_the_api_tell_the_same_without_any_script(tmp_path: Path) -> None:
    async def go() -> None:
        clock = VirtualClock(NOW)
        house = flooded(tmp_path, clock)
        async with served(house.data, clock) as app, logged_in(app, Role.VIEWER) as browser:
            (found,) = (await browser.get("/api/v1/alarms/housekeeping?from=-1d")).json()["sites"]
            assert (found["site"], found["alarms"], len(found["floods"])) == ("hq", 14, 1)
            page = (await browser.get("/health/alarms?days=1&lang=en")).text
            assert "rule_3" in page  # a rule nobody knows keeps its id
            assert "14 alarms" in page and "Share of time in flood" in page and "missed" in page
            assert "报警质量" in (await browser.get("/health/alarms?lang=zh")).text
            assert "/health/alarms" in (await browser.get("/health")).text
            assert (await browser.get("/health/alarms?from=yesterday")).status_code == 400
            assert (await browser.get("/api/v1/alarms/housekeeping?from=-900d")).status_code == 400
            assert (await browser.get("/api/v1/alarms/housekeeping?site=elsewhere")).status_code == 404
        async with served(house.data, clock) as app, client(app) as stranger:
            assert (await stranger.get("/api/v1/alarms/housekeeping")).status_code == 401
        house.close()

    asyncio.run(go())


def test_the_command_reads_the_records_of_every_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house = flooded(tmp_path, VirtualClock(NOW))
    span = ["--from", iso(NOW - 86_400 * NS), "--to", iso(NOW)]
    assert run(["rules", "housekeeping", "--data", str(house.data), *span, "--json"]) == 0
    found = orjson.loads(capsys.readouterr().out)
    assert (found["site"], found["alarms"]) == ("hq", 14)
    assert run(["rules", "housekeeping", "--data", str(house.data), *span, "--lang", "en"]) == 0
    assert "Peak rate: 14.00 per 10 min  (target 10.00 per 10 min)" in capsys.readouterr().out
    assert run(["rules", "housekeeping", "--data", str(tmp_path / "none")]) == 2
    assert run(["rules", "housekeeping", "--data", str(house.data), "--from", iso(NOW), "--to", iso(NOW - NS)]) == 2
    assert run(["rules", "housekeeping", "--data", str(house.data), "--from", "noon"]) == 2
    house.close()
