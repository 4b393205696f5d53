"""P9: there is no code path to a write. All five packages are searched; what may be sent to a device is listed here, and why.

    collector/mbap.py, rtu.py     functions 1 to 4: coils, discrete inputs, holding and input registers, read
    collector/identification.py   function 43 with MEI type 14: Read Device Identification, only where somebody asks for it
    collector/mqtt_packets.py     CONNECT, SUBSCRIBE, PUBACK, PINGREQ, DISCONNECT: a subscriber has no word for PUBLISH

Publishing is left to rules/notify (pages, under plantroom/<site>/ only) and to the simulated devices. bench/ and tests/ may use others' clients.
What is asked on the wire is watched in every test besides (tests/kit/strict_modbus.py).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import identification, mbap, mqtt_packets, rtu
from collector.poll_plan import Read
from plantroom.profiles import Table

ROOT = Path(__file__).parents[2]
PACKAGES = ("plantroom", "collector", "rules", "simulators", "dashboards")
MODULES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts)
FIELD = [path for path in MODULES if path.parts[0] == "collector" and path.parts[1] != "store"]  # the store's modules talk to InfluxDB

CLIENTS = {"pymodbus", "pyModbusTCP", "umodbus", "modbus_tk", "minimalmodbus", "ctypes", "BAC0", "bacpypes3", "snap7", "asyncua"}
NAMES = ("write_coil", "write_register", "write_multiple", "mask_write", "readwrite_", "write_file", "writesingle", "writemultiple", "preset_")
SENDS = {"write", "writelines", "send", "sendall", "sendto", "sendmsg", "publish"}
MAKES = {"request", "ask_who"}
REQUESTERS = {"collector/mbap.py", "collector/rtu.py", "collector/identification.py", "collector/exchange.py"}  # the last: the protocol they share
PUBLISHERS = {"simulators/mqtt_device.py"}
SPOKEN = {  # what the field side sends, as it stands in the code; a request is what REQUESTERS make
    "collector/mqtt_wire.py": {"b''.join(self.subscriber.sends)"},
    "collector/probe.py": {"heard"},  # into the conversation, not onto a wire
    "collector/serial_line.py": {"self._fd"},  # os.write: the transport itself
}
PACKETS = {1: "CONNECT", 4: "PUBACK", 8: "SUBSCRIBE", 12: "PINGREQ", 14: "DISCONNECT"}
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


def telling(*words: str) -> list[Path]:
    """The modules in whose text a word stands at all: only those are worth the parser's time."""
    return [path for path in MODULES if any(word.lower() in (ROOT / path).read_text().lower() for word in words)]


def writes_named(tree: ast.AST) -> list[str]:
    return [name for name in names(tree) if any(word in name.lower() for word in NAMES)]


def libraries(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def sent(tree: ast.AST) -> list[str]:
    """What is given to anything that sends, as it stands in the code; `request` for the result of a call of what makes one."""
    found = []
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))]:
        inside = list(of_scope(scope))
        for node in inside:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SENDS:
                first = node.args[0] if node.args else None
                meant = assigned(first.id, inside) if isinstance(first, ast.Name) else [first]
                found.append("request" if meant and all(map(makes, meant)) else "" if first is None else ast.unparse(first))
    return found


def of_scope(scope: ast.AST) -> Iterator[ast.AST]:
    """Every node below, but not those of functions within."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from of_scope(child)


def assigned(name: str, nodes: list[ast.AST]) -> list[ast.expr | None]:
    """Everything a name is given in a scope; an argument or a loop's variable is given nothing that could be looked at."""
    plain = [n for n in nodes if isinstance(n, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in n.targets)]
    stores = [n for n in nodes if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)]
    return [n.value for n in plain] if len(plain) == len(stores) else [None]


