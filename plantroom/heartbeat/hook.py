"""Runs the site's hook: `PROGRAM on REASON`, `PROGRAM off over`. Never through a shell, never longer than 10 s, once for each change.

Whether it is on stands in DATA/<site>/hook.on, so that a new supervisor neither forgets a siren that sounds nor starts it twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import structlog

from plantroom.heartbeat.siren import Reason, Wish

LIMIT_S = 10.0
AGAIN_S = 20.0  # after a run that failed: a siren that did not start is not on
NAME = "hook.on"
ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ")  # our secrets are not the hook's

log = structlog.get_logger()


class Hook:
    """program: absolute. folder: the site's."""

    def __init__(self, program: str, folder: Path, *, limit_s: float = LIMIT_S) -> None:
        self._program, self._mark, self._limit_s = program, folder / NAME, limit_s
        self._on: bool | None = True if self._mark.exists() else None  # None: nobody knows, so it is told once
        self._not_before_s = 0.0

    async def follow(self, wish: Wish, reason: Reason, now_s: float) -> None:
        """Runs the program where the wish is news."""
        if wish is Wish.KEEP or self._on is (wish is Wish.ON) or now_s < self._not_before_s:
            return
        if not await self._run(wish, reason):
            self._not_before_s = now_s + AGAIN_S
            return
        self._on = wish is Wish.ON
        with suppress(OSError):  # a full disk costs the next supervisor this knowledge, and no more
            if self._on:
                self._mark.write_text(f"{reason}\n")
            else:
                self._mark.unlink(missing_ok=True)

    async def _run(self, wish: Wish, reason: Reason) -> bool:
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        nothing = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, wish.value, reason.value,
                env=environment, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            log.error("hook.failed", does=wish.value, reason=reason.value, error=str(error))
            return False
        try:
            async with asyncio.timeout(self._limit_s):
                code = await process.wait()
        except TimeoutError:
            code = -signal.SIGKILL
        finally:
            if process.returncode is None:  # it and what it has started
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        write = log.info if code == 0 else log.error
        write("hook.ran", does=wish.value, reason=reason.value, exit=code)
        return code == 0
