"""The poll planner beside Telegraf's ways to build requests, on every shipped profile and under the limits of its device.

Telegraf's strategies are written anew from its documentation (inputs.modbus, `optimization`), and given what their user could do by hand:
a [[request]] for each table, page and register that must be read alone, holes the device bears filled with omitted fields, max_insert with
the best of all fill sizes. A plan that breaks a limit of the device (a barrier, too wide a hole) is out.

    none        consecutive fields, cut where a request is full; what is sent is what is written
    shrink      the same without omitted fields at the ends
    rearrange   the cuts of a consecutive range moved so that fewer registers are read by as many requests
    aggressive  rearrange over the whole table, all gaps filled
    max_insert  fields together as long as the hole between them is no wider than a number

Time on the line is what a plan is made for; a strategy may still take fewer requests and longer, by reading through holes that cost more
than a request. So ours is also asked for the fewest requests whatever they cost. Exit 1 where a strategy is better in either.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collector.bindings import wanted_spans
from collector.poll_plan import TCP, LineCost, Read, Span, line_time_s, most_cells, plan_reads
from plantroom.profile_file import load_profile, profile_names
from plantroom.profiles import BusLimits, Profile, Table

Field = tuple[int, int]  # first cell, end
Strategy = Callable[[Sequence[Field], int, "Bears"], list[Field]]
Bears = Callable[[int, int], bool]  # whether the device bears that the cells from .. to are read though nobody wants them
LINES = {"9600 baud": LineCost.serial(9600), "19200 baud": LineCost.serial(19_200), "115200 baud": LineCost.serial(115_200), "TCP": TCP}
REQUESTS_ONLY = LineCost(1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """One [[request]] of a careful user: fields of one table that may share reads as far as the table's kind and page go."""

    table: Table
    fields: tuple[Field, ...]


