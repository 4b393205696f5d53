"""The console served inside the test's loop on a virtual clock, and a browser-like client that logs in and fills in forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI

from dashboards.console.access import Access
from dashboards.console.app import background, close, create_app
from dashboards.console.roles import Role
from plantroom.bundle import site_of
from plantroom.clock import Clock

BASE = "http://127.0.0.1:8600"
PASSWORD = "correct horse 9"


@asynccontextmanager
async def served(data: Path, clock: Clock) -> AsyncIterator[FastAPI]:
    """The application with its followers running and caught up."""
    app = create_app(data, clock, site_of)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(background(app))
            await asyncio.sleep(0)
            async with asyncio.timeout(20):
                for view in app.state.sites.all():
                    await view.caught_up.wait()
            yield app
            task.cancel()
    finally:
        close(app)


def client(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers)


@asynccontextmanager
async def logged_in(
    app: FastAPI, role: Role = Role.ADMIN, name: str | None = None, sites: list[str] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser with a session of a new person of this role."""
    who = name or f"{role.value}-1"
    access: Access = app.state.access
    if who not in {account.name for account in access.accounts()}:
        access.add(who, role, PASSWORD, sites)
    async with client(app, origin=BASE) as browser:
        answer = await browser.post("/login", data={"name": who, "password": PASSWORD, "back": "/"})
        assert answer.status_code == 303, answer.text
        yield browser


def form_token(html: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', html)
    assert found, "the page has no form"
    return found[1]


async def token_of(browser: httpx.AsyncClient) -> str:
    return form_token((await browser.get("/account")).text)
