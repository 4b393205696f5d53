"""A test rig as docs/test-rigs.md tells it: a plant on real sockets whose time is the test's, read by somebody else's Modbus client."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from plantroom.errors import BadInput
from simulators.rig import Rig

ROOT = Path(__file__).parents[2]
SITE = """
site: {id: bench, name: Bench, zone: Asia/Shanghai, language: en}
connections:
  - {id: bus, modbus_tcp: {host: 10.1.2.3, port: 502}}
  - {id: line, modbus_rtu: {device: /dev/ttyUSB0, baud: 9600}}
equipment:
  - {id: gen-1, kind: generator, name: Generator 1, profile: smartgen-hgm4000n, connection: bus, unit: 3}
  - {id: gen-2, kind: generator, name: Generator 2, profile: smartgen-hgm4000n, connection: line, unit: 1}
"""

MakeRig = Callable[..., Rig]


def register(rig: Rig, device: str, point: str) -> int:
    source = rig.site.devices[device].profile.points[point].source
    return source.address  # type: ignore[union-attr]


def read(rig: Rig, device: str, point: str) -> int:
    at = rig.address(device)
    with ModbusTcpClient(at.host, port=at.port) as client:
        answer = client.read_holding_registers(register(rig, device, point), count=1, device_id=at.unit)
        assert not answer.isError(), answer
        return int(answer.registers[0])


def test_a_strange_client_sees_what_the_plant_does_and_time_is_the_tests(plant_rig: MakeRig) -> None:
    rig = plant_rig(SITE)
    assert rig.address("gen-1").host == "127.0.0.1" and rig.address("gen-1").port > 1024
    assert read(rig, "gen-1", "engine_speed") == 0
    rig.upset("gen-1", "test_run")
    rig.advance(30)
    assert read(rig, "gen-1", "engine_speed") == pytest.approx(1500, abs=20)
    assert rig.value("gen-1.engine_speed") == pytest.approx(1500, abs=20)
    rig.repair("gen-1", "test_run")
    rig.advance(600)
    assert read(rig, "gen-1", "engine_speed") == 0
    assert [row["event"] for row in rig.truth] == ["begun", "ended"] and rig.forbidden == {}


@pytest.mark.parametrize("seconds", [-3, float("nan"), float("inf")])
def test_the_plants_time_only_moves_forward(plant_rig: MakeRig, seconds: float) -> None:
    rig = plant_rig(SITE)
    at_ns = rig.world.now_ns
    with pytest.raises(ValueError, match="only moves forward"):
        rig.advance(seconds)
    rig.advance(0)
    assert rig.world.now_ns == at_ns


def test_the_same_seed_is_the_same_plant(plant_rig: MakeRig) -> None:
    one, other, third = (plant_rig(SITE, seed=seed) for seed in (4, 4, 5))
    for rig in (one, other, third):
        rig.upset("gen-1", "fail_to_start")
        rig.advance(20.3)
    values = [rig.value("gen-1.battery_voltage") for rig in (one, other, third)]
    assert values[0] == values[1] != values[2]


@pytest.mark.writes
def test_a_wire_fault_is_on_the_wire_and_a_writer_is_caught(plant_rig: MakeRig) -> None:
    rig = plant_rig(SITE)
    at = rig.address("gen-1")
    with ModbusTcpClient(at.host, port=at.port, timeout=2, retries=0) as client:
        rig.wire("bus", "exception", unit=3, code=4)
        assert client.read_holding_registers(0, count=1, device_id=3).exception_code == 4
        rig.mend("bus", "exception", unit=3)
        assert not client.read_holding_registers(register(rig, "gen-1", "engine_speed"), count=1, device_id=3).isError()
        assert client.write_register(0, 1, device_id=3).isError()
    assert rig.forbidden == {6: 1}


def test_a_serial_line_is_a_pseudo_terminal(plant_rig: MakeRig) -> None:
    at = plant_rig(SITE).address("gen-2")
    assert at.serial is not None and Path(at.serial).exists() and at.unit == 1


@pytest.mark.parametrize("path", [str, Path])
def test_a_site_may_be_a_path(plant_rig: MakeRig, tmp_path: Path, path: type) -> None:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    assert plant_rig(path(tmp_path / "site.yaml")).address("gen-1").port


def test_what_is_wrong_with_the_site_or_the_order_is_said(plant_rig: MakeRig) -> None:
    with pytest.raises(BadInput, match="no kind"):
        plant_rig(SITE.replace("kind: generator, name: Generator 1", "kind: genrator, name: Generator 1"))
    rig = plant_rig(SITE)
    with pytest.raises(KeyError, match="did you mean 'low_fuel'"):
        rig.upset("gen-1", "low_fuell")
    with pytest.raises(KeyError, match="'gen-9' is not a machine with devices; did you mean 'gen-"):
        rig.upset("gen-9", "low_fuel")
    with pytest.raises(KeyError, match="'busy-bee' is not a connection of this site"):
        rig.wire("busy-bee", "silence")
    with pytest.raises(KeyError, match="is not a fault of a wire; did you mean 'silence'"):
        rig.wire(next(iter(rig.site.connections)), "silense")
    with pytest.raises(KeyError, match="is not a unit of"):
        rig.wire(next(iter(rig.site.connections)), "silence", unit=200)
    with pytest.raises(KeyError, match="'engine_sped' is not a point that gen-1 has; did you mean 'engine_speed'"):
        rig.value("gen-1.engine_sped")
    with pytest.raises(ValueError, match="outside"):
        rig.upset("gen-1", "low_fuel", level=90)


def test_the_page_is_a_test_that_passes(plant_rig: MakeRig) -> None:
    """The example of docs/test-rigs.md, run as it stands there."""
    page = (ROOT / "docs" / "test-rigs.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    space: dict[str, object] = {}
    exec(compile(code[1], "docs/test-rigs.md", "exec"), space)  # noqa: S102 our own page
    tests = [value for name, value in space.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test(plant_rig)  # type: ignore[operator]
