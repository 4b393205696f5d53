"""Wanted registers into the fewest, cheapest reads of one device. Pure; computed once before any socket opens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plantroom.profiles import CELLS, BusLimits, Table

MOST_REGISTERS = 125  # MODBUS Application Protocol V1.1b3, 6.3, 6.4
MOST_BITS = 2000  # the same, 6.1, 6.2


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Cells that come from one read: one value's registers or bits. start: zero-based. alone: its read brings these cells and no other."""

    table: Table
    start: int
    count: int
    alone: bool = False

    @property
    def end(self) -> int:
        return self.start + self.count


@dataclass(frozen=True, slots=True, order=True)
class Read:
    """One request: `count` cells from `address` (zero-based, as on the wire)."""

    table: Table
    address: int
    count: int

    @property
    def end(self) -> int:
        return self.address + self.count

    @property
    def reply_bytes(self) -> int:
        """Data bytes of the reply: two a register, eight bits a byte."""
        return (self.count + 7) // 8 if self.table.bits else 2 * self.count

    def covers(self, span: Span) -> bool:
        return self.table is span.table and self.address <= span.start and span.end <= self.end


@dataclass(frozen=True, slots=True)
class LineCost:
    """What a read costs its line, in whole nanoseconds so that equal plans compare equal.

    request_ns: what every read costs, whatever it brings; byte_ns: each data byte of the reply.
    """

    request_ns: int
    byte_ns: int

    def of(self, read: Read) -> int:
        return self.request_ns + self.byte_ns * read.reply_bytes

    @classmethod
    def serial(cls, baud: int, *, bits_a_character: int = 10, turn_around_s: float = 0.005) -> LineCost:
        """RTU: 8 + 5 fixed characters, two silences of 3.5 characters (above 19,200 baud 1.75 ms), and the device's own time to answer.

        turn_around_s: an assumption, controllers take 1 to 20 ms. Source of the rest: MODBUS over Serial Line V1.02, 2.5.1.1.
        """
        character_ns = round(bits_a_character * 1e9 / baud)
        silence_ns = 7 * character_ns // 2 if baud <= 19_200 else 1_750_000
        return cls(13 * character_ns + 2 * silence_ns + round(turn_around_s * 1e9), character_ns)


SERIAL_9600 = LineCost.serial(9600)
TCP = LineCost(1_000_000, 100)  # a device's own Ethernet port: a read costs about a millisecond, its length nearly nothing


def plan_reads(spans: Iterable[Span], limits: BusLimits, cost: LineCost = SERIAL_9600) -> tuple[Read, ...]:
    """Reads that together fetch every span whole, at the least cost; on a tie with fewer reads.

    spans:  any order, overlaps and repetitions allowed.
    limits: largest read, largest hole worth reading through, pages no read leaves, cells never touched unless a span of that read asks
            for them.
            The cells of an `alone` span are barred to every other read in the same way; a span within one comes with it.
    Returns reads in (table, address) order; equal inputs in any order give equal plans.
    Raises ValueError if a span leaves the 65,536 cells or exceeds one read: it could never be read whole.
    Optimal: sorted by start, some cheapest plan cuts the spans into runs (a span enclosed by another's read can move there for nothing),
    so the best cut is found exactly by dynamic programming from the end.
    """
    wanted = sorted(set(spans))
    for span in wanted:
        _refuse_impossible(span, limits)
    reads: list[Read] = []
    for table in Table:
        apart = {(s.start, s.end) for s in wanted if s.table is table and s.alone}
        barred = {address for t, address in limits.barred if t is table}
        barred.update(cell for start, end in apart for cell in range(start, end))
        together = sorted({(s.start, s.end) for s in wanted if s.table is table and not any(a <= s.start and s.end <= b for a, b in apart)})
        reads += [Read(table, start, end - start) for start, end in apart]
        reads += _cheapest_cut(table, together, sorted(barred), limits, cost)
    return tuple(sorted(set(reads)))


def most_cells(table: Table, limits: BusLimits) -> int:
    """Most cells one read of this table may ask for: the device's limit within the protocol's."""
    return min(limits.max_bits, MOST_BITS) if table.bits else min(limits.max_registers, MOST_REGISTERS)


def line_time_s(reads: Sequence[Read], cost: LineCost = SERIAL_9600, gap_s: float = 0.0) -> float:
    """How long the reads keep the line busy, gaps between requests included."""
    return sum(cost.of(read) for read in reads) / 1e9 + gap_s * len(reads)


def _refuse_impossible(span: Span, limits: BusLimits) -> None:
    if span.start < 0 or span.count < 1 or span.end > CELLS:
        raise ValueError(f"{span.table} {span.start}..{span.end - 1} is outside 0..65535; addresses are zero-based, as on the wire")
    most = most_cells(span.table, limits)
    if (span.end - 1) // limits.page > span.start // limits.page:
        raise ValueError(f"{span.table} {span.start}..{span.end - 1} crosses a page of {limits.page} cells: no read can bring it whole")
    if span.count > most:
        raise ValueError(f"{span.table} {span.start}: a value of {span.count} cells exceeds a read of at most {most}; raise the limit")


def _cheapest_cut(
    table: Table, spans: Sequence[tuple[int, int]], barred: Sequence[int], limits: BusLimits, cost: LineCost
) -> list[Read]:
    """spans: (start, end), sorted, distinct. best[i] is (cost, reads, end of the first run) of everything from span i on."""
    best: list[tuple[int, int, int]] = [(0, 0, 0)] * (len(spans) + 1)
    bits, most, max_hole, page = table.bits, most_cells(table, limits), limits.max_hole, limits.page
    counts = [0] * len(spans)  # cells of the first run from span i on
    for i in range(len(spans) - 1, -1, -1):
        start, reached = spans[i]
        choice: tuple[int, int, int] | None = None
        for j in range(i, len(spans)):
            low, high = spans[j]
            if low > reached and (low - reached > max_hole or _touches(barred, reached, low)):
                break
            reached = max(reached, high)
            count = reached - start
            if count > most or (reached - 1) // page > start // page:
                break
            data_bytes = (count + 7) // 8 if bits else 2 * count
            after = best[j + 1]
            candidate = (cost.request_ns + cost.byte_ns * data_bytes + after[0], 1 + after[1], j + 1)
            if choice is None or candidate[:2] <= choice[:2]:
                choice, counts[i] = candidate, count
        assert choice is not None, "a single span always fits: checked before"
        best[i] = choice
    reads, i = [], 0
    while i < len(spans):
        reads.append(Read(table, spans[i][0], counts[i]))
        i = best[i][2]
    return reads


def _touches(barred: Sequence[int], low: int, high: int) -> bool:
    """Whether a barred cell lies in [low, high)."""
    at = bisect_left(barred, low)
    return at < len(barred) and barred[at] < high
