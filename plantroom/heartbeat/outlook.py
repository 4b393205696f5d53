"""The watchers of one site as the sender knows them: the newest heartbeat goes to each, and who took one when."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from plantroom.heartbeat.siren import Heard
from plantroom.watch import Watch, Watcher

EVENT = "watcher_unreachable"
SAID = (1, 3, 10)  # of a run of refusals; then every hundredth

log = structlog.get_logger()

Tell = Callable[[Mapping[str, object]], Awaitable[None]]


class Outlook:
    """began_s: on the loop's clock. tell: puts an EVENT into the site's journal, so that the loss of a watcher is a fault of its own."""

    def __init__(self, watch: Watch, began_s: float, tell: Tell) -> None:
        self.heard = Heard(began_s)
        self._watch, self._tell = watch, tell
        self._taken_s: dict[Watcher, float] = dict.fromkeys(watch.to, began_s)
        self._unsure = set(watch.to)  # not heard of since the start: what an earlier process said of them may still stand
        self._lost: set[Watcher] = set()
        self._refusals: Counter[Watcher] = Counter()
        self._newest: tuple[bytes, bool, str] = (b"", False, "")
        self._fresh = {watcher: asyncio.Event() for watcher in watch.to}

    def show(self, body: bytes, good: bool, words: str) -> None:
        """The newest heartbeat. One that a slow watcher has not fetched is replaced: nobody wants an old one."""
        self._newest = (body, good, words)
        for fresh in self._fresh.values():
            fresh.set()

    async def keep(self, watcher: Watcher, timeout_s: float) -> None:
        """Sends each heartbeat to one watcher, never two at once."""
        from plantroom.heartbeat import post  # here: a supervisor without watchers pays for no HTTP

        loop, fresh = asyncio.get_running_loop(), self._fresh[watcher]
        while True:
            await fresh.wait()
            fresh.clear()
            body, good, words = self._newest
            why = await post.post(watcher, post.request_of(watcher, body, good=good, words=words), timeout_s)
            if why is None:
                await self._taken(watcher, loop.time())
            else:
                await self._refused(watcher, why, loop.time())

    async def _taken(self, watcher: Watcher, now_s: float) -> None:
        self._taken_s[watcher] = now_s
        self.heard = replace(self.heard, accepted_s=now_s)
        if refusals := self._refusals.pop(watcher, 0):
            log.info("heartbeat.taken_again", watcher=watcher.name, refusals=refusals)
        was_open = bool(self._lost or self._unsure)
        self._lost.discard(watcher)
        self._unsure.discard(watcher)
        if was_open and not self._lost and not self._unsure:
            await self._tell({"event": f"{EVENT}_over"})

    async def _refused(self, watcher: Watcher, why: str, now_s: float) -> None:
        quiet_s = now_s - self._taken_s[watcher]
        self._refusals[watcher] += 1
        if (n := self._refusals[watcher]) in SAID or n % 100 == 0:
            log.warning("heartbeat.not_taken", watcher=watcher.name, n=n, why=why, since_s=round(quiet_s))
        if quiet_s > self._watch.outside_s and watcher not in self._lost:
            self._lost.add(watcher)
            await self._tell({"event": EVENT, "watcher": watcher.name, "why": why})
