"""What all cooling plant shares: the building's need by hour and weather, the wet bulb."""

from __future__ import annotations

from math import atan, sqrt

from simulators.devices.curves import Daily
from simulators.devices.lags import clip
from simulators.surroundings import Surroundings

START_HOUR, STOP_HOUR = 6.5, 20.0
HOTTEST, MILDEST = 34.0, 16.0  # degC outdoors: the whole need, and none
_PEOPLE = Daily([(6.0, 0.3), (8.5, 0.75), (10.0, 0.9), (12.5, 0.85), (14.0, 1.0), (17.0, 0.95), (19.5, 0.5), (22.0, 0.3)])


def chilled_water_wanted(around: Surroundings) -> bool:
    """Working days, when it is warm enough for mechanical cooling."""
    return around.weekday < 6 and START_HOUR <= around.hour < STOP_HOUR and around.outdoor_temp > MILDEST


def cooling_demand(around: Surroundings) -> float:
    """Share of the most that the building takes: two thirds weather, one third people and their machines."""
    weather = clip((around.outdoor_temp - MILDEST) / (HOTTEST - MILDEST), 0.0, 1.1)
    return clip(0.65 * weather + 0.35 * _PEOPLE(around.hour) * (1.0 if around.weekday < 5 else 0.4), 0.1, 1.05)


def wet_bulb(temp: float, humidity: float) -> float:
    """degC, by Stull's fit: right to two thirds of a kelvin between 5 and 99 %RH and -20 and 50 degC."""
    h = humidity
    root = 0.00391838 * h * sqrt(h)
    return temp * atan(0.151977 * sqrt(h + 8.313659)) + atan(temp + h) - atan(h - 1.676331) + root * atan(0.023101 * h) - 4.686035
