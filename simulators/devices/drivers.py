"""What turns a fire pump: an electric motor on three phases, or a diesel that has to be cranked."""

from __future__ import annotations

from enum import Enum, auto
from math import exp

import numpy as np

from simulators.devices.lags import Lag, Noise, Swing


class Electric:
    """A squirrel-cage motor, started direct: six times full-load current while it runs up. speed: 0..1 of rated.

    What may ail it: stuck = its rotor is held, so it draws the starting current until the breaker opens after 15 s; torque = times the
    healthy one at the same flow; resistance = share of its current that the second phase has lost to a bad contact.
    """

    FULL_LOAD_A = 104.0  # 55 kW at 400 V
    LOCKED_S = 15.0

    def __init__(self) -> None:
        self._speed = Lag(0.0, 0.9)
        self.stuck, self.torque, self.resistance = False, 1.0, 0.0
        self._stuck_s = 0.0
        self.winding = Lag(28.0, 900.0)
        self.amperes = [0.0, 0.0, 0.0]

    @property
    def speed(self) -> float:
        return self._speed.value

    @property
    def running(self) -> bool:
        return self._speed.value > 0.5

    def step(self, dt_s: float, *, wanted: bool, supply: list[float], load: float, room: float) -> None:
        """supply: per phase, 1 = nominal. With less than two good phases the motor does not turn; with two it runs hot.

        load: share of the rated flow; below 0 where the impeller turns in air.
        """
        good = sum(f > 0.7 for f in supply)
        live = wanted and good >= 2
        self._stuck_s = self._stuck_s + dt_s if live and self.stuck else 0.0
        turning = live and not self.stuck
        self._speed.toward(1.0 if turning else 0.0, dt_s, 0.9 if turning else 3.0)
        if self._speed.value < 1e-3:
            self._speed.value = 0.0
        slip_current = 6.0 * (1.0 - self._speed.value) ** 0.5 if turning else 0.0
        steady = (0.42 + 0.58 * min(load, 1.5)) * self.torque if turning else 0.0
        held = 6.0 if 0.0 < self._stuck_s <= self.LOCKED_S else 0.0
        whole = self.FULL_LOAD_A * max(slip_current if self._speed.value < 0.97 else 0.0, steady, held)
        lost = 3 - good
        self.amperes = [whole * (1.7 if lost and f > 0.7 else 1.0) if f > 0.7 else 0.0 for f in supply]
        self.amperes[1] *= 1.0 - self.resistance
        self.winding.toward(room + (55.0 * (1.5 if lost else 1.0) if turning else 0.0), dt_s)


class Crank(Enum):
    """Where a diesel's starting sequence is."""

    STANDING = auto()
    CRANKING = auto()
    RESTING = auto()
    RUNNING = auto()
    FAILED = auto()
    TRIPPED = auto()  # by overspeed: stays until somebody resets it


class Diesel:
    """A fire pump diesel: six cranks of 15 s with 15 s rest on alternate batteries, then fail to start (NFPA 20; domain/standards.md A).

    What may ail it: fires = False, it does not catch however long it is cranked; starter = False, it is not even cranked; oil_warm bar;
    hot degC; governor, times rated speed; heater of the block; ohms, times a good battery's resistance, per battery: too weak to fire it
    where the dip leaves less than two thirds.
    """

    RATED_RPM = 2100.0
    CRANK_S, REST_S, MOST = 15.0, 15.0, 6
    DIP_V, LEAST_V = 6.0, 16.0
    TRIP = 1.2

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
        self.fires = self.starter = self.heater = True
        self.oil_warm, self.hot, self.hot_tau_s, self.governor = 4.2, 86.0, 240.0, 1.0
        self.ohms = [1.0, 1.0]
        self.resting_volts: list[float | None] = [None, None]  # of a battery that is no good; None = as charged
        self.quit = False  # it stopped without being told

    @property
    def speed(self) -> float:
        return max(0.0, self.rpm.value) / self.RATED_RPM if self.phase is Crank.RUNNING else 0.0

    @property
    def running(self) -> bool:
        return self.phase is Crank.RUNNING and self.rpm.value > 0.5 * self.RATED_RPM

    def step(self, dt_s: float, *, wanted: bool, room: float, powered: bool) -> None:
        left = dt_s if wanted or self.phase is not Crank.STANDING else 0.0
        while left > 1e-9:
            length = min(left, 0.5)
            self._sequence(length, wanted)
            left -= length
        self._follow(dt_s, room, powered)

    def reset(self) -> None:
        """Somebody looks after it: lock-outs are taken back."""
        self.phase, self.attempt, self.quit = Crank.STANDING, 0, False

    def _sequence(self, dt: float, wanted: bool) -> None:
        if self.phase is Crank.TRIPPED:
            return
        if not wanted:
            if self.phase is not Crank.STANDING:
                self.phase, self.attempt = Crank.STANDING, 0
            return
        self._left -= dt
        if self.phase is Crank.STANDING:
            if self.starter:
                self._crank()
        elif self.phase is Crank.CRANKING:
            self._fires_in -= dt
            weak = self.DIP_V * self.ohms[self.battery - 1] > 27.2 - self.LEAST_V
            if self.fires and self._fires_in <= 0 and not weak:
                self.phase, self.run_s, self.quit = Crank.RUNNING, 0.0, False
            elif self._left <= 0:
                self.phase, self._left = (Crank.FAILED, 0.0) if self.attempt >= self.MOST else (Crank.RESTING, self.REST_S)
        elif self.phase is Crank.RESTING and self._left <= 0:
            self._crank()
        elif self.phase is Crank.RUNNING and not self.fires:
            self.phase, self.attempt, self.quit = Crank.STANDING, 0, True
        elif self.phase is Crank.RUNNING and self.rpm.value > self.TRIP * self.RATED_RPM:
            self.phase, self.attempt = Crank.TRIPPED, 0

    def _crank(self) -> None:
        self.phase, self._left = Crank.CRANKING, self.CRANK_S
        self.attempt += 1
        self.battery = 1 if self.attempt % 2 else 2
        self._fires_in = 0.8 + 1.7 * self._rng.random()

    def _follow(self, dt: float, room: float, powered: bool) -> None:
        running, cranking = self.phase is Crank.RUNNING, self.phase is Crank.CRANKING
        target = self.RATED_RPM * self.governor if running else 190.0 if cranking else 0.0
        if running:
            self.rpm.toward(target, dt)
        else:
            self.rpm.value, self.rpm.rate = target + (self.rpm.value - target) * exp(-dt / (0.3 if cranking else 3.0)), 0.0
        self.oil_bar.toward(self.oil_warm if running else 0.4 if cranking else 0.0, dt)
        warm = 48.0 if powered and self.heater else room
        self.coolant.toward(self.hot if running else warm, dt, self.hot_tau_s if running else 4000.0)
        for i in (0, 1):
            dip = self.DIP_V * self.ohms[i] if cranking and self.battery == i + 1 else 0.0
            charged, own = 27.2 if powered and self.chargers[i] else 25.4, self.resting_volts[i]
            self.volts[i] = max(0.0, (charged if own is None else own) - dip + self._noise(0.03))
        if running:
            self.run_s += dt
            self.hours += dt / 3600.0
            self.fuel = max(0.0, self.fuel - dt * 100.0 * 0.004 / 1200.0)
