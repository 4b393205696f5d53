"""A lift's car in its shaft: where it is, how fast, and in which part of its round.

It is driven by its next event, so a step may be 20 ms or a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import inf

from simulators.devices.motion import Ride

ACCELERATION, JERK = 0.9, 1.1  # m/s2, m/s3
DOOR_ZONE_M = 0.20


class Phase(Enum):
    """Where the car is in its round. Off the round: HALTED where it stands, SHUT at a landing with a door that does not move, SLIDING off a
    landing with open doors, STRAINING: the drive runs and the car does not."""

    PARKED = auto()
    OPENING = auto()
    OPEN = auto()
    CLOSING = auto()
    RIDING = auto()
    HALTED = auto()
    SHUT = auto()
    SLIDING = auto()
    STRAINING = auto()


@dataclass(frozen=True, slots=True)
class Shaft:
    """What is built: floors, metres between them, rated speed m/s, rated load kg, door stroke time s."""

    floors: int = 12
    floor_m: float = 3.6
    rated_m_s: float = 1.75
    rated_kg: float = 1000.0
    door_s: float = 2.8

    @classmethod
    def of(cls, parameters: Mapping[str, float | str]) -> Shaft:
        """As the site file tells it, the usual one otherwise."""
        given = {k: float(v) for k, v in parameters.items() if isinstance(v, (int, float))}
        usual = cls()
        return cls(
            floors=int(given.get("floors", usual.floors)),
            floor_m=given.get("floor_height", usual.floor_m),
            rated_m_s=given.get("rated_speed", usual.rated_m_s),
            rated_kg=given.get("rated_load", usual.rated_kg),
        )

    def level(self, floor: int) -> float:
        """m above the lowest landing."""
        return (floor - 1) * self.floor_m


USUAL = Shaft()


class Car:
    """floor: the landing it stands at or left last. m: of its sill. until: when its phase ends (epoch s), inf = when something happens."""

    __slots__ = ("shaft", "phase", "until", "begun", "floor", "target", "m", "speed", "acceleration", "_from_m", "_ride")

    def __init__(self, shaft: Shaft, floor: int, now_s: float) -> None:
        self.shaft = shaft
        self.phase, self.until, self.begun = Phase.PARKED, inf, now_s
        self.floor = self.target = floor
        self.m = self._from_m = shaft.level(floor)
        self.speed = self.acceleration = 0.0
        self._ride = Ride(0.1, shaft.rated_m_s, ACCELERATION, JERK)

    def enter(self, phase: Phase, at: float, length_s: float = inf) -> None:
        self.phase, self.begun, self.until = phase, at, at + length_s

    def set_off(self, floor: int, at: float, rated: float) -> None:
        """Rides to a landing from where it is, at most at `rated` m/s."""
        distance = self.shaft.level(floor) - self.m
        self.target, self._from_m = floor, self.m
        self._ride = Ride(distance, rated, ACCELERATION, JERK)
        self.enter(Phase.RIDING, at, self._ride.duration_s)

    def arrive(self) -> None:
        self.floor, self.m = self.target, self.shaft.level(self.target)

    def move(self, now_s: float) -> None:
        if self.phase is Phase.RIDING:
            way, self.speed, self.acceleration = self._ride.at(now_s - self.begun)
            self.m = self._from_m + way
        elif self.phase is not Phase.SLIDING:
            self.speed = self.acceleration = 0.0

    def slide(self, speed: float, most_m: float, now_s: float) -> None:
        """Drifts off its landing, away from the nearer end of the shaft, until something holds it."""
        way = min(speed * (now_s - self.begun), most_m)
        up = 1.0 if self.floor < self.shaft.floors else -1.0
        self.m = self.shaft.level(self.floor) + up * way
        self.speed = up * speed if way < most_m else 0.0

    @property
    def nearest(self) -> int:
        floor = int(self.m / self.shaft.floor_m + 0.5) + 1  # a car is never below the lowest landing by half a storey
        return floor if floor < self.shaft.floors else self.shaft.floors

    @property
    def in_zone(self) -> bool:
        return abs(self.m - self.shaft.level(self.nearest)) <= DOOR_ZONE_M

    @property
    def between(self) -> bool:
        """Well away from any landing."""
        return 0.2 < self.m / self.shaft.floor_m % 1.0 < 0.8

    def passed(self, floor: int) -> bool:
        """Did the ride that ends lead past this landing, or to it?"""
        low, high = sorted((self._from_m, self.shaft.level(self.target)))
        return low <= self.shaft.level(floor) <= high

    @property
    def upward(self) -> bool:
        return self.shaft.level(self.target) > self._from_m
