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
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {phone: topic-of-li}}
  - {id: chief, name: 陈总, roles: [engineer], contacts: {phone: topic-of-chief}, language: en}
roster:
  teams:
    engineering: {shifts: [{people: [li.wei], hours: "00:00-24:00"}]}
    heads: {shifts: [{people: [chief], hours: "00:00-24:00"}]}
escalation:
  readiness: {steps: [{after: 0s, tell: [engineering, everyone]}, {after: 6s, tell: [heads]}], repeat: 60s}
  night: "00:00-00:00"
  test: never
web: {public_url: "http://127.0.0.1:{port}"}
"""


@pytest.fixture
def phones() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.answer = NTFY
    yield receiver
    receiver.close()


@pytest.fixture
def house(tmp_path: Path, phones: Receiver) -> Iterator[House]:
    channel = f"  - {{id: phone, type: ntfy, url: '{phones.url.rstrip('/')}', private: 127.0.0.1}}"
    house = House(tmp_path, pumps=2, extra=PEOPLE, channels=channel)
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
