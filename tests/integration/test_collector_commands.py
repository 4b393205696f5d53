"""`plantroom try` and `plantroom reads` against a device that holds a profile's hand-worked image."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from plantroom import cli
from simulators.memory import Memory
from simulators.modbus_server import ModbusServer

IMAGES = Path(__file__).parents[1] / "cases" / "profiles"
FUNCTION = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


@pytest.fixture
def device() -> Iterator[int]:
    """The port of a server whose unit 3 is the HGM4000N of the image, unit 5 the gateway of sixteen; unit 4 has no registers at all."""
    image = YAML(typ="safe").load((IMAGES / "smartgen-hgm4000n" / "registers.yaml").read_text())
    cells = {FUNCTION[table]: {at: 0 for at in range(120)} | dict(content) for table, content in image["tables"].items()}
    gateway = YAML(typ="safe").load((IMAGES / "lg-pmbusb00a" / "registers.yaml").read_text())["tables"]
    parts = {FUNCTION[table]: {at: 0 for at in range(320)} | dict(content) for table, content in gateway.items()}
    server = ModbusServer({3: Memory(cells), 4: Memory({}), 5: Memory(parts)}, unknown="silence")
    server.texts[3] = {0: "SmartGen", 1: "HGM4000N", 2: "1.5"}
    loop, started = asyncio.new_event_loop(), threading.Event()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server.start())
        started.set()
        loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    started.wait()
    yield server.port
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert server.refused == 0, "P9"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = cli.run(list(arguments))
    out = capsys.readouterr().out
    return code, json.loads(out) if out.strip() else None


def test_try_prints_what_a_person_reads_out_of_the_registers(device: int, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = run(capsys, "try", "smartgen-hgm4000n", "--host", "127.0.0.1", "--port", str(device), "--unit", "3", "--json")
    assert code == 0 and set(rows[0]) == {"point", "value", "unit", "quality", "raw"}
    found = {row["point"]: row for row in rows}
    expected = YAML(typ="safe").load((IMAGES / "smartgen-hgm4000n" / "expected.yaml").read_text())
    for name, want in expected.items():
        row = found[name]
        assert (row["quality"], row["unit"]) == (want["quality"], want["unit"]), name
        assert (row["value"] is None) == (want["value"] is None) and (row["value"] is None or row["value"] == pytest.approx(want["value"])), name


def test_try_reads_the_parts_of_a_gateway_by_their_names(device: int, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--host", "127.0.0.1", "--port", str(device), "--unit", "5", "--json")
    code, rows = run(capsys, "try", "lg-pmbusb00a", *where, "--points", "unit_3,unit_7.room_temp,unit_15.room_temp")
    found = {row["point"]: (row["value"], row["quality"], row["raw"]) for row in rows}
    assert code == 0 and len(rows) == 18 + 2
    assert found["unit_3.room_temp"] == (-5.5, "good", "1 FFC9") and found["unit_3.connected"] == (1.0, "good", "1")
    assert found["unit_7.room_temp"] == (None, "sentinel", "0 00F3"), "it is not connected, what the register holds is old"
    assert found["unit_15.room_temp"] == (31.5, "good", "1 013B")


def test_try_asks_a_device_who_it_is(device: int, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("smartgen-hgm4000n", "--host", "127.0.0.1", "--port", str(device), "--identify", "--json")
    code, found = run(capsys, "try", *words, "--unit", "3")
    assert code == 0 and found["says"] == {"vendor": "SmartGen", "product_code": "HGM4000N", "revision": "1.5"}
    assert {row["point"] for row in found["points"]} > {"engine_speed"}
    assert run(capsys, "try", *words, "--unit", "5")[1]["says"] == {"why": "exception 1: it does not know function 43/14"}


def test_try_on_a_unit_that_is_silent_or_refuses_says_so(device: int, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--host", "127.0.0.1", "--port", str(device), "--points", "engine_speed", "--json")
    code, rows = run(capsys, "try", "smartgen-hgm4000n", *where, "--unit", "9")
    assert code == 1 and rows == [
        {"point": "engine_speed", "value": None, "unit": "rpm", "quality": "no_answer", "raw": "no answer within 1 s"}
    ]
    code, rows = run(capsys, "try", "smartgen-hgm4000n", *where, "--unit", "4")
    assert code == 0 and rows[0]["quality"] == "exception" and rows[0]["raw"] == "exception 2"


def test_try_without_a_device_names_the_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["try", "generic-8ai", "--host", "127.0.0.1", "--port", "1"]) == 1
    assert "no connection to 127.0.0.1:1" in capsys.readouterr().err


def test_reads_prints_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    code, plan = run(capsys, "reads", "generic-8ai", "--json")
    assert code == 0
    assert plan == {"requests": [{"table": "input", "address": 0, "count": 8}], "wanted": 8, "read": 8, "ms_at_9600": pytest.approx(42.5)}
    code, plan = run(capsys, "reads", "generic-8ai", "--points", "ai_1,ai_8", "--json")
    assert (code, plan["wanted"], plan["read"]) == (0, 2, 8)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("reads", "no-such-thing"), "no profile 'no-such-thing'"),
        (("reads", "generic-8ai", "--points", "ai_9"), "has no ai_9"),
        (("try", "mqtt-json-elevator", "--host", "127.0.0.1"), "publishes over MQTT"),
    ],
)
def test_bad_words_are_answered_with_exit_code_2(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(list(arguments)) == 2
    captured = capsys.readouterr()
    assert said in captured.err + captured.out
