"""A person's deed: appended to the journal, then up to two seconds of waiting for what the engine makes of it. Only the engine judges."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from dashboards.console.roles import Person
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow
from plantroom.errors import JournalFailed, Refused
from plantroom.journal import Entry, Kind, Writer

WAIT_S = 2.0
LOOK_EVERY_S = 0.02
MOST_WAITING = 1_000
MOST_LAG = 200_000  # records behind which a command is no longer searched for
_ID = re.compile(r"[0-9A-Za-z._-]{8,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recorded:
    """In the journal for good, not yet judged. at_ns: the instant that counts for every clock."""

    command_id: str
    seq: int
    at_ns: int
    who: str


@dataclass(frozen=True, slots=True)
class Deed:
    does: str
    target: str
    args: Mapping[str, Any]
    phone: Mapping[str, object] | None = None  # plantroom/phone.py


class NotRecorded(Exception):
    """The journal could not take it: nothing happened, the person must know."""


def command_id_of(given: object) -> str:
    """The client's own id, or a new one. Raises Refused for one that is no id."""
    if given in (None, ""):
        return str(uuid.uuid4())
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise Refused("command_id must be 8 to 64 letters, digits, dots or dashes; a UUID is best")
    return given


class Commander:
    """Sends commands to one site. A repeated command_id is one command: its first outcome is the answer to all."""

    def __init__(self, view: SiteView) -> None:
        self._view = view
        self._lock = asyncio.Lock()
        self._writer: Writer | None = None
        self._sent: dict[str, Recorded] = {}

    async def send(self, deed: Deed, person: Person, command_id: str) -> CommandRow | Recorded:
        """The engine's outcome, or Recorded where it has not spoken within two seconds.

        Raises Refused where the id was used for another deed, NotRecorded where the journal failed.
        """
        row = self._view.tables.command(command_id)
        if row is None:
            recorded = self._sent.get(command_id) or await self._append(deed, person, command_id)
            row = await self._outcome(command_id)
            if row is None:
                return recorded
        self._sent.pop(command_id, None)
        if (row.does, row.target, row.who) != (deed.does, deed.target, person.name):
            raise Refused(f"command_id {command_id} was used for another command; make a new one")
        return row

    async def note(self, entries: Sequence[Entry]) -> None:
        """Records that ask for no outcome. Raises NotRecorded."""
        async with self._lock:
            try:
                await asyncio.to_thread(self._write, entries)
            except JournalFailed as failed:
                self._drop_writer()
                raise NotRecorded(str(failed)) from failed

    async def find(self, command_id: str, by: str | None = None) -> CommandRow | Recorded | None:
        """A command by its id: its outcome, or that it waits, None when nobody sent it lately. by: None where somebody else did."""
        found = await self._find(command_id)
        return found if found is None or by in (None, found.who) else None

    async def _find(self, command_id: str) -> CommandRow | Recorded | None:
        row = self._view.tables.command(command_id)
        if row is not None:
            self._sent.pop(command_id, None)
            return row
        return self._sent.get(command_id) or await asyncio.to_thread(self._search, command_id)

    async def _append(self, deed: Deed, person: Person, command_id: str) -> Recorded:
        body = {
            "command_id": command_id, "does": deed.does, "target": deed.target, "who": person.name, "name": person.shown or person.name,
            "roles": person.roles_at(self._view.id), "args": dict(deed.args),
            **({} if deed.phone is None else {"phone": dict(deed.phone)}),
        }  # fmt: skip
        entry = Entry(Kind.COMMAND, orjson.dumps(body))
        async with self._lock:
            try:
                seq = await asyncio.to_thread(self._write, [entry])
            except JournalFailed as failed:
                self._drop_writer()
                raise NotRecorded(str(failed)) from failed
        recorded = self._sent[command_id] = Recorded(command_id, seq, self._view.clock.read().wall_ns, person.name)
        while len(self._sent) > MOST_WAITING:
            del self._sent[next(iter(self._sent))]  # it stands in the journal and is found there
        return recorded

    def _write(self, entries: Sequence[Entry]) -> int:
        if self._writer is None:
            self._writer = self._view.journal.writer("web")
        return self._writer.append(entries)[0]

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _outcome(self, command_id: str) -> CommandRow | None:
        tables, version = self._view.tables, None
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    now = tables.version()
                    if now != version:
                        version = now
                        row = tables.command(command_id)
                        if row is not None:
                            return row
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            return None

    def _search(self, command_id: str) -> Recorded | None:
        """Among the records that the engine has not reached yet: a command sent before this process was restarted."""
        reader = self._view.journal.reader()
        try:
            seq, _ = self._view.tables.position()
            end = min(reader.last_seq(), seq + MOST_LAG)
            while seq < end:
                records = reader.read_after(seq, 5_000)
                for record in records:
                    if record.kind is Kind.COMMAND and (said := orjson.loads(record.body)).get("command_id") == command_id:
                        who = said.get("who")
                        return Recorded(command_id, record.seq, record.at.wall_ns, who if isinstance(who, str) else "")
                if not records:
                    break
                seq = records[-1].seq
            return None
        finally:
            reader.close()

    def close(self) -> None:
        self._drop_writer()
