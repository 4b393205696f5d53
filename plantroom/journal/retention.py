"""Which day files may go. Pure: sizes, positions and the hour in, names out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plantroom.clock import NS
from plantroom.journal.shelf import DayFile


@dataclass(frozen=True, slots=True)
class Kept:
    """One closed day file as retention sees it. first, last: its seqs; ended_ns: wall time of its successor; bytes: with its WAL."""

    file: DayFile
    first: int
    last: int
    ended_ns: int
    bytes: int


def to_unlink(files: Sequence[Kept], now_ns: int, positions: Mapping[str, int], kept_s: float, over_bytes: int) -> list[tuple[Kept, bool]]:
    """Which files go, oldest first, and whether the quota forced it past a follower. files: without the newest, oldest first.

    over_bytes: how much more there is than the quota allows. A file goes when it ended more than kept_s ago and every follower has
    passed it, or when the quota is exceeded, whoever still wants it.
    """
    slowest = min(positions.values(), default=None)
    gone: list[tuple[Kept, bool]] = []
    for kept in files:
        wanted = slowest is not None and slowest < kept.last
        old = kept.ended_ns < now_ns - int(kept_s * NS)
        if over_bytes <= 0 and (wanted or not old):
            break
        gone.append((kept, wanted))
        over_bytes -= kept.bytes
    return gone
