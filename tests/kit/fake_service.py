"""A service for tests of the supervisor, run as the real ones are: python -m tests.kit.fake_service NAME --data DIR [--site ID].

Appends its pid to DIR/NAME.pids at each start. What it does then, its name says.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from plantroom.cli import ServiceContext
from plantroom.clock import SystemClock
from plantroom.service import NewerConfig, run_service


async def steady(context: ServiceContext) -> None:
    await asyncio.Event().wait()


async def dying(context: ServiceContext) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(steady(context))
        group.create_task(_raise(RuntimeError("the bus is on fire")))


async def reconfigured(context: ServiceContext) -> None:
    if len((context.data / "reconfigured.pids").read_text().splitlines()) > 1:
        await steady(context)
    async with asyncio.TaskGroup() as group:
        group.create_task(steady(context))
        group.create_task(_raise(NewerConfig("7 follows 3")))


async def torn_between(context: ServiceContext) -> None:
    """A newer configuration and a real failure at once: the failure counts."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_raise(NewerConfig("7 follows 3")))
        group.create_task(_raise(RuntimeError("and on fire")))


async def returning(context: ServiceContext) -> None:
    return


async def deaf(context: ServiceContext) -> None:
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (context.data / "deaf.ready").touch()
    while True:
        time.sleep(60)  # noqa: ASYNC251 - deaf indeed


async def blocked(context: ServiceContext) -> None:
    await asyncio.sleep(0.1)
    time.sleep(60)  # noqa: ASYNC251 - a step of its work that never ends


async def slow_start(context: ServiceContext) -> None:
    time.sleep(4)  # noqa: ASYNC251 - as the engine reads its journal again
    (context.data / "slow_start.ready").touch()
    await steady(context)


async def _raise(error: Exception) -> None:
    raise error


RUNNERS: dict[str, Callable[[ServiceContext], Awaitable[None]]] = {
    each.__name__: each for each in (steady, dying, reconfigured, torn_between, returning, deaf, blocked, slow_start)
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--site")
    options = parser.parse_args()
    with (options.data / f"{options.name}.pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return run_service(options.name, RUNNERS[options.name], ServiceContext(options.data, options.site, SystemClock()))


if __name__ == "__main__":
    raise SystemExit(main())
