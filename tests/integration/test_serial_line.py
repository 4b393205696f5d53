"""Serial lines on pseudo-terminals and RTU over TCP: read, cut and back, faults of the wire, and others' Modbus on the far end."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from collector.backoff import Backoff
from collector.bindings import Job
from collector.connect import Way
from collector.links import exchange_of, framing, on_this_line, way_of
from collector.modbus import Line
from collector.once import read_once
from collector.poll_plan import Read
from collector.serial_line import SerialPort
from collector.session import Session
from plantroom.bundle import apply
from plantroom.clock import NS, SystemClock
from plantroom.journal import Journal
from plantroom.journal.record import Kind, decode_batch
from plantroom.model import Quality
from plantroom.profile_file import load_profile
from plantroom.profiles import Register, Table
from plantroom.site import Modbus, ModbusRtu, RtuOverTcp
from simulators.memory import Memory
from simulators.rtu_server import PtyServer, RtuServer, sealed
from simulators.wire import WireFault
from tests.integration.test_collector_line import Seen, on_uvloop
from tests.unit.collector.lines import bound, jobs_of, profile, register

MODEL = profile([register("level", 10), register("speed", 11)], timeout_s=0.15)
CELLS = {3: {10: 7, 11: 1500}}
BAUD = 115_200


def device(unit: int, period_s: float = 0.1) -> list[Job]:
    name = f"u{unit}"
    return jobs_of(MODEL, [bound(name, "level", period_s), bound(name, "speed", period_s)], unit, name)


def units(*numbers: int) -> dict[int, Memory]:
    return {number: Memory(CELLS) for number in numbers}


@asynccontextmanager
async def line(link: Modbus, jobs: list[Job]) -> AsyncIterator[tuple[Line, Seen]]:
    clock, seen = SystemClock(), Seen()
    jobs = on_this_line(link, jobs)
    session = Session(jobs, clock.read(), Backoff(Random(1), 0.05, 0.3), waits_out=True)
    made = Line(way_of(link), session, clock, seen.take, seen.say, exchange=exchange_of(link, jobs))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.run())
        yield made, seen
        task.cancel()


def test_devices_on_a_serial_port_are_read_on_their_periods(tmp_path: Path) -> None:
    async def play() -> None:
        bus = PtyServer(units(1, 2), tmp_path / "tty")
        await bus.start()
        async with line(ModbusRtu(str(bus.path), BAUD), device(1) + device(2)) as (made, seen):
            await seen.until(lambda: seen.good() >= 20)
        await bus.stop()
        assert seen.batches[0].values.tolist() == [[7.0, 1500.0]]
        first = [int(batch.at_ns[0]) / NS for batch in seen.batches if batch.frame.points[0] == "u1.level"][2:]
        gaps = [b - a for a, b in pairwise(first)]
        assert abs(sum(gaps) / len(gaps) - 0.1) < 0.02
        assert made.session.tally.silences == made.session.tally.garbled == made.strays == 0
        assert not (tmp_path / "tty").is_symlink(), "the simulator takes its link away"

    on_uvloop(play)


def test_rtu_over_tcp_is_read_as_well_and_a_silent_unit_does_not_hold_up_the_other() -> None:
    async def play() -> None:
        converter = RtuServer(units(1))
        await converter.start()
        async with line(RtuOverTcp("127.0.0.1", converter.port, BAUD), device(1) + device(2)) as (_, seen):
            await seen.until(lambda: seen.good() >= 20)
        await converter.stop()
        silent = [batch for batch in seen.batches if batch.frame.points[0] == "u2.level"]
        assert silent and all((batch.quality == Quality.NO_ANSWER).all() for batch in silent)

    on_uvloop(play)


@pytest.mark.parametrize("fault", ["drip", "duplicate", "garbage", "crc", "truncated", "wrong_unit", "wrong_function", "short", "late", "busy"])
def test_faults_of_the_wire_bring_no_wrong_value_and_end_with_their_cause(tmp_path: Path, fault: str) -> None:
    async def play() -> None:
        bus = PtyServer(units(1, 2), tmp_path / "tty", seed=3)
        await bus.start()
        async with line(ModbusRtu(str(bus.path), BAUD), device(1, 0.05) + device(2, 0.05)) as (_, seen):
            await seen.until(lambda: seen.good() >= 4)
            bus.faults[1] = WireFault(fault, {"rate": 0.5} | ({"delay_s": 0.2} if fault == "late" else {"delay_s": 0.002} if fault == "drip" else {}))
            before = len(seen.batches)
            await seen.until(lambda: len(seen.batches) >= before + 12)
            bus.faults.clear()
            after = seen.good()
            await seen.until(lambda: seen.good() >= after + 4)
        await bus.stop()
        for batch in seen.batches:
            for value, quality in zip(batch.values[0].tolist(), batch.quality[0].tolist(), strict=True):
                assert quality != Quality.GOOD or value in (7.0, 1500.0)
                assert quality in (Quality.GOOD, Quality.NO_ANSWER, Quality.DECODE, Quality.EXCEPTION)

    on_uvloop(play)


def test_an_adapter_that_is_pulled_out_is_bad_at_once_and_good_again_when_it_is_back(tmp_path: Path) -> None:
    async def play() -> None:
        path = tmp_path / "tty"
        first = PtyServer(units(1), path)
        await first.start()
        async with line(ModbusRtu(str(path), BAUD), device(1)) as (_, seen):
            await seen.until(lambda: seen.good() >= 3)
            await first.stop()
            await seen.until(lambda: seen.bad() >= 2)
            good = seen.good()
            second = PtyServer(units(1), path)
            await second.start()
            await seen.until(lambda: seen.good() >= good + 3)
        await second.stop()
        assert seen.said == ["up", "down", "up"]

    on_uvloop(play)


def test_a_port_that_cannot_be_had_is_said_with_what_to_do(tmp_path: Path) -> None:
    async def said(way: Way) -> str:
        with pytest.raises(OSError) as caught:
            await way.connect(asyncio.Protocol())
        return caught.value.strerror or ""

    async def play() -> None:
        assert "there is no such port; is the adapter plugged in?" in await said(SerialPort(str(tmp_path / "nothing"), 9600))
        assert await said(SerialPort("/dev/null", 9600)) == await said(SerialPort(str(tmp_path), 9600)) == "that is no serial port"
        bus = PtyServer({})
        await bus.start()
        async with line(ModbusRtu(bus.terminal, BAUD), device(1)) as (_, seen):
            await seen.until(lambda: seen.bad())
            assert await said(SerialPort(bus.terminal, 9600)) == "another process has the port; a serial line has one master"
        await SerialPort(bus.terminal, 9600).connect(Closing())
        await bus.stop()

    on_uvloop(play)


class Closing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def test_a_simulator_never_takes_the_place_of_something_real(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("a port, or a file somebody needs")
    (tmp_path / "link").symlink_to(tmp_path / "tty")

    async def play() -> None:
        for path in (tmp_path / "tty", tmp_path / "link", Path("/dev/null")):
            with pytest.raises(FileExistsError):
                await PtyServer({}, path).start()
        (tmp_path / "left").symlink_to("/dev/pts/999999")  # of a simulator that was killed
        bus = PtyServer({}, tmp_path / "left")
        await bus.start()
        assert str((tmp_path / "left").readlink()) == bus.terminal
        await bus.stop()

    on_uvloop(play)
    assert (tmp_path / "tty").read_text() and (tmp_path / "link").is_symlink()


def test_one_look_after_another_process_was_killed_in_the_middle_of_its_request(tmp_path: Path) -> None:
    """Its answer is still on its way, and looks like ours: the line is listened to before anything is asked."""

    async def play() -> None:
        bus = PtyServer({1: Memory({3: {at: at for at in range(200)}})}, tmp_path / "tty")
        await bus.start()
        bus.faults[1] = WireFault("slow", {"delay_s": 0.1})
        killed = Told()
        await SerialPort(bus.terminal, BAUD).connect(killed)
        link = ModbusRtu(bus.terminal, BAUD)
        old = framing(link, {1: 0.3})
        killed.transport.write(old.request(1, Read(Table.HOLDING, 20, 5), 0.0))
        await asyncio.sleep(0.02)
        killed.transport.abort()
        got = await read_once(
            way_of(link), framing(link, {1: 0.3}), 1, [Read(Table.HOLDING, 100, 5)], timeout_s=0.3, gap_s=0.0, clock=SystemClock()
        )
        assert [g.data for g in got] == [bytes.fromhex("0064 0065 0066 0067 0068")]
        await bus.stop()

    on_uvloop(play)


def test_a_loop_that_was_busy_hears_what_has_come_meanwhile_before_an_answer_counts() -> None:
    """Two answers that differ, the second while the loop stood still past the silence: a timer that rang first took the first one."""

    async def play() -> None:
        ours, theirs = pty.openpty()
        os.set_blocking(ours, False)
        wrong, right = (sealed(bytes((1, 3, 4)) + words.to_bytes(4, "big")) for words in (0x00FF_00FF, 0x0007_05DC))
        loop = asyncio.get_running_loop()

        def busy() -> None:
            os.read(heard, 1)
            os.write(ours, right)
            while SystemClock().read().boot_ns / NS < until_s or not select.select([theirs], [], [], 5)[0]:
                pass

        def asked() -> None:
            nonlocal until_s
            os.read(ours, 64)
            os.write(ours, wrong)
            until_s = SystemClock().read().boot_ns / NS + 0.06
            loop.call_later(0.001, os.write, knock, b"!")

        until_s, (heard, knock) = 0.0, os.pipe()
        loop.add_reader(heard, busy)
        async with line(ModbusRtu(os.ttyname(theirs), 1200), device(1, 1.0)) as (_, seen):  # a silence is 32 ms there
            loop.add_reader(ours, asked)
            await seen.until(lambda: seen.batches)
            loop.remove_reader(ours)
        loop.remove_reader(heard)
        for end in (ours, theirs, heard, knock):
            os.close(end)
        assert (seen.batches[0].quality == Quality.DECODE).all(), seen.batches[0].values

    on_uvloop(play)


class Told(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport


def test_the_collect_service_reads_a_sites_serial_lines_into_its_journal(tmp_path: Path) -> None:
    """Two units on a port, one behind a converter; the period of a line's reads is kept, and every batch is good."""
    site = tmp_path / "site.yaml"

    async def play() -> None:
        cells = {1: {at: at % 2 for at in range(64)}, 2: {at: at % 2 for at in range(64)}}
        port, converter = PtyServer({1: Memory(cells), 2: Memory(cells)}, tmp_path / "tty"), RtuServer({9: Memory(cells)})
        await port.start()
        await converter.start()
        site.write_text(f"""
site: {{id: hq, name: HQ, zone: Asia/Shanghai}}
connections:
  - {{id: bus, modbus_rtu: {{device: {port.path}, baud: 115200}}}}
  - {{id: far, rtu_over_tcp: {{host: 127.0.0.1, port: {converter.port}, baud: 19200}}}}
devices:
  - {{id: a, profile: generic-32di, connection: bus, unit: 1}}
  - {{id: b, profile: generic-32di, connection: bus, unit: 2}}
  - {{id: c, profile: generic-32di, connection: far, unit: 9}}
equipment:
  - {{id: sump-1, kind: sump, points: [{{device: a, take: {{di_2: high_level}}}}]}}
  - {{id: sump-2, kind: sump, points: [{{device: b, take: {{di_3: high_level}}}}]}}
  - {{id: sump-3, kind: sump, points: [{{device: c, take: {{di_4: high_level}}}}]}}
""")
        journal = Journal(tmp_path / "data" / "hq" / "journal", SystemClock())
        apply(site, journal, "test")
        values: dict[str, set[float]] = {}
        collect = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "plantroom", "service", "collect", "--data", str(tmp_path / "data"), "--site", "hq"
        )
        try:
            async with asyncio.timeout(30):
                with journal.reader() as reader:
                    seq = 0
                    while len(values) < 3:
                        await asyncio.sleep(0.05)
                        for record in reader.read_after(seq):
                            seq = record.seq
                            if record.kind is Kind.TELEMETRY:
                                batch = decode_batch(record.body, reader.frame)
                                if not batch.quality.any():
                                    values.setdefault(batch.frame.points[0], set()).update(batch.values[:, 0].tolist())
        finally:
            collect.terminate()
            try:
                async with asyncio.timeout(15):
                    await collect.wait()
            except TimeoutError:
                collect.kill()
                raise
        await port.stop()
        await converter.stop()
        assert values == {"sump-1.high_level": {1.0}, "sump-2.high_level": {0.0}, "sump-3.high_level": {1.0}}

    on_uvloop(play)


