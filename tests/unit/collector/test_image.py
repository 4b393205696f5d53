"""`profile prove`: a profile against a register image worked by hand. It must say so where they differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.image import load_image
from plantroom.cli import run
from plantroom.errors import BadInput

PROFILE = """profile: t
model: T
source: {document: d}
points:
  temp: {table: holding, address: 5, type: i16, scale: 0.1, unit: degC, sentinels: {0x7FFF: open}}
  hours: {table: holding, address: 7, type: u32, unit: h}
  on: {table: coil, address: 9}
  open: {table: holding, address: 6, type: i16, sentinels: {0x7FFF: open}}
"""
REGISTERS = "unit: 1\ntables: {holding: {5: 0xFFCB, 6: 0x7FFF, 7: 1, 8: 4464}, coil: {9: 1}}\n"
EXPECTED = (
    "temp: {value: -5.3, unit: degC, quality: good}\n"
    "hours: {value: 70000, unit: h}\n"
    "on: {value: 1}\n"
    "open: {value: null, quality: sentinel}\n"
)


def proved(folder: Path, expected: str = EXPECTED, registers: str = REGISTERS) -> int:
    for name, text in (("t.yaml", PROFILE), ("registers.yaml", registers), ("expected.yaml", expected)):
        (folder / name).write_text(text, "utf-8")
    return run(["profile", "prove", str(folder / "t.yaml"), str(folder)])


def test_what_reads_as_by_hand_is_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert proved(tmp_path) == 0
    assert capsys.readouterr().out == "4 of 4 points read as by hand\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("-5.3", "-53", "temp: read as -5.3 (good), by hand -53 (good)"),
        ("unit: degC, ", "", "temp: unit 'degC', by hand ''"),
        ("value: null, quality: sentinel", "value: 3276.7", "open: read as sentinel, by hand 3276.7 (good)"),
        ("value: 70000", "value: null, quality: sentinel", "hours: read as 70000 (good), by hand sentinel"),
        ("on:", "off:", "off: t has no such point"),
    ],
)
def test_every_difference_is_a_line_and_a_failure(
    old: str, new: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in EXPECTED
    assert proved(tmp_path, EXPECTED.replace(old, new)) == 1
    out = capsys.readouterr().out
    assert said in out and "3 of 4 points" in out


def test_points_nobody_judged_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert proved(tmp_path, "on: {value: 1}\n") == 0
    assert capsys.readouterr().out == "1 of 1 points read as by hand; not in expected.yaml: temp, hours, open\n"
    assert proved(tmp_path, "{}\n") == 1


@pytest.mark.parametrize(
    ("registers", "expected", "problem"),
    [
        ("tables: {holdin: {1: 1}}", EXPECTED, "'holdin' is no table; did you mean 'holding'?"),
        ("tables: {holding: {70000: 1}}", EXPECTED, "tables.holding.70000: is no address"),
        ("tables: {holding: {1: 65536}}", EXPECTED, "65536 is outside 0..65535"),
        ("tables: {coil: {1: 2}}", EXPECTED, "2 is outside 0..1"),
        (REGISTERS, "temp: {value: cold}", "temp.value: must be a number"),
        (REGISTERS, "open: {value: true}", "open.value: must be a number, not True: 1 or 0 of a yes/no"),
        (REGISTERS, "temp: {value: 1, quality: god}", "'god' is not a known word; did you mean 'good'?"),
        (REGISTERS, "temp: {vaule: 1}", "temp.vaule: is not a key here; did you mean 'value'?"),
    ],
)
def test_a_broken_image_says_where(registers: str, expected: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "registers.yaml").write_text(registers, "utf-8")
    (tmp_path / "expected.yaml").write_text(expected, "utf-8")
    with pytest.raises(BadInput) as caught:
        load_image(tmp_path)
    assert problem in "\n".join(map(str, caught.value.problems))


def test_the_name_prove_alone_is_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """`plantroom prove EQUIPMENT` is the commissioning of a machine, another thing."""
    run(["prove", "metron-fd4", "tests/cases/profiles/metron-fd4"])
    assert "points read as by hand" not in capsys.readouterr().out
