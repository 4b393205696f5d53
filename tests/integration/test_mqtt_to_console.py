"""A lift's message from `mosquitto_pub`, through a real broker and every process, to what the API and the page show."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.clock import SystemClock
from tests.kit.house import House, free_port

EXTRA = """
  - {{id: lift-1, kind: elevator, name: 1号客梯, location: B座, profile: mqtt-json-elevator, connection: broker, topic: car-1}}
"""

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.needs("mosquitto_pub")]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    program = "/usr/sbin/mosquitto" if Path("/usr/sbin/mosquitto").exists() else "mosquitto"
    process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(5)


@pytest.fixture
def house(tmp_path: Path, broker: int) -> Iterator[House]:
    house = House(tmp_path, pumps=1, extra=EXTRA.format())
    text = house.site_file.read_text()
    house.site_file.write_text(text.replace("channels:", f"  - {{id: broker, mqtt: {{host: 127.0.0.1, port: {broker}}}}}\nchannels:", 1))
    try:
        house.start()
        yield house
    finally:
        house.close()


def plantroom(*words: str) -> str:
    return subprocess.run([str(Path(sys.executable).parent / "plantroom"), *words], check=True, capture_output=True, text=True).stdout


def test_a_published_message_shows_in_api_and_console(house: House, broker: int) -> None:
    token = json.loads(plantroom("user", "token", "admin", "--data", str(house.data), "--json"))["token"]

    def get(path: str) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{house.port}{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return str(answer.read().decode())

    stamp_ms = SystemClock().read().wall_ns // 1_000_000
    car = {"floor": 17, "load": 43.0, "in_zone": True, "speed": -1.25}
    payload = {"ts": stamp_ms, "mode": 1, "car": car, "fault": {"active": False}}
    wanted = {"lift-1.car_load": (43.0, "good"), "lift-1.car_position": (17, "good"), "lift-1.car_speed": (-1.25, "good")}

    def shown() -> bool:
        publish = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker), "-q", "1", "-t", "lifts/car-1/state", "-m", json.dumps(payload)]
        subprocess.run(publish, check=True)
        found = next(e for e in json.loads(get("/api/v1/equipment"))["equipment"] if e["id"] == "lift-1")
        values = {sample["point"]: (sample["value"], sample["quality"]) for sample in found["values"]}
        return wanted.items() <= values.items()

    house.wait_for(shown, 20, "the API shows what was published")
    page = get("/equipment/lift-1")
    assert "1.25" in page and "1号客梯" in page
