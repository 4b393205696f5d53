"""The `history` service of a site: the embedded store always, InfluxDB where the site file names one, each a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack, closing
from typing import Any

from collector.store.deliver import Delivery
from collector.store.faults import FaultProjection
from collector.store.health import Doctor
from collector.store.influx import InfluxStore
from collector.store.influx_http import InfluxEndpoint, follower_name, place
from collector.store.ledger import Ledger
from collector.store.parquet import NAME as PARQUET
from collector.store.parquet import ParquetStore
from plantroom.bundle import site_of
from plantroom.cli import ServiceContext
from plantroom.clock import NS
from plantroom.errors import BadInput, Problem
from plantroom.journal import Journal, Keeper
from plantroom.service import newer_config
from plantroom.site import Site

Task = Coroutine[Any, Any, None]


async def run(context: ServiceContext) -> None:
    """Until cancelled. Raises NewerConfig when another configuration is applied."""
    journal = Journal(context.site_folder / "journal", context.clock)
    reader = journal.reader()
    applied = site_of(reader)
    reader.close()
    if applied is None:
        raise BadInput([Problem(str(journal.folder), 0, "", "no configuration was ever applied; run `plantroom apply SITE --data DIR`")])
    seq, site = applied
    folder = context.site_folder / "history"
    database = folder / "store.db"
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        store = stack.enter_context(closing(ParquetStore(folder, journal, Ledger(database), context.clock)))
        group.create_task(newer_config(journal, seq), name="newer_config")
        group.create_task(Keeper(journal).run(), name="keeper")
        group.create_task(store.run(), name="parquet")
        influx = await _influx(context, journal, site, stack)
        for name, task in influx.items():
            group.create_task(task, name=name)
        _forget_others(journal, {PARQUET, *influx})


async def _influx(context: ServiceContext, journal: Journal, site: Site, stack: AsyncExitStack) -> dict[str, Task]:
    """The tasks towards InfluxDB by the follower's name; none where the site names no InfluxDB."""
    target = site.influxdb
    if target is None:
        return {}
    endpoint = await stack.enter_async_context(InfluxEndpoint(target, context.clock))
    name, database = follower_name(target), context.site_folder / "history" / "store.db"
    ledger = Ledger(database)
    kinds = ledger.remember({equipment.id: equipment.kind.name for equipment in site.equipment.values()})
    samples = InfluxStore(name, endpoint, journal, ledger, context.clock, site.id, kinds, where=place(target))
    stack.callback(samples.close)
    silent = Delivery(endpoint, Doctor(), lambda: context.clock.read().boot_ns / NS, _say_nothing)
    told = stack.enter_context(closing(Ledger(database)))
    faults = FaultProjection(f"{name}.faults", context.site_folder / "records.db", told, silent, context.clock, site.id)
    return {name: samples.run(), f"{name}.faults": faults.run()}


async def _say_nothing(event: str, why: str) -> None:
    """The samples' follower speaks for the store."""


def _forget_others(journal: Journal, names: set[str]) -> None:
    """A database that is no longer filled must not hold back the journal's retention."""
    for name in journal.positions.all():
        if name.startswith("influxdb-") and name not in names:
            journal.positions.forget(name)
