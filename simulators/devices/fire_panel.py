"""A fire alarm panel: its loops of detectors, who confirms an alarm, what it then starts, and what it lives on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.plant import Plant
from simulators.devices.spells import Spells
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.fire_panel import UPSETS

ZONES = 32
BATTERY_H = 8.0  # GB 4717: eight hours of watch on the battery
FULL, EMPTY = 1.0, 0.1  # of the battery; below empty the panel says that it is gone
SAYS_AFTER_S = 10.0  # a lost supply is announced after this time
SOUNDERS_S, FEEDBACK_S = 3.0, 20.0  # from the confirmed fire to sounders, to what fans, dampers and lifts answer
_FIRES = ("confirmed_fire", "panel_manual_in_fire", "panel_linkage_failed")  # upsets that are a fire


class FirePanel(Plant):
    """A healthy year: nuisance alarms that the control room resets in a minute, a detector that loses its loop for minutes, work under
    isolation for hours, outputs in manual while somebody tries a sounder.
    """

    kind: ClassVar[str] = "fire_panel"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        day = 86_400.0
        self._nuisance = Spells(rng, 12 * day, 25.0, 110.0)
        self._loose = Spells(rng, 4 * day, 20.0, 240.0)
        self._work = Spells(rng, 2 * day, 1800.0, 6 * 3600.0)
        self._manual = Spells(rng, 3 * day, 60.0, 420.0)
        self._valve = Spells(rng, 5 * day, 10.0, 60.0)  # a signal valve turned a little and back
        self._zone = int(rng.integers(1, ZONES + 1))
        self._charge = FULL
        self._burns_s = self._confirmed_s = 0.0
        self._unpowered_s = self._unbuffered_s = 0.0
        for zone in range(1, ZONES + 1):
            self.points[f"zone_fire_{zone}"] = 0.0
        self.step(around.now_s, 0.0)

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if name in _FIRES or name == "fire_alarm_unanswered":
            self._burns_s = 0.0

    def ended(self, name: str) -> None:
        if name in _FIRES:
            self.around.fire = False

    def step(self, now_s: float, dt_s: float) -> None:
        self._alarms(dt_s)
        self._supplies(dt_s)
        self._loops(dt_s)

    def _alarms(self, dt: float) -> None:
        u, p = self.upsets, self.points
        fire = next((u[name] for name in _FIRES if name in u), None)
        nuisance = self._nuisance.step(dt)
        alarm = fire is not None or "fire_alarm_unanswered" in u
        self._burns_s = self._burns_s + dt if alarm else 0.0
        confirmed = fire is not None and self._burns_s >= fire["confirm_s"]
        self._confirmed_s = self._confirmed_s + dt if confirmed else 0.0
        if fire is not None:
            self.around.fire = confirmed
        manual = "panel_in_manual" in u or "panel_manual_in_fire" in u or self._manual.step(dt, self.around.working_hours)
        dead = u.get("panel_linkage_failed", {}).get("feedback")  # 0 = the sounders' line, 1 = the feedback of everything else
        starts = confirmed and not manual
        p["fire"], p["fire_confirmed"] = float(alarm or nuisance), float(confirmed)
        p["alarm_count"] = float(2 + int(self._burns_s / 60.0) if confirmed else alarm or nuisance)
        p[f"zone_fire_{self._zone}"] = p["fire"]
        p["manual_mode"] = float(manual)
        p["sounder_active"] = float(starts and self._confirmed_s >= SOUNDERS_S and dead != 0.0)
        p["output_feedback"] = float(starts and self._confirmed_s >= FEEDBACK_S and dead != 1.0)
        p["recall_command"] = float(starts)

    def _supplies(self, dt: float) -> None:
        u, p = self.upsets, self.points
        mains = self.around.powered and "panel_mains_lost" not in u
        buffered = "panel_battery_fault" not in u
        self._charge = min(FULL, self._charge + dt / 86_400.0) if mains else max(0.0, self._charge - dt / (3600.0 * BATTERY_H) * FULL)
        self._unpowered_s = 0.0 if mains else self._unpowered_s + dt
        self._unbuffered_s = 0.0 if buffered and self._charge > EMPTY else self._unbuffered_s + dt
        p["mains_fault"] = float(self._unpowered_s >= SAYS_AFTER_S)
        p["battery_fault"] = float(self._unbuffered_s >= SAYS_AFTER_S)

    def _loops(self, dt: float) -> None:
        u, p = self.upsets, self.points
        isolated = sum(u[name]["points"] for name in ("panel_isolation_left", "panel_isolation_many") if name in u)
        isolated += 4.0 if self._work.step(dt, self.around.working_hours) else 0.0
        lost = sum(u[name]["points"] for name in ("panel_fault", "panel_faults_many") if name in u)
        lost += 1.0 if self._loose.step(dt) else 0.0
        p["isolated_count"], p["isolation"] = isolated, float(isolated > 0)
        p["fault_count"] = lost + p["mains_fault"] + p["battery_fault"]
        p["fault"] = float(p["fault_count"] > 0)
        p["supervisory"] = float(self._valve.step(dt, self.around.working_hours) or "panel_supervisory" in u)
