"""The console on a real installation: simulated inputs, every service a process, a person with a browser's manners."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.kit.console_client import form_token
from tests.kit.house import House

PUMPS = 4


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("web"), PUMPS)
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def password(house: House) -> str:
    found = re.findall(r"log in at (\S+) as admin with the password (\S+) \(shown only this once\)", house.log())
    assert found, house.log()[-3000:]
    assert found[0][0] == f"http://127.0.0.1:{house.port}"
    return str(found[0][1])


@pytest.fixture
def browser(house: House, password: str) -> Iterator[httpx.Client]:
    base = f"http://127.0.0.1:{house.port}"
    with httpx.Client(base_url=base, headers={"origin": base}, timeout=15) as made:
        assert made.post("/login", data={"name": "admin", "password": password}).status_code == 303
        made.headers["x-form-token"] = form_token(made.get("/account").text)
        yield made


def faults(browser: httpx.Client, pump: int) -> list[dict[str, Any]]:
    answer = browser.get("/api/v1/faults", params={"equipment": f"fp-{pump}"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["faults"]
    return [fault for fault in found if fault["rule"] == "phase_loss"]


def raised(house: House, browser: httpx.Client, pump: int) -> dict[str, Any]:
    house.inputs.phase_loss(pump, 1)
    house.wait_for(lambda: faults(browser, pump), 30, "the fault stands in the API")
    return faults(browser, pump)[0]


def command(browser: httpx.Client, path: str, **fields: str) -> httpx.Response:
    return browser.post(f"/api/v1/{path}", json={"command_id": str(uuid.uuid4()), **fields})


def test_the_password_is_said_once_and_nothing_is_open_without_it(house: House, password: str) -> None:
    assert house.log().count(password) == 1
    base = f"http://127.0.0.1:{house.port}"
    assert httpx.get(f"{base}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{base}/").status_code == 303
    assert httpx.get(f"{base}/api/v1/faults").status_code == 401
    assert password.encode() not in b"".join(path.read_bytes() for path in house.data.glob("access.db*"))


def test_a_fault_on_the_wire_becomes_an_order_that_is_accepted_worked_on_and_closed(house: House, browser: httpx.Client) -> None:
    fault = raised(house, browser, 0)
    order = fault["order"]
    (clock,) = [clock for clock in fault["clocks"] if clock["name"] == "response"]
    assert clock["phase"] == "running"
    assert 0 < clock["left_s"] <= 15 * 60
    accepted = command(browser, f"orders/{order}/accept", eta="10m")
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["state"]["order"]["state"] == "accepted"
    again = command(browser, f"orders/{order}/accept")
    assert again.status_code == 409
    assert again.json()["reason"] == "already_accepted"
    assert again.json()["says"]["en"]
    assert command(browser, f"orders/{order}/arrive").status_code == 200
    house.inputs.phase_loss(0, 0)
    assert command(browser, f"orders/{order}/restore").status_code == 200
    house.wait_for(lambda: not faults(browser, 0), 60, "the fault has cleared")
    refused = command(browser, f"orders/{order}/close", cause="fuse", remedy="new fuse")
    assert (refused.status_code, refused.json()["reason"]) == (409, "performer_cannot_close")
    shown = browser.get(f"/api/v1/orders/{order}").json()
    assert (shown["state"], shown["accepted_by"]) == ("restored", "admin")
    assert [page["attempts"][0]["verdict"] for page in shown["pages"] if page["reason"] == "raised" and page["attempts"]] == ["accepted"]
    html = browser.get(f"/faults/{fault['id']}").text
    assert "admin" in html
    assert "duty" in html


def test_a_command_is_safe_while_the_engine_sleeps_and_applied_when_it_wakes(house: House, browser: httpx.Client) -> None:
    order = raised(house, browser, 1)["order"]
    engine = house.services()["rules"]
    os.kill(engine, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answer = command(browser, f"orders/{order}/accept")
        assert answer.status_code == 202
        assert 1.5 < time.monotonic() - began < 5
        where = answer.headers["location"]
        assert browser.get(where).json()["outcome"] == "recorded"
    finally:
        os.kill(engine, signal.SIGCONT)
    house.wait_for(lambda: browser.get(where).json()["outcome"] == "applied", 20, "the engine reached it")
    accepted_at = browser.get(f"/api/v1/orders/{order}").json()["accepted_at"]
    assert accepted_at[:19] == answer.json()["recorded_at"][:19], "the clock stopped at the record's instant, not when the engine woke"


def test_the_stream_tells_a_fault_and_a_value_as_they_come(house: House, browser: httpx.Client) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    enough, connected = threading.Event(), threading.Event()

    def listen() -> None:
        with browser.stream("GET", "/api/v1/events", timeout=30) as stream:
            kind = ""
            for line in stream.iter_lines():
                connected.set()
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    heard.append((kind, orjson.loads(line[6:])))
                    fault = any(k == "fault" and d["equipment"] == "fp-2" for k, d in heard)
                    values = [v for k, d in heard if k == "values" for v in d["values"] if v["point"] == "fp-2.phase_loss"]
                    if fault and any(v["value"] == 1 for v in values):
                        enough.set()
                        return

    thread = threading.Thread(target=listen)
    thread.start()
    assert connected.wait(10)
    house.inputs.phase_loss(2, 1)
    assert enough.wait(25), heard[-3:]
    thread.join(10)


def test_faults_are_raised_and_pages_sent_while_the_console_is_dead(house: House, browser: httpx.Client) -> None:
    before = house.services()["web"]
    house.kill("web")
    house.inputs.phase_loss(3, 1)
    wanted = "SELECT 1 FROM fault f JOIN outbox o ON o.fault = f.id WHERE f.equipment = 'fp-3' AND o.state = 'accepted'"
    house.wait_for(lambda: house.rows(wanted), 30, "the page was accepted")
    house.wait_for(lambda: house.services().get("web") not in (None, before) and house.healthy(), 30, "the console is back")
    assert faults(browser, 3), "and the session of before still holds"
    assert house.log().count("first start") == 1


def test_user_commands_work_beside_the_running_console(house: House, browser: httpx.Client) -> None:
    def user(*words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        line = [str(Path(sys.executable).parent / "plantroom"), "user", *words, "--data", str(house.data)]
        return subprocess.run(line, capture_output=True, text=True, input=typed, timeout=60, check=False)

    made = orjson.loads(user("add", "li.wei", "--role", "viewer", "--site", "house", "--json").stdout)
    base = f"http://127.0.0.1:{house.port}"
    with httpx.Client(base_url=base, headers={"origin": base}) as viewer:
        assert viewer.post("/login", data={"name": "li.wei", "password": made["password"]}).status_code == 303
        assert viewer.get("/").status_code == 200
        assert user("reset", "li.wei", "--password-from-stdin", typed="another horse 9\n").returncode == 0
        assert viewer.get("/").status_code == 303, "a reset ends the sessions at once"
    twice = user("add", "li.wei")
    assert twice.returncode == 2
    assert "user reset" in twice.stderr
    token = orjson.loads(user("token", "li.wei", "--label", "bms", "--json").stdout)["token"]
    assert httpx.get(f"{base}/api/v1/equipment", headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert [one["user"] for one in orjson.loads(user("list", "--json").stdout)] == ["admin", "li.wei"]
    assert user("remove", "li.wei").returncode == 0
    assert httpx.get(f"{base}/api/v1/equipment", headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_it_stops_in_time_with_a_stream_open(tmp_path: Path, house: House, browser: httpx.Client) -> None:
    connected, ended = threading.Event(), threading.Event()

    def listen() -> None:
        try:
            with browser.stream("GET", "/api/v1/events?equipment=none", timeout=60) as stream:
                for _ in stream.iter_lines():
                    connected.set()
        except httpx.HTTPError:
            pass
        ended.set()

    thread = threading.Thread(target=listen)
    thread.start()
    assert connected.wait(10)
    assert house.stop() < 5
    assert ended.wait(5)
    thread.join(5)
    assert '"service": "web", "level": "error"' not in house.log()