def makes(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MAKES


def test_no_module_names_a_write_or_brings_a_client_that_can() -> None:
    wrong = {}
    for path in telling(*NAMES, *CLIENTS):
        allowed = {"ctypes"} if path.parts[0] != "collector" else set[str]()  # libc calls elsewhere; a Modbus library never
        wrong[str(path)] = [*writes_named(tree_of(path)), *libraries(tree_of(path)) & (CLIENTS - allowed)]
    assert not {path: found for path, found in wrong.items() if found}


def test_the_field_side_sends_requests_and_nothing_else() -> None:
    wrong = {str(path): set(sent(tree_of(path))) - {"request"} - SPOKEN.get(str(path), set()) for path in FIELD}
    assert not {path: found for path, found in wrong.items() if found}
    assert sum(sent(tree_of(path)).count("request") for path in FIELD) >= 4, "the search finds the requests there are"


def test_requests_are_made_in_the_modules_listed() -> None:
    made = {str(path) for path in FIELD for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef) and node.name in MAKES}
    assert made == REQUESTERS


def test_nobody_publishes_but_those_listed() -> None:
    calls = {
        str(path)
        for path in telling("publish")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "publish"
    }
    assert calls == PUBLISHERS


def test_a_subscriber_has_no_word_for_publish() -> None:
    made = {
        "connect": mqtt_packets.connect(5, "id", None, None, 30, fresh=True, expiry_s=60, in_flight=20),
        "subscribe": mqtt_packets.subscribe(4, 1, ["a/#"]),
        "acknowledgements": mqtt_packets.acknowledgements([1]),
        "disconnect": mqtt_packets.disconnect(),
        "PING": mqtt_packets.PING,
    }
    assert {data[0] >> 4 for data in made.values()} == set(PACKETS)
    tree = tree_of(Path("collector/mqtt_packets.py"))
    encoders = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.returns is not None and ast.unparse(n.returns) == "bytes"}
    assert encoders == {*made, "_string", "_packet"} - {"PING"}


REQUESTS: dict[str, tuple[Callable[[int, Read], bytes], int]] = {  # how a request is made, where its function code stands
    "mbap": (lambda unit, read: mbap.Exchange().request(unit, read, 0.0), 7),
    "rtu": (lambda unit, read: rtu.Exchange(0.002, {}).request(unit, read, 0.0), 1),
}


@pytest.mark.parametrize("framing", REQUESTS)
@PATIENT
@given(unit=st.integers(0, 255), table=st.sampled_from(Table), address=st.integers(0, 65_535), count=st.integers(1, 125))
def test_every_request_that_can_be_made_is_a_read(framing: str, unit: int, table: Table, address: int, count: int) -> None:
    make, place = REQUESTS[framing]
    assert make(unit, Read(table, address, count))[place] == {"coil": 1, "discrete": 2, "holding": 3, "input": 4}[table.value]


@PATIENT
@given(st.integers(0, 65_535), st.integers(0, 255), st.sampled_from([identification.BASIC, identification.REGULAR]), st.integers(0, 255))
def test_an_identification_is_43_14_whatever_is_asked(transaction: int, unit: int, category: int, first: int) -> None:
    assert identification.request(transaction, unit, category, first)[7:9] == bytes((43, 14))
    assert mbap.Exchange().ask_who(unit, first, 0.0)[7:9] == bytes((43, 14))


def test_the_tables_cannot_be_widened_by_a_profile() -> None:
    assert {table: table.function for table in Table} == {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
    assert set(mbap.FUNCTION) == set(Table) and set(mbap.FUNCTION.values()) == {1, 2, 3, 4}


def test_control_the_search_finds_what_it_must() -> None:
    writer = ast.parse("import pymodbus.client\nclient.write_register(1, 2)\ntransport.write(b'\\x06')\ntransport.write(exchange.request(1, 2))")
    assert writes_named(writer) == ["write_register"]
    assert libraries(writer) & CLIENTS == {"pymodbus"}
    assert sent(writer) == ["b'\\x06'", "request"]
    named = "def f(x):\n data = e.request(1)\n t.write(data)\ndef g(x):\n t.write(x)\ndef h():\n d = e.request(1)\n d = b'6'\n t.write(d)"
    assert sent(ast.parse(named)) == ["request", "x", "d"]
