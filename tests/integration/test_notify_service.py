"""The notify service as a process beside the engine: every page delivered, a hang in one channel is no other's, a kill costs one duplicate."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from plantroom.journal import Kind
from tests.kit.house import Receiver
from tests.kit.mosquitto import Mosquitto
from tests.kit.services import Services


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def webhook(receiver: Receiver, name: str = "duty") -> str:
    return f"id: {name}, type: webhook, url: '{receiver.url}', private: 127.0.0.1"


def at_work(opened: ExitStack, folder: Path, channels: list[str], pumps: int = 30) -> Services:
    services = opened.enter_context(closing(Services(folder, pumps, channels)))
    for service in ("rules", "notify"):
        services.start(service)
    services.wait_for(lambda: services.rows("SELECT 1 FROM position"), 20, "the engine runs")
    return services


class Hang:
    """Takes connections and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                self._held.append(self._socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for held in self._held:
            held.close()


def test_kills_cost_at_most_one_duplicate_each_and_no_page(opened: ExitStack, tmp_path: Path) -> None:
    receiver = opened.enter_context(closing(Receiver()))
    services = at_work(opened, tmp_path, [webhook(receiver)])
    rng, kills = random.Random(7), 6
    for n in range(kills):
        for pump in range(4 * n, 4 * n + 4):
            services.broken[pump] = 1
        time.sleep(rng.uniform(1.8, 3.2))  # about when the pages leave: the instant of the kill is what varies
        services.kill("notify")
        services.start("notify")
    wanted = 4 * kills + 1  # one more says that it is a flood
    services.wait_for(lambda: services.rows("SELECT count(*) FROM outbox WHERE reason = 'raised' AND state = 'accepted'") == [(wanted,)], 40, "all accepted")
    came = [key for _, key, body in receiver.pages if body["reason"] == "raised"]
    assert len(set(came)) == wanted and len(came) - wanted <= kills
    attempts = services.rows("SELECT count(*) FROM attempt WHERE verdict = 'accepted'")[0][0]
    assert attempts >= wanted
    reader = services.journal.reader()
    journalled = [json.loads(record.body) for record in reader.read_after(0, 1_000_000) if record.kind is Kind.ATTEMPT]
    reader.close()
    assert {said["outbox"] for said in journalled} == {row[0] for row in services.rows("SELECT id FROM outbox")}
    print(f"\n{wanted} pages, {kills} kills, {len(came) - wanted} duplicates")


def test_a_channel_that_hangs_or_refuses_delays_no_other(opened: ExitStack, tmp_path: Path) -> None:
    receiver, hang = opened.enter_context(closing(Receiver())), opened.enter_context(closing(Hang()))
    channels = [f"id: a-hang, type: webhook, url: 'http://127.0.0.1:{hang.port}/', private: 127.0.0.1", f"id: b-mute, type: mqtt, host: 127.0.0.1, port: {hang.port}"]
    services = at_work(opened, tmp_path, [*channels, webhook(receiver)])
    for pump in range(10):
        services.broken[pump] = 1
    services.wait_for(
        lambda: services.rows("SELECT count(DISTINCT channel) FROM attempt WHERE verdict = 'retry'") == [(2,)], 30, "the others give up an attempt"
    )
    ended = services.rows("SELECT ended_ns FROM attempt WHERE channel = 'duty' AND verdict = 'accepted'")
    first_hang = services.rows("SELECT min(ended_ns) FROM attempt WHERE channel <> 'duty'")[0][0]
    assert len(ended) == 10 and max(ended)[0] < first_hang, "all ten went out while the others' first attempts still hung"
    assert services.rows("SELECT count(*) FROM outbox WHERE channel <> 'duty' AND state <> 'queued'") == [(0,)]
    answers = {row[0] for row in services.rows("SELECT answer FROM attempt WHERE channel <> 'duty'")}
    assert any("within 10 s" in answer for answer in answers), answers


def test_while_the_engine_is_frozen_a_page_is_still_tried_again_and_not_twice_once_taken(opened: ExitStack, tmp_path: Path) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    services = at_work(opened, tmp_path, [f"id: duty, type: webhook, url: 'http://127.0.0.1:{port}/', private: 127.0.0.1"])
    services.broken[0] = 1
    services.wait_for(lambda: services.rows("SELECT 1 FROM attempt"), 20, "the first attempt failed and is written down")
    services.freeze("rules")
    came: list[str] = []

    async def receive() -> None:
        """Listens where nobody did; ends eight seconds after the first page."""
        first = asyncio.Event()

        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            came.append(next(line.partition(":")[2].strip() for line in head.split("\r\n") if line.startswith("x-plantroom-id")))
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()
            first.set()

        async with await asyncio.start_server(one, "127.0.0.1", port):
            async with asyncio.timeout(20):
                await first.wait()
            await asyncio.sleep(8)  # longer than the next pauses would be

    asyncio.run(receive())
    assert len(came) == 1, "taken once, and not sent again while the records still show it queued"
    services.thaw("rules")
    services.wait_for(lambda: services.rows("SELECT 1 FROM outbox WHERE state = 'accepted'"), 20, "the engine writes it down")


def test_a_new_configuration_ends_notify_with_75_so_that_it_is_started_again_on_it(opened: ExitStack, tmp_path: Path) -> None:
    receiver = opened.enter_context(closing(Receiver()))
    services = at_work(opened, tmp_path, [])
    services.configure([webhook(receiver)])
    assert services.plantroom("apply", str(services.site_file), "--data", str(services.data)).returncode == 0
    services.wait_for(lambda: not services.alive("notify"), 20, "notify ends")
    assert services.wait("notify") == 75
    services.start("notify")
    services.broken[0] = 1
    services.wait_for(lambda: receiver.pages, 20, "the new channel is used")
    code, took = services.end("notify")
    assert code == 0 and took < 3


@pytest.mark.needs("mosquitto", "mosquitto_sub")
def test_a_broker_keeps_every_fault_as_it_last_stood(opened: ExitStack, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    opened.callback(broker.kill)
    services = at_work(opened, tmp_path, [f"id: screen, type: mqtt, host: 127.0.0.1, port: {broker.port}"])
    services.broken[0] = 1
    services.wait_for(lambda: services.rows("SELECT 1 FROM outbox WHERE reason = 'raised' AND state = 'accepted'"), 20, "raised is published")
    services.broken[0] = 0
    services.wait_for(lambda: services.rows("SELECT 1 FROM outbox WHERE reason = 'cleared' AND state = 'accepted'"), 60, "cleared is published")
    fault = services.rows("SELECT id FROM fault")[0][0]
    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "plantroom/#", "-v", "-C", "1", "-W", "5"]
    topic, _, payload = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition(" ")
    assert topic == f"plantroom/tower/fault/{fault}"
    said = json.loads(payload)
    assert said["reason"] == "cleared" and said["fault"]["condition"] == "cleared" and said["text"]["zh"][0].startswith("〔战备〕")
