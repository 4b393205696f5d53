"""Device -> mosquitto -> collector -> journal, for each form a device may speak, in both versions of MQTT, under a prefix, over TLS."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.mqtt import MqttLink
from collector.outlet import Outlet
from collector.service import mqtt_links
from plantroom import cli
from plantroom.clock import SystemClock
from plantroom.journal import GroupWriter, Journal
from plantroom.journal.record import Kind, decode_batch
from plantroom.model import Batch, Quality
from plantroom.site import Site
from plantroom.site_file import load_site
from simulators.mqtt_device import MqttDevice
from simulators.wire import WireFault
from simulators.world import World
from tests.kit.certificates import Authority, authority
from tests.kit.mosquitto import Mosquitto, mosquitto
from tests.kit.simulator import free_ports

pytestmark = pytest.mark.needs("mosquitto", "openssl")

SITE = """site: {{id: forms, name: Forms, zone: UTC, language: en}}
connections:
  - {{id: broker, mqtt: {{host: 127.0.0.1, port: {port}{more}}}}}
equipment:
  - {{id: lift-1, kind: elevator, profile: mqtt-json-elevator, connection: broker}}
  - {{id: ahu-1, kind: ahu, profile: sparkplug-ahu, connection: broker, topic: east/edge-1/ahu-1}}
  - {{id: meter-1, kind: meter, profile: shelly-3em, connection: broker, topic: shellyem3-a4cf12}}
  - {{id: room-1, kind: room, profile: zigbee2mqtt-water-leak, connection: broker, topic: sump}}
