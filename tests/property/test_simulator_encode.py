"""What the simulator encodes, somebody else's decoder reads back within the register's resolution."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from plantroom.profiles import BusLimits, DevicePoint, Encoding, Profile, Register, Table
from simulators.encode import encode_registers, layout_of

KINDS = {
    Encoding.U16: (ModbusClientMixin.DATATYPE.UINT16, 0, 2**16 - 1),
    Encoding.I16: (ModbusClientMixin.DATATYPE.INT16, -(2**15), 2**15 - 1),
    Encoding.U32: (ModbusClientMixin.DATATYPE.UINT32, 0, 2**32 - 1),
    Encoding.I32: (ModbusClientMixin.DATATYPE.INT32, -(2**31), 2**31 - 1),
    Encoding.U64: (ModbusClientMixin.DATATYPE.UINT64, 0, 2**53),
    Encoding.I64: (ModbusClientMixin.DATATYPE.INT64, -(2**53), 2**53),
    Encoding.F32: (ModbusClientMixin.DATATYPE.FLOAT32, -(2**20), 2**20),
    Encoding.F64: (ModbusClientMixin.DATATYPE.FLOAT64, -(2**50), 2**50),
}


@given(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from([1.0, 0.1, 0.01, 10.0, 0.5]),
    st.sampled_from([0.0, -40.0, 273.15]),
    st.booleans(),
    st.floats(0.0, 1.0),
    st.integers(0, 65_000),
)
def test_an_independent_decoder_gets_the_value_within_the_resolution(
    encoding: Encoding, scale: float, offset: float, low_first: bool, where: float, address: int
) -> None:
    datatype, low, high = KINDS[encoding]
    value = (low + (high - low) * where) * scale + offset
    register = Register(Table.HOLDING, address, encoding, low_word_first=low_first, scale=scale, offset=offset)
    profile = Profile("p", "p", None, {}, BusLimits(), {"x": DevicePoint("x", register)})
    cells = encode_registers(profile, layout_of(profile), {"x": value})[3]
    registers = [cells[address + i] for i in range(register.count)]
    order: Any = "little" if low_first else "big"
    raw = ModbusClientMixin.convert_from_registers(registers, datatype, word_order=order)
    assert isinstance(raw, (int, float))
    resolution = abs(scale) if encoding not in (Encoding.F32, Encoding.F64) else abs(value) * 2**-20 + 1e-3
    assert abs(raw * scale + offset - value) <= resolution * 0.51 + abs(value) * 1e-12


@given(st.dictionaries(st.integers(0, 15), st.booleans(), min_size=1), st.sampled_from(list(Table)))
def test_bits_stand_where_they_are_asked_for_and_nowhere_else(wanted: dict[int, bool], table: Table) -> None:
    points = {}
    for bit in wanted:
        place = Register(table, bit, Encoding.BIT) if table.bits else Register(table, 7, Encoding.BIT, bit=bit)
        points[f"b{bit}"] = DevicePoint(f"b{bit}", place)
    profile = Profile("p", "p", None, {}, BusLimits(max_hole=0), points)
    cells = encode_registers(profile, layout_of(profile), {f"b{bit}": float(on) for bit, on in wanted.items()})[table.function]
    if table.bits:
        assert cells == {bit: int(on) for bit, on in wanted.items()}
    else:
        assert cells == {7: sum(1 << bit for bit, on in wanted.items() if on)}
