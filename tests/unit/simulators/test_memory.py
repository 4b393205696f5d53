"""A unit's cells: what is cut out of them, and what is not there."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulators.memory import Cells, Memory


def test_registers_come_big_endian_with_their_byte_count() -> None:
    memory = Memory({3: {10: 0x1234, 11: 0xABCD, 12: 0}})
    assert memory.read(3, 10, 2) == b"\x04\x12\x34\xab\xcd"
    assert memory.read(3, 12, 1) == b"\x02\x00\x00"


def test_bits_come_packed_from_the_lowest_place() -> None:
    memory = Memory({1: {i: int(i in (0, 3, 8)) for i in range(10)}})
    assert memory.read(1, 0, 10) == b"\x02\x09\x01"
    assert memory.read(1, 3, 2) == b"\x01\x01"


def test_what_is_not_there_is_not_invented() -> None:
    memory = Memory({3: {0: 1, 1: 2, 5: 3}})
    assert memory.read(3, 0, 3) is None  # runs into a hole
    assert memory.read(3, 2, 1) is None and memory.read(3, 6, 1) is None and memory.read(4, 0, 1) is None
    assert memory.read(3, 5, 1) == b"\x02\x00\x03"


def test_a_cell_to_be_read_alone_answers_only_alone() -> None:
    memory = Memory({4: {322: 1, 323: 2, 324: 3}}, alone=[(4, 323, 1)])
    assert memory.read(4, 323, 1) == b"\x02\x00\x02"
    assert memory.read(4, 322, 2) is None and memory.read(4, 323, 2) is None
    assert memory.read(4, 324, 1) == b"\x02\x00\x03"


def test_it_looks_for_news_before_each_read_and_remembers_in_between() -> None:
    news: list[Cells | None] = [{3: {0: 7}}, None, {3: {0: 8}}]
    memory = Memory({3: {0: 0}}, renew=lambda: news.pop(0))
    assert [memory.read(3, 0, 1) for _ in range(3)] == [b"\x02\x00\x07", b"\x02\x00\x07", b"\x02\x00\x08"]


@given(st.dictionaries(st.integers(0, 200), st.integers(0, 65_535)), st.integers(0, 200), st.integers(1, 50))
def test_a_read_is_all_of_the_cells_or_nothing(table: dict[int, int], address: int, count: int) -> None:
    got = Memory({3: table}).read(3, address, count)
    wanted = [table.get(a) for a in range(address, address + count)]
    if None in wanted:
        assert got is None
    else:
        assert got == bytes([2 * count]) + b"".join(word.to_bytes(2) for word in wanted if word is not None)


def test_other_cells_take_the_place_of_as_many() -> None:
    memory = Memory({3: {0: 1, 1: 2}})
    memory.set({3: {5: 3, 6: 4}})
    assert memory.read(3, 0, 2) is None and memory.read(3, 5, 2) == b"\x04\x00\x03\x00\x04"
    memory.set({3: {5: 9}, 4: {0: 7}})
    assert memory.read(3, 5, 1) == b"\x02\x00\x09" and memory.read(3, 6, 1) is None and memory.read(4, 0, 1) == b"\x02\x00\x07"


def test_cells_are_written_one_by_one_and_what_was_cut_before_is_cut_anew() -> None:
    memory = Memory({3: {4: 1, 5: 2, 9: 3}, 1: {7: 0, 8: 1}})
    assert memory.read(3, 4, 2) == b"\x04\x00\x01\x00\x02" and memory.read(1, 7, 2) == b"\x01\x02"
    memory.write(3, memory.places(3, [9, 5]), np.array([0xABCD, 6]))
    memory.write(1, memory.places(1, [7]), np.array([1]))
    assert memory.read(3, 4, 2) == b"\x04\x00\x01\x00\x06" and memory.read(3, 9, 1) == b"\x02\xab\xcd" and memory.read(1, 7, 2) == b"\x01\x03"


def test_a_unit_without_a_cell_answers_every_read_with_exception_2() -> None:
    assert Memory({}).read(3, 0, 1) is None
