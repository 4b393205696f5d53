"""The peers of bench/peers.py: how each is fetched into .cache/peers, never into .venv, and how it is told what to poll.

Each polls 100 holding registers from address 0 of every unit once a second over one connection, with a time-out of half a second and no
retries where it can be told so; else its own ways. What cannot be had says so and is skipped.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "peers"
BLOCK, PERIOD_S, TIMEOUT_S = 100, 1.0, 0.5


class NotHere(Exception):
    """This peer cannot be had on this machine; the text says why."""


@dataclass(frozen=True)
class Job:
    """Units 1 .. units on a port of 127.0.0.1. folder: for configuration and whatever the peer writes."""

    port: int
    units: int
    folder: Path


@dataclass(frozen=True)
class Started:
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Peer:
    """start: fetches the program where it is missing, writes its configuration, returns what to run. warm_s: until it polls steadily."""

    name: str
    start: Callable[[Job], Started]
    warm_s: float
    note: str


def environment_of(name: str, *packages: str) -> Path:
    """The folder of programs of an environment of its own, with these packages and no others."""
    folder = CACHE / name
    stamp = folder / ".installed"
    if not (stamp.is_file() and stamp.read_text() == " ".join(packages)):
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(folder)])
        run([str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *packages])
        stamp.write_text(" ".join(packages))
    return folder / "bin"


def run(command: Sequence[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        raise NotHere(f"{' '.join(command[:4])} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")


# Plantroom and the plain loop: bench/peers.py itself


def _peers_py(way: str) -> Callable[[Job], Started]:
    return lambda job: Started([sys.executable, str(HERE / "peers.py"), way, str(job.port), str(job.units), str(job.folder)])


# PyPI


def modpoll(job: Job) -> Started:
    programs = environment_of("modpoll", "modpoll==1.6.0")
    table = job.folder / "modpoll.csv"
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        for unit in range(1, job.units + 1):
            rows.writerow(["device", f"u{unit}", unit, "", ""])
            rows.writerow(["poll", "holding_register", 0, BLOCK, "BE_BE"])
            rows.writerows(["ref", f"u{unit}v{at}", at, "uint16", "r"] for at in range(BLOCK))
    where = ["--tcp", "127.0.0.1", "--tcp-port", str(job.port), "--timeout", str(TIMEOUT_S)]
    return Started([str(programs / "modpoll"), *where, "-f", str(table), "-r", "1", "--interval", "0", "-d", "--loglevel", "CRITICAL"])


def thingsboard(job: Job) -> Started:
    """The gateway, and a broker that stands for ThingsBoard: bench/peers.py answers the one question it asks before it publishes."""
    programs = environment_of("thingsboard", "thingsboard-gateway==3.8.5", "pymodbus==3.9.2")
    port = int((job.folder.parent / "broker").read_text())
    package = next((programs.parent / "lib").glob("python3*/site-packages/thingsboard_gateway"))
    config = job.folder / "config"
    shutil.copytree(package / "config", config)
    values = [
        {"tag": f"v{at}", "type": "16uint", "address": at, "objectsCount": 1, "functionCode": 3, "divider": 10} for at in range(BLOCK)
    ]
    slave = {"host": "127.0.0.1", "port": job.port, "type": "tcp", "method": "socket", "byteOrder": "BIG", "wordOrder": "BIG"}
    polite = {"timeout": TIMEOUT_S, "retries": 0, "retryOnEmpty": False, "retryOnInvalid": False, "pollPeriod": 1000}
    patient = {"connectAttemptTimeMs": 500, "connectAttemptCount": 1, "waitAfterFailedAttemptsMs": 1000}
    empty: dict[str, list[object]] = {"attributes": [], "attributeUpdates": [], "rpc": []}
    slaves = [
        slave | polite | patient | empty | {"unitId": unit, "deviceName": f"u{unit}", "timeseries": values}
        for unit in range(1, job.units + 1)
    ]
    (config / "modbus.json").write_text(json.dumps({"master": {"slaves": slaves}, "name": "m", "logLevel": "ERROR"}))
    settings = json.loads((config / "tb_gateway.json").read_text())
    settings["thingsboard"] |= {"host": "127.0.0.1", "port": port, "remoteConfiguration": False}
    settings["connectors"] = [{"type": "modbus", "name": "m", "configuration": "modbus.json"}]
    (config / "tb_gateway.json").write_text(json.dumps(settings))
    return Started([str(programs / "thingsboard-gateway")], {"TB_GW_CONFIG_DIR": str(config), "HOME": str(job.folder)})


# npm


def node_red(job: Job) -> Started:
    from dashboards.console.build_assets import CannotFetch, npm
    from dashboards.console.build_assets import run as run_npm

    folder = CACHE / "node_red"
    lock = (HERE / "node_red" / "package-lock.json").read_bytes()
    with npm() as command:
        stamp = folder / ".installed"
        if not (stamp.is_file() and stamp.read_bytes() == lock):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(HERE / "node_red", folder)
            try:
                run_npm([*command, "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"], folder)
            except CannotFetch as error:
                raise NotHere(str(error)) from error
            stamp.write_bytes(lock)
        node = command[0] if len(command) > 1 else "node"
    user = job.folder / "node-red"
    user.mkdir()
    (user / "node_modules").symlink_to(folder / "node_modules")
    server = {"id": "c", "type": "modbus-client", "name": "gateway", "clienttype": "tcp", "tcpHost": "127.0.0.1", "tcpPort": str(job.port)}
    server |= {"tcpType": "DEFAULT", "unit_id": "1", "bufferCommands": True, "stateLogEnabled": False, "queueLogEnabled": False}
    server |= {"commandDelay": "1", "clientTimeout": str(round(1000 * TIMEOUT_S)), "reconnectOnTimeout": False, "reconnectTimeout": "500"}
    server |= {"parallelUnitIdsAllowed": True, "failureLogEnabled": False, "showErrors": False, "showWarnings": False, "showLogs": False}
    reads = [
        {"id": f"r{unit}", "type": "modbus-read", "z": "t", "name": f"u{unit}", "unitid": str(unit), "dataType": "HoldingRegister"}
        | {"adr": "0", "quantity": str(BLOCK), "rate": "1", "rateUnit": "s", "delayOnStart": False, "server": "c", "wires": [["f"], []]}
        for unit in range(1, job.units + 1)
    ]
    scale = {"id": "f", "type": "function", "z": "t", "func": "msg.payload = msg.payload.map(w => w * 0.1); return msg;", "outputs": 1}
    tab = {"id": "t", "type": "tab", "label": "bench"}
    (user / "flows.json").write_text(json.dumps([tab, server, *reads, scale | {"wires": [[]]}]))
    settings = {"uiPort": 0, "uiHost": "127.0.0.1", "httpAdminRoot": False, "logging": {"console": {"level": "error"}}}
    (user / "settings.js").write_text(f"module.exports = {json.dumps(settings)};")
    return Started([node, str(folder / "node_modules" / "node-red" / "red.js"), "-u", str(user), "flows.json"], {"HOME": str(job.folder)})


# Debian


def collectd(job: Job) -> Started:
    """Its plugin reads one value a request: there is no way to tell it of a block."""
    program = shutil.which("collectd", path="/usr/sbin:/usr/bin:/sbin")
    if program is None or not list(Path("/usr/lib").glob("**/collectd/modbus.so")):
        raise NotHere("Debian package collectd-core is not installed (with libmodbus5)")
    data = "".join(
        f"<Data v{at}>\nRegisterBase {at}\nRegisterType Uint16\nRegisterCmd ReadHolding\nType gauge\nInstance v{at}\n</Data>\n"
        for at in range(BLOCK)
    )
    collect = "".join(f"Collect v{at}\n" for at in range(BLOCK))
    slaves = "".join(f"<Slave {unit}>\nInstance u{unit}\n{collect}</Slave>\n" for unit in range(1, job.units + 1))
    host = f'<Host "gateway">\nAddress "127.0.0.1"\nPort "{job.port}"\nInterval 1\n{slaves}</Host>\n'
    config = job.folder / "collectd.conf"
    config.write_text(
        f'Hostname "bench"\nBaseDir "{job.folder}"\nPIDFile "{job.folder}/pid"\nInterval 1\n'
        f'LoadPlugin logfile\n<Plugin logfile>\nLogLevel err\nFile "{job.folder}/log"\n</Plugin>\n'
        'LoadPlugin csv\n<Plugin csv>\nDataDir "/dev/null"\n</Plugin>\n'
        f"LoadPlugin modbus\n<Plugin modbus>\n{data}{host}</Plugin>\n"
    )
    return Started([program, "-f", "-C", str(config)])


PEERS = (
    Peer("plantroom", _peers_py("ours"), 3.0, "decoded, range-checked, kept nowhere"),
    Peer("plantroom, journal", _peers_py("journalled"), 3.0, "the same, every read on disk with an fsync of its own"),
    Peer("pymodbus loop", _peers_py("pymodbus"), 3.0, "words times their scale, kept nowhere"),
    Peer("modpoll", modpoll, 4.0, "references decoded, published nowhere"),
    Peer("Node-RED", node_red, 8.0, "words times their scale in a function node"),
    Peer("collectd", collectd, 4.0, "a request a value; stored nowhere"),
    Peer("thingsboard-gateway", thingsboard, 15.0, "published to a broker"),
)


@contextmanager
def scratch() -> Iterator[Path]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        yield Path(folder)
