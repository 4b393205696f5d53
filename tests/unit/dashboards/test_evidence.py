"""E-1 by HTTP: a file comes in by API or form without a script, bounded, typed by its content, and goes out as nothing but a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.evidence import EvidenceStore
from plantroom.journal import Kind
from plantroom.words import say
from tests.kit.console_client import BASE, logged_in, served, token_of
from tests.kit.console_site import Installation, site_file
from tests.kit.evidence_files import GOOD, REFUSED, jpeg

NOW = 1_795_262_400 * NS
API = "/api/v1/evidence"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path, people="evidence: {file_mb: 1}\n"), VirtualClock(NOW))
    made.fault("F1-1", "gen-1", "readiness", order="O1-1")
    made.order("O1-1", "gen-1", "readiness", fault="F1-1")
    made.engine_at(1)
    yield made
    made.close()


def with_app(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


def commands(house: Installation) -> list[dict[str, Any]]:
    with house.journal.reader() as reader:
        return [orjson.loads(record.body) for record in reader.read_after(0) if record.kind is Kind.COMMAND]


def stored(house: Installation) -> list[str]:
    return list(EvidenceStore(house.folder).hashes())


def test_the_api_answers_the_hash_and_the_engine_is_told(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN) as browser:
            header = {"x-form-token": await token_of(browser), "content-type": "text/html"}
            answer = await browser.post(f"{API}?order=O1-1&name=门.jpg", content=GOOD["jpeg"], headers=header)
            hash_ = sha256(GOOD["jpeg"]).hexdigest()
            assert answer.status_code == 202, answer.text
            assert (answer.json()["hash"], answer.json()["kind"], answer.json()["bytes"]) == (hash_, "jpeg", len(GOOD["jpeg"]))
            [said] = commands(house)
            assert (said["does"], said["target"], said["who"]) == ("attach", "O1-1", "technician-1")
            assert said["args"] == {"about": "order", "hash": hash_, "kind": "jpeg", "bytes": len(GOOD["jpeg"]), "name": "门.jpg"}
            assert stored(house) == [hash_]
            assert (await browser.post(f"{API}?equipment=fp-1", content=GOOD["pdf"], headers=header)).status_code == 202
            assert commands(house)[1]["args"]["about"] == "equipment"

    with_app(house, scenario)


def test_a_form_without_a_script_puts_a_file_to_its_order(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN) as browser:
            page = (await browser.get("/orders/O1-1")).text
            assert 'enctype="multipart/form-data"' in page and say("evidence.none", "zh") in page
            fields = {"form_token": await token_of(browser), "order": "O1-1", "back": "/orders/O1-1", "command_id": "evidence-0001"}
            answer = await browser.post("/evidence", data=fields, files={"file": ("C:\\fakepath\\新 照片.jpg", jpeg(3_000), "text/html")})
            assert answer.status_code == 303 and answer.headers["location"] == "/orders/O1-1?command=evidence-0001", answer.text
            assert commands(house)[0]["args"]["name"] == "新 照片.jpg"
            wrong = {**fields, "form_token": "0" * 32}
            assert (await browser.post("/evidence", data=wrong, files={"file": ("a", jpeg(10))})).status_code == 403
            assert (
                await browser.post("/evidence", data=fields, files={"file": ("a", jpeg(11))}, headers={"origin": "https://evil.example"})
            ).status_code == 403
            bad = await browser.post(
                "/evidence", data={**fields, "command_id": "evidence-0002"}, files={"file": ("a.jpg", b"<svg/>", "image/jpeg")}
            )
            assert bad.status_code == 415 and say("evidence.refused.active", "zh") in bad.text
            assert len(stored(house)) == 1 and len(commands(house)) == 1

    with_app(house, scenario)


@pytest.mark.parametrize("name", ["nothing", "html", "a program", "a picture that is an archive", "half a picture", "gbk"])
def test_what_is_not_kept_is_refused_in_words_and_leaves_nothing(house: Installation, name: str) -> None:
    code, content = REFUSED[name]

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN) as browser:
            answer = await browser.post(
                f"{API}?order=O1-1", content=content, headers={"x-form-token": await token_of(browser), "content-type": "image/png"}
            )
            assert answer.status_code == (400 if code == "empty" else 415) and answer.json()["reason"] == f"evidence_{code}"
            assert answer.json()["says"]["zh"] == say(f"evidence.refused.{code}", "zh")
            assert not stored(house) and not commands(house) and not list((house.folder / "evidence" / "incoming").iterdir())

    with_app(house, scenario)


def test_a_gigabyte_is_refused_by_its_word_and_one_that_says_nothing_while_it_comes(house: Installation) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield GOOD["jpeg"]
        while sent < 1 << 30:
            sent += 65_536
            yield bytes(65_536)

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN) as browser:
            header = {"x-form-token": await token_of(browser)}
            answer = await browser.post(f"{API}?order=O1-1", content=b"x", headers={**header, "content-length": str(1 << 30)})
            assert answer.status_code == 413 and answer.json()["reason"] == "evidence_too_large"
            answer = await browser.post(f"{API}?order=O1-1", content=endless(), headers=header)
            assert answer.status_code in (400, 413) and not stored(house)
            assert sent < 64 << 20, "it was not taken to its end"
            long = {"form_token": header["x-form-token"], "order": "O1-1", "text": "x" * 3_900, **{f"f{n}": "y" * 3_900 for n in range(12)}}
            answer = await browser.post("/evidence", data=long, files={"file": ("a", jpeg())})
            assert answer.status_code == 400, "fields are bounded too"

    with_app(house, scenario)


def test_it_must_say_what_it_is_about_and_that_must_be_there(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN) as browser:
            header = {"x-form-token": await token_of(browser)}
            for query, status in (("", 400), ("?order=O1-1&equipment=gen-1", 400), ("?order=O9-9", 404), ("?equipment=nothing", 404)):
                assert (await browser.post(API + query, content=GOOD["jpeg"], headers=header)).status_code == status, query
        async with logged_in(app, Role.VIEWER) as browser:
            assert (
                await browser.post(f"{API}?order=O1-1", content=GOOD["jpeg"], headers={"x-form-token": await token_of(browser)})
            ).status_code == 403
        assert not stored(house) and not commands(house)

    with_app(house, scenario)


@pytest.mark.parametrize("kind", ["txt", "jpeg"])
def test_it_goes_out_to_be_saved_under_its_own_type_and_nothing_in_it_runs(house: Installation, kind: str) -> None:
    hash_ = house.evidence("O1-1", "gen-1", GOOD[kind], "<b>.html")

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VIEWER) as browser:
            answer = await browser.get(f"{API}/{hash_}")
            assert answer.status_code == 200 and answer.content == GOOD[kind]
            assert answer.headers["content-type"] == {"txt": "text/plain; charset=utf-8", "jpeg": "image/jpeg"}[kind]
            assert answer.headers["content-disposition"].startswith("attachment") and answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert {"txt": ".txt", "jpeg": ".jpg"}[kind] in answer.headers["content-disposition"] and '.html"' not in answer.headers[
                "content-disposition"
            ]
            page = (await browser.get("/orders/O1-1")).text
            assert hash_ in page and "<b>.html" not in page and ("<img" in page) is (kind == "jpeg")
            listed = (await browser.get(f"{API}?order=O1-1")).json()["evidence"]
            assert [each["hash"] for each in listed] == [hash_]
            for strange in ("0" * 64, "../records.db", "%2e%2e%2frecords.db", hash_.upper(), f"{hash_}%00"):
                assert (await browser.get(f"{API}/{strange}")).status_code == 404, strange

    with_app(house, scenario)


def test_somebody_of_another_site_sees_neither_file_nor_list(house: Installation) -> None:
    hash_ = house.evidence("O1-1", "gen-1", GOOD["jpeg"], "a")

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.ENGINEER, "alien", ["elsewhere"]) as browser:
            assert (await browser.get(f"{API}/{hash_}")).status_code == 404
            assert (await browser.get(f"{API}?order=O1-1")).status_code == 404
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as nobody:
            assert (await nobody.get(f"{API}/{hash_}")).status_code == 401

    with_app(house, scenario)
