"""What an MQTT message costs: CPU of the subscriber for each message of QoS 1, with a real mosquitto; ours beside paho, aiomqtt and gmqtt.

The messages wait in the broker's queue for a session that exists; then the client comes, takes them all and is asked what it spent. Ours
decodes each, journals it with fsync and acknowledges it after that. The peers parse its JSON and acknowledge it; nothing is stored.
paho and aiomqtt are Plantroom's own dependencies; gmqtt is installed into .cache/peers/mqtt (pip) and passed over where that fails.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # this file is called mqtt as well

MESSAGES, DEVICES, TIMES = 40_000, 100, 3
IN_FLIGHT = 200  # what the broker lets a subscriber have unacknowledged; mosquitto 2.0 itself is slower with more
PEERS = ROOT / ".cache" / "peers" / "mqtt"
ID = "bench-reader"
CONFIG = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages {inflight}
max_queued_messages 0
log_dest none
"""
PAYLOAD = (
    '{{"ts":{ms},"car":{{"speed":{speed},"floor":{floor}}},"doors":[{{"state":"closed"}}],"alarm":false,'
    '"power":{{"mains":true,"ard_v":26.4}}}}'
)
POINTS = """
profile: bench-lift
model: a lift of the bench
source: {document: this bench}
mqtt: {topic: "lifts/{device}/state", at: ts, at_format: ms}
points:
  speed: {path: car.speed, unit: m/s, range: [-20, 20]}
  floor: {path: car.floor}
  door: {path: "doors[0].state", values: {closed: 0, open: 1}}
  alarm: {path: alarm}
  mains: {path: power.mains}
  voltage: {path: power.ard_v, unit: V, range: [0, 60]}
"""


def cpu_s() -> float:
    return time.process_time()


# a client's half: takes `wanted` messages and says what they cost


class Meter:
    """From the first message to the last. done: called once all are there."""

    def __init__(self, wanted: int, done: Callable[[], None]) -> None:
        self._left, self._wanted, self._done = wanted, wanted, done
        self._cpu = self._at = 0.0

    def one(self, times: int = 1) -> None:
        if self._left == self._wanted:
            self._cpu, self._at = cpu_s(), time.perf_counter()
        self._left -= times
        if self._left <= 0 and self._done is not None:
            print(json.dumps([(cpu_s() - self._cpu) / self._wanted, self._wanted / (time.perf_counter() - self._at)]), flush=True)
            self._done()


class JsonOnly:
    """Does with a message what the peers do."""

    device = "all"

    def take(self, topic: bytes, payload: bytes, at: object, *, retained: bool) -> Any:
        import orjson

        from collector.topics import Taken

        orjson.loads(payload)
        return Taken()

    def refuse(self, topic: bytes, at: object, why: str) -> Any:
        raise AssertionError(why)


