"""P3 on the wire: a server that lies in every way it can, and not one value taken for another point or another time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import cast

import pytest
import uvloop

from collector.actions import Command
from collector.backoff import Backoff
from collector.bindings import Job
from collector.codec import Decoder
from collector.connect import Tcp
from collector.mbap import Exchange, _Asked
from collector.modbus import Line
from collector.poll_plan import Read
from collector.session import Session
from plantroom.clock import Reading, SystemClock
from plantroom.model import Batch, Frame, Qualities, Quality, Values
from plantroom.profiles import Encoding, Table
from tests.kit.evil_modbus import FAULTS, UNITS, EvilServer, content, some_read, truth
from tests.kit.hammer import Hammer
from tests.unit.collector.lines import bound, jobs_of, profile, register

LINES = 40
PATIENCE_S = 0.03


@dataclass(kw_only=True)
class TcpHammer(Hammer):
    chance: Random
    exchange: Exchange
    connection: int = 0

    def choose(self) -> tuple[int, Read]:
        return some_read(self.chance)

    def fault_of(self, unit: int, read: Read, data: bytes) -> str | None:
        right = truth(unit, read.table.function, read.address, read.count, self.connection, self.exchange.sent)
        return None if data == right else f"connection {self.connection} request {self.exchange.sent}"

    def linked(self, at: Reading) -> list[Command]:
        self.connection += 1
        return super().linked(at)


class Believing(Exchange):
    """The negative control: takes any frame that is well formed, as a client without transaction and unit check does."""

    def _whose(self, transaction: int, unit: int) -> _Asked | None:
        return next(iter(self._open.values()), None)


async def hammer(
    total: int, share: float, exchange: type[Exchange], seed: int, patience_s: float
) -> tuple[list[Hammer], list[EvilServer]]:
    hammers, servers = [], []
    async with asyncio.TaskGroup() as group:
        lines = []
        for i in range(LINES):
            server = EvilServer(seed * 1000 + i, share)
            await server.__aenter__()
            framing = exchange()
            mallet = TcpHammer(
                requests=total // LINES, done=asyncio.Event(), patience_s=patience_s, most_silences=3,
                chance=Random(seed * 1000 + i), exchange=framing,
            )  # fmt: skip
            line = Line(Tcp("127.0.0.1", server.port), mallet, SystemClock(), _refuse, _ignore, exchange=framing)  # type: ignore[arg-type]
            lines.append(group.create_task(line.run()))
            hammers.append(mallet)
            servers.append(server)
        for mallet in hammers:
            await mallet.done.wait()
        for task in lines:
            task.cancel()
    for server in servers:
        await server.__aexit__()
    return hammers, servers


def _refuse(*_: object) -> None:
    raise AssertionError("a hammer has no samples")


def _ignore(*_: object) -> None:
    return


def run_hammer(
    total: int, share: float, exchange: type[Exchange], seed: int = 1, patience_s: float = PATIENCE_S
) -> tuple[list[str], Counter[str], list[EvilServer]]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        hammers, servers = runner.run(hammer(total, share, exchange, seed, patience_s))
    outcome: Counter[str] = sum((mallet.outcome for mallet in hammers), Counter())
    return [wrong for mallet in hammers for wrong in mallet.wrong], outcome, servers


def check(total: int) -> None:
    wrong, outcome, servers = run_hammer(total, 0.2, Exchange)
    met: Counter[str] = sum((server.met for server in servers), Counter())
    print(f"{total} requests, {met.total()} faults of {len(met)} kinds, {len(wrong)} wrong attributions; {dict(outcome)}")
    assert wrong == []
    assert set(met) == set(FAULTS), "every kind of fault was met"
    spoken = total - outcome["silent no_answer"]  # a busy machine makes more silences than the faults alone
    assert outcome["taken"] > max(0.75 * spoken, 0.3 * total), "the faults did not simply end the conversation"
    assert not any(server.forbidden for server in servers), "only function codes 1 to 4, P9"
    assert max(server.most_open for server in servers) == 1, "never two connections to one device"


def test_no_value_on_a_wrong_point_in_a_hundred_thousand_requests() -> None:
    check(100_000)


@pytest.mark.soak
def test_no_value_on_a_wrong_point_in_a_million_requests() -> None:
    check(1_000_000)


def test_control_without_the_transaction_and_unit_check_the_oracle_finds_wrong_values() -> None:
    wrong, outcome, _ = run_hammer(4_000, 0.2, Believing)
    assert len(wrong) > 20, outcome


def test_without_faults_everything_is_taken() -> None:
    wrong, outcome, _ = run_hammer(4_000, 0.0, Exchange, patience_s=30.0)  # however busy the machine is
    assert wrong == [] and outcome == Counter(taken=4_000)


def test_the_whole_line_puts_no_lie_on_a_point_and_leaves_no_read_unsaid() -> None:
    """Schedule, session, decoder and socket together: each good sample is the content of its unit, table and address."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        batches, expected = runner.run(collect_from_a_liar(2_000))
    good = bad = 0
    for batch in batches:
        for point, value, quality in zip(batch.frame.points, batch.values[0].tolist(), batch.quality[0].tolist(), strict=True):
            if quality == Quality.GOOD:
                good += 1
                assert value == expected[point], point
            else:
                bad += 1
                assert quality in (Quality.NO_ANSWER, Quality.EXCEPTION, Quality.DECODE)
    assert good >= 2_000 and bad > 100, (good, bad)
    assert {point for batch in batches for point in batch.frame.points} == set(expected)


