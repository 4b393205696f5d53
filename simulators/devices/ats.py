"""A transfer switch with a controller of its own, between the building's feed and a generator or a second feeder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np

from plantroom.kinds import Kind
from plantroom.site import Equipment
from simulators.devices.plant import Neighbour, Plant
from simulators.devices.switching import Position, Standby, TransferSwitch
from simulators.surroundings import NOMINAL_HZ, NOMINAL_V, Surroundings
from simulators.upset import Upset
from simulators.upsets.ats import UPSETS

_OUTAGE_S = 90.0  # of the normal feed, before a switch that does not return is left on standby


class Feeder:
    """A second feed of the utility, from another substation: always live unless it fails."""

    load_amperes = 210.0

    def __init__(self) -> None:
        self.switch = TransferSwitch()
        self.live = True

    @property
    def volts(self) -> float:
        return 1.005 * NOMINAL_V if self.live else 0.0

    @property
    def hertz(self) -> float:
        return NOMINAL_HZ if self.live else 0.0


class Ats(Plant):
    """standby: the generator it belongs to; None = a second feeder."""

    kind: ClassVar[str] = "ats"
    after: ClassVar[tuple[str, ...]] = ("generator",)
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"two_feeds": 1.0, "fire_load": 1.0}

    def __init__(
        self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings, standby: Standby | None
    ) -> None:
        super().__init__(kind, parameters, rng, around)
        self._feeder = Feeder() if standby is None else None
        self._standby: Standby = standby if standby is not None else self._feeder  # type: ignore[assignment]
        self._switch = self._standby.switch
        self._upset_s = 0.0
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
        self._upset_s = 0.0
        self._apply()

    def ended(self, name: str) -> None:
        self._apply()

    def _apply(self) -> None:
        """What the upsets make of mechanism and feeds."""
        u, switch = self.upsets, self._switch
        switch.stuck = "ats_not_in_auto" in u or "ats_fail_to_transfer" in u
        switch.tripped = "ats_both_open" in u
        switch.returns = "left_on_standby" not in u
        lost = [u[name]["feed"] for name in ("dual_source_lost", "dual_source_lost_fire_load") if name in u]
        switch.feed_lost = (
            any(feed < 0.5 for feed in lost) or "ats_fail_to_transfer" in u or ("left_on_standby" in u and self._upset_s < _OUTAGE_S)
        )
        if self._feeder is not None:
            self._feeder.live = not any(feed >= 0.5 for feed in lost)

    def step(self, now_s: float, dt_s: float) -> None:
        self._upset_s += dt_s
        switch, standby = self._switch, self._standby
        if self.upsets:
            self._apply()
        if self._feeder is not None:
            switch.step(now_s, dt_s, mains_ok=self.around.mains.ok, standby_ready=standby.live)
            (self.around.standby.add if switch.on_standby and standby.live else self.around.standby.discard)(id(self))
        self._show()

    def _show(self) -> None:
        p, mains, switch, standby = self.points, self.around.mains, self._switch, self._standby
        manual = self.upsets.get("ats_not_in_auto")
        feed_ok = mains.ok and not switch.feed_lost
        p["position"] = self.code("position", switch.position)
        p["control_mode"] = self.code("control_mode", "manual" if manual and manual["inhibit"] < 0.5 else "auto")
        p["transfer_inhibited"] = float(manual is not None)
        p["normal_ok"], p["emergency_ok"] = float(feed_ok), float(standby.live)
        p["normal_breaker_closed"] = float(switch.position is Position.NORMAL)
        p["emergency_breaker_closed"] = float(switch.position is Position.EMERGENCY)
        p["fail_to_transfer"] = float(switch.failed and manual is None)
        p["phase_sequence_wrong"] = float("phase_sequence_wrong" in self.upsets)
        p["common_alarm"] = float(switch.failed or switch.tripped or "phase_sequence_wrong" in self.upsets)
        powered = feed_ok if switch.position is Position.NORMAL else switch.on_standby and standby.live
        for i in range(3):
            p[f"normal_voltage_l{i + 1}n"] = 0.0 if switch.feed_lost else mains.volts[i]
            p[f"emergency_voltage_l{i + 1}n"] = standby.volts + self.noise(0.2) if standby.live else 0.0
            p[f"load_current_l{i + 1}"] = max(0.0, standby.load_amperes + self.noise(1.0)) if powered else 0.0
        p["normal_frequency"] = 0.0 if switch.feed_lost else mains.hz
        p["emergency_frequency"] = standby.hertz
        p["transfer_time_s"] = min(600.0, switch.lost_s)
        p["transfer_count"], p["last_transfer"] = float(switch.transfers), switch.moved_at_s
