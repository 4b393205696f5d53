"""The plan on screens and in the API (M-1..M-4): who sees which task, its form without JavaScript, what is done to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from dashboards.console.plan_fields import arguments
from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.errors import Refused
from tests.kit.console_client import logged_in, served, token_of
from tests.kit.console_site import PEOPLE, Installation, site_file

NOW = 1_795_262_400 * NS
WHO = PEOPLE.replace(
    "people:",
    "people:\n  - {id: liu, name: 刘工, roles: [vendor], firm: 通力}\n  - {id: sun, name: 孙工, roles: [vendor], firm: 别家}\n  - {id: qi, name: 齐工, roles: [third_party], firm: 检测院}\n  - {id: both, name: 通检, roles: [third_party], firm: 通力}",
    1,
)
DAY = 86_400 * NS


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    path = site_file(tmp_path, people=WHO)
    text = path.read_text("utf-8").replace("    name: 1号消防泵\n", "    name: 1号消防泵\n    ledger: {supplier: 通力}\n")
    path.write_text(text + "plan: {go_live: 2026-11-01}\n", "utf-8")
    made = Installation(tmp_path / "data", path, VirtualClock(NOW))
    made.task("M1-1", "@daily", "engineer", "due", NOW - 3600 * NS)
    made.task("M1-2", "fp-1/month", "vendor", "overdue", NOW - 2 * DAY, behind=1)
    made.task("M1-3", "fp-1/year", "third_party", "due_soon", NOW + DAY)
    made.task("M1-4", "gen-1/month", "vendor", "scheduled", NOW + 9 * DAY)
    made.task("M1-5", "fp-1/monthly_start", "engineer", "done", NOW - 9 * DAY, late=1, ended_ns=NOW - 8 * DAY, ended_by="li.wei")
    made.records.db.execute(
        "INSERT INTO plan_result (task, equipment, item, outcome, number) VALUES ('M1-5', 'fp-1', 'motor_current', 'ok', 12.5)"
    )
    made.engine_at(1)
    yield made
    made.close()


def browse(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


def test_a_third_party_puts_its_report_to_its_own_task_and_finds_it_in_the_form(house: Installation) -> None:
    """E-1, M-3."""
    house.records.db.execute(
        "INSERT INTO evidence (hash, about, target, equipment, seq, at_ns, who, kind, bytes) VALUES (?, 'task', 'M1-3', 'fp-1', 1, ?, 'qi', 'pdf', 99),"
        " (?, 'task', 'M1-2', 'fp-1', 1, ?, 'liu', 'pdf', 99)",
        ("77" * 32, NOW, "88" * 32, NOW),
    )

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.THIRD_PARTY, "qi") as browser:
            header = {"x-form-token": await token_of(browser)}
            taken = await browser.post("/api/v1/evidence?task=M1-3&name=r.pdf", content=b"%PDF-1.4\n%%EOF\n", headers=header)
            assert taken.status_code in (200, 202)
            for foreign in ("task=M1-2", "equipment=fp-1", "order=O1-1"):
                answer = await browser.post(f"/api/v1/evidence?{foreign}", content=b"%PDF-1.4\n%%EOF\n", headers=header)
                assert answer.status_code == 404, foreign
            listed = (await browser.get("/api/v1/evidence?task=M1-3")).json()["evidence"]
            assert [each["hash"] for each in listed] == ["77" * 32]
            assert (await browser.get("/api/v1/evidence?task=M1-2")).status_code == 404
            page = (await browser.get("/plan/tasks/M1-3?lang=en")).text
            assert f'<option value="{"77" * 32}">' in page and "88" * 32 not in page and 'enctype="multipart/form-data"' in page

    browse(house, scenario)


def test_a_task_that_was_done_is_one_of_the_machines_last_records_and_a_round_is_none(house: Installation) -> None:
    """L-1."""
    house.task("M1-8", "@daily", "engineer", "done", NOW - DAY, ended_ns=NOW - DAY, ended_by="li.wei")

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VIEWER, "owner") as client:
            page = (await client.get("/equipment/fp-1?lang=en")).text
            assert "/plan/tasks/M1-5" in page and "/plan/tasks/M1-8" not in page

    browse(house, scenario)


def test_each_sees_the_tasks_that_are_theirs_and_the_next_due_first(house: Installation) -> None:
    """M-1..M-3: the house all of them; a firm those of its machines, a third party those it may assess."""

    async def scenario(app: FastAPI) -> None:
        seen = {}
        for role, name in (
            (Role.TECHNICIAN, "li.wei"),
            (Role.VENDOR, "liu"),
            (Role.VENDOR, "sun"),
            (Role.THIRD_PARTY, "qi"),
            (Role.THIRD_PARTY, "both"),
        ):
            async with logged_in(app, role, name) as client:
                seen[name] = [row["id"] for row in (await client.get("/api/v1/plan/tasks?state=all")).json()["tasks"]]
                assert (await client.get("/plan")).status_code == 200
                assert (await client.get("/plan/tasks/M1-1")).status_code == (200 if name == "li.wei" else 404)
        assert seen["li.wei"] == ["M1-4", "M1-3", "M1-1", "M1-2", "M1-5"]
        assert (seen["liu"], seen["sun"], seen["qi"], seen["both"]) == (["M1-2"], [], ["M1-3"], [])
        async with logged_in(app, Role.VIEWER, "owner") as client:
            rows = (await client.get("/api/v1/plan/tasks")).json()["tasks"]
            assert [(row["id"], row["state"], row["behind"]) for row in rows] == [
                ("M1-2", "overdue", True),
                ("M1-1", "due", False),
                ("M1-3", "due_soon", False),
            ]
            assert rows[0]["text"] == {"zh": "消防泵月度保养", "en": "Monthly maintenance of the fire pump"}
            assert (await client.get("/api/v1/plan/tasks?state=tomorrow")).status_code == 400

    browse(house, scenario)


def test_a_tasks_page_is_a_form_with_every_item_and_what_it_wants(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VENDOR, "liu") as client:
            text = (await client.get("/plan/tasks/M1-2")).text
            assert 'action="/plan/tasks/M1-2/complete"' in text and 'name="item.bearings"' in text and 'name="evidence.report"' in text
            assert "<script>" not in text
            detail = (await client.get("/api/v1/plan/tasks/M1-2")).json()
            assert detail["wants"] == ["report"] and [item["key"] for item in detail["items"]][:2] == ["bearings", "coupling"]
        async with logged_in(app, Role.TECHNICIAN, "li.wei") as client:
            text = (await client.get("/plan/tasks/M1-1")).text
            assert 'name="item.fp-1.pressure"' in text and 'name="item.gen-1.fuel"' in text
            done = (await client.get("/plan/tasks/M1-5")).text
            assert "12.5 A" in done and "逾期完成" in done and 'action="/plan/tasks/M1-5/complete"' not in done

    browse(house, scenario)


def test_what_is_done_to_a_task_is_a_command_with_its_items(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VIEWER, "owner") as client:
            body = {"command_id": "c0000000-1"}
            assert (await client.post("/api/v1/plan/tasks/M1-2/complete", json=body)).status_code == 403

    browse(house, scenario)


def test_fields_of_a_form_and_of_json_mean_the_same() -> None:
    form = {
        "item.gap": "0.4",
        "photo.gap": "ab" * 32,
        "item.state": "good",
        "evidence.report": f"{'cd' * 32} {'ef' * 32}",
        "text": "好",
        "form_token": "x",
    }
    json = {
        "items": {"gap": {"value": "0.4", "photo": "ab" * 32}, "state": "good"},
        "evidence": {"report": ["cd" * 32, "ef" * 32]},
        "text": "好",
    }
    assert arguments("complete", form) == arguments("complete", json)
    for does, fields in (("complete", {"itme": "x"}), ("complete", {"items": []}), ("start", {"item.a": "ok"}), ("move", {"until": 5})):
        with pytest.raises(Refused):
            arguments(does, fields)
