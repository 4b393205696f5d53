"""The watcher as a process: hears, looks twice a second, tells. What follows from what: watching.py. Here are clock, file and channels.

An effect is in the file before anything of it is sent: a watcher that is killed goes on with what it had decided. Where the disk refuses
the file, it tells people all the same, and says so to who asks for its health.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from plantroom.clock import NS, Clock
from plantroom.heartbeat import beat
from plantroom.heartbeat.beat import NoBeat
from plantroom.heartbeat.outlook import SAID
from rules.notify.channels import Send, send_of
from rules.notify.page import Answer, Page, answer, without_secrets
from rules.outbox import Verdict
from rules.watch import take_link, watching
from rules.watch.letters import SEVERITY, Letter, after, due, posted
from rules.watch.roll import Roll, brought_to
from rules.watch.roll_file import RollFile
from rules.watch.telling import letters_of
from rules.watch.watch_file import Watched
from rules.watch.watching import Effect, Seen

LOOK_S = 0.5
KEPT_NS = 4 * NS  # the file is at most so old; less than what counts as deaf (roll.py), so a quick restart changes nothing
ATTEMPT_S = 10.0

log = structlog.get_logger()


class Watcher:
    """folder: what it remembers. send_of: how to send, by channel type."""

    def __init__(self, watched: Watched, folder: Path, clock: Clock, send_of: Callable[[str], Send] = send_of) -> None:
        self.watched = watched
        self._file, self._clock, self._send_of = RollFile(folder), clock, send_of
        self.key = take_link.own_key(folder)
        self._secrets = {one.id: one.secret for one in watched.installations.values()}
        self._under_way: set[str] = set()
        self._kept: Roll | None = None
        self._refusals: Counter[str] = Counter()
        self.roll = brought_to(self._file.read(), clock.read(), watched.installations)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for letter in self.look():
                    group.create_task(self._deliver(letter))
                await asyncio.sleep(LOOK_S)

    def look(self) -> list[Letter]:
        """Time has passed: what follows from it is decided and kept. Returns what is to be delivered now."""
        now = self._clock.read()
        self.roll = brought_to(self.roll, now, self.watched.installations)
        for site, before in self.roll.seen.items():
            seen, effect = watching.look(before, self.watched.limits, now.wall_ns)
            if seen != before:
                self.roll = replace(self.roll, seen={**self.roll.seen, site: seen})
            if effect is not Effect.NONE:
                self._write(site, seen, effect, now.wall_ns)
        self._keep(now.wall_ns)
        letters = due(self.roll.letters, now.wall_ns, frozenset(self._under_way))
        self._under_way |= {letter.id for letter in letters}
        return letters

    def hear(self, body: bytes, signature: str) -> None:
        """A heartbeat came. Raises NoBeat."""
        heard = beat.read(body, signature, self._secrets)
        now_ns = self._clock.read().wall_ns
        seen = self.roll.seen[heard.site]
        try:
            seen = watching.hear(seen, heard, self.watched.limits, now_ns)
        except NoBeat as error:
            seen = watching.skewed(seen, heard, self.watched.limits, now_ns)
            self._refusals[heard.site] += 1
            if (n := self._refusals[heard.site]) in SAID or n % 100 == 0:
                log.warning("watch.refused", site=heard.site, n=n, why=str(error))
            raise
        else:
            self._refusals.pop(heard.site, None)
        finally:
            self.roll = replace(self.roll, seen={**self.roll.seen, heard.site: seen})

    def take(self, site: str, who: str) -> None:
        """Somebody has it."""
        now_ns = self._clock.read().wall_ns
        seen = watching.acknowledge(self.roll.seen[site], who, self.watched.limits, now_ns)
        self.roll = replace(self.roll, seen={**self.roll.seen, site: seen})
        log.info("watch.taken", site=site, who=who)
        self._keep(now_ns, at_once=True)

    def well(self) -> bool:
        """Whether it looks, and what it knows is in its file."""
        kept = self._kept.looked if self._kept is not None else None
        return kept is not None and self._clock.read().boot_ns - kept.boot_ns <= 2 * KEPT_NS

    def _write(self, site: str, seen: Seen, effect: Effect, now_ns: int) -> None:
        base = self.watched.public_url
        link = base.rstrip("/") + take_link.path_of(self.key, site, seen.episode) if base is not None else None
        new = letters_of(self.watched.installations[site], seen, effect, self.watched, now_ns, link)
        self.roll = replace(self.roll, letters=posted(self.roll.letters, new))
        troubles = watching.wrong(seen, self.watched.limits, now_ns)
        since_s = round((now_ns - (seen.began_ns or now_ns)) / NS, 1)
        log.warning(f"watch.{effect}", site=site, wrong=troubles, since_s=since_s, n=seen.alarms)

    def _keep(self, now_ns: int, *, at_once: bool = False) -> None:
        """Into the file: what was decided at once, mere heartbeats and looks every few seconds."""
        kept = self._kept
        news = kept is None or kept.letters != self.roll.letters or any(
            kept.seen.get(site) is None or kept.seen[site].state is not seen.state for site, seen in self.roll.seen.items()
        )  # fmt: skip
        old = kept is None or kept.looked is None or not 0 <= now_ns - kept.looked.wall_ns < KEPT_NS
        if not (at_once or news or old):
            return
        try:
            self._file.write(self.roll)
        except OSError as error:
            log.error("watch.not_kept", error=str(error))
        else:
            self._kept = self.roll

    async def _deliver(self, letter: Letter) -> None:
        said = await self._send(letter)
        now_ns = self._clock.read().wall_ns
        self.roll = replace(self.roll, letters=after(self.roll.letters, letter, said.verdict, said.retry_after_s, now_ns))
        self._under_way.discard(letter.id)
        write = log.info if said.verdict is Verdict.ACCEPTED else log.warning
        write("watch.letter", id=letter.id, to=letter.address.channel, verdict=said.verdict.value, answer=said.text)

    async def _send(self, letter: Letter) -> Answer:
        """One attempt within the hard limit. A channel module that breaks is an answer too."""
        channel = self.watched.channels[letter.address.channel]
        language = channel.language or self.watched.language
        link = letter.message.get("link")
        page = Page(
            letter.id, letter.site, letter.reason, SEVERITY, letter.message, self._clock.read().wall_ns, letter.address.to, link, language
        )
        try:
            async with asyncio.timeout(ATTEMPT_S + 1):
                return await self._send_of(channel.type)(channel.settings, page, timeout_s=ATTEMPT_S)
        except TimeoutError:
            return answer(channel.settings, Verdict.RETRY, f"no end within {ATTEMPT_S + 1:g} s")
        except Exception as error:
            trace = without_secrets(channel.settings, "".join(traceback.format_exception(error)))
            log.error("channel.broken", channel=channel.id, error=type(error).__name__, exception=trace)
            return answer(channel.settings, Verdict.RETRY, f"the channel's own failure: {type(error).__name__}")
