"""The poll planner: whole values, legal requests, the cheapest cut, whatever the order of the words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

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


COSTS = {
    **{f"{baud} baud": LineCost.serial(baud) for baud in (1200, 9600, 19_200, 115_200)},
    "9600 baud, eleven bits, slow": LineCost.serial(9600, bits_a_character=11, turn_around_s=0.02),
    "TCP": TCP,
    "requests alone": LineCost(1, 0),
}
LIMITS = (4, 10, 12, 29, 32, 47, 64, 125)  # of registers, as the devices have them that ship


@st.composite
def small_cases(draw: st.DrawFn) -> tuple[list[Span], BusLimits]:
    """Few spans, but everything that can stand in their way: limits near the length of the whole, barriers, pages, cells read alone."""
    most, step = draw(st.sampled_from(LIMITS)), draw(st.sampled_from((1, 1, 2, 5)))
    reach = max(4, 2 * most // step)
    some = draw(st.lists(st.sampled_from(Table), min_size=1, max_size=2, unique=True))
    drawn = st.builds(
        lambda table, start, count, alone: Span(table, start * step, count, alone == 0),
        st.sampled_from(some), st.integers(0, reach), st.integers(1, 4), st.integers(0, 6),
    )  # fmt: skip
    page = draw(st.sampled_from((65_536, 65_536, 16, 64)))
    wanted = draw(st.lists(drawn, min_size=1, max_size=6, unique_by=lambda s: (s.table, s.start, s.count)))
    wanted = [span for span in wanted if span.start // page == (span.end - 1) // page]
    assume(wanted)
    barred = frozenset(
        (table, at * step + shift) for table in some for at, shift in draw(st.lists(st.tuples(st.integers(0, reach), st.integers(0, 1)), max_size=4))
    )
    hole = draw(st.sampled_from((0, 1, 2, 8, 16, 124)))
    return wanted, BusLimits(max_registers=most, max_bits=draw(st.sampled_from((*LIMITS, 2000))), max_hole=hole, barred=barred, page=page)


@settings(PATIENT, max_examples=100)
@given(small_cases(), st.sampled_from(sorted(COSTS)))
def test_the_plan_is_the_cheapest_of_all_ways_to_group(case: tuple[list[Span], BusLimits], line: str) -> None:
    """Every partition of the spans is tried, also those that are no runs of the sorted order; of equal ones ours has the fewest reads."""
    judge(case, line)
    (wanted, limits), cost = case, COSTS[line]
    found, wanted = plan_reads(wanted, limits, cost), asking(wanted)
    blocks = [block for count in range(1, len(wanted) + 1) for block in combinations(wanted, count)]
    assert set(found) <= {hull(block) for block in blocks if is_legal(block, wanted, limits)}


@pytest.mark.soak
@settings(PATIENT, max_examples=10_000)
@given(small_cases(), st.sampled_from(sorted(COSTS)))
def test_the_plan_is_the_cheapest_long_form(case: tuple[list[Span], BusLimits], line: str) -> None:
    judge(case, line)


def test_values_within_a_register_that_is_read_alone_come_with_it() -> None:
    alone = Span(Table.INPUT, 56, 3, alone=True)
    assert plan_reads([Span(Table.INPUT, 56, 2), alone, Span(Table.INPUT, 58, 1)], BusLimits()) == (Read(Table.INPUT, 56, 3),)
    one, beside = Span(Table.INPUT, 323, 1, alone=True), [Span(Table.INPUT, at, 1) for at in (322, 323, 324)]
    assert plan_reads([one, *beside], BusLimits()) == tuple(Read(Table.INPUT, at, 1) for at in (322, 323, 324)), "no wide read for its sake"
    assert plan_reads([Span(Table.INPUT, 55, 2), alone], BusLimits()) == (Read(Table.INPUT, 55, 2), Read(Table.INPUT, 56, 3))


def judge(case: tuple[list[Span], BusLimits], line: str) -> None:
    (wanted, limits), cost = case, COSTS[line]
    found, wanted = plan_reads(wanted, limits, cost), asking(wanted)
    ways = [[hull(block) for block in way] for way in partitions(wanted) if all(is_legal(block, wanted, limits) for block in way)]
    assert (sum(cost.of(read) for read in found), len(found)) == min((sum(map(cost.of, way)), len(way)) for way in ways)


def asking(wanted: Sequence[Span]) -> list[Span]:
    """Without the spans that lie in one that is read alone: those come with it, and are no leave to touch its cells in a wider read."""
    return [s for s in wanted if s.alone or not any(a.alone and a.table is s.table and a.start <= s.start and s.end <= a.end for a in wanted)]


def hull(block: Sequence[Span]) -> Read:
    start = min(s.start for s in block)
    return Read(block[0].table, start, max(s.end for s in block) - start)


def is_legal(block: Sequence[Span], wanted: Sequence[Span], limits: BusLimits) -> bool:
    """Whether one request may bring these spans, said from the limits and not from the planner."""
    if len({span.table for span in block}) != 1 or (len(block) > 1 and any(span.alone for span in block)):
        return False
    read, asked = hull(block), {cell for s in block for cell in range(s.start, s.end)}
    forbidden = {at for table, at in limits.barred if table is read.table}
    forbidden |= {at for span in wanted if span.alone and span.table is read.table for at in range(span.start, span.end)}
    through = set(range(read.address, read.end)) - asked
    holes = "".join("x" if cell in asked else "." for cell in range(read.address, read.end)).split("x")
    return (
        read.count <= most_cells(read.table, limits)
        and read.address // limits.page == (read.end - 1) // limits.page
        and max(map(len, holes), default=0) <= limits.max_hole
        and not through & forbidden
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
