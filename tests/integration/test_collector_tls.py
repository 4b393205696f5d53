"""Modbus/TCP Security against a real TLS server: read with certificates on both sides, and refused in words where one is wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
import uvloop

from collector.backoff import Backoff
from collector.connect import Secured, Way
from collector.links import way_of
from collector.modbus import Line
from collector.session import Session
from plantroom.clock import SystemClock
from plantroom.errors import BadInput
from plantroom.model import Batch
from plantroom.site import ModbusTcp, Tls
from plantroom.site_file import load_site
from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from tests.kit.certificates import Authority, authority
from tests.unit.collector.lines import bound, jobs_of, profile, register

pytestmark = pytest.mark.needs("openssl")


class Front:
    """A TLS end before a plain Modbus server, in a thread of its own. authority: of the clients it lets in."""

    def __init__(self, behind: int, cert: Path, key: Path, authority: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.context.load_verify_locations(authority)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.behind, self.port, self.subjects = behind, 0, list[str]()

    def __enter__(self) -> Front:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context)

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert")
        self.subjects.append(certificate["subject"][0][0][1])
        near, far = await asyncio.open_connection("127.0.0.1", self.behind)
        await asyncio.gather(_pass_on(reader, far), _pass_on(near, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(4096):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


def on_uvloop(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())


async def read_over(way: Way, enough: int = 3) -> tuple[list[Batch], list[tuple[str, str]]]:
    """Good batches, and what was said of the connection: until enough of the one or something of the other is there."""
    made = profile([register("r10", 10)], timeout_s=1.0)
    clock, batches, told, changed = SystemClock(), list[Batch](), list[tuple[str, str]](), asyncio.Event()

    def take(batch: Batch) -> None:
        if not batch.quality.any():
            batches.append(batch)
        changed.set()

    def say(state: str, reason: str) -> None:
        told.append((state, reason))
        changed.set()

    line = Line(way, Session(jobs_of(made, [bound("p", "r10", 0.1)]), clock.read(), Backoff(Random(1), 0.05)), clock, take, say)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(line.run())
        async with asyncio.timeout(15):
            while len(batches) < enough and not any(state == "down" for state, _ in told):
                await changed.wait()
                changed.clear()
        task.cancel()
    return batches, told


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    folder = tmp_path_factory.mktemp("pem")
    return authority(folder / "ours"), authority(folder / "theirs", "stranger")


def test_a_device_is_read_with_certificates_on_both_sides_and_refused_in_words_without(authorities: tuple[Authority, Authority]) -> None:
    ours, stranger = authorities
    device, us = ours.signed("device", "subjectAltName=IP:127.0.0.1"), ours.signed("plantroom")
    outsider = stranger.signed("outsider")

    async def play() -> None:
        server = ModbusServer({1: Memory({3: {10: 7}})})
        await server.start()
        with Front(server.port, *device, ours.ca) as front:
            good = Secured("127.0.0.1", front.port, str(ours.ca), *map(str, us), expected="127.0.0.1")
            batches, told = await read_over(good)
            assert [batch.values.tolist() for batch in batches[:1]] == [[[7.0]]] and told[0] == ("up", "")
            assert front.subjects == ["plantroom"], "the device knows who reads it"
            for wrong, words in (
                (replace(good, ca=str(stranger.ca)), "its certificate is not accepted"),
                (replace(good, expected="10.0.0.9"), "expected: 10.0.0.9"),
                (replace(good, cert=str(outsider[0]), key=str(outsider[1])), "perhaps it does not accept our certificate"),
                (replace(good, key=str(outsider[1])), "are no certificate with its key"),
                (replace(good, ca="/nowhere.pem"), "/nowhere.pem is no file of certificates"),
                (replace(good, port=server.port), "no TLS"),
            ):
                batches, told = await read_over(wrong)
                assert batches == [] and words in told[0][1], (words, told)
        await server.stop()

    on_uvloop(play)


HEAD = "site: {id: hq, name: HQ, zone: UTC}\nconnections:\n  - {id: bus-1, modbus_tcp: {host: 192.0.2.1, tls: {%s}}}\n"


def test_the_site_file_names_the_three_files_and_the_port_is_802(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(HEAD % "ca: /pem/ca.pem, cert: /pem/us.pem, key: file:/pem/us.key")
    link = load_site(file).connections["bus-1"].link
    assert link == ModbusTcp("192.0.2.1", 802, Tls("/pem/ca.pem", "/pem/us.pem", "/pem/us.key"))
    assert way_of(link) == Secured("192.0.2.1", 802, "/pem/ca.pem", "/pem/us.pem", "/pem/us.key", "192.0.2.1")
    file.write_text(HEAD % "ca: /pem/ca.pem, cert: /pem/us.pem")
    with pytest.raises(BadInput, match="key"):
        load_site(file)
