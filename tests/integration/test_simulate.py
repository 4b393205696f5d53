"""`plantroom simulate` as a process: its devices read by mbpoll and by `plantroom try`, its lifts heard on a real broker."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.subscribe as mqtt
import pytest

from collector.look import read_device
from plantroom.clock import SystemClock
from plantroom.profile_file import load_profile
from plantroom.profiles import Register, Table
from plantroom.site import ModbusTcp
from tests.kit.mosquitto import Mosquitto
from tests.kit.plant import tower
from tests.kit.simulator import Simulator

# the plant stands still while two readers compare: a hundredth of the day's pace, and one tick is a plant second
CALM = ("--seed", "3", "--speed", "0.01")
TABLES = {Table.COIL: "0", Table.DISCRETE: "1", Table.INPUT: "3:hex", Table.HOLDING: "4:hex"}


@pytest.fixture(scope="module")
def calm() -> Iterator[Simulator]:
    with Simulator(*CALM) as simulator:
        yield simulator


def test_it_says_where_it_listens(calm: Simulator) -> None:
    named = {f"127.0.0.1:{port}" for name, port in calm.ports.items() if name != "broker"}
    assert set(calm.first["listening"]) == named and calm.first["mqtt"] == [f"127.0.0.1:{calm.ports['broker']}"]
    assert calm.first["seed"] == 3


def mbpoll(port: int, unit: int, register: Register) -> int:
    """The raw number mbpoll prints for a register of one word, or for one bit."""
    place = ["-p", str(port), "-a", str(unit), "-t", TABLES[register.table], "-r", str(register.address)]
    done = subprocess.run(["mbpoll", "-m", "tcp", *place, "-c", "1", "-1", "-0", "127.0.0.1"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    value = next(line.split()[-1] for line in done.stdout.splitlines() if line.startswith(f"[{register.address}]"))
    return int(value, 16) if value.startswith("0x") else int(value)


@pytest.mark.needs("mbpoll")
@pytest.mark.parametrize("device", ["gen-1", "ahu-2", "io-fire", "ai-fire-1", "lift-17", "fp-2-ctl"])
def test_mbpoll_sees_the_values_that_try_prints(calm: Simulator, device: str) -> None:
    """Plain one-word registers, scaled by hand from the profile's numbers, and bits."""
    here = tower().devices[device]
    port, profile = calm.ports[here.connection], load_profile(here.profile.name)
    tried = {row["point"]: row for row in tried_at(calm, port, profile.name, "--unit", str(here.unit))}
    compared = 0
    for point in profile.points.values():
        register = point.source
        if not isinstance(register, Register) or register.count != 1 or register.values or tried[point.name]["quality"] != "good":
            continue
        raw = mbpoll(port, here.unit, register)
        if register.encoding.value == "bit":
            value = float(raw >> (register.bit or 0) & 1) if not register.table.bits else float(raw)
            value = 1.0 - value if point.invert else value
        else:
            signed = raw - 65_536 if register.encoding.value == "i16" and raw >= 32_768 else raw
            value = signed * register.scale + register.offset
        # between the two reads the plant may move by a hair
        assert tried[point.name]["value"] == pytest.approx(value, rel=0.02, abs=3 * register.scale), point.name
        compared += 1
        if compared == 12:
            break
    assert compared >= 4


def tried_at(simulator: Simulator, port: int, profile: str, *more: str) -> list[dict[str, Any]]:
    rows = simulator.plantroom("try", profile, "--host", "127.0.0.1", "--port", str(port), *more, "--json")
    assert isinstance(rows, list)
    return rows


def look(port: int, profile: str, point: str) -> dict[str, Any]:
    """What `try` reads, without a process of its own."""
    return asyncio.run(read_device(load_profile(profile), [point], ModbusTcp("127.0.0.1", port), 1, SystemClock()))[0]


