"""The API's answers: shapes as declared, filters, ranges, and a command's three outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from dashboards.console import commanding
from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock, iso
from plantroom.journal import Kind
from plantroom.model import Quality
from tests.kit.console_client import logged_in, served, token_of
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
Scenario = Callable[[FastAPI, httpx.AsyncClient], Awaitable[None]]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path), VirtualClock(NOW))
    made.samples("gen-1", 400)
    kinds = (("danger", "active"), ("readiness", "recovering"), ("normal", "cleared"), ("advisory", "active"))
    for n, (severity, condition) in enumerate(kinds):
        machine, order = "gen-1" if n < 2 else "fp-1", f"O{n}-1"
        made.fault(f"F{n}-1", machine, severity, rule=f"rule_{n}", condition=condition, minutes_ago=10 - n, order=order)
        made.order(f"O{n}-1", "gen-1", severity, fault=f"F{n}-1", state="closed" if n == 2 else "open", minutes_ago=10 - n)
    made.page("P0-1", "F0-1", "O0-1", "duty", "HTTP 200", minutes_ago=9)
    made.engine_at(3)
    yield made
    made.close()


def ask(house: Installation, scenario: Scenario, role: Role = Role.ENGINEER) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app, logged_in(app, role) as browser:
            browser.headers["x-form-token"] = await token_of(browser)
            await scenario(app, browser)

    asyncio.run(run())


async def get(browser: httpx.AsyncClient, path: str) -> Any:
    answer = await browser.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_incident_names_its_parts_and_which_came_first(house: Installation) -> None:
    house.records.db.execute("UPDATE fault SET parent = 'F0-1', onset_ns = onset_ns - 3600000000000 WHERE id = 'F3-1'")

    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        head, part = await get(browser, "faults/F0-1"), await get(browser, "faults/F3-1")
        assert (head["parent"], head["children"], head["first_out"]) == (None, ["F3-1"], "F3-1")
        assert (part["parent"], part["children"], part["first_out"]) == ("F0-1", [], "F3-1")

    ask(house, scenario)


def test_item_time_by_local_day_with_what_runs_added(house: Installation) -> None:
    columns = "(equipment, item, day, usable_ns, faulted_ns, unknown_ns, state, heard, since_ns)"
    rows = [("gen-1", "standby_power", "2026-11-20", 60 * NS, 0, 0, "usable", 1, None), ("gen-1", "standby_power", "2026-11-21", 0, 5 * NS, 0, "faulted", 1, NOW - 7 * NS)]
    for row in rows:
        house.records.db.execute(f"INSERT INTO item_time {columns} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        item = next(i for i in (await get(browser, "equipment/gen-1/items"))["items"] if i["item"] == "standby_power")
        assert item["state"] == "faulted" and set(item["text"]) == {"zh", "en"}
        assert [(d["day"], d["usable_s"], d["faulted_s"]) for d in item["days"]] == [("2026-11-20", 60.0, 0.0), ("2026-11-21", 0.0, 12.0)]
        assert (await get(browser, "equipment/gen-1/items?days=1"))["items"][0]["days"] in ([], item["days"][1:])

    ask(house, scenario)


def test_faults_are_filtered_by_condition_severity_equipment_and_site(house: Installation) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        async def ids(query: str) -> list[str]:
            return [fault["id"] for fault in (await get(browser, f"faults{query}"))["faults"]]

        assert await ids("") == ["F3-1", "F1-1", "F0-1"]
        assert await ids("?condition=all") == ["F3-1", "F2-1", "F1-1", "F0-1"]
        assert await ids("?condition=cleared,recovering") == ["F2-1", "F1-1"]
        assert await ids("?severity=urgent") == ["F1-1", "F0-1"]
        assert await ids("?severity=danger,advisory&equipment=fp-1") == ["F3-1"]
        assert await ids("?site=hq&severity=danger") == ["F0-1"]
        for wrong in ("?condition=broken", "?severity=big", "?limit=0", "?limit=100000", "?before=soon"):
            answer = await browser.get(f"/api/v1/faults{wrong}")
            assert answer.status_code == 400, wrong
            assert answer.json()["text"]

    ask(house, scenario)


def test_a_long_list_comes_in_pieces_without_a_row_lost_or_doubled(house: Installation) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        found, before = [], ""
        for _ in range(10):
            piece = await get(browser, f"faults?condition=all&limit=1{before}")
            found += [fault["id"] for fault in piece["faults"]]
            if piece["next"] is None:
                break
            before = f"&before={piece['next']}"
        assert found == ["F3-1", "F2-1", "F1-1", "F0-1"]

    ask(house, scenario)


def test_a_fault_shows_its_trace_its_clocks_and_who_was_told(house: Installation) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        fault = await get(browser, "faults/F0-1")
        assert fault["urgent"] is True
        assert fault["text"] == {"zh": "油压低", "en": "Low oil pressure"}
        assert fault["trace"]["expression"] == "value < limit"
        assert fault["pages"][0]["attempts"][0]["answer"] == "HTTP 200"
        (clock,) = fault["clocks"]
        assert (clock["name"], clock["left_s"], clock["phase"]) == ("response", 300, "running")
        assert clock["due_at"] == iso(NOW + 300 * NS)

    ask(house, scenario)


def test_a_fault_and_its_order_show_the_call_and_what_is_known_of_each_page(house: Installation) -> None:
    house.call("O0-1", [("app", "li.wei"), ("duty", None)], count=1)
    house.hollow("O0-1", "li.wei", 17, 15)
    house.page("P0-2", "F0-1", "O0-1", "app", "sent", person="li.wei", confirmed=0)

    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        fault, order = await get(browser, "faults/F0-1"), await get(browser, "orders/O0-1")
        called = [{"channel": "app", "person": "li.wei"}, {"channel": "duty", "person": None}]
        next_at = iso(NOW + 120 * NS)
        assert fault["call"] == {"state": "calling", "count": 1, "told": called, "next_at": next_at, "next_tell": ["managers"]}
        assert order["call"] == fault["call"]
        assert order["hollow"] == [{"by": "li.wei", "accepted_at": iso(NOW - 1020 * NS), "due_at": iso(NOW - 120 * NS)}]
        said = {page["id"]: (page["person"], page["attempts"][0]["confirmed"]) for page in order["pages"]}
        assert said == {"P0-1": (None, True), "P0-2": ("li.wei", False)}
        assert (await get(browser, "faults/F1-1"))["call"] is None

    ask(house, scenario)


def test_equipment_carries_values_with_quality_and_open_faults(house: Installation) -> None:
    house.sample({"gen-1.oil_pressure": 0}, quality=Quality.SENTINEL)

    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        machines = {one["id"]: one for one in (await get(browser, "equipment"))["equipment"]}
        assert set(machines) == {"gen-1", "fp-1", "as-1", "monitor"}
        assert machines["gen-1"]["open_faults"] == ["F1-1", "F0-1"]
        assert machines["as-1"]["monitored"] is False
        values = {value["point"]: value for value in machines["gen-1"]["values"]}
        bad, good = values["gen-1.oil_pressure"], values["gen-1.engine_speed"]
        assert (bad["value"], bad["quality"], bad["text"]["en"]) == (None, "sentinel", "sensor invalid")
        assert bad["last_good"] > 0
        assert (good["quality"], good["unit"], good["silent"], good["at"]) == ("good", "rpm", False, iso(NOW))
        mode = values["gen-1.control_mode"]
        assert (mode["value"], mode["text"]) == (1.0, {"zh": "自动", "en": "auto"})
        assert {value["quality"] for value in machines["fp-1"]["values"]} == {"absent"}
        assert all(value["silent"] for value in machines["fp-1"]["values"])

    ask(house, scenario)


def test_history_comes_raw_for_short_ranges_and_in_buckets_for_long_ones(house: Installation) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        raw = await get(browser, "points/gen-1.engine_speed/history?from=-5m")
        assert raw["step_s"] is None
        assert len(raw["at"]) == 300
        assert raw["at"][0] == (NOW - 300 * NS) / NS
        wide = await get(browser, "points/gen-1.engine_speed/history?from=-2h")
        assert wide["step_s"] == 10
        assert sum(wide["count"]) == 400  # half-open: the sample of this very instant is not in it
        least, most = min(v for v in wide["min"] if v is not None), max(v for v in wide["max"] if v is not None)
        assert least < most
        asked = await get(browser, f"points/gen-1.engine_speed/history?from={iso(NOW - 120 * NS)}&to={NOW / NS}&step=1m")
        assert [asked["step_s"], asked["count"]] == [60, [60, 60]]

    ask(house, scenario)


WRONG_RANGES = (
    "from=-1h&to=-2h", "from=-500d", "from=nonsense", "from=-30d&step=raw", "from=-30d&step=1s", "from=-1h&step=-5s", "step=x",
    "from=2026-11-21T10:00:00", "from=1e400",
    "from=1960-01-01T00:00:00Z&to=1960-01-02T00:00:00Z", "to=" + "9" * 400,
)  # fmt: skip


@pytest.mark.parametrize("query", WRONG_RANGES)
def test_a_range_that_cannot_be_answered_is_refused_with_words(house: Installation, query: str) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        answer = await browser.get(f"/api/v1/points/gen-1.engine_speed/history?{query}")
        assert answer.status_code == 400, answer.text
        assert answer.json()["reason"] == "bad_request"

    ask(house, scenario)


class StandIn:
    """Answers commands the way the engine does: by a row, once the journal holds the command."""

    def __init__(self, house: Installation) -> None:
        self.house, self.seen = house, list[dict[str, Any]]()

    async def answer(self, applied: bool, reason: tuple[str, str] = ("已办理", "Done")) -> None:
        with self.house.journal.reader() as reader:
            while True:
                commands = [orjson.loads(r.body) for r in reader.read_after(0, 100_000) if r.kind is Kind.COMMAND]
                if len(commands) > len(self.seen):
                    self.seen = commands
                    new = commands[-1]
                    state = {"order": {"id": new["target"], "state": "accepted"}}
                    self.house.outcome(new["command_id"], new["does"], new["target"], new["who"], applied, reason, state=state)
                    return
                await asyncio.sleep(0.01)


def test_an_applied_command_answers_200_with_the_new_state(house: Installation) -> None:
    engine = StandIn(house)

    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(engine.answer(True))
            answer = await browser.post("/api/v1/orders/O0-1/accept", json={"command_id": "c0ffee00-1", "eta": "10m"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"]["order"]["state"] == "accepted"
        (command,) = engine.seen
        assert command == {
            "command_id": "c0ffee00-1", "does": "accept", "target": "O0-1", "who": "engineer-1", "name": "engineer-1",
            "roles": ["technician", "engineer"], "args": {"eta": "10m"},
        }  # fmt: skip
        again = await browser.post("/api/v1/orders/O0-1/accept", json={"command_id": "c0ffee00-1", "eta": "10m"})
        assert (again.status_code, again.json()) == (200, answer.json())
        with house.journal.reader() as reader:
            assert sum(r.kind is Kind.COMMAND for r in reader.read_after(0, 100_000)) == 1, "a repeated id is one command"
        other = await browser.post("/api/v1/orders/O1-1/accept", json={"command_id": "c0ffee00-1"})
        assert other.status_code == 400
        assert "another command" in other.json()["text"]

    ask(house, scenario)


def test_a_refused_command_answers_409_with_the_reason_and_the_present_state(house: Installation) -> None:
    engine = StandIn(house)

    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(engine.answer(False, ("已由李伟接单", "li.wei has already accepted it")))
            answer = await browser.post("/api/v1/orders/O0-1/accept")
        assert answer.status_code == 409
        body = answer.json()
        assert (body["outcome"], body["reason"], body["says"]["zh"]) == ("refused", "already_accepted", "已由李伟接单")
        assert body["state"]["order"]["state"] == "accepted"
        found = await get(browser, f"commands/{body['command_id']}")
        assert found == body

    ask(house, scenario)


def test_a_command_that_waits_answers_202_and_can_be_asked_for_also_after_a_restart(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commanding, "WAIT_S", 0.05)

    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        answer = await browser.post("/api/v1/orders/O0-1/arrive", json={"command_id": "waiting-1"})
        assert answer.status_code == 202
        assert answer.headers["location"] == "/api/v1/commands/waiting-1"
        assert answer.json()["recorded_at"] == iso(NOW)
        assert (await get(browser, "commands/waiting-1"))["outcome"] == "recorded"
        app.state.commanders["hq"]._sent.clear()  # as a new process begins: only the journal knows
        assert (await get(browser, "commands/waiting-1"))["outcome"] == "recorded"
        house.outcome("waiting-1", "arrive", "O0-1", "engineer-1", True)
        assert (await get(browser, "commands/waiting-1"))["outcome"] == "applied"
        assert (await browser.get("/api/v1/commands/never-sent")).status_code == 404

    ask(house, scenario)


def test_a_form_is_the_same_command_and_leads_back_with_its_outcome(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = StandIn(house)

    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        fields = {"form_token": browser.headers.pop("x-form-token"), "command_id": "form-00001", "back": "/orders?state=open"}
        browser.cookies.set("plantroom_lang", "en")
        async with asyncio.TaskGroup() as group:
            group.create_task(engine.answer(False, ("已由李伟接单", "li.wei has already accepted it")))
            answer = await browser.post("/orders/O0-1/accept", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/orders?state=open&command=form-00001")
        assert "Not done: li.wei has already accepted it" in (await browser.get("/?command=form-00001")).text
        monkeypatch.setattr(commanding, "WAIT_S", 0.05)
        await browser.post("/orders/O0-1/arrive", data={**fields, "command_id": "form-00002"})
        assert "Recorded 20:00:00, being applied." in (await browser.get("/?command=form-00002")).text

    ask(house, scenario)


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("orders/O0-1/accept", {"etta": "10m"}, "no field etta"),
        ("orders/O0-1/comment", {"text": ["a"]}, "must be a text"),
        ("orders/O0-1/comment", {"text": "x" * 5_000}, "at most 4000"),
        ("orders/O0-1/accept", {"command_id": "a b"}, "command_id"),
        ("faults/F1-1/shelve", {"until": "2h", "reason": "r", "second": "nobody"}, "nobody who may shelve"),
    ],
)
def test_a_command_that_says_nonsense_is_refused_before_it_is_recorded(
    house: Installation, path: str, fields: dict[str, Any], words: str
) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        answer = await browser.post(f"/api/v1/{path}", json=fields)
        assert answer.status_code == 400
        assert words in answer.json()["text"]
        with house.journal.reader() as reader:
            assert reader.last_of(Kind.COMMAND) is None

    ask(house, scenario)


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"{}" * 2, b"\xff\xfe"])
@pytest.mark.parametrize("media", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "a/b"])
def test_a_body_that_is_no_form_and_no_object_is_refused(house: Installation, body: bytes, media: str) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        answer = await browser.post("/api/v1/orders/O0-1/comment", content=body, headers={"content-type": media})
        assert answer.status_code == 400, answer.text

    ask(house, scenario)


def test_a_journal_that_cannot_be_written_means_503_and_nothing_happened(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        await browser.get("/api/v1/orders")
        folder = house.folder / "journal"
        folder.rename(house.folder / "away")
        folder.write_text("a file where the folder was")
        try:
            answer = await browser.post("/api/v1/orders/O0-1/accept")
        finally:
            folder.unlink()
            (house.folder / "away").rename(folder)
        assert answer.status_code == 503, answer.text
        assert answer.json()["reason"] == "not_recorded"

    ask(house, scenario)


def test_metrics_count_faults_orders_and_lag(house: Installation) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        text = (await browser.get("/api/v1/metrics")).text
        assert 'plantroom_open_faults{site="hq",severity="danger"} 1' in text
        assert 'plantroom_orders{site="hq",state="open"} 3' in text
        assert 'plantroom_engine_lag_seconds{site="hq"} 0' in text

    ask(house, scenario)


def test_the_openapi_document_names_every_route_of_the_api(house: Installation) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient) -> None:
        document = (await browser.get("/api/openapi.json")).json()
        paths = set(document["paths"])
        assert {"/api/v1/equipment", "/api/v1/points/{point_id}/history", "/api/v1/orders/{target}/accept", "/api/v1/events"} <= paths
        assert all(path.startswith("/api/v1/") for path in paths)

    ask(house, scenario)
