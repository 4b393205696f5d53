"""A fire pump with its jockey on a pressurised main: starts on falling pressure, and is stopped by a person only (GB 50974 11.0.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np

from plantroom.kinds import Kind
from plantroom.site import Equipment
from simulators.devices.curves import PumpCurve
from simulators.devices.drivers import Diesel, Electric
from simulators.devices.lags import Lag, clip
from simulators.devices.plant import Neighbour, Plant
from simulators.devices.pump_panel import Panel
from simulators.devices.pump_runs import Runs
from simulators.devices.water import Network, SetPoints
from simulators.surroundings import NOMINAL_V, Surroundings
from simulators.upset import Upset
from simulators.upsets.fire_pump import UPSETS

# a fire pump of which any of these is read is a diesel
_OF_DIESELS = frozenset({"engine_speed", "crank_attempt", "cranking", "battery1_voltage", "battery1_ok", "engine_overspeed"})


class FirePump(Plant):
    kind: ClassVar[str] = "fire_pump"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {
        "start_pressure": 7.0, "rated_current": Electric.FULL_LOAD_A, "rated_speed": Diesel.RATED_RPM, "working_pressure": 12.5,
        "nominal_voltage": 400.0,
    }  # fmt: skip
    MAKES: ClassVar[Sequence[Mapping[str, float | str]]] = (
        {"driver": "electric"},
        {"driver": "diesel"},
        {"driver": "electric", "hours_between_tests": 1.0},  # so that wear shows in hours: it does so in tests only
    )

    def __init__(
        self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings, *, diesel: bool = False
    ) -> None:
        super().__init__(kind, parameters, rng, around)
        points = SetPoints(self.parameter("start_pressure", 7.0))
        self.network = Network(
            PumpCurve(rated_bar=self.parameter("rated_pressure", 10.0), rated_l_s=self.parameter("rated_flow", 30.0)),
            points,
            pressure=points.jockey_start + 0.7 * rng.random(),
        )
        self.tightness = float(rng.uniform(0.15, 0.3))  # bar an hour that the pipes lose: six to ten starts of the jockey a day
        self.electric = Electric()
        self.diesel = Diesel(rng, self.noise) if diesel else None
        self.runs = Runs(rng, around.now_s, every_s=3600.0 * self.parameter("hours_between_tests", 168.0))
        self.latched = False  # called: only a person lets go
        self.called_s = 0.0
        self.to_pressure = 4.0
        self.starts = float(rng.integers(40, 160))
        self.hours = self.starts * 0.4
        self.filled = 97.0 + 2.0 * float(rng.random())
        self.room, self.bearing, self.tank_temp = Lag(18.0, 7200.0), Lag(24.0, 1200.0), Lag(16.0, 400_000.0)
        self.shudder = 1.8
        self.sensed: float | None = None  # what a transmitter that is stuck shows
        self._was_running = False
        self.room.value = self._usual_room()
        self.bearing.value, self.tank_temp.value = self.room.value + 3.0, clip(self.room.value - 2.0, 6.0, 30.0)
        if self.diesel is not None:
            self.diesel.coolant.value = 48.0
        self._panel = Panel(self)
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
        bound = {binding.kind_point.name for binding in equipment.bindings}
        return cls(equipment.kind, parameters, rng, around, diesel=parameters.get("driver") == "diesel" or bool(bound & _OF_DIESELS))

    @property
    def driver(self) -> Electric | Diesel:
        return self.diesel or self.electric

    @property
    def level(self) -> float:
        """% of the reservoir."""
        return min([self.filled, *(u["level"] for name, u in self.upsets.items() if name.startswith("tank_"))])

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if "run_s" in settings and "draw" not in settings:
            self.runs.begin(settings["run_s"])
        elif name == "pressure_sensor_frozen":
            self.sensed = self.network.pressure

    def ended(self, name: str) -> None:
        if "run_s" in self.UPSETS[name].settings:
            self.runs.cancel()
        if "draw" in self.UPSETS[name].settings:  # the person who repairs also stops it
            self.latched = False
            self.network.pressure = max(self.network.pressure, self.network.points.jockey_start)
        if self.diesel is not None:
            self.diesel.reset()
        self.sensed = None

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        supply, mode = self.supply(), self._control_mode()
        draw = max((u.get("draw", 0.0) for u in self.upsets.values()), default=0.0)
        running = self.driver.running
        self.runs.cut_in = self._of("weekly_test_failed", "starts", 1.0) >= 0.5
        self.runs.step(
            now_s, dt_s, able=mode == "auto", running=running, at_pressure=self.network.pressure > 0.9 * self.network.curve.rated_bar
        )
        if self.runs.begins and self.runs.cut_in:  # a drain is opened, or the check valve's pressure would hide what the pump makes
            self.network.pressure = min(self.network.pressure, self.network.points.main_start + 0.05)
        self.runs.begins = False
        wanted = self._wanted(dt_s, mode)
        suction = self._suction()
        self._drive(dt_s, wanted, supply)
        self._ail()
        self.network.step(
            dt_s, suction=suction, speed=self.driver.speed, head_factor=self._head(), draw=draw,
            jockey_power=min(supply) > 0.7 and mode != "off" and "jockey_fault" not in self.upsets,
        )  # fmt: skip
        self._count(dt_s, wanted)
        self._panel.show(now_s, dt_s, supply, mode, suction)

    def supply(self) -> list[float]:
        """Per phase at the controller's terminals, 1 = nominal."""
        if (lost := self.upsets.get("power_lost")) is not None:
            return [lost["left"]] * 3
        mains = [v / NOMINAL_V for v in self.around.mains.volts]
        supply = mains if self.around.mains.ok or not self.around.standby_on_load else [1.0, 1.0, 1.0]
        if (lost := self.upsets.get("phase_loss")) is not None:
            supply = [f * (lost["left"] if i == round(lost["phase"]) - 1 else 1.0) for i, f in enumerate(supply)]
        return supply

    def _of(self, upset: str, setting: str, healthy: float) -> float:
        """A number of an upset while it lasts, else the healthy one."""
        found = self.upsets.get(upset)
        return healthy if found is None else found[setting]

    def _control_mode(self) -> str:
        upset = self.upsets.get("controller_not_in_auto")
        return "auto" if upset is None else "off" if upset["off"] >= 0.5 else "manual"

    def _wanted(self, dt_s: float, mode: str) -> bool:
        """Whether the controller has the driver run."""
        if mode == "auto" and self.network.pressure < self.network.points.main_start:
            self.latched = True
        elif mode == "off":
            self.latched = False
        wanted = mode == "auto" and (self.latched or self.runs.by_hand or self.runs.testing and self.runs.cut_in)
        stops_after = self._of("fire_pump_auto_stopped", "run_s", np.inf)
        if wanted and self.called_s >= stops_after:
            self.latched, wanted = False, False  # a relay that lets go when the pressure is back
        return wanted

    def _drive(self, dt_s: float, wanted: bool, supply: list[float]) -> None:
        cold = self.upsets.get("pump_room_cold")
        room = self.room.toward(self._usual_room() if cold is None else cold["room"], dt_s, None if cold is None else 1500.0)
        self.tank_temp.toward(clip(room - 2.0, 4.0, 30.0), dt_s)
        if self.diesel is not None:
            self.diesel.step(dt_s, wanted=wanted, room=room, powered=min(supply) > 0.7)
        else:
            held = self.upsets.keys() & {"fail_to_start", "start_failed_in_test"}
            dry = self._head() < 0.3 or "undercurrent" in self.upsets
            load = -0.15 if dry else self.network.flow / self.network.curve.rated_l_s
            self.electric.step(dt_s, wanted=wanted and not held, supply=supply, load=load, room=room)
        warm = self._of("bearing_hot", "rise", 28.0) if self.driver.running else 3.0
        self.bearing.toward(room + warm, dt_s)

    def _usual_room(self) -> float:
        return clip(12.0 + 0.35 * self.around.outdoor_temp, 8.0, 38.0)

    def _ail(self) -> None:
        """Upsets become what ails pipes, motor and engine."""
        network, upsets, motor, of = self.network, self.upsets, self.electric, self._of
        leak = of("jockey_short_cycling", "leak", of("jockey_starts_doubled", "leak", of("jockey_runs_continuously", "leak", 0.0)))
        network.leak = leak or of("pressure_decay_fast", "bar_per_h", self.tightness) * network.capacity / 3600.0
        network.rise_s = of("slow_start_to_pressure", "tau_s", of("start_too_slow", "tau_s", 1.5))
        motor.stuck, motor.resistance = "locked_rotor" in upsets, of("current_imbalance", "share", 0.0)
        motor.torque = of("overcurrent", "times", 1.0)
        self.shudder = of("vibration_high", "mm_s", of("vibration_severe", "mm_s", 1.8))
        if self.diesel is None:
            return
        engine = self.diesel
        quits = self.called_s >= of("engine_quits", "run_s", np.inf)
        engine.fires = not (upsets.keys() & {"fail_to_start", "start_failed_in_test", "engine_does_not_fire", "air_flap_closed"} or quits)
        engine.starter = not upsets.keys() & {"engine_does_not_crank", "diesel_locked_out"}
        engine.heater = "diesel_cold" not in upsets
        engine.oil_warm = of("diesel_low_oil_pressure", "bar", 4.2)
        engine.hot = of("diesel_overheat", "temp", of("diesel_too_hot", "temp", 86.0))
        engine.hot_tau_s = 120.0 if engine.hot > 90.0 else 240.0
        engine.governor = of("diesel_overspeed", "share", of("diesel_overspeed_trip", "share", 1.0))
        engine.ohms = [of("diesel_battery_weak", "times", 1.0) if of("diesel_battery_weak", "battery", 0.0) == i else 1.0 for i in (1, 2)]
        engine.chargers = [of("diesel_charger_fail", "charger", 0.0) != i for i in (1, 2)]
        engine.resting_volts = [None, None]
        for name in ("diesel_battery_low", "diesel_battery_dead"):
            if (old := upsets.get(name)) is not None:
                engine.resting_volts[round(old["battery"]) - 1] = old["volts"]
        low = min(of("diesel_fuel_low", "level", 100.0), of("diesel_fuel_short", "level", 100.0))
        engine.fuel = min(engine.fuel, low) if low < 100.0 else 96.0 if engine.fuel < 90.0 else engine.fuel  # else refilled

    def _head(self) -> float:
        """Share of its curve that the pump makes."""
        head = self._of("running_no_pressure", "head", 1.0)
        if "suction_valve_closed" in self.upsets:
            head = min(head, 0.05)
        if "phase_reversal" in self.upsets:
            head *= 0.35  # it turns the wrong way round
        worn = min(self._of("churn_pressure_low", "left", 1.0), self._of("churn_pressure_lost", "left", 1.0))
        return 0.0 if "undercurrent" in self.upsets else head * worn

    def _suction(self) -> float:
        """bar at the suction flange: the reservoir's level, a town main's boost, less what the strainer takes."""
        if "suction_valve_closed" in self.upsets and self.driver.running:
            return -0.45
        screen = self._of("low_suction_pressure", "loss", self._of("suction_below_zero", "loss", 0.0))
        share = self.network.flow / self.network.curve.rated_l_s
        boost = self._of("overpressure", "boost", 0.0)
        return 0.35 * self.level / 100.0 + boost - 0.0001 * self.network.flow**2 - screen * share * share

    def _count(self, dt_s: float, wanted: bool) -> None:
        running = self.driver.running
        self.called_s = self.called_s + dt_s if wanted else 0.0
        if running and not self._was_running:
            self.starts += 1
        self._was_running = running
        if running:
            self.hours += dt_s / 3600.0
            if self.network.pressure < 0.9 * self.network.curve.rated_bar:
                self.to_pressure = min(self.called_s, 600.0)
