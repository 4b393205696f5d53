"""The reference strategies of bench/plan.py do what Telegraf documents, and none of them has a better plan than ours on a shipped profile."""

from __future__ import annotations

import pytest

from bench.plan import LINES, aggressive, judged, max_insert, none, rearrange, shrink, telegraf
from collector.poll_plan import Read, Span
from plantroom.profile_file import load_profile, profile_names
from plantroom.profiles import BusLimits, Table

SINGLES = [(at, at + 1) for at in (1, 2, 3, 5, 6, 10, 11, 12, 14)]


def never(low: int, high: int) -> bool:
    return False


def always(low: int, high: int) -> bool:
    return True


def test_fields_side_by_side_are_one_request_and_a_hole_ends_it() -> None:
    assert none(SINGLES, 125, never) == shrink(SINGLES, 125, never) == [(1, 4), (5, 7), (10, 13), (14, 15)]
    assert none(SINGLES, 2, never) == [(1, 3), (3, 4), (5, 7), (10, 12), (12, 13), (14, 15)]


def test_shrink_leaves_out_omitted_fields_at_the_ends_of_a_request_and_none_does_not() -> None:
    """A range of 14 cells, all of it declared; requests of at most 8."""
    assert none(SINGLES, 8, always) == [(1, 9), (9, 15)]
    assert shrink(SINGLES, 8, always) == [(1, 7), (10, 15)]


def test_rearrange_moves_the_cut_into_a_gap_and_keeps_the_number_of_requests() -> None:
    fields = [(at, at + 1) for at in (0, 1, 4, 5, 6, 7, 8)]
    assert shrink(fields, 6, always) == [(0, 6), (6, 9)]
    assert rearrange(fields, 6, always) == [(0, 2), (4, 9)]
    assert rearrange(fields, 6, never) == [(0, 2), (4, 9)]


def test_aggressive_fills_gaps_that_nobody_declared() -> None:
    assert aggressive(SINGLES, 125, never) == [(1, 15)]
    assert len(aggressive(SINGLES, 8, never)) == 2


def test_max_insert_fills_holes_up_to_its_number() -> None:
    assert max_insert(1)(SINGLES, 125, never) == [(1, 7), (10, 15)]
    assert max_insert(3)(SINGLES, 125, never) == [(1, 15)]
    assert max_insert(0)(SINGLES, 2, never) == [(1, 3), (3, 4), (5, 7), (10, 12), (12, 13), (14, 15)]


def test_a_strategy_that_breaks_a_limit_of_the_device_is_out() -> None:
    spans = [Span(Table.HOLDING, 0, 2), Span(Table.HOLDING, 4, 1), Span(Table.HOLDING, 9, 1, alone=True)]
    assert telegraf(aggressive, spans, BusLimits()) == [Read(Table.HOLDING, 9, 1), Read(Table.HOLDING, 0, 5)]
    assert telegraf(aggressive, spans, BusLimits(max_hole=1)) is None
    assert telegraf(aggressive, spans, BusLimits(barred=frozenset({(Table.HOLDING, 3)}))) is None
    assert telegraf(shrink, spans, BusLimits(barred=frozenset({(Table.HOLDING, 3)}))) is not None
    crossing = [Span(Table.HOLDING, 254, 1), Span(Table.HOLDING, 256, 1)]
    assert telegraf(aggressive, crossing, BusLimits(page=256)) == [Read(Table.HOLDING, 254, 1), Read(Table.HOLDING, 256, 1)]


MODBUS = {name: profile for name in profile_names() if (profile := load_profile(name)).mqtt is None}


@pytest.mark.parametrize("name", MODBUS)
def test_no_strategy_has_a_better_plan_for_a_shipped_profile(name: str) -> None:
    text, beaten = judged(MODBUS[name], LINES["9600 baud"])
    assert not beaten, text


def test_nor_on_a_line_where_a_request_costs_much_and_its_length_nothing() -> None:
    for name in ("eastron-sdm630", "lg-pmbusb00a", "systemair-topvex"):
        text, beaten = judged(MODBUS[name], LINES["TCP"])
        assert not beaten, text
