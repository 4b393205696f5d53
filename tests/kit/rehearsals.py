"""Rehearsals as tests compare them: what they print, and every record that they wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from plantroom.clock import NS
from plantroom.journal.record import Entry, Record
from plantroom.site_file import load_site
from rules.engine import Engine
from rules.house import House
from simulators.rehearse_commands import SHARED_MEMORY, Rehearsal
from simulators.scenario import load_scenario
from simulators.slowed_commands import slow_house


@dataclass
class Rehearsed:
    """lines: what is printed. records: (kind, hash of the body) of each record of the journal, in order.

    direct: beats of lines that were read without their wire, of all: 0 to 1.
    """

    lines: list[Mapping[str, Any]] = field(default_factory=list)
    records: list[tuple[str, bytes]] = field(default_factory=list)
    direct: float = 0.0


@cache
def _house(body: bytes, every_s: float) -> House:
    """A configuration is the same in many rehearsals, and the dearest part of a short one."""
    return slow_house(_RECORDS[body], every_s)


_RECORDS: dict[bytes, Record] = {}


class _Written(Rehearsal):
    """Keeps what it writes."""

    rehearsed: Rehearsed

    def _append(self, writer: Any, entries: Sequence[Entry]) -> None:
        self.rehearsed.records += [(entry.kind.name, blake2b(entry.body, digest_size=8).digest()) for entry in entries]
        super()._append(writer, entries)

    def _new_engine(self) -> Engine:
        def furnish(record: Record) -> House:
            _RECORDS[record.body] = record
            return _house(record.body, self._every_s)

        return Engine(self.records, furnish, self._reader.frame, self._salted, pause_ns=round(2 * self._beat_s * NS))


def rehearsed(site: Path, scenario: Path, every_s: float, *, direct: bool) -> Rehearsed:
    loaded, found = load_site(site, env={}), Rehearsed()
    with TemporaryDirectory(prefix="plantroom-rehearsed-", dir=str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None) as folder:
        played = load_scenario(scenario, loaded)
        rehearsal = _Written(site, loaded, played, None, every_s, Path(folder), found.lines.append, direct=direct)
        rehearsal.rehearsed = found
        found.lines.append(rehearsal.run())
        if rehearsal.direct is not None:
            found.direct = rehearsal.direct.lines.read / max(1, rehearsal.direct.lines.possible)
    return found
