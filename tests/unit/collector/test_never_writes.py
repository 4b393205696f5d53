"""P9: there is no code path to a write. The encoder's table is looked at, and the whole package is searched."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import rtu
from collector.mbap import FUNCTION, Exchange
from collector.poll_plan import Read
from plantroom.profiles import Table

PACKAGE = Path(__file__).parents[3] / "collector"
MODULES = sorted(PACKAGE.rglob("*.py"))
WRITES = {5, 6, 15, 16, 21, 22, 23, 8}  # coils, registers, files, masks; 8 can restart or mute a device
NAMES = ("write_coil", "write_register", "write_multiple", "mask_write", "readwrite", "write_file", "WriteSingle", "WriteMultiple")


def test_the_encoder_sends_the_four_reads_and_nothing_else() -> None:
    sent = {Exchange().request(1, Read(table, 0, 1), 0.0)[7] for table in Table}
    assert sent == {1, 2, 3, 4}
    assert {rtu.Exchange(0.0, {}).request(1, Read(table, 0, 1), 0.0)[1] for table in Table} == sent


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_names_a_write(path: Path) -> None:
    tree = ast.parse(path.read_text())
    wrong = [name for node in ast.walk(tree) for name in _names(node) if any(word.lower() in name.lower() for word in NAMES)]
    assert not wrong
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) and "pymodbus" in ast.dump(node) for node in ast.walk(tree))


def test_no_table_of_function_codes_holds_a_write() -> None:
    """Wherever `function` is named beside a number, the number is a read."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign | ast.AnnAssign) and "function" in ast.dump(node).lower():
                numbers = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, int)}
                assert not numbers & WRITES, f"{path.name}:{node.lineno}"


def test_control_the_search_finds_a_write() -> None:
    tree = ast.parse("def write_register(x): ...\nFUNCTION = {1: 6}")
    assert [name for node in ast.walk(tree) for name in _names(node) if "write_register" in name]


def test_the_table_cannot_be_widened_at_run_time_by_a_profile() -> None:
    assert set(FUNCTION) == set(Table) and set(FUNCTION.values()) == {1, 2, 3, 4}


def test_only_the_framings_pack_a_request() -> None:
    packers = [path.name for path in MODULES if path.parent == PACKAGE and "struct" in path.read_text() and "BBHH" in path.read_text()]
    assert packers == ["mbap.py", "rtu.py"]


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
