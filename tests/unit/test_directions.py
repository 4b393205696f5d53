"""Dependencies point one way; sockets, stores and channels stand only where DESIGN 1 names them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("plantroom", "collector", "rules", "simulators", "dashboards")
COMPOSITION_ROOT = "commands.py"

# The only modules that open sockets, talk HTTP or touch a broker.
SOCKET_LIBRARIES = {"socket", "httpx", "serial", "paho", "aiomqtt", "amqtt", "pymodbus", "uvicorn", "fastapi", "http", "urllib", "grafana_client"}
SOCKETS_ALLOWED = (
    "collector/connect.py", "collector/serial_line.py", "collector/mqtt.py", "collector/store/", "rules/notify/", "rules/history_influx.py",
    "simulators/modbus_server.py", "simulators/rig.py",
    "simulators/mqtt_device.py", "simulators/receiver.py", "simulators/broker.py", "simulators/demo.py", "dashboards/console/", "dashboards/grafana/",
    "plantroom/journal/bell.py", "plantroom/supervisor.py", "plantroom/heartbeat/post.py", "rules/watch/receiver.py",
)  # fmt: skip


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


@cache
def imports(path: Path) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import hides the direction"
            found.append((node.module or "", node.lineno))
    return tuple(found)


def is_root(path: Path) -> bool:
    return path.name == COMPOSITION_ROOT or path.name.endswith("_commands.py")


def wrong_direction(package: str, imported: str, root: bool) -> bool:
    target = imported.split(".")[0]
    if target not in PACKAGES or target in (package, "plantroom"):
        return False
    return package == "plantroom" or not root


def test_a_module_imports_only_downwards() -> None:
    wrong = []
    for path in modules():
        package = path.relative_to(ROOT).parts[0]
        wrong += [f"{path}:{line}: imports {name}" for name, line in imports(path) if wrong_direction(package, name, is_root(path))]
    assert not wrong


def test_nothing_imports_a_composition_root() -> None:
    every = [(path, name, line) for path in modules() if not is_root(path) for name, line in imports(path)]
    wrong = [f"{path}:{line}: imports {name}" for path, name, line in every if name.split(".")[-1] == "commands"]
    assert every and not wrong


def test_sockets_stand_only_in_the_modules_named_for_them() -> None:
    wrong = []
    for path in modules():
        relative = str(path.relative_to(ROOT))
        if not relative.startswith(SOCKETS_ALLOWED) and not is_root(path):
            wrong += [f"{relative}:{line}: {name}" for name, line in imports(path) if name.split(".")[0] in SOCKET_LIBRARIES]
    assert not wrong


def test_the_check_sees_a_wrong_direction() -> None:
    """The control: the judgement itself refuses what it must."""
    assert wrong_direction("plantroom", "rules.engine", root=True)
    assert wrong_direction("collector", "rules.engine", root=False)
    assert wrong_direction("dashboards", "collector.mqtt", root=False)
    assert not wrong_direction("simulators", "rules.engine", root=True)
    assert not wrong_direction("rules", "plantroom.model", root=False)


def test_no_module_outside_the_clock_reads_the_time() -> None:
    reads = {"time", "time_ns", "now", "utcnow", "today"}
    wrong = []
    for path in modules():
        if path.name == "clock.py":
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and node.attr in reads and isinstance(node.value, ast.Name) and node.value.id in ("time", "datetime", "date"):
                wrong.append(f"{path}:{node.lineno}: {node.value.id}.{node.attr}")
    assert not wrong
