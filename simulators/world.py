"""A site's plant as one seeded world: machines by equipment, shared mains and weather, and what each device would measure of them."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import numpy as np

from plantroom.clock import NS
from plantroom.kinds import PointType
from plantroom.model import EquipmentState
from plantroom.profiles import DevicePoint, JsonPath, OneHot, Register, registers_of
from plantroom.site import Binding, Device, Equipment, Site
from simulators.devices import plants
from simulators.devices.plant import Neighbour, Plant
from simulators.devices.steady import plausible
from simulators.readout import Measurement, Readout
from simulators.surroundings import Surroundings

# what a device shows for a state its maker has no number for; otherwise "unknown" where it has that, else the first it has
_NEAREST = {
    "loaded": "running",
    "crank_rest": "cranking",
    "prestart": "starting",
    "starting": "cranking",
    "cooling": "running",
    "fault": "stopped",
    "off": "manual",
    "test": "auto",
    "opening": "opened",
    "closing": "closed",
    "emergency_power": "out_of_service",
    "in_transition": "both_open",
}


def generator_for(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one machine: its own stream, so that another machine more or less changes nothing for it."""
    return np.random.default_rng([seed, crc32(name.encode())])


class World:
    """Everything that answers on the wires of a site, driven by a clock of its own.

    It moves in ticks of `tick_s` from start_ns on, so its state at an instant does not depend on how often it was asked. version: counts
    the ticks; what was encoded at a version stays right until it changes. clock_lead_s: how far the devices' own clocks are ahead of the
    plant's time, where a scenario puts the plant into another hour than the reader's.
    """

    def __init__(self, site: Site, seed: int, start_ns: int, tick_s: float = 0.1) -> None:
        self.site, self.seed, self.now_ns, self.tick_s = site, seed, start_ns, tick_s
        self.version = 0
        self.clock_lead_s = 0.0
        self.around = Surroundings(site.zone, generator_for(seed, "surroundings"), start_ns)
        self.plants: dict[str, Plant] = {}
        machines = [e for e in site.equipment.values() if e.monitored and e.state is not EquipmentState.RETIRED]
        self._kinds = plants()
        for equipment in sorted(machines, key=lambda e: _depth(e.kind.name, self._kinds)):
            self.plants[equipment.id] = self._plant(equipment)
        bound: dict[str, list[Binding]] = {device: [] for device in site.devices}
        for equipment in machines:
            for binding in equipment.bindings:
                bound[binding.device].append(binding)
        self._bindings = {device: tuple(bindings) for device, bindings in bound.items()}
        self._said = {
            (device, binding.source): _said(binding, site.devices[device])
            for device, bindings in bound.items()
            for binding in bindings
            if _is_enum(binding)
        }
        self._readouts = {
            id: Readout(self._filler(device), [self._measurement(binding) for binding in bound[id]]) for id, device in site.devices.items()
        }

    def step(self, to_ns: int) -> bool:
        """Moves to the last tick not after to_ns; True where there was one."""
        tick_ns = round(self.tick_s * NS)
        ticks = (to_ns - self.now_ns) // tick_ns
        for _ in range(ticks):
            self.now_ns += tick_ns
            self.around.step(self.now_ns, self.tick_s)
            for plant in self.plants.values():
                plant.step(self.around.now_s, self.tick_s)
            self.version += 1
        return ticks > 0

    def device_values(self, device: str) -> dict[str, float]:
        """What the device would report now, by its own point names, in its own units; points nobody has bound included."""
        return self._readouts[device]()

    def readout(self, device: str) -> Readout:
        """The same, for whoever asks at every tick."""
        return self._readouts[device]

    def _measurement(self, binding: Binding) -> Measurement:
        equipment, _, point = binding.point.partition(".")
        plant, said = self.plants[equipment], self._said.get((binding.device, binding.source))
        is_time = binding.kind_point.type is PointType.TIME
        plain = binding.span is None and not binding.invert and binding.offset == 0.0 and binding.factor == 1.0
        if plain and not said and not is_time:
            return Measurement(binding.source, plant, point, None)

        def shown(value: float) -> float:
            if is_time:
                value += self.clock_lead_s
            return device_value(binding, said.get(value, value) if said else value)

        return Measurement(binding.source, plant, point, shown)

    def _plant(self, equipment: Equipment) -> Plant:
        made = self._kinds.get(equipment.kind.name, self._kinds["*"])
        others = [Neighbour(self.site.equipment[id], plant) for id, plant in self.plants.items()]
        return made.built(equipment, nameplate(equipment), generator_for(self.seed, equipment.id), self.around, others)

    def _filler(self, device: Device) -> Mapping[str, float]:
        """Values of the points no equipment takes: a terminal nobody has wired, a register nobody asked for."""
        taken = {b.source for b in self._bindings[device.id]}
        cells = {_cell(register) for name in taken for register in registers_of(device.profile.points[name].source)}
        rng = generator_for(self.seed, f"device {device.id}")
        free = {name: point for name, point in device.profile.points.items() if name not in taken}
        return {
            name: _unbound(point, rng)
            for name, point in free.items()
            if isinstance(point.source, JsonPath) or isinstance(point.source, Register) and _cell(point.source) not in cells
        }


