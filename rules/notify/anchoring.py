"""Notes the head of the site's chronicle outside, by every way the site file names: a folder's line, a mail, a time stamp (E-1, P14).

A chain cannot know that its end was cut off, or that all of it was made anew; a head that lies elsewhere does. What was noted is told to
the journal (EVENT `anchored`), and so stands in the chronicle itself. A way that has not worked for 26 hours is the monitor's fault
`anchor_missed`.

The state is a file of this service, `anchors.json`: when each way last worked. Without it the head is noted once more, which hurts
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import structlog

from plantroom.anchor import Anchor
from plantroom.anchors import add_line, head_text, keep_stamp, line_of
from plantroom.clock import NS, Clock
from plantroom.journal import Entry, Kind
from plantroom.records import Records
from plantroom.site import Site
from rules.notify import email
from rules.notify.diary import Diary
from rules.notify.page import Page
from rules.notify.timestamp import stamp
from rules.outbox import Verdict

LOOK_S = 30.0
AGAIN_NS = 300 * NS
MISSED_NS = 26 * 3600 * NS
TELL_NS = 3600 * NS  # the monitor's fault ends where it is not seen for longer
ATTEMPT_S = 20.0
MISSED = "anchor_missed"

log = structlog.get_logger()


@dataclass(slots=True)
class Way:
    """worked_ns: when it last did, or when it was first asked for. tried_ns: when it was last tried. why: it did not."""

    worked_ns: int
    tried_ns: int = 0
    why: str = ""
    ever: bool = False

    def due(self, now_ns: int, every_ns: int) -> bool:
        """A clock that was set back makes it due, too."""
        waited = now_ns - self.worked_ns
        return (not self.ever or not 0 <= waited < every_ns) and not 0 <= now_ns - self.tried_ns < AGAIN_NS

    def missed(self, now_ns: int) -> bool:
        return now_ns - self.worked_ns > MISSED_NS


@dataclass(slots=True)
class Told:
    """What to tell of ways that are missed. Pure; fresh: an earlier life of this process may have said so."""

    told_ns: int | None = None
    fresh: bool = True

    def look(self, missed: Mapping[str, Way], now_ns: int) -> dict[str, object] | None:
        if not missed:
            over = self.fresh or self.told_ns is not None
            self.told_ns, self.fresh = None, False
            return {"event": f"{MISSED}_over"} if over else None
        if self.told_ns is not None and 0 <= now_ns - self.told_ns < TELL_NS:
            return None
        self.told_ns, self.fresh = now_ns, False
        name, way = next(iter(sorted(missed.items())))
        return {"event": MISSED, "way": name, "why": way.why[:200]}


Do = Callable[[str, int], Awaitable[None]]


@dataclass(slots=True)
class Anchoring:
    """folder: the site's. head: the chronicle's (n, hash), (0, ...) while it is empty."""

    site: Site
    anchor: Anchor
    folder: Path
    clock: Clock
    diary: Diary
    head: Callable[[], tuple[int, bytes]]
    ways: dict[str, Way] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    async def run(self) -> None:
        """Until cancelled."""
        self._load()
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once: what is due is tried, what is missed is told."""
        now_ns = self.clock.read().wall_ns
        due = [name for name in self.anchor.ways if self.ways[name].due(now_ns, round(self.anchor.every_s * NS))]
        n, value = self.head() if due else (0, b"")
        if n:
            head = head_text(n, value)
            good = [name for name in due if await self._try(name, head, now_ns)]
            await asyncio.to_thread(self._save)
            if good:
                await self.diary.note([_event({"event": "anchored", "n": n, "hash": value.hex(), "ways": good})])
        event = self.told.look({name: way for name, way in self.ways.items() if way.missed(now_ns)}, now_ns)
        if event is not None:
            await self.diary.note([_event(event)])

    async def _try(self, name: str, head: str, now_ns: int) -> bool:
        way, does = self.ways[name], {"folder": self._folder, "mail": self._mail, "timestamp": self._stamp}[name]
        way.tried_ns = now_ns
        try:
            async with asyncio.timeout(2 * ATTEMPT_S):
                await does(head, now_ns)
        except (OSError, ValueError, TimeoutError) as error:  # TimeoutError is an OSError; its text is empty
            way.why = f"{type(error).__name__}: {error}"
            log.warning("anchor.failed", way=name, why=way.why)
            return False
        way.worked_ns, way.why, way.ever = now_ns, "", True
        return True

    async def _folder(self, head: str, now_ns: int) -> None:
        await asyncio.to_thread(add_line, Path(str(self.anchor.folder)), self.site.id, line_of(now_ns, head))

    async def _mail(self, head: str, now_ns: int) -> None:
        channel = self.site.channels[str(self.anchor.mail)]
        line = line_of(now_ns, head)
        said = {"zh": [f"Plantroom {self.site.id} 档案锚点", line], "en": [f"Plantroom {self.site.id} chronicle head", line]}
        for address in self.anchor.to:
            page = Page(
                f"anchor-{head.partition(':')[0]}", self.site.id, "monitor", "advisory", said, now_ns, address, language=self.site.language
            )
            answer = await email.send(channel.settings, page, timeout_s=ATTEMPT_S)
            if answer.verdict is not Verdict.ACCEPTED:
                raise ValueError(answer.text)

    async def _stamp(self, head: str, now_ns: int) -> None:
        token = await stamp(str(self.anchor.timestamp), head, str(self.anchor.ca), timeout_s=ATTEMPT_S)
        beside = Path(self.anchor.folder) if self.anchor.folder is not None else self.folder / "anchors"
        await asyncio.to_thread(keep_stamp, beside, self.site.id, head, token)
        if self.anchor.folder is None:
            await asyncio.to_thread(add_line, beside, self.site.id, line_of(now_ns, head))
        elif self.ways["folder"].worked_ns != now_ns:  # its line says which head the stamp is over
            await self._folder(head, now_ns)

    def _load(self) -> None:
        now_ns = self.clock.read().wall_ns
        try:
            kept = orjson.loads((self.folder / "anchors.json").read_bytes())
            known = {name: Way(int(kept[name]["worked_ns"]), ever=bool(kept[name]["ever"])) for name in kept}
        except (OSError, ValueError, KeyError, TypeError):
            known = {}
        self.ways = {name: known.get(name, Way(now_ns)) for name in self.anchor.ways}
        self._save()

    def _save(self) -> None:
        new = self.folder / "anchors.json.new"
        try:
            new.write_bytes(orjson.dumps({name: {"worked_ns": way.worked_ns, "ever": way.ever} for name, way in self.ways.items()}))
            new.replace(self.folder / "anchors.json")
        except OSError as error:  # a full disk: the head is noted once more after a restart
            log.warning("anchor.state_not_kept", error=str(error))


def head_of(records: Records) -> tuple[int, bytes]:
    row = records.row("chronicle_head")
    return (row["n"], row["hash"]) if row is not None else (0, b"")


def _event(said: Mapping[str, object]) -> Entry:
    return Entry(Kind.EVENT, orjson.dumps(said))
