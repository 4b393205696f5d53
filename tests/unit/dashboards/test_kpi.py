"""The service figures as the API and the page tell them: scopes, periods, the orders behind each rate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import orjson
import pytest

from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.journal import Kind
from tests.kit.console_client import client, logged_in, served, token_of
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS  # 2026-11-21 20:00 in Shanghai
HOUR = 3600 * NS


def furnished(folder: Path, clock: VirtualClock) -> Installation:
    house = Installation(folder / "data", site_file(folder), clock)
    for n, machine, state in ((1, "fp-1", "accepted"), (2, "gen-1", "open")):
        house.fault(f"F{n}-1", machine, "normal", rule=f"rule_{n}", minutes_ago=300.0)
        house.order(f"O{n}-1", machine, fault=f"F{n}-1", state=state, minutes_ago=300.0, limit_min=30.0)
    for day in range(1, 22):
        for machine, state in (("fp-1", "usable"), ("gen-1", "faulted" if day == 3 else "usable")):
            lengths = (
                {"usable_ns": 23 * HOUR, "faulted_ns": HOUR, "unknown_ns": 0}
                if machine == "gen-1"
                else {"usable_ns": 24 * HOUR, "faulted_ns": 0, "unknown_ns": 0}
            )
            row = {
                "equipment": machine,
                "item": "any",
                "day": f"2026-11-{day:02d}",
                "state": state,
                "heard": 1,
                "since_ns": None,
                "at_eight": state,
            }
            house._insert("item_time", {**row, **lengths})
    house._insert(
        "item_time",
        {"equipment": "monitor", "item": "alerting", "day": "2026-11-05", "state": "faulted", "heard": 1, "since_ns": None, "at_eight": "faulted",
         "usable_ns": 0, "faulted_ns": 24 * HOUR, "unknown_ns": 0},
    )  # fmt: skip
    house.engine_at(1)
    return house


def browse(folder: Path, go: Callable[[httpx.AsyncClient], Awaitable[None]], role: Role = Role.VIEWER) -> None:
    async def whole() -> None:
        clock = VirtualClock(NOW)
        house = furnished(folder, clock)
        async with served(house.data, clock) as app, logged_in(app, role) as browser:
            await go(browser)
        house.close()

    asyncio.run(whole())


def test_the_api_tells_rates_with_what_they_stand_on(tmp_path: Path) -> None:
    async def go(browser: httpx.AsyncClient) -> None:
        (found,) = (await browser.get("/api/v1/kpi?period=2026-11")).json()["sites"]
        assert (found["site"], found["first"], found["end"], found["zone"]) == ("hq", "2026-11-01", "2026-12-01", "Asia/Shanghai")
        by = {(figure["id"], figure["system"]): figure for figure in found["figures"]}
        response = by["R-1", "all"]
        assert (response["numerator"], response["denominator"], response["value"], response["coverage"]) == (1, 2, 0.5, 1.0)
        assert by["K-1.time", "power"]["value"] == pytest.approx(23 / 24) and by["K-1.time", "fire"]["value"] == 1.0
        assert by["K-1.heads", "power"]["value"] == pytest.approx(20 / 21)
        assert by["K-1.heads", "power"]["met"] is False and by["K-1.time", "power"]["target"] is None
        assert by["K-1.time", "all"]["numerator"] == 21 * 47 * 3600 and ("K-1.time", "none") not in by, "the monitor itself is no plant"
        assert by["K-1.time", "all"]["denominator"] == 21 * 48 * 3600
        ends = (await browser.get("/api/v1/kpi?from=2026-11-01&to=2026-12-01")).json()["sites"][0]
        assert ends["figures"] == found["figures"] and ends["period"] == "2026-11-01..2026-11-30"
        midnight = (await browser.get("/api/v1/kpi", params={"from": "2026-11-01T00:00:00+08:00", "to": "2026-11-30T16:00:00Z"})).json()[
            "sites"
        ][0]
        assert midnight["figures"] == found["figures"]
        assert (await browser.get("/api/v1/kpi")).json()["sites"][0]["period"] == "2026-11", "this month, unless told otherwise"

    browse(tmp_path, go)


def test_each_scope_narrows_and_what_is_unknown_is_refused(tmp_path: Path) -> None:
    async def go(browser: httpx.AsyncClient) -> None:
        async def response(query: str) -> tuple[float, float]:
            (found,) = (await browser.get(f"/api/v1/kpi?period=2026-11&{query}")).json()["sites"]
            figure = next(figure for figure in found["figures"] if figure["id"] == "R-1")
            return figure["numerator"], figure["denominator"]

        assert await response("kind=fire_pump") == (1, 1) and await response("kind=generator") == (0, 1)
        assert await response("system=power") == (0, 1) and await response("system=lifts") == (0, 0)
        assert await response("firm=nobody") == (0, 0)
        wrong = ("kind=teapot", "system=teapot", "period=2026-13", "from=2026-11-01", "from=2026-11-02&to=2026-11-01", "period=2026&from=2026-01-01&to=2026-02-01",
                 "from=2026-11-01T05:00:00Z&to=2026-12-01", "as_of=yesterday")  # fmt: skip
        for query in wrong:
            assert (await browser.get(f"/api/v1/kpi?{query}")).status_code == 400, query
        assert (await browser.get("/api/v1/kpi?site=elsewhere")).status_code == 404

    browse(tmp_path, go)


def test_from_the_percentage_to_its_orders_what_was_missed_first(tmp_path: Path) -> None:
    async def go(browser: httpx.AsyncClient) -> None:
        (found,) = (await browser.get("/api/v1/kpi/cases?period=2026-11&figure=R-1")).json()["sites"]
        assert [(case["order"], case["verdict"], case["why"], case["length_s"]) for case in found["cases"]] == [
            ("O2-1", "missed", "never", None), ("O1-1", "kept", "", 40.0),
        ]  # fmt: skip
        assert (found["cases"][0]["fault"], found["cases"][0]["equipment"], found["more"]) == ("F2-1", "gen-1", 0)
        before = (await browser.get("/api/v1/kpi/cases?period=2026-11&figure=R-1&as_of=2026-11-21T14:59:00%2B08:00")).json()["sites"][0]
        assert before["cases"] == [], "nothing is known before it happened"

    browse(tmp_path, go)


def test_the_page_shows_the_same_in_both_languages_without_a_script(tmp_path: Path) -> None:
    async def go(browser: httpx.AsyncClient) -> None:
        page = (await browser.get("/kpi?period=2026-11&figure=R-1&lang=en")).text
        assert "50.0&nbsp;%" in page and "1 / 2" in page and "/orders/O2-1" in page and "/faults/F2-1" in page and "never" in page
        zh = (await browser.get("/kpi?period=2026-11&lang=zh")).text
        assert "服务指标" in zh and "完好率" in zh and "95.2&nbsp;%" in zh
        assert (await browser.get("/kpi?period=nonsense")).status_code == 400

    browse(tmp_path, go)


def test_a_stranger_and_a_vendor_see_no_figures(tmp_path: Path) -> None:
    async def go(browser: httpx.AsyncClient) -> None:
        assert (await browser.get("/api/v1/kpi")).status_code == 403

    browse(tmp_path, go, Role.VENDOR)

    async def stranger() -> None:
        clock = VirtualClock(NOW)
        house = Installation(tmp_path / "other", site_file(tmp_path), clock)
        async with served(house.data, clock) as app, client(app) as nobody:
            assert (await nobody.get("/api/v1/kpi")).status_code == 401
        house.close()

    asyncio.run(stranger())


def test_signing_sends_the_figures_its_person_saw_and_the_page_tells_what_was_signed(tmp_path: Path) -> None:
    """K-5."""

    async def whole() -> None:
        clock = VirtualClock(NOW)
        house = furnished(tmp_path, clock)
        async with served(house.data, clock) as app:
            async with logged_in(app, Role.MANAGER) as browser:
                header = {"x-form-token": await token_of(browser)}
                sent = await browser.post("/api/v1/kpi/sign", json={"period": "2026-11", "command_id": "sign-0001"}, headers=header)
                assert sent.status_code == 202, sent.text
                with house.journal.reader() as reader:
                    [command] = [orjson.loads(record.body) for record in reader.read_after(0) if record.kind is Kind.COMMAND]
                seen = (await browser.get("/api/v1/kpi?period=2026-11")).json()["sites"][0]
                signed = orjson.loads(command["args"]["figures"])
                assert (command["does"], command["target"]) == ("sign_period", "2026-11")
                assert signed["figures"] == seen["figures"] and signed["as_of"] == seen["as_of"]
                assert (await browser.post("/api/v1/kpi/sign", json={"period": "nonsense"}, headers=header)).status_code == 400
                other = {**signed, "figures": [{**figure, "numerator": 0} if figure["id"] == "R-1" else figure for figure in signed["figures"]]}
                insert = "INSERT INTO signed_period VALUES ('2026-11', ?, 5, ?, 'boss', '2026-11-01', '2026-12-01', ?, ?, ?, ?, NULL)"
                for revision, figures, changed in ((1, signed, "[]"), (2, other, '[["R-1","all",[1,2,0.5],[0,2,0.5]]]')):
                    house.records.db.execute(insert, (revision, NOW, signed["as_of"], f"{revision}" * 64, orjson.dumps(figures).decode(), changed))
                page = (await browser.get("/kpi?period=2026-11&lang=en")).text
                assert "Revision 1, signed by boss" in page and "computed now 1 figures differ" in page and "corrects 1 figures" in page
                assert 'action="/kpi/sign' in page
                told = (await browser.get("/api/v1/kpi/signed?period=2026-11")).json()["signed"]
                assert [(row["revision"], row["who"], len(row["changed"])) for row in told] == [(1, "boss", 0), (2, "boss", 1)]
            async with logged_in(app, Role.ENGINEER) as browser:
                header = {"x-form-token": await token_of(browser)}
                assert (await browser.post("/api/v1/kpi/sign", json={"period": "2026-11"}, headers=header)).status_code == 403
                assert 'action="/kpi/sign' not in (await browser.get("/kpi?period=2026-11")).text
        house.close()

    asyncio.run(whole())