"""
Found = dict[str, list[tuple[float, str]]]  # point -> (value, quality), oldest first


def site(tmp_path: Path, port: int, more: str = "") -> Site:
    file = tmp_path / "site.yaml"
    file.write_text(SITE.format(port=port, more=more))
    return load_site(file, env={})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    yield broker
    broker.kill()


def read(journal: Path) -> tuple[Found, list[dict[str, str]]]:
    """Samples of the journal and its events."""
    found: Found = {}
    events: list[dict[str, str]] = []
    if not journal.exists():
        return found, events
    with Journal(journal, SystemClock()).reader() as reader:
        for record in reader.read_after(0, 1_000_000):
            if record.kind is Kind.EVENT:
                events.append(json.loads(record.body))
                continue
            batch = decode_batch(record.body, reader.frame)
            for values, codes in zip(batch.values.tolist(), batch.quality.tolist(), strict=True):
                for point, value, code in zip(batch.frame.points, values, codes, strict=True):
                    if code != Batch.ABSENT:
                        found.setdefault(point, []).append((value, Quality(code).word))
    return found, events


@asynccontextmanager
async def collecting(here: Site, journal: Path) -> AsyncIterator[MqttLink]:
    clock = SystemClock()
    with Journal(journal, clock).writer("collect") as opened:
        writer = GroupWriter(opened)
        outlet = Outlet(writer)
        link = mqtt_links(here, clock, outlet)["broker"]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (writer.run(), outlet.run(), link.run())]
            yield link
            for task in tasks:
                task.cancel()


async def until(journal: Path, wanted: Callable[[Found, list[dict[str, str]]], object], seconds: float = 20) -> tuple[Found, list[dict[str, str]]]:
    async with asyncio.timeout(seconds):
        while True:
            seen = read(journal)
            if wanted(*seen):
                return seen
            await asyncio.sleep(0.05)


def good(found: Found, equipment: str) -> int:
    """How many of its points have been good."""
    return sum(any(quality == "good" for _, quality in samples) for point, samples in found.items() if point.startswith(f"{equipment}."))


@pytest.mark.parametrize("more", ["", ", version: 5, prefix: hq, wildcard: true"])
def test_every_form_reaches_the_journal_and_its_last_will_too(tmp_path: Path, broker: Mosquitto, more: str) -> None:
    here, journal = site(tmp_path, broker.port, more), tmp_path / "j"
    clock = SystemClock()
    world = World(here, 7, clock.read().wall_ns)
    link = here.connections["broker"].link
    devices = {name: MqttDevice(device, link, world, lambda: clock.read().wall_ns) for name, device in here.devices.items()}  # type: ignore[arg-type]

    async def play() -> None:
        async with collecting(here, journal) as link, asyncio.TaskGroup() as group:
            await until(journal, lambda _, events: any(e["state"] == "up" for e in events))
            tasks = [group.create_task(device.run()) for device in devices.values()]
            wanted = {"lift-1": 25, "ahu-1": 15, "meter-1": 3, "room-1": 1}
            await until(journal, lambda found, _: all(good(found, name) >= n for name, n in wanted.items()))
            assert link.last_seen.keys() == set(devices)
            for device in devices.values():
                device.fault = WireFault("cut")
            await until(journal, lambda found, _: all(found[point][-1][1] == "no_answer" for point in found))
            assert not {kind for kind in link.counts if kind not in ("messages", "offline", "silent", "not in its birth")}, link.counts
            for task in tasks:
                task.cancel()

    asyncio.run(play())


def test_a_node_whose_aliases_nobody_has_explained_is_in_doubt_and_never_asked(tmp_path: Path, broker: Mosquitto) -> None:
    """The collector comes after the births; nothing of it is ever published, above all no rebirth."""
    here, journal = site(tmp_path, broker.port), tmp_path / "j"
    clock = SystemClock()
    world = World(here, 7, clock.read().wall_ns)
    device = MqttDevice(here.devices["ahu-1"], here.connections["broker"].link, world, lambda: clock.read().wall_ns)  # type: ignore[arg-type]
    heard: list[str] = []
    data = threading.Event()

    def hear(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        heard.append(message.topic)
        if "/DDATA/" in message.topic:
            data.set()

    spy = paho.Client(CallbackAPIVersion.VERSION2)
    spy.on_message = hear

    async def play() -> None:
        await asyncio.to_thread(spy.connect, "127.0.0.1", broker.port)
        spy.subscribe("#")
        spy.loop_start()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(device.run())
            assert await asyncio.to_thread(data.wait, 20)
            async with collecting(here, journal) as link:
                await until(journal, lambda *_: link.counts["alias without a birth"])
                assert good(read(journal)[0], "ahu-1") == 0
                device.fault = WireFault("cut")  # its connection ends; the next one begins with births
                await until(journal, lambda found, _: found.get("ahu-1.supply_temp", [(0.0, "")])[-1][1] == "no_answer")
                task.cancel()
                device.fault = None
                again = group.create_task(device.run())
                await until(journal, lambda found, _: good(found, "ahu-1") >= 15)
                again.cancel()
        spy.loop_stop()

    asyncio.run(play())
    assert {topic.split("/")[2] for topic in heard} <= {"NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH"}


# TLS

LISTENER = """listener {port} 127.0.0.1
allow_anonymous true
cafile {ca}
certfile {cert}
keyfile {key}
require_certificate true
log_dest none
"""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("ca")
    folder.chmod(0o755)
    return authority(folder / "ours")


@pytest.fixture
def secured(tmp_path: Path, ours: Authority) -> Iterator[int]:
    """The port of a broker that wants a client's certificate."""
    cert, key = ours.signed("broker", "subjectAltName=IP:127.0.0.1")
    for folder in [ours.folder, *list(ours.folder.parents)[:3]]:
        folder.chmod(0o755)
    (port,) = free_ports(1)
    with mosquitto(LISTENER.format(port=port, ca=ours.ca, cert=cert, key=key), tmp_path, port):
        yield port


async def why_down(here: Site, journal: Path, part: str) -> str:
    async with collecting(here, journal):
        _, events = await until(journal, lambda _, events: any(e["state"] == "down" for e in events))
    reasons = [event["reason"] for event in events if event["state"] == "down"]
    assert part in reasons[0], reasons
    return reasons[0]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_tls_with_a_client_certificate(tmp_path: Path, ours: Authority, secured: int, version: str) -> None:
    cert, key = ours.signed(f"collector-{version}")
    more = f", version: {version}, ca: {ours.ca}, cert: {cert}, key: {key}"
    here, journal, clock = site(tmp_path, secured, more), tmp_path / "j", SystemClock()
    world = World(here, 7, clock.read().wall_ns)
    device = MqttDevice(here.devices["lift-1"], here.connections["broker"].link, world, lambda: clock.read().wall_ns)  # type: ignore[arg-type]

    async def play() -> None:
        async with collecting(here, journal), asyncio.TaskGroup() as group:
            await until(journal, lambda _, events: any(e["state"] == "up" for e in events))
            task = group.create_task(device.run())
            await until(journal, lambda found, _: good(found, "lift-1") >= 25)
            task.cancel()

    asyncio.run(play())


