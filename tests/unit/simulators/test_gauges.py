"""Plain numbers into words all at once: the words that encode_registers gives one by one."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantroom.profiles import BusLimits, DevicePoint, Encoding, Profile, Register, Table
from simulators.encode import encode_registers, layout_of
from simulators.gauges import Gauges

ENCODINGS = (Encoding.U16, Encoding.I16, Encoding.U32, Encoding.I32, Encoding.F32)
REGISTERS = st.builds(
    Register,
    st.sampled_from((Table.HOLDING, Table.INPUT)),
    st.just(0),
    st.sampled_from(ENCODINGS),
    low_word_first=st.booleans(),
    scale=st.sampled_from((1.0, 0.1, 0.01, 10.0, -0.5)),
    offset=st.sampled_from((0.0, -40.0, 273.15)),
)
NUMBERS = st.floats(-1e12, 1e12) | st.floats(-70_000.0, 70_000.0) | st.integers(-70_000, 70_000).map(lambda n: n / 2)


def of(*registers: Register, **more: DevicePoint) -> Profile:
    """Registers side by side, p0 and so on."""
    points = {f"p{n}": DevicePoint(f"p{n}", register) for n, register in enumerate(registers)}
    return Profile("p", "p", None, {}, BusLimits(), {**points, **more})


def filled(profile: Profile, values: dict[str, float]) -> dict[tuple[int, int], int] | None:
    gauges = Gauges(profile, values)
    words = gauges.words([values[name] for name in gauges.names])
    if words is None:
        return None
    return {
        (function, address): int(word)
        for (function, addresses), some in zip(gauges.cells, words, strict=True)
        for address, word in zip(addresses, some, strict=True)
    }


@given(st.lists(st.tuples(REGISTERS, NUMBERS), min_size=1, max_size=12))
def test_the_same_words_as_one_by_one(some: list[tuple[Register, float]]) -> None:
    placed = [Register(r.table, 4 * n, r.encoding, None, 1, r.low_word_first, r.scale, r.offset) for n, (r, _) in enumerate(some)]
    profile, values = of(*placed), {f"p{n}": value for n, (_, value) in enumerate(some)}
    cells = encode_registers(profile, layout_of(profile), values)
    wanted = {(f, address): word for f, table in cells.items() for address, word in table.items() if address % 4 < 2}
    found = filled(profile, values)
    assert found is not None
    gauges = Gauges(profile, values)
    numbers = np.array([values[name] for name in gauges.names])
    rows, sound = gauges.rows(np.array([numbers, np.full(len(numbers), nan), numbers]))
    assert sound.tolist() == [True, False, True]
    for row in (0, 2):
        assert [part[row].tolist() for part in rows] == [part.tolist() for part in gauges.words(numbers.tolist()) or ()]
    assert found == {key: wanted[key] for key in found} and len(found) == sum(register.count for register in placed)


@pytest.mark.parametrize("value", [nan, inf, -inf, 1e39])
def test_what_is_no_number_is_left_to_the_encoder(value: float) -> None:
    assert filled(of(Register(Table.HOLDING, 0, Encoding.F32), Register(Table.HOLDING, 4, Encoding.U16)), {"p0": value, "p1": 1.0}) is None


def test_only_plain_numbers_that_have_a_value_are_taken() -> None:
    holding = Table.HOLDING
    profile = of(
        Register(holding, 0, Encoding.U16),
        Register(holding, 1, Encoding.U16, values={7: 1}),
        Register(holding, 2, Encoding.BIT, bit=3),
        Register(holding, 4, Encoding.F64),
        Register(holding, 9, Encoding.U16),
        Register(holding, 9, Encoding.U16, scale=0.1),
        Register(holding, 11, Encoding.U16),
        turned=DevicePoint("turned", Register(holding, 12, Encoding.U16), invert=True),
    )
    assert Gauges(profile, profile.points).names == ("p0", "p6")
    assert Gauges(profile, ["p0", "p1"]).names == ("p0",)
    assert Gauges(profile, profile.points, {(3, 0)}).names == ("p6",)


def test_a_device_without_plain_numbers_has_nothing_to_fill() -> None:
    profile = of(Register(Table.COIL, 0, Encoding.BIT))
    assert filled(profile, {"p0": 1.0}) == {}
