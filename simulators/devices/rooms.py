"""A room as air and walls: what comes in by people, sun and outdoor air warms both, what a terminal blows in cools the air."""

from __future__ import annotations

from simulators.devices.curves import Daily
from simulators.devices.lags import Lag
from simulators.surroundings import Surroundings

OPEN_HOUR, CLOSE_HOUR = 7.0, 19.0
_PEOPLE = Daily([(7.0, 0.0), (9.0, 0.85), (11.5, 1.0), (12.5, 0.6), (13.5, 1.0), (17.5, 0.9), (19.0, 0.1), (20.0, 0.0)])
AIR_S, WALLS_S = 900.0, 12 * 3600.0


def occupied(around: Surroundings) -> bool:
    return around.weekday < 5 and OPEN_HOUR <= around.hour < CLOSE_HOUR


def people(around: Surroundings) -> float:
    """Share of the seats taken."""
    return _PEOPLE(around.hour) if around.weekday < 5 else 0.0


class Room:
    """temp: degC of its air. conductance: kW/K to the walls and to the outdoors; capacity follows from the time constants."""

    def __init__(self, temp: float, to_walls: float, to_outdoors: float) -> None:
        self.air, self.walls = Lag(temp, AIR_S), Lag(temp, WALLS_S)
        self._to_walls, self._to_outdoors = to_walls, to_outdoors

    @property
    def temp(self) -> float:
        return self.air.value

    def step(self, dt_s: float, outdoor: float, gain_kw: float, supply_temp: float, supply_kw_k: float) -> None:
        """gain: people, machines, sun. supply: what the terminal's air carries, kW/K, at its temperature. Solved in closed form."""
        pull = self._to_walls + self._to_outdoors + supply_kw_k
        rest = (self._to_walls * self.walls.value + self._to_outdoors * outdoor + supply_kw_k * supply_temp + gain_kw) / pull
        self.air.toward(rest, dt_s, AIR_S * (self._to_walls + self._to_outdoors) / pull)
        self.walls.toward(0.8 * self.air.value + 0.2 * outdoor, dt_s)
