"""`plantroom simulate` answers as the plant rooms that ship."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from simulators.demo import HOST

SHIPPED = Path(__file__).parents[2] / "simulators"
BUSES = 3


def free_ports(count: int) -> list[int]:
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in held]
    finally:
        for listener in held:
            listener.close()


def test_the_plant_rooms_are_served_with_their_scenario() -> None:
    ports = free_ports(BUSES)
    env = {**os.environ, **{f"PLANTROOM_ROOMS_MODBUS_{n}": str(port) for n, port in enumerate(ports, 1)}}
    command = [
        sys.executable, "-m", "plantroom", "simulate", str(SHIPPED / "sites" / "plantrooms.yaml"),
        "--scenario", str(SHIPPED / "scenarios" / "plantrooms.yaml"),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            assert sorted(told["listening"]) == sorted(f"{HOST}:{port}" for port in ports)
            with socket.create_connection((HOST, ports[2]), timeout=10) as client:  # the ten contacts of the sump
                client.settimeout(10)
                client.sendall(bytes.fromhex("000100000006" "01" "02" "0000" "000a"))
                answer = client.recv(64)
            assert answer[:9] == bytes.fromhex("000100000005" "01" "02" "02") and answer[9:] != bytes(2)  # its selector stands in auto
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0
