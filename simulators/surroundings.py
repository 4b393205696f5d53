"""What all plants of a site share: the hour, the weather, the utility's supply, the fire signal."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from plantroom.clock import NS, at_utc
from simulators.devices.curves import outdoor_temp
from simulators.devices.lags import Noise, Wander

NOMINAL_V = 230.0  # phase to neutral
NOMINAL_HZ = 50.0


class Mains:
    """The utility's three-phase supply. factors: per phase, 1 = nominal, 0 = gone; set by upsets."""

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._drift = Wander(noise, 0.008, 300.0)
        self._hz = Wander(noise, 0.02, 30.0)
        self.factors = [1.0, 1.0, 1.0]
        self.volts = [NOMINAL_V, NOMINAL_V, NOMINAL_V]
        self.ok = True  # within 80 % of nominal on each phase, as a phase monitor would say
        self.hz = NOMINAL_HZ

    def step(self, dt_s: float) -> None:
        drift = self._drift.step(dt_s)
        self.volts = [NOMINAL_V * f * (1.0 + drift + self._noise(0.001)) for f in self.factors]
        self.ok = min(self.volts) > 0.8 * NOMINAL_V
        strayed = self._hz.step(dt_s)
        self.hz = NOMINAL_HZ + strayed if max(self.factors) > 0.1 else 0.0


class Surroundings:
    """hour: local hour of day 0..24; weekday: Monday = 0; outdoor_temp degC; humidity %; fire: a confirmed fire alarm."""

    def __init__(self, zone: str, rng: np.random.Generator, start_ns: int) -> None:
        self._zone = ZoneInfo(zone)
        noise = Noise(rng)
        self._front = Wander(noise, 2.0, 6 * 3600.0)  # weather fronts come and go in hours
        self.mains = Mains(noise)
        self.fire = False
        self.standby: set[int] = set()  # generators that carry the essential load now
        self._midnight_ns = self._next_midnight_ns = start_ns
        self.hour = self.day_of_year = 0.0
        self.weekday = 0
        self.outdoor_temp, self.humidity, self.now_s = 0.0, 60.0, start_ns / NS
        self._read_clock(start_ns)
        self._read_weather(0.0)

    def step(self, now_ns: int, dt_s: float) -> None:
        self._read_clock(now_ns)
        self._read_weather(dt_s)
        self.mains.step(dt_s)

    def _read_clock(self, now_ns: int) -> None:
        if not self._midnight_ns <= now_ns < self._next_midnight_ns:
            local = at_utc(now_ns).astimezone(self._zone)
            midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
            following = datetime(midnight.year, midnight.month, midnight.day, tzinfo=self._zone) + timedelta(days=1)
            self._midnight_ns = round(midnight.timestamp()) * NS
            self._next_midnight_ns = round(following.timestamp()) * NS
            self.weekday, self.day_of_year = local.weekday(), float(local.timetuple().tm_yday)
        self.now_s = now_ns / NS
        self.hour = min((now_ns - self._midnight_ns) / (3600 * NS), 23.999)

    def _read_weather(self, dt_s: float) -> None:
        self.outdoor_temp = outdoor_temp(self.day_of_year, self.hour) + self._front.step(dt_s)
        self.humidity = max(25.0, min(98.0, 70.0 - 1.2 * (self.outdoor_temp - 17.0) + self._front.value * 3.0))

    @property
    def standby_on_load(self) -> bool:
        return bool(self.standby)

    @property
    def powered(self) -> bool:
        """The building's essential supply is there, from the utility or from the generator."""
        return self.mains.ok or self.standby_on_load

    @property
    def working_hours(self) -> bool:
        return self.weekday < 5 and 7.0 <= self.hour < 19.0
