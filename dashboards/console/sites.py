"""The sites of an installation as the console sees them: a folder each, followed for itself. One that cannot be read hurts no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw
import structlog

from dashboards.console.live import LOOK_BACK_NS, Latest
from dashboards.console.roles import Person
from dashboards.console.tables import Tables
from plantroom.clock import Clock
from plantroom.errors import BadInput, JournalFailed
from plantroom.firms import assessed_by, firm_of, own_machines
from plantroom.history import History, Series, open_history
from plantroom.journal import Follower, Journal, Kind, Reader, Record, decode_batch
from plantroom.roster import Roster
from plantroom.site import Site
from plantroom.words import language

log = structlog.get_logger()
LOOK_FOR_SITES_S = 2.0
TRY_AGAIN_S = 2.0
HISTORY_AT_ONCE = 2  # queries of history run in threads; more at once would only take the cores from each other

SiteOf = Callable[[Reader], "tuple[int, Site] | None"]


class SiteView:
    """One site: its newest configuration, its last values, its records, its history. Never writes but through `journal`."""

    def __init__(self, folder: Path, clock: Clock, site_of: SiteOf) -> None:
        self.id, self.folder, self.clock = folder.name, folder, clock
        self.journal = Journal(folder / "journal", clock)
        self.tables = Tables(folder / "records.db")
        self.latest = Latest()
        self.config: Site | None = None
        self.config_seq = 0
        self.read_seq = 0
        self.trouble: str | None = None  # why it cannot be followed just now
        self.caught_up = asyncio.Event()
        self._site_of = site_of
        self._history: History | None = None

    @property
    def name(self) -> str:
        return self.config.name if self.config else self.id

    @property
    def language(self) -> str:
        return language(self.config.language if self.config else None)

    @property
    def names(self) -> dict[str, str]:
        """By person id: those of the site file, and as told by whoever gave a command."""
        known = {who.id: who.name for who in self.config.people.values()} if self.config else {}
        return {**known, **self.tables.people()}

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.zone if self.config else "UTC")

    async def follow(self) -> None:
        """For ever. What goes wrong with this site's files is said, and tried again; it never ends the console."""
        while True:
            try:
                await self._follow()
            except (JournalFailed, BadInput, apsw.Error, OSError) as error:
                if self.trouble is None:
                    log.error("site_unreadable", site=self.id, error=str(error))
                self.trouble = str(error)
                await asyncio.sleep(TRY_AGAIN_S)

    async def _follow(self) -> None:
        reader = await asyncio.to_thread(self.journal.reader)
        try:
            await asyncio.to_thread(self._read_config, reader)
            start = await asyncio.to_thread(reader.at_or_after, self.clock.read().wall_ns - LOOK_BACK_NS)
            last = await asyncio.to_thread(reader.last_seq)
            self.read_seq = min(start, last + 1) - 1
            self.trouble = None
            if self.read_seq >= last:
                self.caught_up.set()
            async for records in Follower(self.journal, self.read_seq):
                for record in records:
                    self._take(record, reader)
                self.read_seq = records[-1].seq
                if self.read_seq >= last:
                    self.caught_up.set()
                if any(record.kind is Kind.CONFIG for record in records):
                    await asyncio.to_thread(self._read_config, reader)
        finally:
            reader.close()

    def _take(self, record: Record, reader: Reader) -> None:
        if record.kind is not Kind.TELEMETRY:
            return
        try:
            self.latest.take(decode_batch(record.body, reader.frame))
        except (ValueError, KeyError) as error:
            log.error("telemetry_unreadable", site=self.id, seq=record.seq, error=str(error))

    def _read_config(self, reader: Reader) -> None:
        found = self._site_of(reader)
        if found is not None:
            self.config_seq, self.config = found

    def narrowed(self, person: str) -> SiteView:
        """The site as it is to somebody of a firm: the machines it looks after and what became of them, the orders handed to it and the
        machines they are about. Of one moment; not to be kept."""
        own = own_machines(self.config, person)
        found = copy(self)
        found.tables = self.tables.narrowed(own, person, firm_of(self.config, person), assessed_by(self.config, person))
        if self.config is not None:
            handed = found.tables.handed() - own
            machines = {
                id_: replace(machine, ledger={}) if id_ in handed else machine  # another firm's name stands in it
                for id_, machine in self.config.equipment.items() if id_ in own | handed
            }  # fmt: skip
            found.config = replace(self.config, equipment=machines, roster=Roster(), channels={}, connections={}, devices={})
        return found

    def query(self, points: Sequence[str], start_ns: int, end_ns: int, step_ns: int | None) -> dict[str, Series]:
        """Blocking; call it in a thread."""
        if self._history is None:
            self._history = open_history(self.folder)
        return self._history.query(points, start_ns, end_ns, step_ns)

    def close(self) -> None:
        self.tables.close()
        if self._history is not None:
            self._history.close()


class Sites:
    """All sites below DATA, found while running. `seen_by` is the only way from a person to a site."""

    def __init__(self, data: Path, clock: Clock, site_of: SiteOf) -> None:
        self._data, self._clock, self._site_of = data, clock, site_of
        self._views: dict[str, SiteView] = {}
        self._at_history = asyncio.Semaphore(HISTORY_AT_ONCE)

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Follows every site, also those that appear later. Ends never."""
        while True:
            await asyncio.sleep(LOOK_FOR_SITES_S)
            self.follow_new(group)

    def follow_new(self, group: asyncio.TaskGroup) -> None:
        for view in self.find():
            group.create_task(view.follow(), name=f"follow {view.id}")

    def find(self) -> list[SiteView]:
        """Views made for sites not seen before."""
        new = []
        if self._data.is_dir():
            for folder in sorted(self._data.iterdir()):
                if folder.name not in self._views and (folder / "journal").is_dir():
                    view = self._views[folder.name] = SiteView(folder, self._clock, self._site_of)
                    new.append(view)
        return new

    def all(self) -> list[SiteView]:
        return list(self._views.values())

    def seen_by(self, person: Person, wanted: str | None = None) -> list[SiteView]:
        """The sites this person may see, only the wanted one where one is named. An unknown and a forbidden site look the same: absent.

        Of those who see only what is theirs each view is narrowed to it.
        """
        seen = [view for view in self._views.values() if person.sees(view.id) and wanted in (None, "", view.id)]
        return [view.narrowed(person.name) if person.narrow_at(view.id) else view for view in seen]

    def whole(self, view: SiteView) -> SiteView:
        """The site itself of a view that may be narrowed."""
        return self._views[view.id]

    def firm(self, person: Person, site: str) -> str:
        """Whose orders they may be told of besides, at a site where they see no more than what is theirs; "" where there is none."""
        return firm_of(self._views[site].config, person.name) if person.sees(site) and person.narrow_at(site) else ""

    def theirs(self, person: Person, site: str) -> frozenset[str] | None:
        """The machines of a site that what is told of it may be about, for this person; None = all."""
        if not person.sees(site):
            return frozenset()
        return own_machines(self._views[site].config, person.name) if person.narrow_at(site) else None

    async def query(
        self, view: SiteView, points: Sequence[str], start_ns: int, end_ns: int, step_ns: int | None
    ) -> dict[str, Series]:
        async with self._at_history:
            return await asyncio.to_thread(self.whole(view).query, points, start_ns, end_ns, step_ns)

    def close(self) -> None:
        for view in self._views.values():
            view.close()