def until(happened: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_fault_told_on_the_control_line_shows_on_the_wire() -> None:
    with Simulator("--seed", "3") as simulator:

        def lost() -> dict[str, Any]:
            return look(simulator.ports["fire-room"], "generic-32di", "di_5")  # fp-1's phase loss

        assert lost()["value"] == 0
        assert simulator.say({"upset": {"equipment": "fp-1", "fault": "phase_loss"}}) == {"ok": True, "did": "upset", "fault": "phase_loss"}
        until(lambda: lost()["value"] == 1)
        silence = {"connection": "fire-room", "fault": "silence", "unit": 1}
        assert simulator.say({"wire": silence})["ok"]
        assert (lost()["quality"], lost()["value"]) == ("no_answer", None)
        assert simulator.say({"end": silence})["ok"]
        assert lost()["value"] == 1
        answer = simulator.say({"upset": {"equipment": "fp-1", "fault": "gremlins"}})
        assert not answer["ok"] and "phase_loss" in answer["problems"][0]


def test_a_scenario_is_played_and_its_truth_written(tmp_path: Path) -> None:
    scenario, truth = tmp_path / "s.yaml", tmp_path / "truth.jsonl"
    scenario.write_text("seed: 4\nevents:\n  - {at: 1s, upset: {equipment: gen-1, fault: not_in_auto, for: 20s}}\n")
    with Simulator("--scenario", str(scenario), "--truth", str(truth), "--speed", "100") as simulator:
        assert simulator.first["seed"] == 4
        until(lambda: len(truth.read_text().splitlines()) == 2)
    rows = [json.loads(line) for line in truth.read_text().splitlines()]
    assert [(row["event"], row["fault"], row["equipment"]) for row in rows] == [
        ("begun", "not_in_auto", "gen-1"),
        ("ended", "not_in_auto", "gen-1"),
    ]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, None])
def test_it_ends_when_told_and_when_its_driver_is_gone(ending: signal.Signals | None) -> None:
    with Simulator() as simulator:
        assert simulator.process is not None and simulator.process.stdin is not None
        if ending is None:
            simulator.process.stdin.close()
            simulator.process.stdin = None
        else:
            simulator.process.send_signal(ending)
        assert simulator.process.wait(timeout=5) == 0


def test_an_address_that_cannot_be_had_is_named_with_its_connection() -> None:
    with Simulator() as simulator:
        again = subprocess.run(
            [sys.executable, "-m", "plantroom", "simulate", simulator._command[4]],
            env=dict(simulator.environment),
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert again.returncode == 2
    assert "connections.power-room" in again.stderr and str(simulator.ports["power-room"]) in again.stderr and "address" in again.stderr


@pytest.mark.needs("mosquitto")
def test_lifts_publish_state_and_status_and_a_cut_leaves_the_last_will(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    try:
        with Simulator("--seed", "5", mqtt_port=broker.port) as simulator:
            states = mqtt.simple("lifts/+/state", qos=1, msg_count=10, hostname="127.0.0.1", port=broker.port)
            assert {m.topic for m in states} >= {"lifts/tower-20/state"} and not any(m.retain for m in states)
            lift = json.loads(states[0].payload)
            assert lift["mode"] == "normal" and 1 <= lift["car"]["floor"] <= 12 and lift["power"]["mains"] == 1
            assert mqtt.simple("lifts/tower-20/status", hostname="127.0.0.1", port=broker.port).payload == b"online"
            assert simulator.say({"wire": {"connection": "broker", "fault": "cut", "unit": "lift-20"}})["ok"]
            status = mqtt.simple("lifts/tower-20/status", hostname="127.0.0.1", port=broker.port, msg_count=2, retained=True)
            assert b"offline" in {m.payload for m in status}
            assert simulator.say({"end": {"connection": "broker", "fault": "cut", "unit": "lift-20"}})["ok"]
            assert mqtt.simple("lifts/tower-20/state", qos=1, hostname="127.0.0.1", port=broker.port).payload
        # killed, not stopped: the broker speaks the will
        with Simulator("--seed", "5", mqtt_port=broker.port) as simulator:
            mqtt.simple("lifts/tower-21/state", qos=1, hostname="127.0.0.1", port=broker.port)
            assert simulator.process is not None
            simulator.process.kill()
            simulator.process.wait(5)
            until_offline(broker.port, "lifts/tower-21/status")
    finally:
        broker.stop()


def until_offline(port: int, topic: str) -> None:
    for _ in range(50):
        if mqtt.simple(topic, hostname="127.0.0.1", port=port).payload == b"offline":
            return
    pytest.fail("no last will")
