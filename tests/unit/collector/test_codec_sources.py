"""Values of several registers: told by any of them, or only together with one that says what they mean."""

from __future__ import annotations

import struct

import pytest

from collector.bindings import plan_profile
from collector.codec import Decoder, spans_of
from collector.columns import Column
from collector.poll_plan import Read, Span, plan_reads
from plantroom.model import Quality
from plantroom.profile_file import load_profile
from plantroom.profiles import BusLimits, Case, Dependent, Encoding, Register, Sum, Table

BITS = [Register(Table.COIL, at, Encoding.BIT) for at in range(4)]


@pytest.mark.parametrize(("coils", "mask"), [(0b0000, 0), (0b0001, 4), (0b0010, 4), (0b0111, 4), (0b1000, 32), (0b1010, 36)])
def test_an_alarm_told_by_a_cell_a_phase_counts_once(coils: int, mask: int) -> None:
    source = Sum(tuple(zip(BITS, (4.0, 4.0, 4.0, 32.0), strict=True)), union=True)
    values, quality = Decoder([Read(Table.COIL, 0, 4)], [Column(source)]).decode(bytes([coils]))
    assert (values[0], quality[0]) == (mask, Quality.GOOD)


def test_a_value_means_what_the_other_register_says_and_nothing_where_that_is_silent() -> None:
    value, by = Register(Table.INPUT, 594, Encoding.I16, scale=0.1), Register(Table.HOLDING, 4797, Encoding.U16, sentinels={0xFFFF: "none"})
    source = Dependent(value, by, (Case(0, 0), Case(1, 9, 5 / 9, -160 / 9)))
    spans = spans_of(source, 125, lambda _: 125)
    assert spans == [Span(Table.INPUT, 594, 1), Span(Table.HOLDING, 4797, 1)]
    decoder = Decoder([Read(span.table, span.start, span.count) for span in spans], [Column(source, device_range=(-20.0, 120.0))])

    def read(raw: int, unit: int) -> tuple[float, int]:
        values, quality = decoder.decode(struct.pack(">hH", raw, unit))
        return round(float(values[0]), 9), int(quality[0])

    assert read(853, 0) == (85.3, Quality.GOOD)
    assert read(2120, 9) == (100.0, Quality.GOOD)
    assert read(-500, 0)[1] == Quality.OUT_OF_RANGE  # judged in the point's unit
    assert read(853, 10)[1] == Quality.DECODE
    assert read(853, 0xFFFF)[1] == Quality.SENTINEL


def test_a_bit_of_a_register_that_says_nothing_is_bad() -> None:
    word = Register(Table.HOLDING, 7, Encoding.U16, sentinels={0xFFFF: "none"})
    source = Dependent(Register(Table.HOLDING, 7, Encoding.BIT, 3), word)
    decoder = Decoder([Read(Table.HOLDING, 7, 1)], [Column(source)])
    assert [int(decoder.decode(struct.pack(">H", raw))[1][0]) for raw in (0x0008, 0xFFFF)] == [Quality.GOOD, Quality.SENTINEL]


def test_no_read_leaves_its_page() -> None:
    spans = [Span(Table.HOLDING, 254, 2), Span(Table.HOLDING, 256, 2), Span(Table.HOLDING, 258, 1)]
    paged = plan_reads(spans, BusLimits(page=256))
    assert paged == (Read(Table.HOLDING, 254, 2), Read(Table.HOLDING, 256, 3))
    assert plan_reads(spans, BusLimits()) == (Read(Table.HOLDING, 254, 5),)
    with pytest.raises(ValueError, match="crosses a page of 256 cells"):
        plan_reads([Span(Table.HOLDING, 255, 2)], BusLimits(page=256))


def test_both_words_of_a_double_word_come_with_its_bit() -> None:
    profile = load_profile("siemens-atc6300")
    ((reads, _),) = plan_profile(profile, ["normal_ok"])
    assert reads == (Read(Table.INPUT, 8719, 2),)


@pytest.mark.parametrize("barred", [77, 360, 362, 4002, 4005])
def test_no_read_of_the_cre_crosses_a_barrier(barred: int) -> None:
    profile = load_profile("cre-compact")
    reads = [read for together, _ in plan_profile(profile, list(profile.points)) for read in together]
    assert not any(read.address <= barred < read.end for read in reads)