def _depth(kind: str, kinds: Mapping[str, type[Plant]]) -> int:
    """How many kinds have to be built before this one: a switch after the generators it looks at."""
    made = kinds.get(kind)
    return 1 + max((_depth(before, kinds) for before in made.after), default=0) if made is not None else 0


def nameplate(equipment: Equipment) -> dict[str, float | str]:
    """Numbers a plant is built with: what the ledger says of the machine, and the rules' parameters that are set-points of it."""
    ledger = {key: value for key, value in equipment.ledger.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}
    return {**ledger, **equipment.parameters}


def device_value(binding: Binding, value: float) -> float:
    """What the device has to say so that the binding makes `value` of it: the binding, read backwards."""
    raw = (value - binding.offset) / binding.factor
    if binding.span is not None and binding.kind_point.type is PointType.ENUM:  # a contact for two codes of several: else it is open
        from_low, from_high, _, to_high = binding.span
        raw = from_high if raw == to_high else from_low
    elif binding.span is not None:
        from_low, from_high, to_low, to_high = binding.span
        raw = (raw - to_low) / (to_high - to_low) * (from_high - from_low) + from_low
    return 1.0 - raw if binding.invert else raw


def _is_enum(binding: Binding) -> bool:
    return binding.kind_point.type is PointType.ENUM and binding.span is None


def _said(binding: Binding, device: Device) -> Mapping[float, float]:
    """By code of the kind, the one the device says for it: itself, else the nearest it has a number, a flag or a word for."""
    source = device.profile.points[binding.source].source
    sayable: set[float] = set()
    if isinstance(source, OneHot):
        sayable = set(source.registers) if source.none is None else set()  # with `none`, a state without a flag shows as no flag
    elif isinstance(source, (Register, JsonPath)):
        sayable = set(source.values.values())
    if not sayable:
        return {}
    codes = binding.kind_point.codes
    rest = codes["unknown"] if codes.get("unknown") in sayable else next(iter(sayable))
    said = {}
    for name, code in codes.items():
        shown = name
        while codes[shown] not in sayable and _NEAREST.get(shown) in codes:
            shown = _NEAREST[shown]
        said[float(code)] = float(codes[shown] if codes[shown] in sayable else rest)
    return said


def _cell(register: Register) -> tuple[str, int, int | None]:
    return register.table, register.address, register.bit


def _unbound(point: DevicePoint, rng: np.random.Generator) -> float:
    source = point.source
    if isinstance(source, Register) and source.values:
        return float(next(iter(source.values.values())))
    if isinstance(source, JsonPath) and source.values:
        return next(iter(source.values.values()))
    if isinstance(source, Register) and (source.table.bits or source.bit is not None):
        return float(rng.integers(0, 2))
    return plausible(point.range, rng) if point.range is not None else float(rng.integers(1, 100)) * abs(getattr(source, "scale", 1.0))
