"""The heartbeat of one site, run by the supervisor: look, judge, tell every watcher, sound the hook where nothing gets out.

Nothing is sent that was not looked at just before: a frozen supervisor, a hanging disk and a dead loop all fall silent outside. Each
watcher has a task of its own with a bounded time-out, the hook too; looking has a thread of its own, so no name server that hangs can take
its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from plantroom.bundle import site_of
from plantroom.clock import Clock
from plantroom.errors import BadInput, JournalFailed
from plantroom.heartbeat import beat, siren
from plantroom.heartbeat.hook import Hook
from plantroom.heartbeat.outlook import Outlook
from plantroom.heartbeat.progress import progress
from plantroom.heartbeat.standing import Allowed, Aspect, Standing, Trouble, judge
from plantroom.journal import Journal, Kind
from plantroom.site import Site
from plantroom.watch import Watch

SETTINGS_S = 20.0  # between two looks for a configuration that names watchers
SIREN_S = 0.5
POST_S = 10.0
PUSH_S = 26 * 3600.0  # a test page a day (rules/drills.py), an hour of retries, an hour that a clock change adds

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Applied:
    """The configuration in force. seq: of the newest CONFIG record."""

    seq: int
    site: Site
    watch: Watch


class Heart:
    """site: its id; folder: its data. running: which services have a process. say: appends an EVENT to the site's journal, blocking."""

    def __init__(
        self, site: str, folder: Path, clock: Clock, running: Callable[[], Mapping[str, bool]], say: Callable[[Mapping[str, object]], bool]
    ) -> None:
        self._site, self._folder, self._clock, self._running, self._say = site, folder, clock, running, say
        self._standing: Standing | None = None
        self._looked_s = 0.0
        self._idle_seq = 0

    async def run(self) -> None:
        """Until cancelled. What breaks it does not end the supervisor, which keeps the alerting alive: outside it is heard as silence."""
        looks = ThreadPoolExecutor(1, thread_name_prefix=f"heartbeat-{self._site}")
        try:
            while True:
                try:
                    await self._follow(looks)
                except* Exception as errors:
                    log.error("heartbeat.broken", site=self._site, exc_info=errors)
                await asyncio.sleep(SETTINGS_S)
        finally:
            looks.shutdown(wait=False, cancel_futures=True)

    async def _follow(self, looks: ThreadPoolExecutor) -> None:
        """One configuration after the other; returns where none names a watcher or a hook."""
        loop = asyncio.get_running_loop()
        while (applied := await loop.run_in_executor(looks, self._applied)) is not None:
            log.info("heartbeat.started", site=self._site, watchers=[one.name for one in applied.watch.to], hook=applied.watch.hook)
            outlook = Outlook(applied.watch, loop.time(), self._tell)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(outlook.keep(watcher, min(POST_S, applied.watch.every_s))) for watcher in applied.watch.to]
                tasks.append(group.create_task(self._sound(applied.watch, outlook)))
                await self._beat(applied, outlook, looks)
                for task in tasks:
                    task.cancel()

    async def _beat(self, applied: Applied, outlook: Outlook, looks: ThreadPoolExecutor) -> None:
        """Until a newer configuration stands in the journal."""
        loop, watch = asyncio.get_running_loop(), applied.watch
        allowed, running = allowed_for(applied.site, watch), self._running
        due_s = loop.time()
        while True:
            seen = await loop.run_in_executor(looks, lambda: progress(self._folder, self._clock, running()))
            self._standing, self._looked_s = judge(self._standing, seen, allowed), loop.time()
            body = beat.body_of(self._site, seen, self._standing, watch.every_s, self._clock.read().wall_ns)
            outlook.show(body, self._standing.good, beat.in_words(self._standing))
            if seen.config not in (0, applied.seq):
                return
            due_s = max(due_s + watch.every_s, loop.time())
            await asyncio.sleep(due_s - loop.time())

    async def _sound(self, watch: Watch, outlook: Outlook) -> None:
        if watch.hook is None:
            return
        loop, hook = asyncio.get_running_loop(), Hook(watch.hook, self._folder)
        while True:
            now_s = loop.time()
            await hook.follow(*siren.wish(self._stands(watch, now_s), outlook.heard, watch, now_s), now_s)
            await asyncio.sleep(SIREN_S)

    def _stands(self, watch: Watch, now_s: float) -> Standing | None:
        """The newest standing; where no look comes to an end any more, that is a trouble of its own."""
        late_s = now_s - self._looked_s
        if self._standing is None or late_s <= watch.every_s + watch.stale_s:
            return self._standing
        return replace(self._standing, troubles=(*self._standing.troubles, Trouble(Aspect.FILES, late_s)))

    async def _tell(self, event: Mapping[str, object]) -> None:
        await asyncio.to_thread(self._say, event)

    def _applied(self) -> Applied | None:
        """None where the newest configuration names nobody; one that did not is not parsed again."""
        try:
            with Journal(self._folder / "journal", self._clock).reader() as reader:
                newest = reader.last_of(Kind.CONFIG)
                found = site_of(reader) if newest is not None and newest.seq != self._idle_seq else None
        except (BadInput, JournalFailed) as error:
            log.error("heartbeat.no_configuration", site=self._site, error=str(error))
            return None
        if found is None or found[1].watch is None:
            self._idle_seq = found[0] if found is not None else self._idle_seq
            return None
        return Applied(found[0], found[1], found[1].watch)


def allowed_for(site: Site, watch: Watch) -> Allowed:
    """How long each aspect may stand still. A site polled seldom is given three of its shortest periods."""
    polled, spoken = [], False
    for device in site.devices.values():
        bindings = site.bindings_of_device(device.id)
        if device.profile.mqtt is None:
            polled += [binding.period_s for binding in bindings]
        else:
            spoken = spoken or bool(bindings)
    polls_s = max(watch.stale_s, 3 * min(polled)) if polled else watch.stale_s if spoken else None
    tested = site.test_minute is not None and any(person.contacts for person in site.people.values())
    return Allowed(polls_s, not polled, watch.stale_s, watch.pages_s, PUSH_S if tested else None)