async def ours(port: int, wanted: int, name: str) -> None:
    from random import Random

    from collector.backoff import Backoff
    from collector.mqtt import Group, MqttLink
    from collector.outlet import Outlet
    from collector.publishers import Publisher, publishers
    from plantroom.clock import SystemClock
    from plantroom.journal import GroupWriter, Journal
    from plantroom.kinds import KindPoint, PointType
    from plantroom.profile_file import parse_profile
    from plantroom.site import Binding, Device, Mqtt

    journalled, profile = name == "ours", parse_profile(POINTS, "bench-lift.yaml")
    found = []
    for n in range(DEVICES):
        bindings = [
            Binding(f"lift-{n}.{name}", f"lift-{n}", name, KindPoint(name, PointType.FLOAT, "", {}, {}), period_s=3600.0)
            for name in profile.points
        ]
        found.append((Device(f"lift-{n}", profile, "broker"), bindings))
    end, clock = asyncio.Event(), SystemClock()
    meter = Meter(wanted, end.set)

    class Metered(MqttLink):
        """Counts what has been acknowledged."""

        def _durable(self, groups: list[Group]) -> None:  # type: ignore[override]
            super()._durable(groups)
            meter.one(sum(len(group.mids) for group in groups))

        def _drain(self) -> None:
            if not journalled:  # received, decoded, acknowledged: what the peers do
                groups, _ = self._decode_some()
                self._signalled = False
                self._unanswered += groups
                self._durable(groups)
                self._hold_back()
                self._soon()
            else:
                super()._drain()

    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder, Journal(Path(folder), clock).writer("collect") as opened:
        writer = GroupWriter(opened)
        outlet = Outlet(writer)
        made = publishers(found)
        if name == "ours_parse":
            made = [Publisher("all", [("lifts/+/state", JsonOnly())], made[0].silent, 3600.0, ["lifts/+/state"])]
        link = Metered("bench", Mqtt("127.0.0.1", port, device_rate=1e6), ID, made, outlet, clock, Backoff(Random(1)))
        outlet.join(link)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (writer.run(), outlet.run(), link.run())]
            await end.wait()
            for task in tasks:
                task.cancel()
        assert sum(link.counts[kind] for kind in link.counts if kind != "messages") == 0, link.counts
        if journalled:
            reader = Journal(Path(folder), clock).reader()
            assert reader.last_seq() >= wanted
            reader.close()


def paho_client(port: int, wanted: int, *, manual: bool) -> None:
    import threading

    import orjson
    import paho.mqtt.client as paho

    end = threading.Event()
    meter = Meter(wanted, end.set)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=ID, clean_session=False, manual_ack=manual)

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        orjson.loads(message.payload)
        if manual:
            client.ack(message.mid, message.qos)
        meter.one()

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    end.wait()
    client.disconnect()
    client.loop_stop()


async def aiomqtt_client(port: int, wanted: int) -> None:
    import aiomqtt
    import orjson

    end = asyncio.Event()
    meter = Meter(wanted, end.set)
    async with aiomqtt.Client("127.0.0.1", port, identifier=ID, clean_session=False) as client:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            orjson.loads(message.payload)
            meter.one()
            if end.is_set():
                return


async def gmqtt_client(port: int, wanted: int) -> None:
    """Acknowledges after on_message has returned."""
    import json as reader

    import gmqtt  # type: ignore[import-not-found]

    end = asyncio.Event()
    meter = Meter(wanted, end.set)
    client = gmqtt.Client(ID, clean_session=False, optimistic_acknowledgement=False)

    async def on_message(_client: object, _topic: str, payload: bytes, _qos: int, _properties: object) -> int:
        reader.loads(payload)
        meter.one()
        return 0

    client.on_message = on_message
    await client.connect("127.0.0.1", port, version=4)
    await end.wait()
    await client.disconnect()


CLIENTS = {
    "plantroom: decoded, journalled with fsync, then acknowledged": "ours",
    "plantroom: decoded to 6 checked points, acknowledged": "ours_bare",
    "plantroom: JSON parsed, acknowledged after that": "ours_parse",
    "gmqtt 0.8: JSON parsed, acknowledged after that": "gmqtt",
    "paho 2: JSON parsed, acknowledged by itself": "paho",
    "paho 2: JSON parsed, acknowledged by hand": "paho_manual",
    "aiomqtt 2: JSON parsed, acknowledged before that": "aiomqtt",
}


def run_client(name: str, port: int, wanted: int) -> None:
    if name.startswith("ours"):
        import uvloop

        uvloop.run(ours(port, wanted, name))
    elif name.startswith("paho"):
        paho_client(port, wanted, manual=name == "paho_manual")
    else:
        asyncio.run({"aiomqtt": aiomqtt_client, "gmqtt": gmqtt_client}[name](port, wanted))


