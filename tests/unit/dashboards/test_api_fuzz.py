"""What the OpenAPI document promises, asked with what schemathesis makes of it, good and bad: no server error, no byte of another site, no
status the document does not name. A few hundred cases here, more than 200,000 in `make soak`."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from dashboards.console.commanding import Commander, Deed, Recorded
from dashboards.console.pace import Buckets, Pace
from dashboards.console.roles import Person
from plantroom.clock import NS, VirtualClock
from plantroom.roles import Role
from tests.kit import matrix
from tests.kit.asgi import Answer, ask
from tests.kit.console_client import served

T = TypeVar("T")
SHORT, LONG = 400, 200_000
HOW: dict[str, Any] = {"deadline": None, "database": None, "phases": [Phase.generate], "suppress_health_check": list(HealthCheck)}


class Running:
    """The application in a loop of its own thread."""

    def __init__(self, data: Path, clock: VirtualClock) -> None:
        self._place, self._loop, self._ready = (data, clock), asyncio.new_event_loop(), threading.Event()
        self._end = asyncio.Event()
        self.app: FastAPI
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._ready.wait(30)

    async def _serve(self) -> None:
        async with served(*self._place) as self.app:
            self._ready.set()
            await self._end.wait()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)
        self._loop.close()


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    async def send(self: Commander, deed: Deed, person: Person, command_id: str) -> Recorded:
        return Recorded(command_id, 1, self._view.clock.read().wall_ns, person.name)  # no engine waits behind it

    monkeypatch.setattr(Commander, "send", send)
    clock = VirtualClock(1_795_262_400 * NS)
    houses = matrix.furnish(tmp_path / "data", clock, tmp_path)
    running = Running(tmp_path / "data", clock)
    yield running
    running.close()
    for house in houses:
        house.close()


def known_ids(path: str) -> list[str]:
    return [thing.id for thing in matrix.things(path, "GET") if thing is not None] if "{" in path else []


def asked(app: FastAPI, case: Any, headers: dict[str, str], id_: str | None) -> Coroutine[Any, Any, Answer]:
    """The case as bytes, by no client that would tidy it up. id_: instead of what was made up for the path."""
    said = case.as_transport_kwargs()
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", str(value) if id_ is None else id_)
    given = dict(headers)
    body = b""
    if said.get("json") is not None:
        body, given["content-type"] = json.dumps(said["json"]).encode("utf-8", "surrogatepass"), "application/json"
    elif isinstance(said.get("data"), bytes):
        body, given["content-type"] = said["data"], "application/json"
    query = urlencode({name: value for name, value in (case.query or {}).items() if value is not None}, doseq=True, errors="replace")
    return ask(app, case.method.upper(), path, query, given, body)


def fuzz(console: Running, cases: int) -> Counter[int]:
    """The statuses met, each counted."""
    app = console.app
    app.state.accounts = Buckets(Pace(1e9, 1.0))
    if not any(account.name == "east.only" for account in app.state.access.accounts()):
        app.state.access.add("east.only", Role.ENGINEER, "correct horse 9", ["east"])
    _, token = app.state.access.new_token("east.only", "", 30)
    headers = {"authorization": f"Bearer {token}"}
    document = console.do(ask(app, "GET", "/api/openapi.json", "", headers))
    schema = schemathesis.openapi.from_dict(json.loads(document.body))
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    met: Counter[int] = Counter()
    each = max(1, -(-cases // (2 * len(operations))))
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            of_operation(console, operation, mode, headers, met, settings(**HOW, max_examples=each, derandomize=cases < LONG))
    return met


def of_operation(console: Running, operation: Any, mode: GenerationMode, headers: dict[str, str], met: Counter[int], how: settings) -> None:
    named = {*operation.definition.raw["responses"], "404", "405"}  # a slash in a made-up id is another address

    @how
    @given(case=operation.as_strategy(generation_mode=mode), id_=st.sampled_from([None, *known_ids(operation.path)]))
    def one(case: Any, id_: str | None) -> None:
        answer = console.do(asked(console.app, case, headers, id_))
        met[answer.status] += 1
        what = f"{case.method} {case.path} {id_ or case.path_parameters} {case.query} {case.body!r}: {answer.status} {answer.body[:200]!r}"
        assert answer.status < 500, what
        assert matrix.WEST.encode() not in answer.whole, f"{matrix.WEST}: {what}"
        assert str(answer.status) in named, what

    one()


def test_the_api_keeps_its_word_whatever_it_is_asked(console: Running) -> None:
    met = fuzz(console, SHORT)
    print(f"api: {met.total()} cases, by status {dict(sorted(met.items()))}")
    assert met.total() >= 300
    assert {200, 202, 400, 404} <= met.keys(), "the control: it got through, and was refused"


@pytest.mark.soak
def test_the_api_keeps_its_word_two_hundred_thousand_times(console: Running) -> None:
    met = fuzz(console, int(os.environ.get("PLANTROOM_CASES", LONG)))
    print(f"api: {met.total()} cases, by status {dict(sorted(met.items()))}")


def test_a_byte_of_another_site_is_seen(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: with sites no longer kept apart the same cases fail."""
    monkeypatch.setattr(type(console.app.state.sites), "seen_by", lambda self, person, wanted=None: self.all())
    with pytest.raises(Exception, match=matrix.WEST):
        fuzz(console, 70)
