"""The poll planner: whole values, legal requests, the cheapest cut, whatever the order of the words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, given, settings

from collector.poll_plan import SERIAL_9600, TCP, LineCost, Read, Span, most_cells, plan_reads
from plantroom.profiles import BusLimits, Table

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

tables = st.sampled_from(Table)


@st.composite
def limits(draw: st.DrawFn) -> BusLimits:
    barred = draw(st.frozensets(st.tuples(tables, st.integers(0, 60)), max_size=6))
    return BusLimits(
        max_registers=draw(st.integers(4, 125)), max_bits=draw(st.integers(4, 2000)), max_hole=draw(st.integers(0, 30)), barred=barred
    )


@st.composite
def spans(draw: st.DrawFn) -> Span:
    return Span(draw(tables), draw(st.integers(0, 60)), draw(st.integers(1, 4)), draw(st.booleans()) and draw(st.booleans()))


def cells(of: Sequence[Span] | Sequence[Read]) -> set[tuple[Table, int]]:
    return {(s.table, cell) for s in of for cell in range(s.start if isinstance(s, Span) else s.address, s.end)}


@PATIENT
@given(st.lists(spans(), max_size=40), limits(), st.sampled_from([SERIAL_9600, TCP]))
def test_every_span_comes_whole_from_one_legal_read(wanted: list[Span], limits: BusLimits, cost: LineCost) -> None:
    reads = plan_reads(wanted, limits, cost)
    assert all(any(read.covers(span) for read in reads) for span in wanted)
    assert all(read.count <= most_cells(read.table, limits) and read.end <= 65_536 for read in reads)
    assert cells(reads) & limits.barred <= cells(wanted)
    assert plan_reads(reversed(wanted), limits, cost) == reads
    assert list(reads) == sorted(set(reads))


@PATIENT
@given(st.lists(spans(), max_size=40), limits())
def test_what_must_be_read_alone_is_read_alone(wanted: list[Span], limits: BusLimits) -> None:
    reads = plan_reads(wanted, limits)
    for span in (s for s in wanted if s.alone):
        assert Read(span.table, span.start, span.count) in reads


@PATIENT
@given(st.lists(spans(), max_size=40), limits())
def test_no_read_goes_through_a_larger_hole_than_allowed(wanted: list[Span], limits: BusLimits) -> None:
    for read in plan_reads(wanted, limits):
        asked = sorted(cell for table, cell in cells(wanted) if table is read.table and read.address <= cell < read.end)
        assert all(after - before - 1 <= limits.max_hole for before, after in pairwise(asked))
        assert asked[0] == read.address and asked[-1] == read.end - 1, "a read begins and ends with something wanted"


@PATIENT
@given(st.lists(st.builds(Span, st.just(Table.HOLDING), st.integers(0, 40), st.integers(1, 4)), max_size=6, unique=True), limits())
def test_the_plan_is_the_cheapest_of_all_ways_to_group(wanted: list[Span], limits: BusLimits) -> None:
    """Every partition of the spans is tried, also those that are no runs of the sorted order."""
    assume(wanted)
    found = plan_reads(wanted, limits)
    legal = [p for p in partitions(wanted) if all(is_legal(block, limits) for block in p)]
    cheapest = min(sum(SERIAL_9600.of(hull(block)) for block in p) for p in legal)
    assert sum(SERIAL_9600.of(read) for read in found) == cheapest


def hull(block: Sequence[Span]) -> Read:
    start = min(s.start for s in block)
    return Read(block[0].table, start, max(s.end for s in block) - start)


def is_legal(block: Sequence[Span], limits: BusLimits) -> bool:
    read = hull(block)
    asked = {cell for s in block for cell in range(s.start, s.end)}
    holes = "".join("x" if cell in asked else "." for cell in range(read.address, read.end)).split("x")
    return (
        read.count <= most_cells(read.table, limits)
        and max(map(len, holes), default=0) <= limits.max_hole
        and not any((read.table, cell) in limits.barred for cell in set(range(read.address, read.end)) - asked)
    )


def partitions(items: list[Span]) -> Iterator[list[list[Span]]]:
    if not items:
        yield []
        return
    head, *rest = items
    for smaller in partitions(rest):
        yield [[head], *smaller]
        for i, block in enumerate(smaller):
            yield [*smaller[:i], [head, *block], *smaller[i + 1 :]]


def test_a_value_larger_than_a_read_is_refused_with_its_address() -> None:
    with pytest.raises(ValueError, match=r"holding 100: a value of 4 cells exceeds a read of at most 2"):
        plan_reads([Span(Table.HOLDING, 100, 4)], BusLimits(max_registers=2))
    with pytest.raises(ValueError, match=r"65535..65536 is outside"):
        plan_reads([Span(Table.INPUT, 65_535, 2)], BusLimits())
