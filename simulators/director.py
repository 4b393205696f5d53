"""Plays a scenario: begins and ends upsets of the world and faults of its wires at their instants, and keeps the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from plantroom.clock import NS, iso
from plantroom.site import Mqtt, Site
from simulators.scenario import MonitorEvent, PersonEvent, Scenario, UpsetEvent, WireEvent
from simulators.upset import DEVICE_OFFLINE
from simulators.upsets import UPSETS
from simulators.wire import FAULTS, WireFault
from simulators.world import World

Truth = dict[str, object]


class Wires(Protocol):
    """Where wire faults take hold. unit: Modbus unit, device id on MQTT, None = all of the connection."""

    def disturb(self, connection: str, unit: int | str | None, fault: WireFault) -> None: ...
    def mend(self, connection: str, unit: int | str | None) -> None: ...


class Director:
    """Events happen on the world's clock. `play(now_ns)` does what is due and hands each truth row to `tell`.

    A truth row: {"at", "event": "begun" | "ended", "fault", "equipment" | "connection" (+ "unit"), "settings", "until", "found_by",
    "leads_to"}, on the wire also "touches": the machines read that way. Instants are the plant's. Events of people and of the monitor
    belong to a rehearsal and are handed to `others`.
    """

    def __init__(
        self,
        scenario: Scenario,
        world: World,
        wires: Wires,
        tell: Callable[[Truth], None],
        others: Callable[[PersonEvent | MonitorEvent], None] = lambda event: None,
    ) -> None:
        self._world, self._wires, self._tell, self._others = world, wires, tell, others
        self._site: Site = world.site
        self._order = count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        for event in scenario.events:
            self.schedule(world.now_ns + round(event.at_s * NS), event.what)

    def schedule(self, at_ns: int, what: UpsetEvent | WireEvent | PersonEvent | MonitorEvent) -> None:
        self._push(at_ns, lambda: self._begin(at_ns, what))

    def next_ns(self) -> int | None:
        """When something is due next, None when nothing is left."""
        return self._due[0][0] if self._due else None

    def play(self, now_ns: int) -> None:
        while self._due and self._due[0][0] <= now_ns:
            heappop(self._due)[2]()

    def end(self, what: UpsetEvent | WireEvent) -> None:
        """Ends it now, whatever its length was to be."""
        self._end(self._world.now_ns, what)

    def _push(self, at_ns: int, act: Callable[[], None]) -> None:
        heappush(self._due, (at_ns, next(self._order), act))

    def _begin(self, at_ns: int, what: UpsetEvent | WireEvent | PersonEvent | MonitorEvent) -> None:
        if isinstance(what, (PersonEvent, MonitorEvent)):
            self._others(what)
            return
        if isinstance(what, WireEvent):
            self._wires.disturb(what.connection, what.unit, WireFault(what.fault, what.settings))
        elif what.fault == DEVICE_OFFLINE.name:
            for connection, unit in self._addresses(what.equipment):
                self._wires.disturb(connection, unit, WireFault("silence"))
        else:
            self._world.plants[what.equipment].upset(what.fault, **what.settings)
        until = None if what.for_s is None else at_ns + round(what.for_s * NS)
        self._tell(self._row(at_ns, "begun", what) | {"until": None if until is None else iso(until)})
        if until is not None:
            self._push(until, lambda: self._end(until, what))

    def _end(self, at_ns: int, what: UpsetEvent | WireEvent) -> None:
        if isinstance(what, WireEvent):
            self._wires.mend(what.connection, what.unit)
        elif what.fault == DEVICE_OFFLINE.name:
            for connection, unit in self._addresses(what.equipment):
                self._wires.mend(connection, unit)
        else:
            self._world.plants[what.equipment].end_upset(what.fault)
        self._tell(self._row(at_ns, "ended", what))

    def _row(self, at_ns: int, event: str, what: UpsetEvent | WireEvent) -> Truth:
        row: Truth = {"at": iso(at_ns), "event": event, "fault": what.fault}
        if isinstance(what, WireEvent):
            row |= {"connection": what.connection, "unit": what.unit, "settings": dict(what.settings)}
            always = what.settings.get("rate", 1.0) >= 1.0
            found_by = FAULTS[what.fault].found_by if always else None
            row |= {"found_by": found_by, "leads_to": list(FAULTS[what.fault].leads_to)}
            return row | {"touches": self._read_through({(what.connection, what.unit)})}
        if what.fault == DEVICE_OFFLINE.name:
            row |= {"equipment": what.equipment, "settings": {}, "found_by": what.fault, "leads_to": list(DEVICE_OFFLINE.leads_to)}
            addresses = set(self._addresses(what.equipment))
            groups = sorted({f"@{connection}" for connection, _ in addresses})
            return row | {"touches": [*self._read_through(addresses), *groups]}
        known = UPSETS[self._site.equipment[what.equipment].kind.name][what.fault]
        filled: Mapping[str, float] = known.filled(what.settings)
        return row | {"equipment": what.equipment, "settings": dict(filled), "found_by": known.found_by, "leads_to": list(known.leads_to)}

    def _read_through(self, addresses: set[tuple[str, int | str | None]] | set[tuple[str, int | str]]) -> list[str]:
        """The machines read, wholly or in part, through these addresses; unit None = all of a connection."""
        return [
            e.id
            for e in self._site.equipment.values()
            if any(address in addresses or (address[0], None) in addresses for address in self._addresses(e.id))
        ]

    def _addresses(self, equipment: str) -> list[tuple[str, int | str]]:
        """Where the machine's devices answer, in the order of the site file, each once."""
        devices = dict.fromkeys(b.device for b in self._site.equipment[equipment].bindings)
        found: list[tuple[str, int | str]] = []
        for id in devices:
            device = self._site.devices[id]
            mqtt = isinstance(self._site.connections[device.connection].link, Mqtt)
            found.append((device.connection, device.id if mqtt else device.unit))
        return found