def test_a_broker_whose_ca_we_do_not_know_is_told_with_the_remedy(tmp_path: Path, ours: Authority, secured: int) -> None:
    other = authority(tmp_path / "other", "another CA")
    cert, key = ours.signed("collector")
    here = site(tmp_path, secured, f", ca: {other.ca}, cert: {cert}, key: {key}")
    said = asyncio.run(why_down(here, tmp_path / "j", f"is not signed by ca {other.ca}"))
    assert "set `ca`" in said


@pytest.mark.parametrize(("with_cert", "part"), [(False, "client certificate"), (True, "client certificate `cert`")])
def test_a_broker_that_does_not_know_us_is_told_with_the_remedy(tmp_path: Path, ours: Authority, secured: int, with_cert: bool, part: str) -> None:
    more = f", ca: {ours.ca}"
    if with_cert:
        cert, key = authority(tmp_path / "other", "another CA").signed("stranger")
        more += f", cert: {cert}, key: {key}"
    asyncio.run(why_down(site(tmp_path, secured, more), tmp_path / "j", part))


def test_a_file_that_is_not_there_and_a_name_that_is_another_are_told(tmp_path: Path, ours: Authority, secured: int) -> None:
    asyncio.run(why_down(site(tmp_path, secured, ", ca: /no/such/ca.pem"), tmp_path / "a", "ca: /no/such/ca.pem cannot be read"))
    text = SITE.format(port=secured, more=f", ca: {ours.ca}").replace("127.0.0.1", "localhost")
    (tmp_path / "site.yaml").write_text(text)
    asyncio.run(why_down(load_site(tmp_path / "site.yaml", env={}), tmp_path / "b", "is not for localhost"))


# a look without a site


def test_try_hears_what_every_form_of_device_says(tmp_path: Path, broker: Mosquitto, capsys: pytest.CaptureFixture[str]) -> None:
    here, clock = site(tmp_path, broker.port), SystemClock()
    world = World(here, 7, clock.read().wall_ns)
    link = here.connections["broker"].link
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def speak() -> None:
        async with asyncio.TaskGroup() as group:
            devices = (MqttDevice(device, link, world, lambda: clock.read().wall_ns) for device in here.devices.values())  # type: ignore[arg-type]
            tasks = [group.create_task(device.run()) for device in devices]
            await stop.wait()
            for task in tasks:
                task.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(speak()))
    thread.start()
    where = ["--mqtt", f"127.0.0.1:{broker.port}", "--for", "3s", "--json"]
    try:
        heard = {name: cli.run(["try", name, *where]) for name in ("mqtt-json-elevator", "shelly-3em", "sparkplug-ahu")}
        out, err = capsys.readouterr()
        named = cli.run(["try", "sparkplug-ahu", *where, "--topic", "east/edge-1/ahu-1"])
        doubted, why = capsys.readouterr()
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
    values: dict[tuple[object, object], Any] = {(row["device"], row["point"]): row["value"] for rows in _json_lists(out) for row in rows}
    assert heard == {"mqtt-json-elevator": 0, "shelly-3em": 0, "sparkplug-ahu": 1}
    assert values["lift-1", "mains_ok"] == 1 and values["shellyem3-a4cf12", "voltage_l1n"] > 0
    assert "there is: east/edge-1/ahu-1" in err
    assert named == 1 and "alias without a birth" in why and {row["quality"] for row in json.loads(doubted[doubted.index("[{") :])} == {"not heard"}


def _json_lists(text: str) -> list[list[dict[str, object]]]:
    """JSON documents one after the other."""
    found, at, decoder = [], 0, json.JSONDecoder()
    while at < len(text.rstrip()):
        document, at = decoder.raw_decode(text, at)
        found.append(document)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["smartgen-hgm4000n", "--mqtt", "h"], "speaks Modbus"), (["shelly-3em", "--host", "h"], "--mqtt"), (["shelly-3em", "--mqtt", "a:b"], "HOST:PORT"),
        (["shelly-3em", "--mqtt", "h", "--for", "10"], "duration"), (["shelly-3em", "--mqtt", "h", "--topic", "+"], "names no device"),
        (["shelly-3em", "--mqtt", "127.0.0.1:1", "--for", "1s"], "no connection to 127.0.0.1:1"),
    ],
)  # fmt: skip
def test_try_says_what_it_cannot_do(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["try", *words]) in (1, 2)
    assert said in capsys.readouterr().err
