"""What a generator's controller shows: its readings, its states, its alarms by class."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan, sqrt
from typing import TYPE_CHECKING

from simulators.devices.engine import State
from simulators.devices.genset_protection import SAFETY_ON_S
from simulators.devices.lags import clip
from simulators.devices.switching import Position
from simulators.surroundings import NOMINAL_V

if TYPE_CHECKING:
    from simulators.devices.generator import Generator

RATED_KW, POWER_FACTOR = 400.0, 0.86
_SENDERS = ("fuel_level", "oil_pressure", "coolant_temp")
_EMPTY_COOLANT, _FULL_COOLANT = 30.0, 96.0


def show(g: Generator) -> None:
    """Renews all points."""
    p, noise = g.points, g.noise
    p["control_mode"], p["engine_state"] = g.code("control_mode", g.mode()), g.code("engine_state", g.engine.state)
    _engine(g)
    _power(g)
    _alarms(g)
    p["number_of_starts"], p["engine_run_time"], p["energy"] = g.engine.starts, g.engine.hours, g.energy
    p["maintenance_hours_left"] = 250.0 - g.engine.hours % 250.0
    p["start_time_s"], p["transfer_time_s"] = min(600.0, g.engine.start_s), min(600.0, g.switch.lost_s)
    p["ambient_temp"], p["room_temp"], p["controller_temp"] = g.around.outdoor_temp, g.room.value + noise(0.1), g.room.value + 8.0
    turning, air = g.engine.rpm.value > 100.0, g.air
    p["louvre_open"], p["room_fan_running"] = float(turning and air["louvre"]), float(turning and air["fan"])
    p["fuel_leak"] = float("fuel_leak" in g.upsets)
    if (broken := g.upsets.get("sender_fault")) is not None:
        p[_SENDERS[round(broken["sender"])]] = nan


def _engine(g: Generator) -> None:
    p, engine, noise = g.points, g.engine, g.noise
    rpm = max(0.0, engine.rpm.value + noise(1.0)) if engine.rpm.value > 5.0 else 0.0
    p["engine_speed"] = 0.0 if "magnetic_pickup_loss" in g.upsets and engine.run_s > SAFETY_ON_S else rpm
    p["oil_pressure"] = max(0.0, engine.oil.value + noise(1.5)) if engine.oil.value > 2.0 else 0.0
    p["coolant_temp"], p["oil_temp"], p["exhaust_temp"] = engine.coolant.value + noise(0.05), engine.oil_temp.value, engine.exhaust.value
    p["fuel_level"] = clip(g.tank.level + noise(0.03), 0.0, 100.0)
    p["fuel_rate"], p["fuel_used"] = g.tank.rate(max(0.0, g.load)) if engine.turning else 0.0, g.tank.used
    p["coolant_level"] = g.upsets["low_coolant_level"]["level"] if "low_coolant_level" in g.upsets else _FULL_COOLANT
    p["battery_voltage"] = g.battery.volts
    broken = g.upsets.get("charge_alternator_failure", {}).get("volts", 0.0)
    p["charge_alt_voltage"] = 27.9 + noise(0.05) if g.alternator_charges else broken if engine.turning else 0.0
    p["charger_ok"], p["charger_current"] = float(g.charger_works), g.battery.charger_amperes if g.charger_works else 0.0


def _power(g: Generator) -> None:
    p, noise, mains = g.points, g.noise, g.around.mains
    volts = [max(0.0, v + noise(0.15)) if v > 3.0 else 0.0 for v in g.phase_volts]
    utility = [0.0, 0.0, 0.0] if g.switch.feed_lost else mains.volts
    _three_phases(p, "gen_voltage", volts)
    _three_phases(p, "mains_voltage", utility)
    p["gen_frequency"] = g.hertz
    p["mains_frequency"], p["mains_ok"] = 0.0 if g.switch.feed_lost else mains.hz, float(g.mains_ok)
    kw = g.load * RATED_KW
    amperes = abs(kw) * 1000.0 / (3 * NOMINAL_V * POWER_FACTOR)
    for i, share in enumerate((0.98, 1.01, 1.01)):
        p[f"gen_current_l{i + 1}"] = max(0.0, amperes * share + noise(0.5)) if kw else 0.0
        p[f"gen_power_l{i + 1}"] = kw * share / 3
    p["gen_power_total"], p["gen_load_percent"] = kw, 100.0 * g.load
    p["gen_power_factor"] = POWER_FACTOR if kw else 1.0
    p["gen_apparent_power"] = abs(kw) / POWER_FACTOR
    p["gen_reactive_power"] = sqrt(max(0.0, (kw / POWER_FACTOR) ** 2 - kw * kw))
    p["gen_breaker_closed"] = float(g.switch.position is Position.EMERGENCY or g.in_parallel)
    p["mains_breaker_closed"] = float(g.switch.position is Position.NORMAL)
    p["ats_position"] = g.code("ats_position", g.switch.position)
    p["gen_normal"] = float(g.live)


def _alarms(g: Generator) -> None:
    p, engine = g.points, g.engine
    shutdown = [engine.shutdown] if engine.shutdown else []
    if engine.shutdown == "overspeed":
        shutdown.append("overfrequency")
    safety = engine.turning and engine.run_s > SAFETY_ON_S
    warning = [
        name
        for name, on in (
            ("low_fuel_level", g.tank.level < 10.0),
            ("charger_failure", not g.charger_works),  # without mains too: the charger does not ask why
            ("charge_failure", safety and engine.rpm.value > 1200.0 and p["charge_alt_voltage"] < 6.0),
            ("battery_undervoltage", g.battery.volts < 23.0 and engine.state is not State.CRANKING),
            ("battery_overvoltage", g.battery.volts > 33.0),
            ("low_coolant_level", p["coolant_level"] < _EMPTY_COOLANT),
            ("high_coolant_temp", engine.turning and engine.coolant.value > 95.0),
            ("low_oil_pressure", safety and engine.oil.value < 124.0),
            ("stop_failure", engine.stopping_s > 30.0),
            ("speed_signal_lost", safety and p["engine_speed"] < 30.0),
            ("oil_pressure_sensor_open", g.upsets.get("sender_fault", {}).get("sender") == 1.0),
            ("not_in_auto", g.mode() != "auto"),
        )
        if on
    ]
    trips = sorted(g.protection.trips)
    p["shutdown_alarms"], p["warning_alarms"] = _mask(g, "shutdown_alarms", shutdown), _mask(g, "warning_alarms", warning)
    p["trip_alarms"] = _mask(g, "trip_alarms", trips)
    p["crank_failure"] = float(engine.shutdown == "crank_failure")
    p["common_shutdown"], p["common_warning"] = float(bool(shutdown)), float(bool(warning))
    p["common_alarm"] = float(bool(shutdown or warning or trips))
    p["emergency_stop"] = float("emergency_stop_active" in g.upsets)
    p["remote_start_input"] = float(g.asked())
    p["not_in_auto"] = float(g.mode() != "auto")


def _mask(g: Generator, point: str, names: Iterable[str]) -> float:
    return float(sum(1 << round(g.code(point, name)) for name in names))


def _three_phases(points: dict[str, float], stem: str, volts: list[float]) -> None:
    for i in range(3):
        a, b = volts[i], volts[(i + 1) % 3]
        points[f"{stem}_l{i + 1}n"] = a
        points[f"{stem}_l{i + 1}l{(i + 1) % 3 + 1}"] = sqrt(a * a + b * b + a * b)
