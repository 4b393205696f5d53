"""`plantroom probe` against simulated devices behind a gateway, and against a gateway that is slow, silent or hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from collector.connect import Tcp
from collector.discovery import Discovery, Survey, Ways
from collector.fingerprint import samples
from collector.mbap import Exchange
from collector.probe import MOST_DIALS, BrokenOff, probe
from plantroom import cli
from plantroom.clock import SystemClock
from plantroom.profile_file import load_profile
from plantroom.site_file import load_site
from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from simulators.wire import WireFault
from tests.kit.simulator import Simulator

HEAD = "site: {id: hq, name: HQ, zone: Asia/Shanghai, language: en}\n"
TOLD = {1: "dse-gencomm", 2: "comap-intelilite4", 3: "kohler-apm603", 4: "datakom-d500", 5: "generac-power-zone-410", 7: "deif-agc150"}
HINTED = {8: "eastron-sdm630", 9: "schneider-iem3000", 10: "generic-8ai", 11: "systemair-topvex", 12: "generic-32di"}
PLANT = f"""{HEAD}
connections:
  - {{id: gateway, modbus_tcp: {{host: 127.0.0.1, port: "${{PLANTROOM_DEMO_MODBUS_1:-15021}}"}}}}
devices:
{"".join(f"  - {{id: d{unit}, profile: {name}, connection: gateway, unit: {unit}}}" + chr(10) for unit, name in (TOLD | HINTED).items())}
"""


def test_every_unit_behind_a_gateway_is_found_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "plant.yaml"
    site.write_text(PLANT)
    with Simulator(site=site) as simulator:
        where = ("--host", "127.0.0.1", "--port", str(simulator.ports["lift-contacts"]), "--units", "1-14", "--gap", "0")
        assert cli.run(["probe", *where, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert cli.run(["probe", *where, "--no-guess"]) == 0
        printed = capsys.readouterr().out
    units = {unit["unit"]: unit for unit in found["units"]}
    assert {number: unit["profile"] for number, unit in units.items()} == TOLD | dict.fromkeys(HINTED)
    assert {number: units[number]["hints"][0]["profile"] for number in HINTED} == HINTED
    assert (found["asked"], found["any_number"], found["broken_off"]) == (list(range(1, 15)), False, None)
    for text in (found["fragment"], printed):
        pasted = tmp_path / "site.yaml"
        pasted.write_text(HEAD + text)
        assert cli.run(["check", str(pasted)]) == 0, capsys.readouterr()
        made = load_site(pasted)
        assert {device.unit: device.profile.name for device in made.devices.values()} == TOLD
        assert len(made.equipment) == 1 + len(TOLD) - 1, "the monitor, and all but the one that lacks its mode"


SERIAL = {3: "dse-gencomm", 4: "deif-agc150", 6: "generic-8ai"}


def test_a_serial_line_behind_a_converter_is_looked_through_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "plant.yaml"
    device = "".join(f"  - {{id: d{unit}, profile: {name}, connection: line, unit: {unit}}}\n" for unit, name in SERIAL.items())
    link = 'rtu_over_tcp: {host: 127.0.0.1, port: "${PLANTROOM_DEMO_MODBUS_1:-15021}", baud: 115200}'
    site.write_text(f"{HEAD}connections:\n  - {{id: line, {link}}}\ndevices:\n{device}")
    with Simulator(site=site) as simulator:
        where = ("--host", "127.0.0.1", "--port", str(simulator.ports["lift-contacts"]), "--rtu-over-tcp", "--baud", "115200")
        assert cli.run(["probe", *where, "--units", "3-7", "--patience", "0.3", "--gap", "0", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
    told = {unit["unit"]: (unit["profile"], [hint["profile"] for hint in unit["hints"]][:1]) for unit in found["units"]}
    assert told == {3: ("dse-gencomm", []), 4: ("deif-agc150", []), 6: (None, ["generic-8ai"])}
    pasted = tmp_path / "site.yaml"
    pasted.write_text(HEAD + found["fragment"])
    assert [connection.link.address for connection in load_site(pasted).connections.values()] == [found["address"]]


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(body())


async def surveyed(server: ModbusServer, units: list[int], ways: Ways | None = None) -> Survey:
    profiles = [load_profile(name) for name in ("dse-gencomm", "generic-8ai")]
    discovery = Discovery(units, profiles, samples(profiles), ways or Ways(patience_s=0.2))
    await probe(Tcp(server.host, server.port), Exchange(), discovery, 0.0, SystemClock())
    return discovery.found


def eight_inputs() -> Memory:
    return Memory({4: {at: 12_000 + at for at in range(8)}})


def server(*units: int, **settings: Any) -> ModbusServer:
    return ModbusServer({unit: eight_inputs() for unit in units}, **settings)


def test_on_a_silent_bus_the_living_are_found_over_one_connection() -> None:
    async def body() -> None:
        bus = server(2, 4, unknown="silence", most_connections=1)
        await bus.start()
        try:
            found = await surveyed(bus, [1, 2, 3, 4])
        finally:
            await bus.stop()
        assert [(unit.unit, unit.hints[0].profile) for unit in found.units] == [(2, "generic-8ai"), (4, "generic-8ai")]

    run(body)


def test_a_unit_slower_than_our_patience_is_found_all_the_same() -> None:
    async def body() -> None:
        bus = server(2, 3)
        bus.faults[2] = WireFault("late", {"delay_s": 0.5})
        await bus.start()
        try:
            found = await surveyed(bus, [2, 3], Ways(patience_s=0.3))
        finally:
            await bus.stop()
        assert [(unit.unit, unit.hints[0].profile) for unit in found.units] == [(2, "generic-8ai"), (3, "generic-8ai")]

    run(body)


def test_own_words_are_followed_to_their_end() -> None:
    async def body() -> None:
        bus = server(2, 3)
        bus.texts[2] = {0: "Acme", 1: "IO-8", 2: "1.4", 4: "Eight inputs"}
        await bus.start()
        try:
            found = await surveyed(bus, [2, 3, 4], Ways(patience_s=0.5, identify=True))
            again = await surveyed(bus, [2])
        finally:
            await bus.stop()
        assert [unit.texts for unit in found.units] == [{"vendor": "Acme", "product_code": "IO-8", "revision": "1.4", "product": "Eight inputs"}, {}]
        assert again.units[0].texts == {}
        assert not bus.forbidden, "43/14 is a read"

    run(body)


def test_a_device_that_answers_for_every_number_is_one() -> None:
    class Careless(dict[int, Memory]):
        def get(self, unit: int, default: object = None) -> Memory:  # type: ignore[override]
            return self[1]

    async def body() -> None:
        bus = ModbusServer(Careless({1: eight_inputs()}))
        await bus.start()
        try:
            found = await surveyed(bus, [1, 2, 3])
        finally:
            await bus.stop()
        assert found.any_number and [unit.unit for unit in found.units] == [1]

    run(body)


def test_one_that_hangs_up_on_every_question_is_left_alone() -> None:
    async def body() -> None:
        bus = server(1)
        bus.faults[None] = WireFault("cut")
        await bus.start()
        try:
            with pytest.raises(BrokenOff):
                await surveyed(bus, list(range(1, 30)))
        finally:
            await bus.stop()
        assert bus.requests == MOST_DIALS + 1

    run(body)


@pytest.mark.parametrize("fault", ["garbage", "truncated", "wrong_unit", "wrong_function", "wrong_tid", "short"])
def test_one_whose_answers_cannot_be_right_is_nobody(fault: str) -> None:
    async def body() -> None:
        bus = server(1, 2)
        bus.faults[1] = WireFault(fault)
        await bus.start()
        try:
            found = await surveyed(bus, [1, 2])
        finally:
            await bus.stop()
        assert [unit.unit for unit in found.units if unit.unit == 2] == [2], "the neighbour is found"
        assert all(unit.hints == [] for unit in found.units if unit.unit == 1)

    run(body)


def test_no_device_and_nobody_there_are_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["probe", "--host", "127.0.0.1", "--port", "1"]) == 1
    assert "no connection to 127.0.0.1:1" in capsys.readouterr().err


BAD_WORDS = [
    (("--units", "0-999"), "unit number"),
    (("--profiles", "/nonexistent"), "has no profiles"),
    (("--rtu-over-tcp", "--units", "0-5"), "units 1 to 247"),
    (("--rtu-over-tcp", "--identify"), "Modbus TCP only"),
    (("--serial", "/dev/ttyUSB0"), "only one"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD_WORDS)
def test_bad_words_are_exit_code_2(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["probe", "--host", "127.0.0.1", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err + captured.out
