"""A rehearsal's lines and publishers, each before its simulated devices. A composition root, as it imports the collector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from random import Random
from typing import Any

from collector.backoff import Backoff
from collector.bindings import Planner
from collector.session import Session
from plantroom.model import Batch, EquipmentState
from plantroom.site import Binding, Site
from simulators.agenda import Agenda
from simulators.direct_commands import Direct
from simulators.gathering import Gathering
from simulators.serve import SiteOnTheWire
from simulators.virtual_commands import VirtualLine, VirtualPublisher
from simulators.world import World


@dataclass(frozen=True, slots=True)
class Wired:
    """What is connected. deliver: takes what was read; link: is told of a connection, its state and why."""

    agenda: Agenda
    site: Site
    world: World
    wires: SiteOnTheWire
    gathering: Gathering | None
    deliver: Callable[[Batch], None]
    link: Callable[[str, str, str], None]


def connect(wired: Wired, direct: Direct | None) -> None:
    """All lines and publishers of what is not retired. direct: learns of them."""
    site, wires = wired.site, wired.wires
    bindings: dict[str, list[Binding]] = {}
    for equipment in site.equipment.values():
        if equipment.state is not EquipmentState.RETIRED:
            for binding in equipment.bindings:
                bindings.setdefault(binding.device, []).append(binding)
    planner, jobs = Planner(), dict[str, list[Any]]()
    for id, device in site.devices.items():
        if id in wires.mqtt and id in bindings:
            publisher = VirtualPublisher(wired.agenda, wires.mqtt[id], wired.world, tuple(bindings[id]), wired.deliver)
            if direct is not None:
                direct.publishers.add(publisher, device, tuple(bindings[id]))
        elif id in bindings:
            jobs.setdefault(site.connections[device.connection].link.address, []).extend(planner.jobs(device, bindings[id]))
    names = {c.link.address: c.id for c in reversed(list(site.connections.values()))}
    gather = wired.gathering.keep if wired.gathering is not None else None
    for address, found in jobs.items():
        name = names[address]
        session = Session(found, wired.agenda.read(), Backoff(Random(f"{site.id}/{name}")), _fraction(name))
        line = VirtualLine(wired.agenda, wires.servers[address], session, wired.deliver, partial(wired.link, name), gather)
        if direct is not None:
            direct.lines.add(line, wires.images(address))
    if direct is not None:
        direct.made()


def _fraction(name: str) -> float:
    """Staggers the lines, alike in every run."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest()) / 2**32
