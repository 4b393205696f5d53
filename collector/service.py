"""The `collect` service of a site: its links, their sessions, one outlet into the journal, each a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from hashlib import blake2b
from random import Random

import orjson
import structlog

from collector import counts
from collector.backoff import Backoff
from collector.bindings import Job, Planner
from collector.links import cost_of, exchange_of, on_this_line, session_of, way_of
from collector.metronome import Metronome
from collector.modbus import Line
from collector.mqtt import MqttLink
from collector.outlet import Outlet
from collector.poll_plan import LineCost
from collector.publishers import publishers
from collector.sheaf import Sheaf
from plantroom.bundle import site_of
from plantroom.cli import ServiceContext
from plantroom.clock import Clock
from plantroom.errors import BadInput, Problem
from plantroom.journal import Entry, GroupWriter, Journal, Keeper, Kind
from plantroom.model import EquipmentState
from plantroom.service import newer_config
from plantroom.site import Binding, Connection, Device, Mqtt, Site

REPORT_S = 60.0
DECLARE_S = 10.0
log = structlog.get_logger()


async def run(context: ServiceContext) -> None:
    """Until cancelled. Raises NewerConfig when another configuration is applied, JournalFailed when the disk refuses."""
    journal = Journal(context.site_folder / "journal", context.clock)
    reader = journal.reader()
    applied = site_of(reader)
    reader.close()
    if applied is None:
        raise BadInput([Problem(str(journal.folder), 0, "", "no configuration was ever applied; run `plantroom apply SITE --data DIR`")])
    seq, site = applied
    writer = GroupWriter(journal.writer("collect"))
    outlet = Outlet(writer)
    lines = modbus_lines(site, context.clock, outlet)
    brokers = mqtt_links(site, context.clock, outlet)
    log.info("collect.started", lines=len(lines), brokers=len(brokers), devices=len(site.devices))
    async with asyncio.TaskGroup() as group:
        group.create_task(newer_config(journal, seq), name="newer_config")
        group.create_task(Keeper(journal).run(), name="keeper")
        group.create_task(writer.run(), name="writer")
        async with asyncio.TaskGroup() as links:  # ends first: what its tasks say last is committed too
            links.create_task(outlet.run(), name="outlet")
            for name, line in lines.items():
                links.create_task(line.run(), name=f"line {name}")
            for name, broker in brokers.items():
                links.create_task(broker.run(), name=f"broker {name}")
            links.create_task(_report(lines, brokers), name="report")
            links.create_task(_declare(lines, outlet), name="declare")
            links.create_task(counts.tell(context.site_folder, context.clock, lines, brokers), name="counts")


def modbus_lines(site: Site, clock: Clock, outlet: Outlet) -> dict[str, Line]:
    """One line for each connection that anything is read of. Raises BadInput where a point can never be read."""
    problems, now, metronome, sheaf = list[Problem](), clock.read(), Metronome(clock), Sheaf()
    planners: dict[LineCost, Planner] = {}
    lines: dict[str, Line] = {}
    for name, connection in site.connections.items():
        link = connection.link
        if isinstance(link, Mqtt):
            continue
        cost, jobs = cost_of(link), list[Job]()
        planner = planners.setdefault(cost, Planner(cost))
        for device, bindings in _devices(site, connection):
            try:
                jobs += planner.jobs(device, bindings)
            except ValueError as error:
                problems.append(Problem(site.root, 0, f"devices.{device.id}", str(error)))
        if not jobs:
            continue
        jobs = on_this_line(link, jobs)
        session = session_of(link, jobs, now, Backoff(_chance(site, name)), _fraction(name))
        way, exchange = way_of(link), exchange_of(link, jobs)
        say, introduce = partial(outlet.say, name), partial(outlet.introduce, name)
        lines[name] = Line(
            way, session, clock, outlet.take, say, introduce=introduce, exchange=exchange, metronome=metronome, sheaf=sheaf
        )
        outlet.join(lines[name])
    if problems:
        raise BadInput(problems)
    return lines


def mqtt_links(site: Site, clock: Clock, outlet: Outlet) -> dict[str, MqttLink]:
    links: dict[str, MqttLink] = {}
    for connection in site.connections.values():
        if not isinstance(connection.link, Mqtt):
            continue
        found = publishers(_devices(site, connection), connection.link.prefix, wildcard=connection.link.wildcard)
        if found:
            client_id = connection.link.client_id or f"plantroom-{site.id}-{connection.id}"
            backoff = Backoff(_chance(site, connection.id))
            link = MqttLink(connection.id, connection.link, client_id, found, outlet, clock, backoff)
            links[connection.id] = link
            outlet.join(link)
    return links


def _devices(site: Site, connection: Connection) -> list[tuple[Device, tuple[Binding, ...]]]:
    """The connection's devices that anything is read of, with what is read of them. Retired equipment is not read."""
    wanted: dict[str, list[Binding]] = {}
    for equipment in site.equipment.values():
        if equipment.state is not EquipmentState.RETIRED:
            for binding in equipment.bindings:
                wanted.setdefault(binding.device, []).append(binding)
    devices = (device for device in site.devices.values() if device.connection == connection.id)
    return [(device, tuple(wanted[device.id])) for device in devices if device.id in wanted]


def _fraction(name: str) -> float:
    """0..1 from a name: lines are staggered against each other, alike on every start."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big") / 2**32


def _chance(site: Site, name: str) -> Random:
    """Jitter differs between lines and between buildings."""
    return Random(f"{site.id}/{name}")


async def _declare(lines: Mapping[str, Line], outlet: Outlet) -> None:
    """An event of the journal for slots that a line had no time for: what is missing there was never asked."""
    said = dict.fromkeys(lines, 0)

    def declare() -> None:
        for name, line in lines.items():
            missed = line.session.tally.missed_slots
            if missed > said[name]:
                outlet.put([Entry(Kind.EVENT, orjson.dumps({"event": "slots_missed", "connection": name, "slots": missed - said[name]}))])
                said[name] = missed

    try:
        while True:
            await asyncio.sleep(DECLARE_S)
            declare()
    except asyncio.CancelledError:
        declare()
        raise


async def _report(lines: Mapping[str, Line], brokers: Mapping[str, MqttLink]) -> None:
    """Once a minute a line of the log for each link on which something went wrong since the last."""
    before: dict[str, dict[str, int]] = {}
    while True:
        await asyncio.sleep(REPORT_S)
        for name, line in lines.items():
            now = {**asdict(line.session.tally), "strays": line.strays}
            changed = {key: value - before.get(name, {}).get(key, 0) for key, value in now.items()}
            before[name] = now
            if any(value for key, value in changed.items() if key not in ("requests", "answers")):
                log.warning("collect.line", connection=name, seconds=REPORT_S, **changed)
        for name, broker in brokers.items():
            totals = dict(broker.counts)
            changed = {key: value - before.get(name, {}).get(key, 0) for key, value in totals.items()}
            before[name] = totals
            if any(value for key, value in changed.items() if key != "messages"):
                log.warning("collect.broker", connection=name, seconds=REPORT_S, counts=changed)
