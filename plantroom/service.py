"""Runs one service as a process: uvloop, signals, and what its end means to the supervisor."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from contextlib import suppress

import structlog
import uvloop

from plantroom.cli import ServiceContext, ServiceRunner
from plantroom.journal import Journal, Kind
from plantroom.logs import set_up_logging
from plantroom.supervisor import CONFIG_CHANGED

PARENT = "PLANTROOM_SUPERVISOR"  # environment: the supervisor's pid, whose death is ours
ALIVE = "PLANTROOM_ALIVE"  # environment: a pipe to it, into which our event loop says that it runs
ALIVE_S = 1.0
CONFIG_LOOK_S = 1.0
_PR_SET_PDEATHSIG = 1

log = structlog.get_logger()


class NewerConfig(Exception):
    """A newer configuration stands in the journal: this service ends with exit code 75 and is started again on it."""


async def newer_config(journal: Journal, seq: int) -> None:
    """Put into the service's TaskGroup. Raises NewerConfig when a CONFIG record after `seq` is there."""
    reader = journal.reader()
    try:
        while True:
            newest = reader.last_of(Kind.CONFIG)
            if newest is not None and newest.seq > seq:
                raise NewerConfig(f"configuration at {newest.seq} follows {seq}")
            await asyncio.sleep(CONFIG_LOOK_S)
    finally:
        reader.close()


def run_service(name: str, runner: ServiceRunner, context: ServiceContext) -> int:
    """Runs until stopped; returns the exit code: 0 stopped by SIGTERM, 75 newer configuration, 1 anything else, which is logged."""
    set_up_logging(service=name, site=context.site)
    die_with_supervisor()
    try:
        return uvloop.run(_supervised(name, runner, context))
    except KeyboardInterrupt:
        return 0


async def _supervised(name: str, runner: ServiceRunner, context: ServiceContext) -> int:
    stopping = False
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    log.info("service.started", pid=os.getpid())
    if (pipe := os.environ.pop(ALIVE, None)) is not None:
        loop.call_soon(say_alive, loop, int(pipe))
    try:
        await runner(context)
    except asyncio.CancelledError:
        if not stopping:
            raise
        log.info("service.stopped")
        return 0
    except Exception as error:  # the process boundary: whatever it is, it is said and is an exit code
        if _only_newer_config(error):
            log.info("service.newer_config")
            return CONFIG_CHANGED
        log.error("service.died", error=_causes(error), exc_info=error)
        return 1
    log.error("service.ended", why="a service never ends by itself; its runner returned")
    return 1


def say_alive(loop: asyncio.AbstractEventLoop, pipe: int) -> None:
    """Now and every second, from the loop itself: where that is blocked nothing is said, whatever the threads do."""
    with suppress(OSError):  # full: the supervisor stands still; broken: it is dead, and so are we
        os.write(pipe, b".")
    loop.call_later(ALIVE_S, say_alive, loop, pipe)


def _only_newer_config(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_only_newer_config, error.exceptions))
    return isinstance(error, NewerConfig)


def _causes(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [text for inner in error.exceptions for text in _causes(inner)]
    return [f"{type(error).__name__}: {error}"]


def die_with_supervisor() -> None:
    """Asks the kernel to end this process when the supervisor dies, however it dies; two engines on one site must never run."""
    supervisor = os.environ.get(PARENT)
    if supervisor is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(supervisor):  # it died before we asked
        os._exit(1)
