"""The mechanism of a transfer switch between the normal feed and the standby one: two interlocked ways, never both closed."""

from __future__ import annotations

from enum import StrEnum
from math import inf
from typing import Protocol


class Position(StrEnum):
    """Names of the kind's ats_position."""

    NORMAL = "normal"
    EMERGENCY = "emergency"
    BOTH_OPEN = "both_open"
    IN_TRANSITION = "in_transition"


class TransferSwitch:
    """Goes to the standby source when the normal feed is gone and the standby is ready; back when the feed has held for `RETURN_S`.

    Upsets set: stuck, the mechanism does not move; tripped, both ways fall out; feed_lost, the normal feed is dead at the switch;
    returns, False = it stays on standby. exercise: the load is to be taken over though the feed is good.
    """

    MOVE_S, RETURN_S, GIVES_UP_S = 0.8, 60.0, 10.0

    def __init__(self) -> None:
        self.position = Position.NORMAL
        self._toward = Position.NORMAL
        self._left = 0.0
        self._feed_held_s = inf
        self.stuck = self.tripped = self.feed_lost = self.exercise = False
        self.returns = True
        self.lost_s = 0.0  # how long the load was dead, last time
        self._dead = False
        self._refused_s = 0.0
        self.transfers = 0
        self.moved_at_s = 0.0

    @property
    def on_standby(self) -> bool:
        return self.position is Position.EMERGENCY

    @property
    def standby_wanted(self) -> bool:
        """The normal feed is not trusted yet: the standby has to run (or to keep running)."""
        return self._feed_held_s < self.RETURN_S and (self._feed_held_s == 0.0 or self.on_standby)

    @property
    def failed(self) -> bool:
        """Told to move and did not."""
        return self._refused_s > self.GIVES_UP_S

    def step(self, now_s: float, dt_s: float, *, mains_ok: bool, standby_ready: bool) -> None:
        feed_ok = mains_ok and not self.feed_lost
        self._feed_held_s = self._feed_held_s + dt_s if feed_ok and not self.exercise else 0.0
        dead = not feed_ok and not self.on_standby
        if dead:
            self.lost_s = self.lost_s + dt_s if self._dead else dt_s
        self._dead = dead
        if self.tripped:
            self.position = self._toward = Position.BOTH_OPEN
            return
        to = self._wanted(feed_ok, standby_ready)
        if self.position is Position.IN_TRANSITION:
            self._left -= dt_s
            if self._left <= 0:
                self.position = self._toward
                self.moved_at_s = now_s
        elif to is not None and not self.stuck:
            self.position, self._toward, self._left = Position.IN_TRANSITION, to, self.MOVE_S
            self.transfers += 1
        self._refused_s = self._refused_s + dt_s if self.stuck and to is not None else 0.0

    def _wanted(self, feed_ok: bool, standby_ready: bool) -> Position | None:
        """Where it has to go from here, None = nowhere."""
        if self.position is Position.NORMAL and (not feed_ok or self.exercise) and standby_ready:
            return Position.EMERGENCY
        if self.position is Position.EMERGENCY and (self._feed_held_s >= self.RETURN_S and self.returns or not standby_ready):
            return Position.NORMAL
        return Position.NORMAL if self.position is Position.BOTH_OPEN else None


class Standby(Protocol):
    """The second source, as a switch sees it."""

    switch: TransferSwitch

    @property
    def live(self) -> bool: ...
    @property
    def volts(self) -> float: ...
    @property
    def hertz(self) -> float: ...
    @property
    def load_amperes(self) -> float: ...
