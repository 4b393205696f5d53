"""A standby diesel: its starting sequence, governor, oil and coolant.

prestart 1-3 s, crank (200 rpm, battery dips) until it fires after 0.5-3 s, overshoot 5 %, stable at 6-8 s; three cranks of 10 s
with 10 s rest, then crank failure (domain/faults.md 6, standards.md B: DSE704).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import exp, inf

import numpy as np

from simulators.devices.lags import Lag, Swing, clip

RATED_RPM = 1500.0


class State(StrEnum):
    """The controller's states; the names are those of the kind's engine_state."""

    STOPPED = "stopped"
    PRESTART = "prestart"
    CRANKING = "cranking"
    CRANK_REST = "crank_rest"
    STARTING = "starting"
    RUNNING = "running"
    LOADED = "loaded"
    COOLING = "cooling"
    STOPPING = "stopping"
    FAULT = "fault"


TURNING = frozenset({State.STARTING, State.RUNNING, State.LOADED, State.COOLING})


@dataclass(slots=True)
class Condition:
    """What upsets and battery make of the engine.

    oil_kpa: of a warm engine at speed. cooling: 1 = the radiator does its work. governor: 1 = rated. run_up_s: firing to rated speed.
    power: share of rated it can give before its speed sags. heater: share of the block heater's work. crank: 1 = a sound battery's
    cranking speed. stops: fuel is cut when it is told to stop.
    """

    fires: bool = True
    oil_kpa: float = 380.0
    oil_lag_s: float = 2.5
    cooling: float = 1.0
    governor: float = 1.0
    run_up_s: float = 5.0
    power: float = 1.1
    heater: float = 1.0
    crank: float = 1.0
    stops: bool = True


class Engine:
    CRANK_S, REST_S, ATTEMPTS, WARM_UP_S, COOL_DOWN_S = 10.0, 10.0, 3, 3.0, 180.0

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.state = State.STOPPED
        self.shutdown: str | None = None  # the alarm that stopped it, until it is reset
        self.attempt = 0
        self._left = self._fires_in = inf
        self.rpm = Swing(0.0, 1.16, 0.69)
        self.oil, self.coolant, self.oil_temp = Lag(0.0, 2.5), Lag(41.0, 300.0), Lag(35.0, 600.0)
        self.exhaust = Lag(30.0, 60.0)
        self.run_s = 0.0  # of this run
        self.stopping_s = 0.0  # since it was told to stop and still turns
        self.start_s = 7.0  # the last start, command to stable
        self._commanded_s = 0.0
        self.starts = float(rng.integers(60, 300))
        self.hours = self.starts * 0.6

    @property
    def turning(self) -> bool:
        return self.state in TURNING

    @property
    def ready(self) -> bool:
        """Stable and warmed up: may take load."""
        return self.state in (State.RUNNING, State.LOADED) and self.run_s >= self.WARM_UP_S + 5.0

    def step(self, dt_s: float, *, wanted: bool, load: float, condition: Condition, room: float, mains_ok: bool) -> None:
        """wanted: the controller wants it to run. load: 0..1.2 of rated."""
        left = dt_s
        while left > 1e-9:
            resting = (self.state is State.FAULT or self.state is State.STOPPED and not wanted) and self.rpm.value < 1.0
            length = left if resting else min(left, 0.25)
            self._sequence(length, wanted, load, condition)
            self._follow(length, load, condition, room, mains_ok)
            left -= length

    def kick(self, load_step: float) -> None:
        """A step of load (share of rated) takes the engine down before the governor answers: 60 % costs about 4 % of speed."""
        self.rpm.rate -= 260.0 * load_step

    def trip(self, alarm: str) -> None:
        """A shut-down: fuel off, and no restart before somebody resets."""
        if self.shutdown is None:
            self.shutdown = alarm
            self._enter(State.STOPPING if self.rpm.value > 50.0 else State.FAULT)

    def reset(self) -> None:
        self.shutdown = None
        if self.state is State.FAULT:
            self._enter(State.STOPPED)

    def _enter(self, state: State, length_s: float = inf) -> None:
        self.state, self._left = state, length_s

    def _sequence(self, dt: float, wanted: bool, load: float, condition: Condition) -> None:
        self._left -= dt
        self._commanded_s += dt
        self.stopping_s = self.stopping_s + dt if self.state is State.STOPPING else 0.0
        match self.state:
            case State.STOPPED if wanted and self.shutdown is None:
                self.attempt, self._commanded_s = 0, 0.0
                self._enter(State.PRESTART, 1.0 + 2.0 * self._rng.random())
            case State.PRESTART | State.CRANK_REST if not wanted:
                self._enter(State.STOPPED)
            case State.PRESTART | State.CRANK_REST if self._left <= 0:
                self.attempt += 1
                slow = condition.crank**-4.0  # the slower it turns, the longer until it fires
                self._fires_in = (0.5 + 2.5 * self._rng.random()) * slow + slow - 1.0
                self._enter(State.CRANKING, self.CRANK_S)
            case State.CRANKING:
                self._fires_in -= dt
                if condition.fires and self._fires_in <= 0:
                    self.run_s, self.starts = 0.0, self.starts + 1
                    self._enter(State.STARTING, condition.run_up_s)
                elif self._left <= 0 and self.attempt >= self.ATTEMPTS:
                    self.trip("crank_failure")
                    self._enter(State.FAULT)
                elif self._left <= 0:
                    self._enter(State.CRANK_REST, self.REST_S)
            case State.STARTING if self._left <= 0:
                self.start_s = self._commanded_s
                self._enter(State.RUNNING)
            case State.RUNNING | State.LOADED if not wanted:
                self._enter(State.COOLING, self.COOL_DOWN_S)
            case State.RUNNING | State.LOADED:
                self.state = State.LOADED if load > 0 else State.RUNNING
            case State.COOLING if wanted:
                self._enter(State.RUNNING)
            case State.COOLING if self._left <= 0:
                self._enter(State.STOPPING)
            case State.STOPPING if self.rpm.value < 20.0:
                self._enter(State.STOPPED if self.shutdown is None else State.FAULT)
            case _:
                pass

    def _follow(self, dt: float, load: float, condition: Condition, room: float, mains_ok: bool) -> None:
        cranking = self.state is State.CRANKING
        fuelled = self.turning or (self.state is State.STOPPING and not condition.stops)
        if fuelled:
            target = RATED_RPM * condition.governor * min(1.0, condition.power / max(load, 0.01))
            if self.state is State.STARTING and condition.run_up_s > 5.0:
                target *= min(1.0, 0.15 + 0.85 * self.run_s / condition.run_up_s)
            self.rpm.toward(target, dt)
            self.run_s += dt
            self.hours += dt / 3600.0
        else:
            target, tau = ((200.0 if condition.fires else 150.0) * condition.crank, 0.4) if cranking else (0.0, 3.0)
            self.rpm.value, self.rpm.rate = target + (self.rpm.value - target) * exp(-dt / tau), 0.0
        cold = max(0.0, 70.0 - self.coolant.value) * 2.0  # thick oil
        oil = (condition.oil_kpa + (cold if condition.oil_kpa > 200.0 else 0.0)) * clip(self.rpm.value / 1200.0, 0.0, 1.0)
        self.oil.toward(oil if fuelled else 40.0 if cranking else 0.0, dt, condition.oil_lag_s)
        warm = 80.0 + 8.0 * max(0.0, load) + 40.0 * (1.0 - condition.cooling)
        kept = room + max(0.0, 41.0 - room) * condition.heater if mains_ok else room
        self.coolant.toward(warm if fuelled else kept, dt, 300.0 if fuelled else 5000.0)
        self.oil_temp.toward(self.coolant.value + 10.0 if fuelled else room + 10.0, dt)
        self.exhaust.toward(180.0 + 300.0 * max(0.0, load) if fuelled else room, dt)
