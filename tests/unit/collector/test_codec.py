"""Decoding, case by case: what the field's devices do that a naive decoder gets wrong."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from collector.codec import Decoder
from collector.columns import Column
from collector.poll_plan import Read
from plantroom.model import Quality
from plantroom.profiles import Encoding, OneHot, Register, Sum, Table

H = Table.HOLDING


def one(source: Register | OneHot | Sum, data: bytes, **column: object) -> tuple[float, str]:
    """Decodes one value from registers 0.. or, for bits, cells 0.."""
    table = source.table if isinstance(source, Register) else H
    read = Read(table, 0, 8 * len(data) if table.bits else len(data) // 2)
    values, quality = Decoder([read], [Column(source, **column)]).decode(data)  # type: ignore[arg-type]
    return float(values[0]), Quality(int(quality[0])).word


@pytest.mark.parametrize(
    ("encoding", "data", "value"),
    [
        (Encoding.U16, "FFFE", 65_534),
        (Encoding.I16, "FFFE", -2),
        (Encoding.U32, "0001 86A0", 100_000),
        (Encoding.I32, "FFFE 7960", -100_000),
        (Encoding.U64, "0000 0002 540B E400", 10_000_000_000),
        (Encoding.I64, "FFFF FFFD ABF4 1C00", -10_000_000_000),
        (Encoding.F32, "4148 F5C3", 12.56),
        (Encoding.F64, "4028 6666 6666 6666", 12.2),
    ],
)
def test_words_of_every_width_both_ways_round(encoding: Encoding, data: str, value: float) -> None:
    words = data.split()
    assert one(Register(H, 0, encoding), bytes.fromhex(data)) == (pytest.approx(value), "good")
    swapped = bytes.fromhex("".join(reversed(words)))
    assert one(Register(H, 0, encoding, low_word_first=True), swapped) == (pytest.approx(value), "good")


def test_a_decimal_scale_gives_the_decimal_number() -> None:
    assert one(Register(H, 0, Encoding.U16, scale=0.1), b"\0\3") == (0.3, "good"), "not 0.30000000000000004"
    assert one(Register(H, 0, Encoding.I16, scale=0.01, offset=-40.0), b"\x10\x05") == (1.01, "good"), "not 1.009999999999998"


def test_a_nibble_across_the_bytes_of_a_register() -> None:
    assert one(Register(H, 0, Encoding.BIT, bit=6, bits=4), b"\x03\x40") == (13.0, "good")  # bits 9..6 of 0340h: 1101
    assert one(Register(H, 0, Encoding.BIT, bit=12, bits=4), b"\xf0\x00") == (15.0, "good")


def test_a_nibble_may_have_a_sentinel() -> None:
    assert one(Register(H, 0, Encoding.BIT, bit=12, bits=4, sentinels={15: "not_implemented"}), b"\xf0\x00")[1] == "sentinel"


def test_sentinels_are_patterns_whatever_the_sign() -> None:
    register = Register(H, 0, Encoding.I16, sentinels={0x8000: "no_data", 0x7FFF: "no_data"})
    assert one(register, b"\x80\x00")[1] == "sentinel"
    assert one(register, b"\x7f\xff")[1] == "sentinel"
    assert one(register, b"\x80\x01") == (-32_767.0, "good")


def test_a_sentinel_in_the_middle_of_the_range_leaves_both_sides_good() -> None:
    register = Register(H, 0, Encoding.U16, sentinels={0x8000: "no_data"})
    assert [one(register, struct.pack(">H", raw))[1] for raw in (0x7FFF, 0x8000, 0x8001, 0xFFFF)] == ["good", "sentinel", "good", "good"]


def test_floats_that_are_no_numbers() -> None:
    register = Register(H, 0, Encoding.F32)
    assert one(register, bytes.fromhex("7FC00000"))[1] == "sentinel"
    assert one(register, bytes.fromhex("7F800000"))[1] == "out_of_range"
    assert one(register, bytes.fromhex("FF800000"))[1] == "out_of_range"
    assert one(Register(H, 0, Encoding.F32, sentinels={0x7F800000: "open"}), bytes.fromhex("7F800000"))[1] == "sentinel"


def test_a_float_that_scaling_makes_infinite_is_out_of_range_and_a_signalling_nan_is_a_sentinel() -> None:
    assert one(Register(H, 0, Encoding.F64, scale=1000.0), struct.pack(">d", 1e307))[1] == "out_of_range"
    assert one(Register(H, 0, Encoding.F32), bytes.fromhex("7F800001"))[1] == "sentinel"


def test_the_limits_of_a_range_belong_to_it() -> None:
    loop = {"device_range": (3.6, 21.0), "gain": 0.1, "bias": -0.4}  # 4..20 mA as 0..1.6 MPa
    register = Register(H, 0, Encoding.U16, scale=0.001)
    read = [one(register, struct.pack(">H", raw), **loop) for raw in (3599, 3600, 4000, 20_000, 21_000, 21_001)]
    assert [quality for _, quality in read] == ["out_of_range", "good", "good", "good", "good", "out_of_range"]
    assert [value for value, quality in read if quality == "good"] == pytest.approx([-0.04, 0.0, 1.6, 1.7])


def test_an_enum_number_without_a_word_is_bad() -> None:
    register = Register(H, 0, Encoding.U16, values={0: 4, 3: 1, 65_535: 9})
    assert [one(register, struct.pack(">H", raw)) for raw in (0, 3, 65_535)] == [(4.0, "good"), (1.0, "good"), (9.0, "good")]
    assert one(register, b"\0\1")[1] == "decode"
    assert one(Register(H, 0, Encoding.U16), b"\0\7", codes=frozenset({1, 2}))[1] == "decode"
    assert one(Register(H, 0, Encoding.U16), b"\0\2", codes=frozenset({1, 2})) == (2.0, "good")


def test_a_contact_as_two_codes_of_an_enum() -> None:
    """`values: {0: manual, 1: auto}` with codes 7 and 3."""
    register, words = Register(Table.DISCRETE, 0, Encoding.BIT), {"gain": -4.0, "bias": 7.0, "codes": frozenset({3, 7, 1})}
    assert one(register, b"\x00", **words) == (7.0, "good")
    assert one(register, b"\x01", **words) == (3.0, "good")
    assert one(register, b"\x01", invert=True, **words) == (7.0, "good")


def test_a_counter_in_two_words_of_ten_thousands() -> None:
    """Hours, minutes and seconds apart: all in one value, and bad where one part is."""
    thousands, ones = Register(H, 0, Encoding.U16), Register(H, 1, Encoding.U16, sentinels={0xFFFF: "none"})
    parts = ((thousands, 10_000.0), (ones, 1.0), (Register(H, 2, Encoding.U16), 1 / 60))
    assert one(Sum(parts), struct.pack(">3H", 1, 2345, 30)) == (12_345.5, "good")
    assert one(Sum(parts), struct.pack(">3H", 1, 0xFFFF, 30))[1] == "sentinel"
    assert one(Sum(parts), struct.pack(">3H", 1, 2345, 30), final_range=(0.0, 100.0))[1] == "out_of_range"


def test_a_quality_never_leaves_a_value_behind() -> None:
    columns = [Column(Register(H, 0, Encoding.U16, sentinels={7: "x"})), Column(Register(H, 1, Encoding.U16))]
    values, quality = Decoder([Read(H, 0, 2)], columns).decode(b"\0\7\0\7")
    assert np.isnan(values[0]) and quality.tolist() == [Quality.SENTINEL, Quality.GOOD] and values[1] == 7.0


def test_data_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="3 data bytes where the reads bring 4"):
        Decoder([Read(H, 0, 2)], [Column(Register(H, 0, Encoding.U16))]).decode(b"\0\0\0")


def test_a_register_that_no_read_brings_is_refused_when_the_plan_is_made() -> None:
    with pytest.raises(ValueError, match=r"no read brings holding 1 \(count 2\) whole"):
        Decoder([Read(H, 0, 2)], [Column(Register(H, 1, Encoding.U32))])


def test_the_raw_words_are_shown_as_the_vendors_table_has_them() -> None:
    columns = [Column(Register(H, 5, Encoding.U32)), Column(Register(Table.COIL, 4, Encoding.BIT))]
    decoder = Decoder([Read(H, 4, 3), Read(Table.COIL, 3, 2)], columns)
    assert decoder.raw_text(bytes.fromhex("0001 0001 86A0 02")) == ["0001 86A0", "1"]
