"""Starts, watches and stops the services as processes; says every restart in the journals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import orjson
import structlog

from plantroom.errors import JournalFailed
from plantroom.journal import Entry, Journal, Kind
from plantroom.service import ALIVE, PARENT
from plantroom.supervisor import TERM_S, Child, children, on_exit, stands_still

NOT_STARTED = 127  # said as the exit code of a service that could not even be started
COMMAND = (sys.executable, "-m", "plantroom", "service")

LOOK_S = 1.0
HELD_UP_S = 3.0  # a look that comes so late: this process or the whole machine stood still, which says nothing about a child

log = structlog.get_logger()


class Life:
    """What a process says of itself through its pipe. heard_s: on the loop's clock, when it last did; None = not yet."""

    def __init__(self, process: asyncio.subprocess.Process, pipe: int) -> None:
        self.process, self._pipe, self._loop = process, pipe, asyncio.get_running_loop()
        self.heard_s: float | None = None
        self.stood_still = False
        self._loop.add_reader(pipe, self._hear)

    def close(self) -> None:
        if self._pipe >= 0:
            self._loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1

    def _hear(self) -> None:
        if os.read(self._pipe, 4096):
            self.heard_s = self._loop.time()
        else:
            self.close()


class Processes:
    """data: the installation; journals: by site id. Every child is `python -m plantroom service NAME`; tests give another `command`."""

    def __init__(self, data: Path, journals: Mapping[str, Journal], listen: str | None = None, command: Sequence[str] = COMMAND) -> None:
        self._data, self._journals, self._listen, self._command = data, journals, listen, tuple(command)
        self._stopping = asyncio.Event()
        self._running: set[str] = set()

    async def run(self, wanted: Sequence[Child]) -> None:
        """Keeps all of them running until `stop`; returns when the last one is gone, at most TERM_S and a kill later."""
        async with asyncio.TaskGroup() as group:
            for child in wanted:
                group.create_task(self._keep(child), name=child.name)

    def running(self, site: str) -> dict[str, bool]:
        """Which of the services a site lives by have a process now; what they get done is for others to see."""
        return {child.service: child.name in self._running for child in children((site,))}

    def stop(self) -> None:
        self._stopping.set()

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            child = replace(child, started_s=loop.time())
            stood_still = False
            try:
                life = await self._start(child)
            except OSError as error:  # no memory, no process left: the next one may have more luck
                log.error("supervisor.cannot_start", service=child.name, error=str(error))
                code = NOT_STARTED
            else:
                self._running.add(child.name)
                code = await self._ended(child, life)
                self._running.discard(child.name)
                stood_still = life.stood_still
            if self._stopping.is_set():
                return
            restart = on_exit(child, code, loop.time(), stood_still=stood_still)
            child = restart.child
            log.warning("supervisor.service_ended", service=child.name, exit=code, again_in_s=restart.after_s, restarts=child.restarts)
            if restart.event is not None:
                await asyncio.to_thread(self._say, child, restart.event)
            await self._pause(restart.after_s)

    async def _start(self, child: Child) -> Life:
        arguments = [*self._command, child.service, "--data", str(self._data)]
        if child.site is not None:
            arguments += ["--site", child.site]
        elif self._listen is not None:
            arguments += ["--listen", self._listen]
        pipe, theirs = os.pipe()
        os.set_blocking(theirs, False)
        environment = {**os.environ, PARENT: str(os.getpid()), ALIVE: str(theirs)}
        try:
            # a session of its own: Ctrl-C reaches the supervisor alone, which then stops all in order
            process = await asyncio.create_subprocess_exec(
                *arguments, env=environment, stdin=asyncio.subprocess.DEVNULL, start_new_session=True, pass_fds=(theirs,)
            )
        except BaseException:
            os.close(pipe)
            raise
        finally:
            os.close(theirs)
        return Life(process, pipe)

    async def _ended(self, child: Child, life: Life) -> int:
        """Waits for the end of a child; SIGKILL for one that stands still; once stopping, SIGTERM, and SIGKILL for who does not go."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._end(life.process)), group.create_task(self._watch(child, life))]
                code = await life.process.wait()
                for task in tasks:
                    task.cancel()
        finally:
            life.close()
        return code

    async def _watch(self, child: Child, life: Life) -> None:
        loop = asyncio.get_running_loop()
        while not life.stood_still:
            before_s = loop.time()
            await asyncio.sleep(LOOK_S)
            now_s = loop.time()
            if now_s - before_s > LOOK_S + HELD_UP_S and life.heard_s is not None:
                life.heard_s = now_s
            if stands_still(child, life.heard_s, now_s):
                life.stood_still = True
                log.error("supervisor.stands_still", service=child.name, pid=life.process.pid, for_s=child.patience_s)
                with suppress(ProcessLookupError):
                    life.process.kill()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        await self._stopping.wait()
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(TERM_S)
            log.warning("supervisor.killed", pid=process.pid, why=f"still there {TERM_S:.0f} s after SIGTERM")
            process.kill()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _say(self, child: Child, event: dict[str, object]) -> None:
        """Into the site's journal, or into all for a service of the installation. A journal that refuses stops no restart."""
        for site, journal in self._journals.items():
            if child.site in (None, site):
                say(journal, event)


def say(journal: Journal, event: Mapping[str, object]) -> bool:
    """Appends one EVENT as the supervisor; False where the journal refuses, which is logged."""
    try:
        writer = journal.writer("supervisor")
        try:
            writer.append([Entry(Kind.EVENT, orjson.dumps(event))])
        finally:
            writer.close()
    except JournalFailed as error:
        log.error("supervisor.journal_failed", error=str(error), event_lost=event)
        return False
    return True
