"""The vectorised decoder against a slow one written value by value with struct; and any bytes at all."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from collector.codec import Decoder
from collector.columns import Column
from collector.poll_plan import Read
from plantroom.model import Quality
from plantroom.profiles import Encoding, OneHot, Register, Sum, Table

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

FORMAT = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "u64": ">Q", "i64": ">q", "f32": ">f", "f64": ">d"}
SPAN = 24  # registers in the read; the bit read has SPAN * 16 cells
READS = (Read(Table.HOLDING, 100, SPAN), Read(Table.COIL, 7, SPAN * 16))
WORDS = [e for e in Encoding if e is not Encoding.BIT]
SCALES = [1.0, 0.1, 0.01, 0.25, 10.0, -1.0, 0.016666666666666666]


@st.composite
def registers(draw: st.DrawFn) -> Register:
    shape = draw(st.sampled_from(["words", "words", "field", "cell"]))
    if shape == "cell":
        return Register(Table.COIL, draw(st.integers(7, 6 + SPAN * 16)), Encoding.BIT)
    if shape == "field":
        bit = draw(st.integers(0, 15))
        bits = draw(st.integers(1, 16 - bit))
        values = {raw: raw * 2 for raw in range(draw(st.integers(0, 4)))}
        return Register(Table.HOLDING, 100 + draw(st.integers(0, SPAN - 1)), Encoding.BIT, bit, bits, values=values)
    encoding = draw(st.sampled_from(WORDS))
    width = 16 * encoding.words
    sentinels = draw(st.sets(st.sampled_from([0, 1, 7, 2 ** (width - 1), 2 ** (width - 1) - 1, 2**width - 1, 2**width - 2]), max_size=3))
    values = draw(st.dictionaries(st.integers(0, 9), st.integers(0, 20), max_size=4)) if draw(st.booleans()) else {}
    return Register(
        Table.HOLDING,
        100 + draw(st.integers(0, SPAN - encoding.words)),
        encoding,
        low_word_first=draw(st.booleans()),
        scale=draw(st.sampled_from(SCALES)),
        offset=draw(st.sampled_from([0.0, -40.0, 0.5])),
        sentinels=dict.fromkeys(sentinels, "sensor_open"),
        values=values,
    )


@st.composite
def columns(draw: st.DrawFn) -> Column:
    register = draw(registers())
    limits = st.none() | st.tuples(st.integers(-300, 0), st.integers(0, 300)).map(lambda pair: (pair[0] / 10, pair[1] / 10))
    contact = register.encoding is Encoding.BIT and register.bits == 1
    return Column(
        register,
        invert=contact and draw(st.booleans()),
        gain=draw(st.sampled_from([1.0, 0.1, -2.0, 1000.0])),
        bias=draw(st.sampled_from([0.0, 5.0])),
        device_range=draw(limits),
        final_range=draw(limits),
    )


def slowly(column: Column, data: bytes) -> tuple[float, Quality]:
    """One value as a person would work it out with a pocket calculator, in exact decimals where the profile has decimals."""
    r = column.source
    assert isinstance(r, Register)
    pattern, number = _raw(r, data)
    if math.isnan(number) or pattern in r.sentinels or any(number == _raw_of(p, r) for p in r.sentinels):
        return math.nan, Quality.SENTINEL
    if math.isinf(number) or abs(number) > 1e300:
        return math.nan, Quality.OUT_OF_RANGE
    if r.values:
        if number not in r.values:
            return math.nan, Quality.DECODE
        device = float(r.values[int(number)])
    else:
        device = number * r.scale + r.offset
        if column.device_range and not _nearly_within(device, column.device_range):
            return math.nan, Quality.OUT_OF_RANGE
    final = (1 - device if column.invert else device) * column.gain + column.bias
    if not r.values and column.final_range and not _nearly_within(final, column.final_range):
        return math.nan, Quality.OUT_OF_RANGE
    return final, Quality.GOOD


def _raw(r: Register, data: bytes) -> tuple[int, float]:
    if r.table is Table.COIL:
        cell = r.address - 7
        bit = data[2 * SPAN + cell // 8] >> cell % 8 & 1
        return bit, float(bit)
    at = 2 * (r.address - 100)
    words = [data[at + 2 * i : at + 2 * i + 2] for i in range(r.count)]
    joined = b"".join(reversed(words) if r.low_word_first else words)
    if r.bit is not None:
        field = int.from_bytes(joined, "big") >> r.bit & (2**r.bits - 1)
        return field, float(field)
    return int.from_bytes(joined, "big"), float(struct.unpack(FORMAT[r.encoding], joined)[0])


def _raw_of(pattern: int, r: Register) -> float:
    """The float a 64-bit sentinel becomes: beyond 2**53 its neighbours become the same."""
    if r.bit is not None or r.table is Table.COIL:
        return math.nan
    return float(struct.unpack(FORMAT[r.encoding], pattern.to_bytes(2 * r.count, "big"))[0])


def _nearly_within(value: float, limits: tuple[float, float]) -> bool:
    slack = 2e-6 * max(1.0, abs(limits[0]), abs(limits[1]))
    return limits[0] - slack <= value <= limits[1] + slack


def on_the_edge(column: Column, data: bytes) -> bool:
    """Whether rounding decides: then either verdict is right."""
    narrow, wide = (
        replace(column, device_range=_grown(column.device_range, by), final_range=_grown(column.final_range, by)) for by in (-1e-4, 1e-4)
    )
    return slowly(narrow, data)[1] != slowly(wide, data)[1]


def _grown(limits: tuple[float, float] | None, by: float) -> tuple[float, float] | None:
    return None if limits is None else (limits[0] - by, limits[1] + by)


SMALL = st.sampled_from([b"\0\0", b"\0\1", b"\0\7", b"\xff\xff", b"\xff\xfe", b"\x7f\xff", b"\x80\0", b"\x7f\xc0", b"\x7f\x80"])
DATA = st.lists(SMALL | st.binary(min_size=2, max_size=2), min_size=2 * SPAN, max_size=2 * SPAN).map(b"".join)


@PATIENT
@given(st.lists(columns(), min_size=1, max_size=20), DATA)
def test_every_value_and_quality_is_what_the_slow_decoder_says(wanted: list[Column], data: bytes) -> None:
    values, quality = Decoder(READS, wanted).decode(data)
    for i, column in enumerate(wanted):
        value, reason = slowly(column, data)
        assert isinstance(column.source, Register)
        size = abs(_raw(column.source, data)[1])
        at_the_ends_of_float = 1e300 < size < math.inf or 0 < size < 1e-300  # where a product overflows or a difference is flushed to 0
        if not on_the_edge(column, data) and not at_the_ends_of_float:
            assert Quality(int(quality[i])) == reason, column
        if quality[i]:
            assert math.isnan(values[i])
        elif reason is Quality.GOOD and abs(value) < 1e300:
            assert values[i] == pytest.approx(value, rel=1e-12, abs=1e-9), column


@PATIENT
@given(st.lists(columns(), min_size=1, max_size=20), st.binary(min_size=4 * SPAN, max_size=4 * SPAN), st.booleans(), st.booleans())
def test_any_bytes_give_a_finite_value_or_a_reason(wanted: list[Column], data: bytes, first: bool, second: bool) -> None:
    failed = {i: Quality.EXCEPTION for i, bad in enumerate((first, second)) if bad}
    values, quality = Decoder(READS, wanted).decode(data, failed)
    assert np.array_equal(np.isfinite(values), quality == Quality.GOOD)
    for i, column in enumerate(wanted):
        assert isinstance(column.source, Register)
        lost = failed.get(0 if column.source.table is Table.HOLDING else 1)
        assert lost is None or quality[i] == lost, "what a failed read should have brought is bad for its reason"


@PATIENT
@given(st.lists(columns(), min_size=2, max_size=12, unique_by=id), DATA, st.randoms())
def test_the_order_of_columns_changes_nothing(wanted: list[Column], data: bytes, chance: Any) -> None:
    order = list(range(len(wanted)))
    chance.shuffle(order)
    values, quality = Decoder(READS, wanted).decode(data)
    shuffled, reasons = Decoder(READS, [wanted[i] for i in order]).decode(data)
    assert np.array_equal(values[order], shuffled, equal_nan=True)
    assert np.array_equal(quality[order], reasons)


@PATIENT
@given(st.lists(st.integers(0, 65_535), min_size=SPAN, max_size=SPAN), st.lists(st.integers(0, SPAN - 1), min_size=1, max_size=5))
def test_a_sum_is_the_sum_of_its_parts(words: list[int], places: list[int]) -> None:
    parts = tuple((Register(Table.HOLDING, 100 + at, Encoding.U16), 10.0**i) for i, at in enumerate(places))
    values, quality = Decoder(READS[:1], [Column(Sum(parts))]).decode(struct.pack(f">{SPAN}H", *words))
    assert quality[0] == Quality.GOOD and values[0] == sum(words[at] * 10.0**i for i, at in enumerate(places))


@PATIENT
@given(st.sets(st.integers(0, 5)), st.booleans(), st.none() | st.just(9))
def test_one_hot_means_the_one_that_is_set(hot: set[int], first_wins: bool, none: int | None) -> None:
    source = OneHot({10 + i: Register(Table.COIL, 7 + i, Encoding.BIT) for i in range(6)}, none, first_wins)
    data = bytes([sum(1 << i for i in hot)])
    values, quality = Decoder((Read(Table.COIL, 7, 8),), [Column(source)]).decode(data)
    if not hot:
        expected = none
    else:
        expected = 10 + min(hot) if len(hot) == 1 or first_wins else None
    if expected is None:
        assert quality[0] == Quality.DECODE
    else:
        assert (quality[0], values[0]) == (Quality.GOOD, expected)


@PATIENT
@given(st.lists(columns(), min_size=1, max_size=12), st.lists(DATA, min_size=1, max_size=4))
def test_several_replies_at_once_are_what_each_is_alone(wanted: list[Column], replies: list[bytes]) -> None:
    decoder = Decoder(READS, wanted)
    together = decoder.decode_many(replies)
    below = decoder.decode_rows(np.frombuffer(b"".join(replies), np.uint8).reshape(len(replies), -1))
    assert [(values.tobytes(), quality.tobytes()) for values, quality in together] == [
        (values.tobytes(), quality.tobytes()) for values, quality in zip(*below, strict=True)
    ]
    for data, (values, quality) in zip(replies, together, strict=True):
        alone, its = decoder.decode(data)
        assert values.shape == quality.shape == (1, len(wanted)) and values.dtype == float
        assert values[0].tobytes() == alone.tobytes() and quality[0].tobytes() == its.tobytes()


def test_a_fraction_is_no_code() -> None:
    coded = Register(Table.HOLDING, 114, Encoding.F32, values={0: 0})
    columns_ = [Column(Register(Table.HOLDING, 100, Encoding.U16, values={0: 0})), Column(coded)]
    data = bytes(31) + b"\1" + bytes(4 * SPAN - 32)
    assert Decoder(READS, columns_).decode(data)[1].tolist() == [Quality.GOOD, Quality.DECODE]
