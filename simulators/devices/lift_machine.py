"""A lift's machine room: what gets warm, the rescue battery, the motor's current, the brake, the ride's roughness."""

from __future__ import annotations

from collections.abc import Mapping

from simulators.devices.lags import Lag, Noise, clip
from simulators.surroundings import Surroundings

FLOAT_V = 53.8  # 24 cells on charge
BRAKE_S = 0.2  # from the command to the brake's contact
Upsets = Mapping[str, Mapping[str, float]]


class LiftMachine:
    """Temperatures degC, battery V, brake delay s, vibration of the last ride m/s2 peak to peak (x, y, z)."""

    def __init__(self, noise: Noise, now_s: float) -> None:
        self._noise = noise
        self.motor, self.inverter, self.room = Lag(38.0, 1500.0), Lag(35.0, 600.0), Lag(26.0, 3600.0)
        self.brake = Lag(34.0, 1200.0)
        self.battery = Lag(FLOAT_V, 900.0)
        self.vibration = (0.08, 0.07, 0.15)
        self.brake_delay_s = BRAKE_S
        self._since: dict[str, float] = {}  # when a slow change began
        self._now = now_s

    def begun(self, upset: str) -> None:
        self._since[upset] = self._now

    def part(self, upset: str, over_s: float) -> float:
        """How far a slow change is, 0 to 1."""
        return 1.0 if over_s <= 0 else clip((self._now - self._since.get(upset, self._now)) / over_s, 0.0, 1.0)

    def step(self, now_s: float, dt_s: float, running: bool, powered: bool, around: Surroundings, upsets: Upsets) -> None:
        self._now = now_s
        target, tau_s = self._room_target(around.outdoor_temp, upsets)
        room = self.room.toward(target, dt_s, tau_s)
        self.motor.toward(room + (45.0 if running else 12.0), dt_s)
        hot = upsets.get("drive_overtemperature") or upsets.get("drive_temperature_high")
        self.inverter.toward(room + (hot["rise"] if hot else 28.0 if running else 9.0), dt_s)
        slow = upsets.get("brake_fault")
        self.brake_delay_s = BRAKE_S + (slow["delay_s"] - BRAKE_S) * self.part("brake_fault", slow["over_s"]) if slow else BRAKE_S
        drag = 15.0 * (self.brake_delay_s - BRAKE_S)
        self.brake.toward(room + (24.0 + drag if running else 8.0), dt_s)
        worn = upsets.get("ard_battery_low")
        sound = 1.0 - (1.0 - worn["share"]) * self.part("ard_battery_low", worn["over_s"]) if worn else 1.0
        self.battery.toward(sound * (FLOAT_V if powered else 47.0), dt_s, 900.0 if sound == 1.0 else 60.0)

    def _room_target(self, outdoor: float, upsets: Upsets) -> tuple[float, float]:
        """(degC, s): where the room goes and how fast; without its air conditioner, or with an open window, it follows in minutes."""
        for name in ("machine_room_hot", "machine_room_overheated"):
            if name in upsets:
                return outdoor + upsets[name]["rise"], 1200.0
        if "machine_room_cold" in upsets:
            return min(outdoor, upsets["machine_room_cold"]["temp"]), 1200.0
        return clip(24.0 + 0.1 * (outdoor - 20.0), 18.0, 30.0), 3600.0

    def rode(self, rough: float) -> None:
        """After a ride: its vibration, `rough` times the usual."""
        n = self._noise
        self.vibration = (rough * max(0.03, 0.085 + n(0.01)), rough * max(0.03, 0.08 + n(0.01)), rough * max(0.05, 0.16 + n(0.015)))

    def amperes(self, moving: bool, up: bool, load: float, acceleration: float) -> float:
        """Motor current: standby, then what balance and acceleration ask for (counterweight balanced at 45 % load)."""
        if not moving:
            return 1.2
        return max(3.0, 9.0 + 0.16 * (1.0 if up else -1.0) * (load - 45.0) + 7.0 * abs(acceleration))