# the broker, and what waits in it


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def packet(first: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        length += bytes([size % 128 | (128 if size > 127 else 0)])
        size //= 128
        if not size:
            return bytes([first]) + length + body


def text(word: str) -> bytes:
    return struct.pack(">H", len(word)) + word.encode()


def connected(port: int, name: str, *, fresh: bool) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port))
    link.sendall(packet(0x10, text("MQTT") + bytes([4, 2 if fresh else 0]) + struct.pack(">H", 0) + text(name)))
    assert link.recv(4)[3:] == b"\0", "the broker takes us"
    return link


def fill(port: int, wanted: int) -> None:
    """A session that is subscribed and away, and messages waiting for it."""
    reader = connected(port, ID, fresh=False)
    reader.sendall(packet(0x82, b"\0\1" + text("lifts/+/state") + b"\1"))
    assert reader.recv(5)[0] == 0x90
    reader.sendall(b"\xe0\0")
    reader.close()
    device, ms = connected(port, "bench-devices", fresh=True), time.time_ns() // 1_000_000
    acknowledged = 0
    for first in range(0, wanted, 1000):
        messages = []
        for n in range(first, min(first + 1000, wanted)):
            payload = PAYLOAD.format(ms=ms - wanted + n, speed=n % 50 / 10, floor=n % 30).encode()
            messages.append(packet(0x32, text(f"lifts/lift-{n % DEVICES}/state") + struct.pack(">H", n % 65_535 + 1) + payload))
        device.sendall(b"".join(messages))
        while acknowledged < 4 * (first + len(messages)):
            acknowledged += len(device.recv(65_536))
    device.sendall(b"\xe0\0")
    device.close()


def measured(name: str, python: str, inflight: int) -> tuple[float, float]:
    """(CPU seconds a message, messages a second) of one client on a broker of its own."""
    port = free_port()
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(CONFIG.format(port=port, inflight=inflight))
        Path(folder).chmod(0o755)
        broker = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.02)
            fill(port, MESSAGES)
            words = [python, __file__, name, str(port), str(MESSAGES)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode or "\n[" not in f"\n{done.stdout}":
                raise RuntimeError(f"{name}: {done.stderr[-800:]}")
            cpu, rate = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[")))  # among lines of the log
            return float(cpu), float(rate)
        finally:
            broker.terminate()
            broker.wait()


def gmqtt_python() -> str | None:
    """A Python that has gmqtt, in a folder of its own; None where it cannot be had."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    there = subprocess.run([str(python), "-c", "import gmqtt"], check=False, capture_output=True)
    if there.returncode:
        subprocess.run([str(python), "-m", "pip", "install", "-q", "gmqtt==0.8.0"], check=False, capture_output=True)
        there = subprocess.run([str(python), "-c", "import gmqtt"], check=False, capture_output=True)
    return None if there.returncode else str(python)


def main() -> None:
    if shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin") is None:
        print("skipped: there is no mosquitto (apt-get install mosquitto)")
        return
    (ROOT / ".cache").mkdir(exist_ok=True)
    what = f"{MESSAGES:,} JSON messages of 138 bytes and 6 points, {DEVICES} devices, QoS 1, {IN_FLIGHT} in flight"
    print(f"{what}; the middle of {TIMES} runs")
    for words, name in CLIENTS.items():
        python = gmqtt_python() if name == "gmqtt" else sys.executable
        if python is None:
            print(f"{words:62} skipped: gmqtt cannot be installed here")
            continue
        runs = sorted(measured(name, python, IN_FLIGHT) for _ in range(TIMES))
        cpu, rate = runs[len(runs) // 2][0], median(rate for _, rate in runs)
        print(f"{words:62} {1e6 * cpu:6.1f} CPU s a million = {1 / cpu:7,.0f}/s on one core; taken {rate:7,.0f}/s", flush=True)
    for inflight in (20, 1000):
        cpu, rate = measured("ours", sys.executable, inflight)
        print(f"plantroom, the broker allows {inflight:4} in flight: {rate:7,.0f}/s, {1e6 * cpu:.1f} CPU s a million")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        run_client(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
