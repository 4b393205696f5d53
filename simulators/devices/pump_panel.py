"""What a fire pump's controller and sensors say of it."""

from __future__ import annotations

from math import nan, sqrt
from typing import TYPE_CHECKING

from simulators.devices.drivers import Crank, Diesel, Electric
from simulators.surroundings import NOMINAL_V

if TYPE_CHECKING:
    from simulators.devices.fire_pump import FirePump

WEEK_S = 7 * 86_400.0
START_FAILED_S = 15.0  # of an electric pump; a diesel says it after its cranks
_TROUBLES = ("fail_to_start", "phase_loss", "phase_reversal", "motor_overload", "low_oil_pressure", "high_engine_temp", "engine_overspeed")


class Panel:
    """Shows one pump: `show` renews its points."""

    def __init__(self, pump: FirePump) -> None:
        self._pump = pump
        self._mode = {mode: pump.code("control_mode", mode) for mode in ("auto", "manual", "off")}
        self._cause = {cause: pump.code("start_cause", cause) for cause in ("pressure", "manual", "weekly_test")}
        self._result = {result: pump.code("test_result", result) for result in ("passed", "failed")}
        self._source = {source: pump.code("source", source) for source in ("normal", "alternate")}
        self._no_phase_s = self._no_run_s = self._overload_s = 0.0

    def show(self, now_s: float, dt_s: float, supply: list[float], mode: str, suction: float) -> None:
        pump = self._pump
        p, network, running, noise, upsets = pump.points, pump.network, pump.driver.running, pump.noise, pump.upsets
        testing = pump.runs.testing
        p["system_pressure"] = self._sensed()
        p["suction_pressure"] = suction + noise(0.004)
        p["pump_running"], p["pump_demand"] = float(running), float(pump.latched)
        p["test_running"] = float(testing)
        without_demand = "weekly_test" if testing else "manual" if pump.runs.by_hand else "pressure"
        p["start_cause"] = self._cause["pressure" if pump.latched else without_demand]
        p["control_mode"] = self._mode[mode]
        p["stop_button"] = float(pump.runs.stop_pressed)
        p["flow_rate"] = max(0.0, network.flow + noise(0.05)) if running else 0.0
        p["flow_switch"], p["deluge_valve"] = float(network.flow > 2.0), 0.0
        p["pressure_switch"] = float(network.pressure < network.points.main_start)
        self._show_supply(dt_s, supply)
        p["bearing_temp_de"], p["bearing_temp_nde"] = pump.bearing.value + 2.0, pump.bearing.value
        p["vibration_rms"] = pump.shudder + abs(noise(0.15)) if running else abs(noise(0.02))
        p["jockey_running"], p["jockey_starts"] = float(network.jockey_on), float(network.jockey_starts)
        p["jockey_fault"] = float("jockey_fault" in upsets)
        p["tank_level"], p["tank_temp"], p["room_temp"] = pump.level, pump.tank_temp.value, pump.room.value
        p["valve_suction_open"] = float("suction_valve_closed" not in upsets)
        p["valve_discharge_open"] = float("discharge_valve_closed" not in upsets)
        p["relief_valve_flow"] = float(running and network.pressure > 1.19 * network.curve.rated_bar and "overpressure" not in upsets)
        p["start_count"], p["run_hours"], p["time_to_pressure_s"] = pump.starts, pump.hours, pump.to_pressure
        p["last_weekly_test"] = pump.runs.last_test_s
        p["weekly_test_due"] = float(now_s - pump.runs.last_test_s > WEEK_S)
        p["test_result"] = self._result["passed" if pump.runs.passed else "failed"]
        p["test_cut_in_pressure"] = network.points.main_start
        p["pressure_sensor_fault"] = 0.0
        p["low_discharge_pressure"] = float(running and network.pressure < 0.6 * network.curve.rated_bar)
        p["high_discharge_pressure"] = float(network.pressure > 1.3 * network.curve.rated_bar)
        p["low_suction"] = float(running and suction < 0.0)
        if pump.diesel is None:
            self._show_motor(dt_s, pump.electric)
        else:
            self._show_diesel(pump.diesel)
        p["system_fault"] = float("controller_fault" in upsets or any(p.get(name, 0.0) for name in _TROUBLES))

    def _sensed(self) -> float:
        """bar: what the transmitter makes of the pressure."""
        pump = self._pump
        if (reads := pump.upsets.get("pressure_sensor_fault")) is not None:
            return nan if reads["reads"] < 0.5 else 0.0  # wire open; 4 mA for good
        return max(0.0, pump.network.pressure + pump.noise(0.012)) if pump.sensed is None else pump.sensed

    def _show_supply(self, dt_s: float, supply: list[float]) -> None:
        pump = self._pump
        p, mains = pump.points, pump.around.mains
        volts = [NOMINAL_V * f for f in supply]
        p["voltage_l1l2"], p["voltage_l2l3"], p["voltage_l3l1"] = (_between(volts[i], volts[(i + 1) % 3]) for i in range(3))
        p["frequency"] = 0.0 if max(supply) < 0.1 else mains.hz if mains.ok else 50.0 if pump.around.standby_on_load else 0.0
        lost = [f < 0.7 for f in supply]
        self._no_phase_s = self._no_phase_s + dt_s if any(lost) and not all(lost) else 0.0
        alarms = lost if self._no_phase_s >= 0.5 else [False, False, False]
        p["phase_loss_l1"], p["phase_loss_l2"], p["phase_loss_l3"] = map(float, alarms)
        p["phase_loss"] = float(any(alarms))
        p["phase_reversal"] = float("phase_reversal" in pump.upsets)
        p["power_available"] = float(max(supply) > 0.7)
        on_other = "on_alternate_source" in pump.upsets or not mains.ok and pump.around.standby_on_load
        p["source"] = self._source["alternate" if on_other else "normal"]

    def _show_motor(self, dt_s: float, motor: Electric) -> None:
        p, noise = self._pump.points, self._pump.noise
        p["current_l1"], p["current_l2"], p["current_l3"] = (max(0.0, a + noise(0.4)) if a else 0.0 for a in motor.amperes)
        p["motor_temp"] = motor.winding.value
        over = max(motor.amperes) > 1.15 * motor.FULL_LOAD_A and motor.speed > 0.97
        self._overload_s = self._overload_s + dt_s if over else 0.0
        p["motor_overload"] = float(self._overload_s > 10.0)  # a thermal relay takes its time
        self._no_run_s = self._no_run_s + dt_s if self._pump.called_s > 0.0 and not motor.running else 0.0
        p["fail_to_start"] = float(self._no_run_s >= START_FAILED_S)

    def _show_diesel(self, engine: Diesel) -> None:
        p, pump = self._pump.points, self._pump
        running = engine.running
        p["engine_speed"] = max(0.0, engine.rpm.value + pump.noise(2.0)) if engine.rpm.value > 5 else 0.0
        p["oil_pressure"] = max(0.0, engine.oil_bar.value + pump.noise(0.02)) if engine.oil_bar.value > 0.05 else 0.0
        p["coolant_temp"] = engine.coolant.value
        p["battery1_voltage"], p["battery2_voltage"] = engine.volts
        p["charger1_ok"], p["charger2_ok"] = (float(ok and p["power_available"]) for ok in engine.chargers)
        p["fuel_level"], p["low_fuel_level"] = engine.fuel, float(engine.fuel < 67.0)
        p["crank_attempt"], p["active_battery"] = float(engine.attempt), float(engine.battery)
        p["cranking"] = float(engine.phase is Crank.CRANKING)
        p["engine_overspeed"] = float(engine.phase is Crank.TRIPPED)
        p["fail_to_start"] = float(engine.phase is Crank.FAILED)
        p["low_engine_temp"], p["high_engine_temp"] = float(engine.coolant.value < 21.0), float(engine.coolant.value > 100.0)
        p["low_oil_pressure"] = float(running and engine.run_s > 15.0 and engine.oil_bar.value < 1.0)
        p["battery1_ok"], p["battery2_ok"] = (float(volts > 16.0 or p["cranking"]) for volts in engine.volts)
        p["engine_quit"] = float(engine.quit)
        p["engine_lockout"] = float("diesel_locked_out" in pump.upsets or engine.phase is Crank.TRIPPED)
        p["air_flap_closed"] = float("air_flap_closed" in pump.upsets)
        p["fuel_in_interstitial"] = float("fuel_leak" in pump.upsets)


def _between(a: float, b: float) -> float:
    """Phase-to-phase voltage of two phases 120 degrees apart."""
    return sqrt(a * a + b * b + a * b)