# others' Modbus on the far end

WORDS = {at: (at * 40_503 + 1) % 65_536 for at in range(400)}
BITS = {at: int(at % 3 == 0 or at % 7 == 2) for at in range(2000)}
BLOCKS = [Read(Table.COIL, 5, 13), Read(Table.DISCRETE, 0, 1999), Read(Table.HOLDING, 0, 125), Read(Table.INPUT, 399, 1), Read(Table.INPUT, 3, 60)]


def cells_of(read: Read, data: bytes) -> list[int]:
    if read.table.bits:
        return [data[at // 8] >> at % 8 & 1 for at in range(read.count)]
    return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]


def wanted(read: Read) -> list[int]:
    table = BITS if read.table.bits else WORDS
    return [table[at] for at in range(read.address, read.end)]


@contextmanager
def crossed() -> Iterator[tuple[str, str, int, int]]:
    """Two terminals joined back to back: what one side writes the other reads."""
    ends = [pty.openpty() for _ in range(2)]
    names = [os.ttyname(theirs) for _, theirs in ends]
    for _, theirs in ends:
        subprocess.run(["stty", "-F", os.ttyname(theirs), "raw", "-echo"], check=True)
    try:
        yield names[0], names[1], ends[0][0], ends[1][0]
    finally:
        for ours, theirs in ends:
            os.close(ours)
            os.close(theirs)


def test_our_master_on_pymodbus_serial_server() -> None:
    async def play() -> None:
        words, bits = [WORDS[at] for at in sorted(WORDS)], [bool(BITS[at]) for at in sorted(BITS)]
        data = (
            [SimData(0, values=bits, datatype=DataType.BITS)],
            [SimData(0, values=bits, datatype=DataType.BITS)],
            [SimData(0, values=words, datatype=DataType.UINT16)],
            [SimData(0, values=words, datatype=DataType.UINT16)],
        )
        with crossed() as (here, there, one, other):
            loop = asyncio.get_running_loop()
            loop.add_reader(one, lambda: os.write(other, os.read(one, 4096)))
            loop.add_reader(other, lambda: os.write(one, os.read(other, 4096)))
            theirs = ModbusSerialServer(
                [SimDevice(id=unit, simdata=data) for unit in (1, 7)], framer=FramerType.RTU, port=there, baudrate=19_200, parity="N"
            )
            await theirs.serve_forever(background=True)
            link = ModbusRtu(here, 19_200)
            for unit in (1, 7):
                got = await read_once(way_of(link), framing(link, {unit: 2.0}), unit, BLOCKS, timeout_s=2.0, gap_s=0.0, clock=SystemClock())
                assert [g.why for g in got] == [""] * len(BLOCKS)
                assert [cells_of(read, g.data or b"") for read, g in zip(BLOCKS, got, strict=True)] == [wanted(read) for read in BLOCKS]
            await theirs.shutdown()
            loop.remove_reader(one)
            loop.remove_reader(other)

    asyncio.run(play())


def test_pymodbus_master_on_our_simulator(tmp_path: Path) -> None:
    async def play() -> None:
        bus = PtyServer({7: Memory({1: BITS, 2: BITS, 3: WORDS, 4: WORDS})}, tmp_path / "tty")
        await bus.start()
        client = AsyncModbusSerialClient(str(bus.path), framer=FramerType.RTU, baudrate=19_200, parity="N", timeout=2, retries=0)
        assert await client.connect()
        ask = {
            Table.COIL: client.read_coils, Table.DISCRETE: client.read_discrete_inputs,
            Table.HOLDING: client.read_holding_registers, Table.INPUT: client.read_input_registers,
        }  # fmt: skip
        for read in BLOCKS:
            answer = await ask[read.table](read.address, count=read.count, device_id=7)
            found = [int(bit) for bit in answer.bits[: read.count]] if read.table.bits else answer.registers
            assert found == wanted(read)
        refused = await client.read_holding_registers(400, count=1, device_id=7)
        assert refused.isError() and refused.exception_code == 2
        client.close()
        await bus.stop()

    asyncio.run(play())


@pytest.mark.needs("mbpoll")
def test_libmodbus_master_on_our_simulator_and_try_prints_the_same(tmp_path: Path) -> None:
    """`plantroom simulate` makes the terminal; mbpoll (libmodbus) and `plantroom try` read the same machine on it."""
    port = tmp_path / "ttyGEN"
    site = tmp_path / "site.yaml"
    site.write_text(f"""
site: {{id: hq, name: HQ, zone: Asia/Shanghai}}
connections:
  - {{id: bus, modbus_rtu: {{device: {port}, baud: 9600, parity: E}}}}
equipment:
  - {{id: gen-1, kind: generator, name: Generator 1, profile: smartgen-hgm4000n, connection: bus, unit: 3}}
""")
    command = [sys.executable, "-m", "plantroom"]
    simulate = [*command, "simulate", str(site), "--seed", "3", "--speed", "0.01"]
    with subprocess.Popen(simulate, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["listening"] == [str(port)]
            tried = [*command, "try", "smartgen-hgm4000n", "--serial", str(port), "--parity", "N", "--unit", "3", "--json"]
            rows = json.loads(subprocess.run(tried, capture_output=True, text=True, timeout=60, check=True).stdout)
            assert {row["quality"] for row in rows} <= {"good", "sentinel"} and len(rows) > 40
            place = ["-m", "rtu", "-a", "3", "-b", "9600", "-P", "none", "-0", "-1", "-t", "4:hex", "-r", "0", "-c", "40", str(port)]
            done = subprocess.run(["mbpoll", *place], capture_output=True, text=True, timeout=20)
            assert done.returncode == 0, done.stdout + done.stderr
            theirs = {int(at): int(word, 16) for at, word in re.findall(r"\[(\d+)\]:\s+0x([0-9A-F]{4})", done.stdout)}
            compared = 0
            for row in rows:
                source = load_profile("smartgen-hgm4000n").points[row["point"]].source
                if isinstance(source, Register) and source.table is Table.HOLDING and source.count == 1 and source.address in theirs:
                    assert int(row["raw"], 16) == theirs[source.address], row
                    compared += theirs[source.address] != 0
            assert compared >= 10
        finally:
            process.terminate()