async def collect_from_a_liar(enough: int) -> tuple[list[Batch], dict[str, float]]:
    """Units 1..8 of a liar, two tables each, until so many samples are good; every batch, and what each point's register holds."""
    batches: list[Batch] = []
    done, good = asyncio.Event(), 0
    expected: dict[str, float] = {}
    jobs: list[Job] = []
    for unit in UNITS:
        # the first cells of a reply name the request, so the points stand behind them; the planner's read begins at the mark
        words = [register(f"w{at}", 100 + at, encoding=Encoding.U16) for at in range(12)]
        bits = [register(f"b{at}", 300 + at, Table.DISCRETE, Encoding.BIT) for at in range(0, 64, 2)]
        made = profile([*words, *bits], timeout_s=0.05)
        for at in range(2, 12):
            expected[f"u{unit}.w{at}"] = float(int.from_bytes(content(unit, 3)[2 * (100 + at) : 2 * (101 + at)], "big"))
        for at in range(32, 64, 2):
            expected[f"u{unit}.b{at}"] = float(content(unit, 2)[(300 + at) // 8] >> (300 + at) % 8 & 1)
        found = jobs_of(made, [bound(f"u{unit}", point.name, 0.05) for point in (*words, *bits)], unit, f"u{unit}")
        jobs += [marked(job) for job in found]

    def take(batch: Batch) -> None:
        nonlocal good
        batches.append(batch)
        good += int((batch.quality == Quality.GOOD).sum())
        if good >= enough:
            done.set()

    clock = SystemClock()
    async with EvilServer(7, 0.2) as server, asyncio.TaskGroup() as group:
        session = Session(jobs, clock.read(), Backoff(Random(1), 0.01, 0.05))
        task = group.create_task(Line(Tcp("127.0.0.1", server.port), session, clock, take, _ignore).run())
        await done.wait()
        task.cancel()
    assert not server.forbidden
    return batches, expected


def marked(job: Job) -> Job:
    """Without the points that the liar's marks cover."""
    keep = [i for i, point in enumerate(job.frame.points) if int(point.split(".")[1][1:]) >= (2 if ".w" in point else 32)]
    return replace(job, frame=Frame(tuple(job.frame.points[i] for i in keep)), decoder=cast(Decoder, Kept(job.decoder, keep)))


@dataclass
class Kept:
    """A decoder whose other columns nobody looks at."""

    decoder: Decoder
    columns: list[int]

    def decode(self, data: bytes, failed: Mapping[int, Quality]) -> tuple[Values, Qualities]:
        values, quality = self.decoder.decode(data, failed)
        return values[self.columns], quality[self.columns]
