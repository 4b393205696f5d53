"""`plantroom simulate`: a site's devices, answering on its addresses until stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import orjson

from plantroom.cli import print_json
from plantroom.clock import NS, Clock
from plantroom.site import Site
from simulators.control import control
from simulators.director import Director, Truth
from simulators.scenario import Scenario
from simulators.serve import SiteOnTheWire
from simulators.world import World

TICK_S, LONGEST_TICK_S = 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is simulated and how fast. speed: plant seconds per second. truth: where the truth rows go, one JSON object a line."""

    site: Site
    scenario: Scenario = field(default_factory=Scenario)
    seed: int | None = None
    speed: float = 1.0
    truth: Path | None = None
    controlled: bool = False


async def simulate(order: Order, clock: Clock, announce: Callable[[dict[str, object]], None] = print_json) -> Mapping[int, int]:
    """Until SIGTERM or SIGINT. Returns what else than reads was asked for: function code -> how often.

    Raises BadInput where an address cannot be had.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    wall = clock.read().wall_ns
    start = wall if order.scenario.start_ns is None else order.scenario.start_ns
    seed = order.scenario.seed if order.seed is None else order.seed
    world = World(order.site, seed, start, tick_s=min(LONGEST_TICK_S, TICK_S * max(1.0, order.speed)))
    world.clock_lead_s = (wall - start) / NS
    wires = SiteOnTheWire(world, clock)
    truth = None if order.truth is None else order.truth.open("a", encoding="utf-8")
    try:
        director = Director(order.scenario, world, wires, lambda row: _tell(truth, row))
        await wires.listen()
        announce({"listening": wires.listening, "mqtt": wires.brokers, "seed": seed})
        async with asyncio.TaskGroup() as group:
            if order.controlled:
                obeying = group.create_task(_obey(director, world, announce, stop))
            await wires.run(director, order.speed, stop)
            if order.controlled:
                obeying.cancel()
    finally:
        await wires.close()
        if truth is not None:
            truth.close()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ValueError):
                loop.remove_signal_handler(number)
    return wires.forbidden


async def _obey(director: Director, world: World, announce: Callable[[dict[str, object]], None], stop: asyncio.Event) -> None:
    """Until stdin ends: whoever gave the orders is gone, and so is this."""
    await control(director, world, announce)
    stop.set()


def _tell(truth: TextIO | None, row: Truth) -> None:
    if truth is not None:
        truth.write(orjson.dumps(row).decode() + "\n")
        truth.flush()