def requests_of(spans: Sequence[Span], page: int) -> Iterator[Request]:
    """A request for each table and page, one more for each register that must be read alone."""
    for table in Table:
        mine = sorted({(s.start, s.end, s.alone) for s in spans if s.table is table})
        for start, end, alone in mine:
            if alone:
                yield Request(table, ((start, end),))
        shared = _whole([(start, end) for start, end, alone in mine if not alone])
        for number in sorted({start // page for start, _ in shared}):
            yield Request(table, tuple(f for f in shared if f[0] // page == number))


def _whole(fields: Sequence[Field]) -> list[Field]:
    """Overlapping fields as one: Telegraf would read their cells twice."""
    found: list[Field] = []
    for start, end in fields:
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def ranges(fields: Sequence[Field], bears: Bears) -> Iterator[list[Field]]:
    """Consecutive ranges, after the holes that may be read have been filled with omitted fields."""
    run: list[Field] = []
    for field in fields:
        if run and field[0] > run[-1][1] and not bears(run[-1][1], field[0]):
            yield run
            run = []
        run.append(field)
    if run:
        yield run


def none(fields: Sequence[Field], most: int, bears: Bears) -> list[Field]:
    found: list[Field] = []
    for run in ranges(fields, bears):
        start, end = run[0]
        for (_, before), (first, after) in pairwise(run):
            for low, high in [*((at, at + 1) for at in range(before, first)), (first, after)]:  # each omitted cell is a field of its own
                if high - start > most:
                    found.append((start, end))
                    start = low
                end = high
        found.append((start, end))
    return found


def shrink(fields: Sequence[Field], most: int, bears: Bears) -> list[Field]:
    return [read for run in ranges(fields, bears) for read in _filled(run, most)]


def _filled(run: Sequence[Field], most: int) -> list[Field]:
    """Each request takes fields until it is full."""
    found = [run[0]]
    for start, end in run[1:]:
        first = found[-1][0]
        if end - first <= most:
            found[-1] = (first, end)
        else:
            found.append((start, end))
    return found


def rearrange(fields: Sequence[Field], most: int, bears: Bears) -> list[Field]:
    return [read for run in ranges(fields, bears) for read in _rearranged(tuple(run), most)]


def aggressive(fields: Sequence[Field], most: int, bears: Bears) -> list[Field]:
    return list(_rearranged(tuple(fields), most))


@cache
def _rearranged(run: tuple[Field, ...], most: int) -> tuple[Field, ...]:
    """As many requests as `shrink` or fewer, and the fewest cells: every cut at a gap is tried, what follows it in the same way."""
    best = tuple(_filled(run, most))
    for i in range(1, len(run)):
        if run[i - 1][1] == run[i][0]:
            continue  # fields side by side stay together
        other = (*_filled(run[:i], most), *_rearranged(run[i:], most))
        if len(other) <= len(best) and _cells(other) < _cells(best):
            best = other
    return best


def _cells(reads: Sequence[Field]) -> int:
    return sum(end - start for start, end in reads)


def max_insert(fill: int) -> Strategy:
    def inserted(fields: Sequence[Field], most: int, bears: Bears) -> list[Field]:
        found = [fields[0]]
        for start, end in fields[1:]:
            first, before = found[-1]
            if start - before > fill or end - first > most:
                found.append((start, end))
            else:
                found[-1] = (first, end)
        return found

    return inserted


def strategies(limits: BusLimits) -> dict[str, Strategy]:
    fixed: dict[str, Strategy] = {"none": none, "shrink": shrink, "rearrange": rearrange, "aggressive": aggressive}
    return fixed | {f"max_insert {fill}": max_insert(fill) for fill in range(limits.max_hole + 1)}


def telegraf(strategy: Strategy, spans: Sequence[Span], limits: BusLimits) -> list[Read] | None:
    """The reads of one strategy; None where they break a limit of the device."""
    barred = {(s.table, at) for s in spans if s.alone for at in range(s.start, s.end)} | limits.barred
    found: list[Read] = []
    for request in requests_of(spans, limits.page):
        table, most = request.table, most_cells(request.table, limits)

        def bears(low: int, high: int, table: Table = table) -> bool:
            return high - low <= limits.max_hole and not any((table, at) in barred for at in range(low, high))

        reads = strategy(request.fields, most, bears)
        found += [Read(table, start, end - start) for start, end in reads]
        asked = {at for start, end in request.fields for at in range(start, end)}
        for start, end in reads:
            inside = [(a, b) for a, b in request.fields if start <= a and b <= end]
            if end - start > most or any(low < high and not bears(low, high) for low, high in _holes(start, end, inside, asked)):
                return None
    return found


def _holes(start: int, end: int, fields: Sequence[Field], asked: set[int]) -> Iterator[Field]:
    """What a read brings between its fields, and before and after them."""
    edges = [(start, start), *fields, (end, end)]
    return ((before, low) for (_, before), (low, _) in pairwise(edges) if low > before and before not in asked)


def judged(profile: Profile, cost: LineCost) -> tuple[str, bool]:
    """One line of the table, and whether a strategy is better."""
    limits = profile.bus
    spans = [span for point in profile.points.values() for span in wanted_spans(point, limits)]
    ours = plan_reads(spans, limits, cost)
    ms = 1000 * line_time_s(ours, cost, limits.gap_s)
    naive = [Read(s.table, s.start, s.count) for s in set(spans)]
    found: list[tuple[float, int, str]] = []
    for name, strategy in strategies(limits).items():
        reads = telegraf(strategy, spans, limits)
        if reads is not None:
            found.append((1000 * line_time_s(reads, cost, limits.gap_s), len(reads), name))
    best_ms, best_requests, best = min(found)
    fewest, our_fewest = min(requests for _, requests, _ in found), len(plan_reads(spans, limits, REQUESTS_ONLY))
    naive_ms = 1000 * line_time_s(naive, cost, limits.gap_s)
    beaten = any(round(each_ms - ms, 6) < 0 or (round(each_ms - ms, 6) == 0 and requests < len(ours)) for each_ms, requests, _ in found)
    beaten |= our_fewest > fewest
    theirs = f"{best_requests:4} {best_ms:9.1f}  {best:13}"
    mark = "  BEATEN" if beaten else ""
    mine = f"{profile.name:26}{len(ours):4} {ms:9.1f}"
    return f"{mine}   {theirs} {len(naive):5} {naive_ms:9.1f}   {our_fewest:4} {fewest:4}{mark}", beaten


def main() -> int:
    worst = 0
    profiles = [profile for name in profile_names() if (profile := load_profile(name)).mqtt is None]
    for line, cost in LINES.items():
        print(f"\n{line:26}{'ours: requests, ms':>14}   {'best of Telegraf':29}{'naive':>11}   fewest requests: ours, Telegraf's")
        for profile in profiles:
            text, beaten = judged(profile, cost)
            print(text, flush=True)
            worst |= beaten
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())
