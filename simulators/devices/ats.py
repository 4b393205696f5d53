"""The transfer switch between utility and generator, and the plant of a switch that has its own controller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import inf
from typing import ClassVar, Protocol, Self

import numpy as np

from plantroom.kinds import Kind
from plantroom.site import Equipment
from simulators.devices.plant import Neighbour, Plant
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.ats import UPSETS


class Position(StrEnum):
    """Names of the kind's ats_position."""

    NORMAL = "normal"
    EMERGENCY = "emergency"
    BOTH_OPEN = "both_open"
    IN_TRANSITION = "in_transition"


class TransferSwitch:
    """Goes to the generator when the utility is gone and the generator is ready; back when the utility has held for `RETURN_S`."""

    MOVE_S, RETURN_S = 0.8, 60.0

    def __init__(self) -> None:
        self.position = Position.NORMAL
        self._toward = Position.NORMAL
        self._left = 0.0
        self._mains_held_s = inf
        self.stuck = False
        self.lost_s = 0.0  # how long the load was dead, last time
        self._dead = False
        self.transfers = 0
        self.moved_at_s = 0.0

    @property
    def on_generator(self) -> bool:
        return self.position is Position.EMERGENCY

    @property
    def generator_wanted(self) -> bool:
        """The utility is not trusted yet: the generator has to run (or to keep running)."""
        return self._mains_held_s < self.RETURN_S and (self._mains_held_s == 0.0 or self.on_generator)

    def step(self, now_s: float, dt_s: float, *, mains_ok: bool, generator_ready: bool) -> None:
        self._mains_held_s = self._mains_held_s + dt_s if mains_ok else 0.0
        if not mains_ok and not self.on_generator:
            self.lost_s = self.lost_s + dt_s if self._dead else dt_s
        self._dead = not mains_ok and not self.on_generator
        if self.position is Position.IN_TRANSITION:
            self._left -= dt_s
            if self._left <= 0:
                self.position = self._toward
                self.moved_at_s = now_s
        elif self.stuck:
            return
        elif self.position is Position.NORMAL and not mains_ok and generator_ready:
            self._move(Position.EMERGENCY)
        elif self.position is Position.EMERGENCY and (self._mains_held_s >= self.RETURN_S or not generator_ready):
            self._move(Position.NORMAL)

    def _move(self, to: Position) -> None:
        self.position, self._toward, self._left = Position.IN_TRANSITION, to, self.MOVE_S
        self.transfers += 1


class Standby(Protocol):
    """What a switch has to know of its generator."""

    switch: TransferSwitch

    @property
    def live(self) -> bool: ...
    @property
    def volts(self) -> float: ...
    @property
    def hertz(self) -> float: ...
    @property
    def load_amperes(self) -> float: ...


class Ats(Plant):
    """A switch with a controller of its own, beside the generator it belongs to (None: there is no second source)."""

    kind: ClassVar[str] = "ats"
    after: ClassVar[tuple[str, ...]] = ("generator",)
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS

    def __init__(
        self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings, generator: Standby | None
    ) -> None:
        super().__init__(kind, parameters, rng, around)
        self._generator = generator
        self._switch = generator.switch if generator is not None else TransferSwitch()
        self.step(around.now_s, 0.0)

    @classmethod
    def built(
        cls,
        equipment: Equipment,
        parameters: Mapping[str, float | str],
        rng: np.random.Generator,
        around: Surroundings,
        others: Sequence[Neighbour],
    ) -> Self:
        """Beside the generator whose controller it is read from, else the site's first."""
        devices = {b.device for b in equipment.bindings}
        generators = [(other.equipment, other.plant) for other in others if other.plant.kind == "generator"]
        own = [plant for found, plant in generators if devices & {b.device for b in found.bindings}]
        return cls(equipment.kind, parameters, rng, around, next(iter(own or [plant for _, plant in generators]), None))  # type: ignore[arg-type]

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        self._switch.stuck = True

    def ended(self, name: str) -> None:
        self._switch.stuck = bool(self.upsets)

    def step(self, now_s: float, dt_s: float) -> None:
        p, mains, switch, generator = self.points, self.around.mains, self._switch, self._generator
        p["position"] = self.code("position", switch.position)
        p["control_mode"] = self.code("control_mode", "manual" if "ats_not_in_auto" in self.upsets else "auto")
        p["normal_ok"], p["emergency_ok"] = float(mains.ok), float(generator is not None and generator.live)
        p["normal_breaker_closed"] = float(switch.position is Position.NORMAL)
        p["emergency_breaker_closed"] = float(switch.position is Position.EMERGENCY)
        p["transfer_inhibited"] = float("ats_not_in_auto" in self.upsets)
        p["fail_to_transfer"] = float("ats_fail_to_transfer" in self.upsets and not mains.ok)
        p["phase_sequence_wrong"] = 0.0
        p["common_alarm"] = p["fail_to_transfer"]
        for i in range(3):
            p[f"normal_voltage_l{i + 1}n"] = mains.volts[i]
            p[f"emergency_voltage_l{i + 1}n"] = generator.volts + self.noise(0.2) if generator is not None and generator.live else 0.0
            p[f"load_current_l{i + 1}"] = (generator.load_amperes if generator is not None else 210.0) + self.noise(1.0)
        p["normal_frequency"] = mains.hz
        p["emergency_frequency"] = generator.hertz if generator is not None else 0.0
        p["transfer_time_s"], p["transfer_count"], p["last_transfer"] = switch.lost_s, float(switch.transfers), switch.moved_at_s
