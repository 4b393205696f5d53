"""What turns a fire pump: an electric motor on three phases, or a diesel that has to be cranked."""

from __future__ import annotations

from enum import Enum, auto
from math import exp

import numpy as np

from simulators.devices.lags import Lag, Noise, Swing


class Electric:
    """A squirrel-cage motor, started direct: six times full-load current while it runs up. speed: 0..1 of rated."""

    FULL_LOAD_A = 104.0  # 55 kW at 400 V

    def __init__(self) -> None:
        self._speed = Lag(0.0, 0.9)
        self.winding = Lag(28.0, 900.0)
        self.amperes = [0.0, 0.0, 0.0]

    @property
    def speed(self) -> float:
        return self._speed.value

    @property
    def running(self) -> bool:
        return self._speed.value > 0.5

    def step(self, dt_s: float, *, wanted: bool, supply: list[float], load: float, room: float) -> None:
        """supply: per phase, 1 = nominal. With less than two good phases the motor does not turn; with two it runs hot."""
        good = sum(f > 0.7 for f in supply)
        turning = wanted and good >= 2
        self._speed.toward(1.0 if turning else 0.0, dt_s, 0.9 if turning else 3.0)
        if self._speed.value < 1e-3:
            self._speed.value = 0.0
        slip_current = 6.0 * (1.0 - self._speed.value) ** 0.5 if turning else 0.0
        steady = (0.42 + 0.58 * min(load, 1.5)) if turning else 0.0
        whole = self.FULL_LOAD_A * max(slip_current if self._speed.value < 0.97 else 0.0, steady)
        lost = 3 - good
        self.amperes = [whole * (1.7 if lost and f > 0.7 else 1.0) if f > 0.7 else 0.0 for f in supply]
        self.winding.toward(room + (55.0 * (1.5 if lost else 1.0) if turning else 0.0), dt_s)


class Crank(Enum):
    """Where a diesel's starting sequence is."""

    STANDING = auto()
    CRANKING = auto()
    RESTING = auto()
    RUNNING = auto()
    FAILED = auto()


class Diesel:
    """A fire pump diesel: six cranks of 15 s with 15 s rest on alternate batteries, then fail to start (NFPA 20; domain/standards.md A)."""

    RATED_RPM = 2100.0
    CRANK_S, REST_S, MOST = 15.0, 15.0, 6

    def __init__(self, rng: np.random.Generator, noise: Noise) -> None:
        self._rng, self._noise = rng, noise
        self.phase = Crank.STANDING
        self.attempt = 0
        self.battery = 1  # the one that cranks
        self._left = self._fires_in = 0.0
        self.rpm = Swing(0.0, 1.2, 0.69)
        self.oil_bar, self.coolant = Lag(0.0, 2.5), Lag(48.0, 300.0)
        self.volts = [27.2, 27.2]
        self.chargers = [True, True]
        self.fuel = 96.0
        self.hours = 212.0 + float(rng.integers(0, 300))
        self.run_s = 0.0

    @property
    def speed(self) -> float:
        return max(0.0, self.rpm.value) / self.RATED_RPM if self.phase is Crank.RUNNING else 0.0

    @property
    def running(self) -> bool:
        return self.phase is Crank.RUNNING and self.rpm.value > 0.5 * self.RATED_RPM

    def step(self, dt_s: float, *, wanted: bool, fires: bool, room: float, powered: bool, oil_bar: float = 4.2) -> None:
        """fires: False = the engine does not catch, however long it is cranked. oil_bar: what a warm engine's pump gives."""
        left = dt_s
        while left > 1e-9:
            length = min(left, 0.5)
            self._sequence(length, wanted, fires)
            left -= length
        self._follow(dt_s, room, powered, oil_bar)

    def _sequence(self, dt: float, wanted: bool, fires: bool) -> None:
        if not wanted:
            if self.phase is not Crank.STANDING:
                self.phase, self.attempt = Crank.STANDING, 0
            return
        self._left -= dt
        if self.phase is Crank.STANDING:
            self._crank()
        elif self.phase is Crank.CRANKING:
            self._fires_in -= dt
            if fires and self._fires_in <= 0:
                self.phase, self.run_s = Crank.RUNNING, 0.0
            elif self._left <= 0:
                self.phase, self._left = (Crank.FAILED, 0.0) if self.attempt >= self.MOST else (Crank.RESTING, self.REST_S)
        elif self.phase is Crank.RESTING and self._left <= 0:
            self._crank()
        elif self.phase is Crank.RUNNING and not fires:
            self.phase, self.attempt = Crank.STANDING, 0

    def _crank(self) -> None:
        self.phase, self._left = Crank.CRANKING, self.CRANK_S
        self.attempt += 1
        self.battery = 1 if self.attempt % 2 else 2
        self._fires_in = 0.8 + 1.7 * self._rng.random()

    def _follow(self, dt: float, room: float, powered: bool, oil_bar: float) -> None:
        running, cranking = self.phase is Crank.RUNNING, self.phase is Crank.CRANKING
        target = self.RATED_RPM if running else 190.0 if cranking else 0.0
        if running:
            self.rpm.toward(target, dt)
        else:
            self.rpm.value, self.rpm.rate = target + (self.rpm.value - target) * exp(-dt / (0.3 if cranking else 3.0)), 0.0
        self.oil_bar.toward(oil_bar if running else 0.4 if cranking else 0.0, dt)
        self.coolant.toward(86.0 if running else 48.0 if powered else room, dt, 240.0 if running else 4000.0)
        for i in (0, 1):
            dip = 6.0 if cranking and self.battery == i + 1 else 0.0
            rest = 27.2 if powered and self.chargers[i] else 25.4
            self.volts[i] = rest - dip + self._noise(0.03)
        if running:
            self.run_s += dt
            self.hours += dt / 3600.0
            self.fuel = max(0.0, self.fuel - dt * 100.0 * 0.004 / 1200.0)
