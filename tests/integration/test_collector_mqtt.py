"""MQTT on a real mosquitto: nothing acknowledged is lost, whoever dies; silence, wills and retained messages are said as what they are."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.backoff import Backoff
from collector.mqtt import Group, MqttLink
from collector.outlet import Outlet
from collector.publishers import Publisher
from plantroom.clock import SystemClock
from plantroom.journal import GroupWriter, Journal
from plantroom.journal.record import Kind, decode_batch
from plantroom.model import Quality
from plantroom.site import Mqtt
from tests.kit.mosquitto import Mosquitto
from tests.kit.mqtt_collector import publisher

pytestmark = pytest.mark.needs("mosquitto")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    yield broker
    broker.kill()


class Device:
    """Something that publishes. will: what the broker says for it when its connection breaks."""

    def __init__(self, port: int, will: tuple[str, str] | None = None) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        if will is not None:
            self.client.will_set(*will, qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def publish(self, topic: str, payload: object, *, retain: bool = False, qos: int = 1) -> None:
        """Returns when the broker has taken it."""
        text = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        self.client.publish(topic, text, qos=qos, retain=retain).wait_for_publish(10)

    def vanish(self) -> None:
        """The connection breaks without a word."""
        sock = self.client.socket()
        assert sock is not None
        self.client.loop_stop()
        sock.close()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


Sample = tuple[str, float, str]  # point, value, quality


def samples(journal: Path) -> list[Sample]:
    """Every sample in the journal's order; none where there is no journal yet."""
    if not journal.exists():
        return []
    reader = Journal(journal, SystemClock()).reader()
    found = []
    seq = 0
    while records := reader.read_after(seq):
        seq = records[-1].seq
        for record in records:
            if record.kind is Kind.TELEMETRY:
                batch = decode_batch(record.body, reader.frame)
                rows = zip(batch.frame.points, batch.values[0].tolist(), batch.quality[0].tolist(), strict=True)
                found += [(point, value, Quality(code).word) for point, value, code in rows]
    reader.close()
    return found


