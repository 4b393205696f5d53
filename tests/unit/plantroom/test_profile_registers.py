"""How profile files write registers of awkward devices: pages, sentinels by width, double words, dependent values, identity."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from plantroom.errors import BadInput
from plantroom.profile_file import load_profile, parse_profile
from plantroom.profiles import Case, Dependent, Encoding, Profile, Register, Sum, Table

CASES = Path(__file__).parents[2] / "cases" / "profiles"
HEAD = "profile: t\nmodel: T\nsource: {document: d}\n"


def parsed(text: str, head: str = HEAD) -> Profile:
    return parse_profile(head + text, "t.yaml")


def register(profile: Profile, point: str) -> Register:
    source = profile.points[point].source
    assert isinstance(source, Register)
    return source


def test_an_address_may_be_a_page_and_its_offset() -> None:
    profile = parsed("bus: {page: 256, barred: {holding: [4/9, 4/20..4/22]}}\npoints: {a: {table: holding, address: 4/7}, b: {table: holding, address: 300}}")
    assert [register(profile, name).address for name in "ab"] == [1031, 300]
    assert profile.bus.page == 256
    assert profile.bus.barred == {(Table.HOLDING, address) for address in (1033, 1044, 1045, 1046)}


def test_sentinels_of_a_width_hold_for_every_value_without_its_own() -> None:
    profile = parsed(
        "sentinels: {u16: {0xFFFF: none}, i32: {0x7FFFFFFF: none}}\n"
        "points:\n"
        "  a: {table: holding, address: 1}\n"
        "  b: {table: holding, address: 2, type: i16}\n"
        "  c: {table: holding, address: 3, type: i32}\n"
        "  d: {table: holding, address: 5, sentinels: {7: lost}}\n"
        "  e: {table: holding, address: 6, sentinels: {}}\n"
        "  f: {table: holding, address: 7, bit: 3}\n"
    )
    assert [dict(register(profile, name).sentinels) for name in "abcdef"] == [{0xFFFF: "none"}, {}, {0x7FFFFFFF: "none"}, {7: "lost"}, {}, {}]


@pytest.mark.parametrize(
    ("bit", "words", "address", "left"), [(20, "high_first", 63, 4), (5, "high_first", 64, 5), (20, "low_first", 64, 4), (5, "low_first", 63, 5)]
)
def test_a_bit_of_a_double_word_is_a_bit_of_one_of_its_words_and_both_are_read(bit: int, words: str, address: int, left: int) -> None:
    profile = parsed(f"points: {{a: {{table: input, address: 63, type: u32, bit: {bit}, words: {words}}}}}")
    found = register(profile, "a")
    assert (found.address, found.encoding, found.bit, found.whole) == (address, Encoding.BIT, left, (63, 2))


def test_one_member_of_a_set_may_be_told_by_several_cells() -> None:
    profile = parsed("kind: generator\npoints: {trip_alarms: {table: coil, set: {overvoltage: [4, 5], undervoltage: 7}}}")
    source = profile.points["trip_alarms"].source
    assert isinstance(source, Sum) and source.union
    assert [(cell.address, factor) for cell, factor in source.parts] == [(4, 256.0), (5, 256.0), (7, 512.0)]


def test_members_of_a_set_of_codes_share_their_meaning() -> None:
    values = "{0: false, 2: true, 15: false}"
    profile = parsed(f"kind: generator\npoints: {{trip_alarms: {{table: holding, bits: 4, values: {values}, set: {{overvoltage: {{address: 4, bit: 12}}}}}}}}")
    source = profile.points["trip_alarms"].source
    assert isinstance(source, Sum)
    assert source.parts[0][0] == Register(Table.HOLDING, 4, Encoding.BIT, 12, 4, values={0: 0, 2: 1, 15: 0})


def test_a_case_says_what_a_value_means_in_the_units_of_its_point() -> None:
    profile = parsed(
        "points:\n"
        "  t: {table: input, address: 1, scale: 0.1, unit: degC, depends: {table: holding, address: 9, cases: {0: {}, 1: {unit: degF}}}}\n"
        "  p: {table: input, address: 2, unit: W, depends: {address: 9, cases: {10..99: {factor: 10}}}}\n"
    )
    source = profile.points["t"].source
    assert isinstance(source, Dependent)
    assert (source.value.address, source.by) == (1, Register(Table.HOLDING, 9, Encoding.U16))
    metric, us = source.cases
    assert metric == Case(0, 0) and (us.lowest, us.highest) == (1, 1)
    assert 212 * us.factor + us.offset == pytest.approx(100)
    power = profile.points["p"].source
    assert isinstance(power, Dependent) and power.cases == (Case(10, 99, 10.0),) and power.by.table is Table.INPUT


def test_a_bit_field_with_a_sentinel_of_its_register_depends_on_it() -> None:
    profile = parsed("points: {a: {table: input, address: 1, bit: 3, sentinels: {0xFFFF: none}}}")
    source = profile.points["a"].source
    assert isinstance(source, Dependent) and source.cases == ()
    assert (source.value.bit, source.by) == (3, Register(Table.INPUT, 1, Encoding.U16, sentinels={0xFFFF: "none"}))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("bus: {page: 256}\npoints: {a: {table: holding, address: 4/256}}", "4/256 does not exist; pages have 256 cells"),
        ("bus: {page: 256}\npoints: {a: {table: holding, address: 300/1}}", "300/1 does not exist"),
        ("points: {a: {table: holding, address: 4/7}}", "points.a.address: must be a whole number, not '4/7'"),
        ("bus: {barred: {holding: [9..7]}}\npoints: {a: {table: coil, address: 1}}", "9..7 runs backwards"),
        ("sentinels: {u24: {1: x}}\npoints: {a: {table: coil, address: 1}}", "sentinels.u24: 'u24' is no width of numbers"),
        ("sentinels: {u16: {0x10000: x}}\npoints: {a: {table: coil, address: 1}}", "is no raw value of 16 bits"),
        ("points: {a: {table: holding, address: 1, type: u32, bit: 32}}", "32 is outside 0..31"),
        ("points: {a: {table: holding, address: 65535, type: u32, bit: 3}}", "run past 65535"),
        ("points: {a: {table: holding, address: 1, depends: {address: 2}}}", "points.a.depends.cases: is missing"),
        ("points: {a: {table: holding, address: 1, depends: {address: 2, cases: {x: {}}}}}", "'x' is no raw number and no range"),
        ("points: {a: {table: holding, address: 1, depends: {address: 2, cases: {5..2: {}}}}}", "'5..2' is no raw number and no range"),
        ("points: {a: {table: holding, address: 1, unit: bar, depends: {address: 2, cases: {1: {unit: V}}}}}", "V cannot become bar"),
        ("points: {a: {table: holding, address: 1, depends: {address: 2, type: f32, cases: {1: {}}}}}", "decides by its raw whole number"),
        ("kind: generator\npoints: {trip_alarms: {table: holding, bits: 4, set: {overvoltage: {address: 1, bit: 0}}}}", "values: is missing"),
        ("identity: [{table: holding, address: 1}]\npoints: {a: {table: coil, address: 1}}", "exactly one of text"),
        ("identity: [{table: holding, address: 1, text: abc}]\npoints: {a: {table: coil, address: 1}}", "does not fit into 1 registers"),
        ("identity: [{table: coil, address: 1, values: [1]}]\npoints: {a: {table: coil, address: 1}}", "is not a table of registers"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=re.escape(problem)):
        parsed(text)


@pytest.mark.parametrize(
    "name", ["dse-gencomm", "comap-intelilite4", "deif-agc150", "datakom-d500", "generac-power-zone-410", "kohler-apm603"]
)
def test_a_device_is_told_by_its_image_and_by_no_other(name: str) -> None:
    tables = YAML(typ="safe").load((CASES / name / "registers.yaml").read_text("utf-8"))["tables"]
    profile = load_profile(name)
    assert profile.identity
    for told in profile.identity:
        words = [int(tables[told.table.value].get(told.address + i, 0)) for i in range(told.count)]
        data = struct.pack(f">{told.count}H", *words)
        assert told.told_by(data)
        assert not told.told_by(bytes(len(data))) and not told.told_by(data + b"\0\0")


def test_a_whole_block_is_touched_by_no_other_read() -> None:
    barred = {address for table, address in load_profile("comap-intelilite4").bus.barred if table is Table.HOLDING}
    assert barred == set(range(1307, 1323))
