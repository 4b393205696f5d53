"""From a register to a person: the first level is called on their own phone, nobody answers, the next level accepts by the link in the
alert. Real processes, real sockets; the engine is killed between the levels."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.house import House, Receiver

ORDER = "SELECT id FROM work_order WHERE equipment = 'fp-0'"
NTFY = b'{"id": "hwQ2YpKdmg", "event": "message"}'
PEOPLE = """
  - {id: lift-1, kind: elevator, name: 1号客梯, location: B座}
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {phone: topic-of-li}}
  - {id: chief, name: 陈总, roles: [engineer], contacts: {phone: topic-of-chief}, language: en}
roster:
  teams:
    engineering: {shifts: [{people: [li.wei], hours: "00:00-24:00"}]}
    heads: {shifts: [{people: [chief], hours: "00:00-24:00"}]}
escalation:
  readiness: {steps: [{after: 0s, tell: [engineering, everyone]}, {after: 6s, tell: [heads]}], repeat: 60s}
  major: {heads: {security: heads, service: li.wei}, manager: heads}
  night: "00:00-00:00"
  test: never
web: {public_url: "http://127.0.0.1:{port}"}
"""


@pytest.fixture(scope="module")
def phones() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.answer = NTFY
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, phones: Receiver) -> Iterator[House]:
    channel = f"  - {{id: phone, type: ntfy, url: '{phones.url.rstrip('/')}', private: 127.0.0.1}}"
    house = House(tmp_path_factory.mktemp("house"), pumps=2, extra=PEOPLE, channels=channel)
    try:
        house.start()
        yield house
    finally:
        house.close()


def came(phones: Receiver, topic: str, about: str = "0号消防泵") -> list[dict[str, object]]:
    """About the pump; the monitor has words of its own about the kill."""
    return [body for _, _, body in list(phones.pages) if body["topic"] == topic and about in str(body["title"])]


def press(link: str) -> str:
    with urllib.request.urlopen(link, urllib.parse.urlencode({"accept": "1"}).encode(), timeout=10) as pressed:
        return str(pressed.read().decode())


def test_the_next_level_is_called_over_a_kill_and_accepts_by_the_link(house: House, phones: Receiver) -> None:
    """P4, P10, T4 in small: six seconds instead of ten minutes."""
    house.wait_for(lambda: house.rows("SELECT 1 FROM position WHERE seq > 20"), 30, "the engine runs")
    house.inputs.phase_loss(0, 1)
    house.wait_for(lambda: came(phones, "topic-of-li"), 20, "the first level is called")
    first = time.monotonic()
    assert not came(phones, "topic-of-chief")
    house.kill("rules")
    house.wait_for(lambda: came(phones, "topic-of-chief"), 30, "the second level is called all the same")
    assert time.monotonic() - first > 4, "not before its time"
    [page] = came(phones, "topic-of-chief")[:1]
    assert str(page["title"]).startswith("[READINESS]") and "call 2" in str(page["message"]), "in the chief's language"
    link = str(page["click"])
    assert link.startswith(f"http://127.0.0.1:{house.port}/a/") and link != str(came(phones, "topic-of-li")[0]["click"])
    with urllib.request.urlopen(link, timeout=5) as shown:
        assert "I take it (陈总)" in shown.read().decode()
    assert house.rows("SELECT state FROM work_order WHERE equipment = 'fp-0'") == [("open",)], "opening it accepted nothing"
    press(link)
    house.wait_for(lambda: house.rows("SELECT accepted_by FROM work_order WHERE equipment = 'fp-0'") == [("chief",)], 10, "it is accepted")
    assert house.rows(f"SELECT state, next_ns FROM call WHERE work_order = ({ORDER})") == [("answered", None)]
    with urllib.request.urlopen(str(came(phones, "topic-of-li")[0]["click"]), timeout=5) as shown:
        assert "陈总已接单" in shown.read().decode()


def test_a_test_page_goes_out_and_is_answered(house: House, phones: Receiver) -> None:
    house.wait_for(lambda: house.rows("SELECT 1 FROM position WHERE seq > 20"), 30, "the engine runs")
    command = [str(Path(sys.executable).parent / "plantroom"), "page", "--test", "chief", "--data", str(house.data), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    [said] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (said["channel"], said["state"], said["answered"]) == ("phone", "accepted", False)
    [page] = came(phones, "topic-of-chief", "[TEST]")
    press(str(page["click"]))
    house.wait_for(lambda: house.rows("SELECT 1 FROM outbox WHERE answered_ns IS NOT NULL"), 10, "it is answered")
    unknown = subprocess.run([*command[:3], "nobody", *command[4:]], capture_output=True, text=True, timeout=90, check=False)
    assert unknown.returncode == 2 and "There is nobody called nobody" in unknown.stdout


def test_a_duty_head_is_told_of_people_trapped_and_confirms_by_the_link(house: House, phones: Receiver) -> None:
    """R-3, X-3: one tap, and each department has its own task; the button confirms it and takes no order."""
    command = [str(Path(sys.executable).parent / "plantroom"), "user", "token", "admin", "--data", str(house.data), "--json"]
    token = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)["token"]
    tap = urllib.request.Request(
        f"http://127.0.0.1:{house.port}/api/v1/equipment/lift-1/trapped", b"{}",
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(tap, timeout=10) as done:
        assert done.status in (200, 202)

    def tasks(topic: str) -> list[dict[str, object]]:
        return [body for body in came(phones, topic, "1号客梯") if "/a/" in str(body.get("click")) and ("confirm by" in str(body) or "前确认" in str(body))]

    house.wait_for(lambda: tasks("topic-of-chief") and tasks("topic-of-li"), 20, "both departments are told")
    page = tasks("topic-of-chief")[0]
    assert str(page["title"]).startswith("[DANGER] People trapped (reported)") and "guard the landing" in str(page["message"])
    with urllib.request.urlopen(str(page["click"]), timeout=5) as shown:
        html = shown.read().decode()
        assert "Received, I see to it (陈总)" in html and "I take it" not in html
    press(str(page["click"]))
    acked = "SELECT head, state, acked_by FROM head_call ORDER BY head"
    house.wait_for(lambda: house.rows(acked)[0][1] == "acknowledged", 10, "the head has confirmed")
    assert house.rows(acked) == [("security", "acknowledged", "chief"), ("service", "calling", None)]
    assert house.rows("SELECT state FROM work_order WHERE equipment = 'lift-1'") == [("open",)]
