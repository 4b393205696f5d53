"""O-3: the emergency steps stand where somebody works on a fault: its page, the order's, the link in an alert, the duty room's radio form.

They are the rule's own words in the configuration that is in force, there without a script, hostile or not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from html import escape
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi import FastAPI

from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.screens import Screens
from rules.book import pack
from rules.rule import Rule
from tests.kit.console_client import BASE, client, logged_in, served
from tests.kit.console_site import PEOPLE, Installation, site_file

NOW = 1_795_262_400 * NS
LIFT = "  - {id: lift-1, kind: elevator, name: 1号客梯, location: B座, profile: invertek-elevator, connection: bus-1, unit: 4}\n"
HOSTILE = "<script>alert(1)</script>"
OWN = """
id: phase_loss
applies_to: fire_pump
replaces: true
needs: [phase_loss]
when: phase_loss
on_missing: hold
severity: readiness
says: {zh: "缺相", en: "A phase is lost"}
do: {zh: "看", en: "look"}
STEPS
tests:
  - {name: raised, every: 1s, phase_loss: "false x5, true x5", expect: {4s: cleared, 6s: active}}
"""
STEPS = f'steps:\n  zh: ["{HOSTILE}", "二"]\n  en: ["{HOSTILE}", "two"]'
MARKED = re.compile(r'<ol class="emergency">(.*?)</ol>', re.DOTALL)


def shipped(kind: str, rule: str) -> Rule:
    found = pack().get(kind, rule)
    assert found is not None and found.steps
    return found


def made(folder: Path, *, own: str | None = None, lift: bool = False) -> Installation:
    room = PEOPLE.replace("channels:\n", "channels:\n  - {id: room, type: duty_room}\n")
    if own is not None:
        (folder / "own.yaml").write_text(own, "utf-8")
        room += "rules: {files: [own.yaml]}\n"
    file = site_file(folder, people=room)
    if lift:
        file.write_text(file.read_text("utf-8").replace("  - {id: as-1,", f"{LIFT}  - {{id: as-1,"), "utf-8")
    house = Installation(folder / "data", file, VirtualClock(NOW))
    house.fault("F1-1", "fp-1", "readiness", rule="phase_loss", order="O1-1")
    house.order("O1-1", "fp-1", "readiness", fault="F1-1")
    house.page("P1-1", "F1-1", "O1-1", "app", "ok", person="li.wei")
    house.fault("F2-1", "gen-1", "normal", rule="no_such_rule", order="O2-1")
    house.order("O2-1", "gen-1", "normal", fault="F2-1")
    house.engine_at(1)
    return house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    found = made(tmp_path)
    yield found
    found.close()


def with_app(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


def steps_on(html: str) -> list[tuple[str, ...]]:
    """Each ordered list of steps on a page, as a browser reads it without any script."""
    return [tuple(re.findall(r"<li>(.*?)</li>", listed)) for listed in MARKED.findall(html)]


def screen_of(app: FastAPI) -> httpx.AsyncClient:
    screens: Screens = app.state.screens
    return client(app, origin=BASE, cookie=f"plantroom_screen={screens.make('hq', '东', 'boss', NOW)}")


def link(app: FastAPI, order: str = "O1-1") -> str:
    return "/a/" + str(app.state.tickets.issue("hq", "P1-1", order, "li.wei", app.state.clock.read().wall_ns))


def test_every_page_on_which_a_fault_is_worked_on_lists_its_steps_in_order(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VIEWER) as browser, client(app) as phone, screen_of(app) as screen:
            for lang, wanted in shipped("fire_pump", "phase_loss").steps.items():
                for reader, path in (
                    (browser, "/faults/F1-1"), (browser, "/orders/O1-1"), (phone, link(app)), (screen, "/duty-room?order=O1-1"),
                    (screen, "/duty-room?order=O1-1&part=form"),
                ):  # fmt: skip
                    answer = await reader.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
                    assert answer.status_code == 200 and steps_on(answer.text) == [tuple(map(escape, wanted))], path
            for reader, path in ((browser, "/faults/F1-1"), (browser, "/orders/O1-1"), (screen, "/duty-room?order=O1-1&part=form")):
                html = (await reader.get(path)).text
                assert 0 < html.index('class="first-step"') < html.index('class="emergency"'), path
            html = (await browser.get("/faults/F1-1")).text
            places = [html.index(mark) for mark in ('class="first-step"', 'class="clocks"', 'class="emergency"', 'id="order"', 'id="why"')]
            assert places == sorted(places), "after the first step and the clocks, before all that is to be read later"
            for path in ("/faults/F2-1", "/orders/O2-1"):
                assert steps_on((await browser.get(path)).text) == [], "a rule without steps, the control"
            assert steps_on((await screen.get("/duty-room")).text) == []

    with_app(house, scenario)


def test_a_program_reads_them_too_in_both_languages(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VIEWER) as browser:
            wanted = {lang: list(steps) for lang, steps in shipped("fire_pump", "phase_loss").steps.items()}
            assert (await browser.get("/api/v1/faults/F1-1")).json()["steps"] == wanted
            assert (await browser.get("/api/v1/faults/F2-1")).json()["steps"] == {"zh": [], "en": []}, "a rule without steps"
            document = (await browser.get("/api/openapi.json")).json()["components"]["schemas"]["FaultDetail"]
            assert document["properties"]["steps"]["additionalProperties"] == {"type": "array", "items": {"type": "string"}}
            assert "steps" in document["required"]

    with_app(house, scenario)


def test_the_link_lists_them_while_there_is_something_to_do(house: Installation) -> None:
    states = {"open": True, "arrived": True, "restored": False, "closed": False}
    for n, state in enumerate(states, 3):
        house.fault(f"F{n}-1", "fp-1", "readiness", rule="phase_reversal", order=f"O{n}-1", condition="active" if n == 3 else "cleared")
        house.order(f"O{n}-1", "fp-1", "readiness", fault=f"F{n}-1", state=state)
    house.engine_at(2)

    async def scenario(app: FastAPI) -> None:
        async with client(app) as phone:
            for n, (state, shown) in enumerate(states.items(), 3):
                html = (await phone.get(link(app, f"O{n}-1"))).text
                assert bool(steps_on(html)) is shown, state
                if state == "open":
                    assert html.index('name="accept"') < html.index('class="emergency"'), "the button first"

    with_app(house, scenario)


def test_trapped_people_have_one_list_the_rules_own(tmp_path: Path) -> None:
    house = made(tmp_path, lift=True)
    for n, rule in ((5, "passenger_entrapment"), (6, "entrapment_reported")):
        house.fault(f"F{n}-1", "lift-1", "danger", rule=rule, order=f"O{n}-1")
        house.order(f"O{n}-1", "lift-1", "danger", fault=f"F{n}-1")
        house.records.db.execute("INSERT INTO rescue (work_order, round, equipment, known_ns) VALUES (?, 1, 'lift-1', ?)", (f"O{n}-1", NOW))
    house.engine_at(2)
    steps = shipped("elevator", "passenger_entrapment").steps["zh"]
    assert steps == shipped("elevator", "entrapment_reported").steps["zh"] and any("不强行开门" in step for step in steps)

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VIEWER) as browser:
            for path in ("/faults/F5-1", "/orders/O5-1", "/orders/O6-1"):
                html = (await browser.get(path)).text
                assert 'id="rescue"' in html and steps_on(html) == [steps], path

    with_app(house, scenario)
    house.close()


@pytest.mark.parametrize(("own", "first"), [(OWN.replace("STEPS", STEPS), "&lt;script&gt;alert(1)&lt;/script&gt;"), (OWN.replace("STEPS\n", ""), None)])
def test_a_sites_own_rule_brings_its_steps_or_keeps_those_of_the_rule_it_replaces(tmp_path: Path, own: str, first: str | None) -> None:
    house = made(tmp_path, own=own)
    assert any(orjson.dumps(text) for file, text in house.site.files.items() if file.startswith("rules/site/"))

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VIEWER) as browser:
            html = (await browser.get("/faults/F1-1")).text
            [steps] = steps_on(html)
            assert steps[0] == (first or shipped("fire_pump", "phase_loss").steps["zh"][0]) and HOSTILE not in html

    with_app(house, scenario)
    house.close()
