"""What the links of a site count, for those who look at them: gathered every 10 s into plantroom.link_counts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import structlog

from collector.digest import Digest
from collector.modbus import Line
from collector.mqtt import MqttLink
from plantroom import link_counts
from plantroom.clock import Clock
from plantroom.link_counts import LinkCounts, UnitCounts

FIRST_S = 1.0
log = structlog.get_logger()


async def tell(site_folder: Path, clock: Clock, lines: Mapping[str, Line], brokers: Mapping[str, MqttLink]) -> None:
    """Until cancelled. A disk that refuses is said once: what is journalled matters, this does not."""
    wait_s, refused = FIRST_S, False
    while True:
        await asyncio.sleep(wait_s)
        wait_s = link_counts.EVERY_S
        found = [*(of_line(name, line) for name, line in lines.items()), *(of_broker(name, link) for name, link in brokers.items())]
        try:
            await asyncio.to_thread(link_counts.write, site_folder, clock.read().wall_ns, found)
            refused = False
        except OSError as error:
            if not refused:
                log.warning("collect.counts_not_written", why=str(error))
            refused = True


def of_line(name: str, line: Line) -> LinkCounts:
    session = line.session
    state, reason = session.state
    devices: dict[int, dict[str, None]] = {}
    for job in session.jobs:
        devices.setdefault(job.unit, {})[job.device] = None
    units = [_unit(number, unit.health, list(devices[number]), session.latencies[number]) for number, unit in session.units.items()]
    counts, whole = {**asdict(session.tally), "strays": line.strays}, Digest.of(session.latencies.values())
    return LinkCounts(id=name, state=state, reason=reason, counts=counts, units=units, p50_ms=_ms(whole, 0.5), p99_ms=_ms(whole, 0.99))


def of_broker(name: str, link: MqttLink) -> LinkCounts:
    state, reason = link.state
    return LinkCounts(id=name, state=state, reason=reason, counts=dict(link.counts), units=[], p50_ms=None, p99_ms=None)


def _unit(number: int, health: str, devices: list[str], took: Digest) -> UnitCounts:
    return UnitCounts(unit=number, devices=devices, health=health, p50_ms=_ms(took, 0.5), p99_ms=_ms(took, 0.99))


def _ms(took: Digest, share: float) -> float | None:
    seconds = took.quantile_s(share)
    return None if seconds is None else round(1000 * seconds, 2)
