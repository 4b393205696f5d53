"""A thousand devices that write down what they said: the truth a journal is held against.

`python -m tests.kit.fleet LINES UNITS BROKER_PORT PUBLISHERS TRUTH`: a Modbus TCP port for each line, its ports as one JSON line on stdout;
publishers over MQTT (QoS 1) where BROKER_PORT is not 0, from SIGUSR1 on. SIGTERM ends it. Every answer is another one: it holds who speaks, how often it
has spoken, and a check of both, so that a value on the wrong device, an old one or a torn one shows.

TRUTH: rows of TRUTH_ROW, one for each frame sent: (epoch ns, line, unit, count, SOUND | FALSE). A FALSE one must never be taken. For
publishers the row is written when the broker has acknowledged the message, line is PUBLISHED, unit the publisher's number.
"""

from __future__ import annotations

import asyncio
import json
import signal
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import cast

import numpy as np
import numpy.typing as npt
import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

TRUTH_ROW = np.dtype([("at_ns", "<i8"), ("line", "<u2"), ("unit", "<u2"), ("count", "<u4"), ("kind", "u1")])
SOUND, FALSE = 1, 0
PUBLISHED = 0xFFFF
WORDS = 8
PUBLISH_EVERY_S = 2.0
FAULTS = ("silence", "exception", "busy", "late", "other number", "other unit", "cut", "garbage", "reset", "twice", "slow", "dead")
_pack = struct.Struct("<qHHIB").pack


def words(line: int, unit: int, count: int) -> list[int]:
    """The eight registers: line, unit, count in two, four of check."""
    return [line, unit, count >> 16, count & 0xFFFF, *((line * 40503 + unit * 9973 + count * 31 + n * 7919) & 0xFFFF for n in range(4))]


def check(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which rows of eight values belong together."""
    whole = values.astype(np.int64)
    line, unit, count = whole[:, 0], whole[:, 1], whole[:, 2] << 16 | whole[:, 3]
    sums = [(line * 40503 + unit * 9973 + count * 31 + n * 7919) & 0xFFFF for n in range(4)]
    return cast(npt.NDArray[np.bool_], (np.stack(sums, 1) == whole[:, 4:]).all(axis=1))


def faulty(line: int, unit: int) -> bool:
    """A fifth of the units of every other line: a tenth of all."""
    return line % 2 == 1 and unit % 5 == 0


class Unit:
    def __init__(self, line: int, unit: int, chance: Random | None, say: Callable[[bytes], object]) -> None:
        self.line, self.unit, self.chance, self._say = line, unit, chance, say
        self.count = 0
        self.dead_until = 0.0

    def frame(self, transaction: bytes, kind: int, unit: int | None = None) -> bytes:
        self.count += 1
        self._say(_pack(time.time_ns(), self.line, self.unit, self.count, kind))
        data = struct.pack(">8H", *words(self.line, self.unit, self.count))
        return transaction + struct.pack(">HHBBB", 0, 3 + len(data), self.unit if unit is None else unit, 3, len(data)) + data


class Port(asyncio.Protocol):
    def __init__(self, units: dict[int, Unit]) -> None:
        self._units = units

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert len(data) == 12 and data[7] == 3, "one request at a time, and nothing but reads"
        unit, transaction = self._units[data[6]], data[:2]
        if unit.chance is not None and (unit.dead_until > time.monotonic() or unit.chance.random() < 0.3):
            self._spoil(unit, unit.chance, transaction)
        else:
            self._transport.write(unit.frame(transaction, SOUND))

    def _spoil(self, unit: Unit, chance: Random, transaction: bytes) -> None:
        write, later = self._transport.write, asyncio.get_running_loop().call_later
        match "silence" if unit.dead_until > time.monotonic() else chance.choice(FAULTS):
            case "dead":
                unit.dead_until = time.monotonic() + chance.uniform(1, 8)
            case "exception" | "busy" as fault:
                write(transaction + struct.pack(">HHBBB", 0, 3, unit.unit, 0x83, 6 if fault == "busy" else 2))
            case "late" | "slow" as fault:
                later(chance.uniform(1.0, 3.0) if fault == "late" else 0.05, self._send, unit, transaction)
            case "other number":
                write(unit.frame(bytes((transaction[0] ^ 0x40, transaction[1])), FALSE))
            case "other unit":
                write(unit.frame(transaction, FALSE, unit.unit % 5 + 1))
            case "cut":
                write(unit.frame(transaction, FALSE)[: chance.randint(1, 24)])
            case "garbage":
                write(chance.randbytes(20) + unit.frame(transaction, FALSE))
            case "reset":
                self._transport.abort()
            case "twice":
                frame = unit.frame(transaction, SOUND)
                write(frame + frame)

    def _send(self, unit: Unit, transaction: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(unit.frame(transaction, SOUND))


class Publishers:
    """Each sends its words every two seconds with its own stamp, and again until the broker has acknowledged them."""

    def __init__(self, port: int, number: int, say: Callable[[bytes], object]) -> None:
        self._number, self._say = number, say
        self._out: dict[int, tuple[int, int, int]] = {}  # message id -> (stamp ns, publisher, count)
        self._answered: deque[int] = deque()  # message ids, filled by paho's thread
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "fleet", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_queued_messages_set(0)
        self._client.on_publish = self._acknowledged
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    async def run(self) -> None:
        count = 0
        while True:
            count += 1
            for n in range(self._number):
                ms = time.time_ns() // 1_000_000
                payload = json.dumps({"ts": ms, "v": words(PUBLISHED, n, count)})
                self._out[self._client.publish(f"fleet/p{n}", payload, qos=1).mid] = (ms * 1_000_000, n, count)
            self.settle()
            await asyncio.sleep(PUBLISH_EVERY_S)

    def settle(self) -> None:
        """Writes down what the broker has acknowledged."""
        while self._answered:
            at_ns, n, count = self._out.pop(self._answered.popleft())
            self._say(_pack(at_ns, PUBLISHED, n, count, SOUND))

    def _acknowledged(self, client: object, userdata: object, mid: int, *_: object) -> None:
        self._answered.append(mid)


async def main(lines: int, units: int, broker: int, publishers: int, truth: Path) -> None:
    loop, go, over = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    loop.add_signal_handler(signal.SIGUSR1, go.set)
    with truth.open("wb") as log:
        ports = []
        for line in range(lines):
            on_it = {u: Unit(line, u, Random(line * 1000 + u) if faulty(line, u) else None, log.write) for u in range(1, units + 1)}
            server = await loop.create_server(lambda on_it=on_it: Port(on_it), "127.0.0.1", 0, backlog=1024)  # type: ignore[misc]
            ports.append(server.sockets[0].getsockname()[1])
        print(json.dumps(ports), flush=True)
        if not broker:
            await over.wait()
            return
        await go.wait()
        published = Publishers(broker, publishers, log.write)
        publishing = asyncio.ensure_future(published.run())
        await over.wait()
        publishing.cancel()
        published.settle()


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:5]), Path(sys.argv[5])))
