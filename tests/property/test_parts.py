"""Values of machines behind one gateway: whatever the distances and the limits, each comes from its own machine's cell."""

from __future__ import annotations

import re

import hypothesis.strategies as st
from hypothesis import given, settings

from collector.image import Image, decoded
from plantroom.errors import BadInput
from plantroom.profile_file import parse_profile
from plantroom.profiles import Table, registers_of

TABLES = {"holding": 0, "input": 30_000}  # every cell holds its own address, and which table it is of
IMAGE: Image = {Table(table): {at: at + own for at in range(9000)} for table, own in TABLES.items()}


@st.composite
def gateways(draw: st.DrawFn) -> tuple[str, dict[str, int]]:
    """A profile's text, and what each of its points must read."""
    count, first = draw(st.integers(2, 12)), draw(st.integers(0, 3))
    stride = {table: draw(st.integers(6, 60)) for table in TABLES}
    points, expected = [], dict[str, int]()
    for name in ("a", "b", "c", "d"):
        table, offset, own = draw(st.sampled_from(sorted(TABLES))), draw(st.integers(0, 5)), draw(st.sampled_from((None, None, 7)))
        start = 100 + offset if own is None else draw(st.integers(2000, 2005))
        points.append(f"  {name}: {{table: {table}, address: {start}{'' if own is None else f', stride: {own}'}}}")
        for place in range(count):
            expected[f"car_{first + place}.{name}"] = TABLES[table] + start + place * (stride[table] if own is None else own)
    bus = f"{{max_registers: {draw(st.sampled_from((4, 10, 32, 125)))}, max_hole: {draw(st.sampled_from((0, 3, 20, 60)))}}}"
    parts = f"{{car: {{count: {count}, first: {first}, stride: {{holding: {stride['holding']}, input: {stride['input']}}}}}}}"
    return "\n".join(["model: G", "source: {document: d}", f"bus: {bus}", f"parts: {parts}", "points:", *points, ""]), expected


@settings(deadline=None, max_examples=60)
@given(gateways())
def test_every_part_reads_its_own_cells(case: tuple[str, dict[str, int]]) -> None:
    text, expected = case
    try:
        profile = parse_profile(text, "gw.yaml")
    except BadInput as error:  # two points of one name's cell in two parts: refused, never confounded
        assert all("both stand at" in problem.text for problem in error.problems)
        assert len(set(expected.values())) < len(expected)
        return
    assert {name: (value, "good") for name, value in expected.items()} == decoded(profile, IMAGE, list(profile.points))
    some = list(profile.points)[:: len(profile.parts)]
    assert decoded(profile, IMAGE, some) == {name: (expected[name], "good") for name in some}, "a part of the parts is read the same"
    assert all(len(registers_of(point.source)) == 1 for point in profile.points.values())


GATEWAY = """model: G
kind: elevator
source: {document: d}
groups: {slow: 60s}
parts: {car: {count: 4, first: 1, stride: {holding: 100, input: 3}, present: {table: input, address: 3, bit: 2, bit_stride: 1}}}
points:
  car_position: {table: holding, address: 110, type: i16, unit: floor, group: slow}
  overload: {table: input, address: 111, bit: 3, stride: 7}
extra:
  there: {table: input, address: 3, bit: 2, bit_stride: 1}
"""
TOKENS = re.split(r"([\s,:{}]+)", GATEWAY)
WORDS = ("null", "[]", "{}", "-1", "99999", "0", "true", '""', "{a: 1}", "x", "1.5", '"{1..4}-{0..9}"', '"{9..1}"', "coil", "input", "holding", "2001/3", "")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(TOKENS) - 1), st.sampled_from(WORDS)), min_size=1, max_size=3))
def test_a_mangled_profile_with_parts_is_read_or_refused_with_its_places(changes: list[tuple[int, str]]) -> None:
    tokens = list(TOKENS)
    for at, word in changes:
        tokens[at] = word
    try:
        profile = parse_profile("".join(tokens), "gw.yaml")
    except BadInput as error:
        assert error.problems and all(problem.file == "gw.yaml" and problem.text for problem in error.problems)
    else:
        assert all(register.address < 65_536 for point in profile.points.values() for register in registers_of(point.source))