def until(happened: Callable[[], object], what: str, seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit, f"not within {seconds} s: {what}"
        time.sleep(0.01)


# killed processes


def collect(journal: Path, port: int, when: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.kit.mqtt_collector", str(journal), str(port), when]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def kill_while_publishing(tmp_path: Path, broker: Mosquitto, when: str, kills: int) -> list[int]:
    """Kills the collector again and again while numbers are published; returns those the broker took and the journal lacks."""
    chance, journal, device = Random(5), tmp_path / "journal", Device(broker.port)
    process = collect(journal, broker.port, when)
    until(lambda: _records(journal), "the collector is connected")
    sent = 0
    try:
        for _ in range(kills):
            until_s = time.monotonic() + chance.uniform(0.03, 0.3)
            while time.monotonic() < until_s:
                device.client.publish("t/l1", json.dumps({"n": sent}), qos=1)
                sent += 1
                time.sleep(0.0005)
            before = _records(journal)
            process.send_signal(signal.SIGKILL)
            process.wait()
            process = collect(journal, broker.port, when)
            until(lambda before=before: _records(journal) > before, "the collector is back")  # type: ignore[misc]
        device.publish("t/l1", {"n": -1})
        until(lambda: any(value == -1 for _, value, _ in samples(journal)), "the last message is in the journal")
    finally:
        process.kill()
        process.wait()
        device.close()
    got = {value for _, value, quality in samples(journal) if quality == "good"}
    return sorted(set(range(sent)) - {int(value) for value in got})


def _records(journal: Path) -> int:
    if not journal.exists():
        return 0
    reader = Journal(journal, SystemClock()).reader()
    try:
        return reader.last_seq()
    finally:
        reader.close()


def test_killed_between_receipt_and_commit_nothing_is_lost(tmp_path: Path, broker: Mosquitto) -> None:
    assert kill_while_publishing(tmp_path, broker, "after", kills=5) == []


def test_control_acknowledged_on_receipt_messages_are_lost(tmp_path: Path, broker: Mosquitto) -> None:
    assert kill_while_publishing(tmp_path, broker, "before", kills=5) != []


# one process


@asynccontextmanager
async def collecting(journal: Path, port: int, publishers: Sequence[Publisher], kind: type[MqttLink] = MqttLink) -> AsyncIterator[MqttLink]:
    clock = SystemClock()
    with Journal(journal, clock).writer("collect") as opened:
        writer = GroupWriter(opened)
        outlet = Outlet(writer)
        link = kind("broker", Mqtt("127.0.0.1", port), "plantroom-test", publishers, outlet, clock, Backoff(Random(1), 0.05, 0.2))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (writer.run(), outlet.run(), link.run())]
            yield link
            for task in tasks:
                task.cancel()


async def seen(journal: Path, wanted: Callable[[list[Sample]], object], seconds: float = 20) -> list[Sample]:
    async with asyncio.timeout(seconds):
        while True:
            if (found := samples(journal)) and wanted(found):
                return found
            await asyncio.sleep(0.02)


def events(journal: Path) -> list[tuple[str, str]]:
    reader = Journal(journal, SystemClock()).reader()
    bodies = [json.loads(record.body) for record in reader.read_after(0) if record.kind is Kind.EVENT]
    reader.close()
    return [(body["state"], body["reason"]) for body in bodies]


def test_a_broker_that_is_dead_at_start_is_said_once_and_its_devices_have_no_answer(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker")

    async def play() -> None:
        async with collecting(tmp_path / "j", broker.port, [publisher(heartbeat_s=0.1)]):
            await seen(tmp_path / "j", lambda found: len(found) >= 3)
            assert {(point, quality) for point, _, quality in samples(tmp_path / "j")} == {("l1.n", "no_answer")}
            assert [state for state, _ in events(tmp_path / "j")] == ["down"], "once, not for every try"
            broker.start()
            await asyncio.to_thread(_publish_until, broker.port, tmp_path / "j", 7.0)
            assert [state for state, _ in events(tmp_path / "j")] == ["down", "up"]

    try:
        asyncio.run(play())
    finally:
        broker.kill()


def _publish_until(port: int, journal: Path, value: float) -> None:
    """Until the link has subscribed nothing published reaches it: publish until it does."""
    device = Device(port)
    limit = time.monotonic() + 20
    while not any(v == value for _, v, _ in samples(journal)):
        assert time.monotonic() < limit
        device.publish("t/l1", {"n": value})
        time.sleep(0.05)
    device.close()


def test_a_killed_broker_is_followed_by_its_successor(tmp_path: Path, broker: Mosquitto) -> None:
    async def play() -> None:
        async with collecting(tmp_path / "j", broker.port, [publisher()]):
            await asyncio.to_thread(_publish_until, broker.port, tmp_path / "j", 1.0)
            broker.kill()
            broker.start()
            await asyncio.to_thread(_publish_until, broker.port, tmp_path / "j", 2.0)

    asyncio.run(play())
    assert [state for state, _ in events(tmp_path / "j")] == ["up", "down", "up"]


def test_a_retained_message_is_never_fresh_and_the_next_one_is_good(tmp_path: Path, broker: Mosquitto) -> None:
    device = Device(broker.port)
    device.publish("t/l1", {"n": 41}, retain=True)

    async def play() -> None:
        async with collecting(tmp_path / "j", broker.port, [publisher()]):
            await seen(tmp_path / "j", lambda found: found)
            device.publish("t/l1", {"n": 42})
            await seen(tmp_path / "j", lambda found: len(found) > 1)

    asyncio.run(play())
    device.close()
    assert [quality for _, _, quality in samples(tmp_path / "j")] == ["not_fresh", "good"]
    assert samples(tmp_path / "j")[-1] == ("l1.n", 42.0, "good")


def test_a_last_will_is_no_answer_at_once(tmp_path: Path, broker: Mosquitto) -> None:
    device = Device(broker.port, will=("t/l1/status", "offline"))

    async def play() -> None:
        async with collecting(tmp_path / "j", broker.port, [publisher()]) as link:
            await asyncio.to_thread(_publish_until, broker.port, tmp_path / "j", 5.0)
            device.publish("t/l1/status", "online")
            device.vanish()
            found = await seen(tmp_path / "j", lambda found: found[-1][2] == "no_answer")
            assert found[0] == ("l1.n", 5.0, "good")
            assert link.counts["offline"] == 1

    asyncio.run(play())


def test_foreign_topics_and_broken_payloads_are_counted_and_acknowledged(tmp_path: Path, broker: Mosquitto) -> None:
    wild = publisher(topic="t/+")
    device = Device(broker.port)

    async def play() -> None:
        async with collecting(tmp_path / "j", broker.port, [wild]) as link:
            await asyncio.to_thread(_publish_until, broker.port, tmp_path / "j", 1.0)
            for payload in ("{", b"\xff" * 10, '{"other": 1}', '{"n": "x"}', '{"n": NaN}', '{"n": 2}'):
                device.publish("t/x", payload)
            found = await seen(tmp_path / "j", lambda found: found[-1][:2] == ("l1.n", 2.0))
            assert [quality for _, _, quality in found[-5:]] == ["decode", "decode", "decode", "sentinel", "good"]
            assert link.counts["nothing of ours in the payload"] == 1

    asyncio.run(play())
    device.close()


def test_a_message_sent_while_the_collector_was_away_waits_at_the_broker(tmp_path: Path, broker: Mosquitto) -> None:
    device = Device(broker.port)

    async def play(value: float | None) -> None:
        async with collecting(tmp_path / "j", broker.port, [publisher()]):
            if value is None:
                await asyncio.to_thread(_publish_until, broker.port, tmp_path / "j", 1.0)
            else:
                await seen(tmp_path / "j", lambda found: any(v == value for _, v, _ in found))

    asyncio.run(play(None))
    for n in range(100, 150):
        device.publish("t/l1", {"n": n})
    asyncio.run(play(149.0))
    device.close()
    assert [value for _, value, _ in samples(tmp_path / "j") if value >= 100] == [float(n) for n in range(100, 150)], "all, once, in order"


class Interrupted(MqttLink):
    """Loses its connection when the first commit is answered: the broker never hears of those messages."""

    lost = False

    def _durable(self, groups: Sequence[Group]) -> None:
        if not self.lost and any(group.mids for group in groups):
            self.lost = True
            assert self._wire is not None
            self._wire.end("lost between commit and acknowledgement")
        super()._durable(groups)


def test_what_the_broker_sends_again_after_our_commit_is_stored_once(tmp_path: Path, broker: Mosquitto) -> None:
    """Messages without any mark of the device: packet id, topic and bytes on the next connection tell them."""
    device, journal = Device(broker.port), tmp_path / "j"

    async def play() -> None:
        async with collecting(journal, broker.port, [publisher()]):
            await asyncio.to_thread(_publish_until, broker.port, journal, 1.0)
        for n in range(100, 150):
            device.publish("t/l1", {"n": n})
        async with collecting(journal, broker.port, [publisher()], Interrupted) as link:
            await seen(journal, lambda found: any(v == 149 for _, v, _ in found))
            await seen(journal, lambda _: link.counts["delivered again"])
            device.publish("t/l1", {"n": 200})
            await seen(journal, lambda found: found[-1][1] == 200)

    asyncio.run(play())
    device.close()
    assert [value for _, value, _ in samples(journal) if value >= 100] == [*(float(n) for n in range(100, 150)), 200.0], "all, once, in order"
