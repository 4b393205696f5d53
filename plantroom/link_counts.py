"""How a site's connections do, as the collector last said: one small file beside the journal, replaced whole, so its cost never grows.

    {"at_ns", "connections": [{"id", "state", "reason", "counts": {name: number}, "units": [{"unit", "devices", "health", ...}]}]}

It is no record: what it counts began with the collector's process, and only the newest is kept.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import orjson
from typing_extensions import TypedDict

NAME = "connections.json"
EVERY_S = 10.0  # how often it is written


class UnitCounts(TypedDict):
    """health: unknown, alive, suspect, dead. p50_ms, p99_ms: how long half, and all but one in a hundred, of its answers of late
    took at most, within 5 %; None where it was not heard yet."""

    unit: int
    devices: list[str]
    health: str
    p50_ms: float | None
    p99_ms: float | None


class LinkCounts(TypedDict):
    """state: up, down, or connecting where neither was said yet; reason: why it is down. counts: since the collector's start.

    p50_ms, p99_ms: of all its units' answers together; None for a broker.
    """

    id: str
    state: str
    reason: str
    counts: dict[str, int]
    units: list[UnitCounts]
    p50_ms: float | None
    p99_ms: float | None


class SiteCounts(TypedDict):
    at_ns: int
    connections: list[LinkCounts]


_KEYS = LinkCounts.__required_keys__


def write(site_folder: Path, at_ns: int, connections: Sequence[LinkCounts]) -> None:
    """Replaces what was there; readers see the old or the new one. Not synced: after a power cut the next one comes in 10 s."""
    new = site_folder / f".{NAME}.{os.getpid()}"
    new.write_bytes(orjson.dumps({"at_ns": at_ns, "connections": connections}))
    new.replace(site_folder / NAME)


def read(site_folder: Path) -> SiteCounts | None:
    """None where the collector has not said anything yet, or the file is damaged."""
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        found = orjson.loads((site_folder / NAME).read_bytes())
        if isinstance(found, dict) and found.keys() >= SiteCounts.__required_keys__ and isinstance(found["connections"], list):
            whole = [cast(LinkCounts, link) for link in found["connections"] if isinstance(link, dict) and link.keys() >= _KEYS]
            return SiteCounts(at_ns=int(found["at_ns"]), connections=whole)
    return None
