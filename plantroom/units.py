"""Units of measure: a closed table with dimensions, conversion, and the little algebra rules need (bar/h, K/min).

A temperature (degC, degF) and a temperature difference (K) are different things: 5 K is not 5 degC. kW, kVA and kvar do not mix either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import pi


@dataclass(frozen=True, slots=True)
class Dimension:
    """What a unit measures. powers: base -> exponent, sorted, no zeros. absolute: a point on a scale (degC), not a length on it (K)."""

    powers: tuple[tuple[str, int], ...] = ()
    absolute: bool = False

    def __mul__(self, other: Dimension) -> Dimension:
        """Raises ValueError for a temperature on a scale: 20 degC times anything means nothing."""
        return self._joined(other, 1)

    def __truediv__(self, other: Dimension) -> Dimension:
        return self._joined(other, -1)

    def _joined(self, other: Dimension, sign: int) -> Dimension:
        if self.absolute or other.absolute:
            raise ValueError("a temperature on a scale cannot be multiplied or divided; take a difference first (K)")
        powers = dict(self.powers)
        for base, power in other.powers:
            powers[base] = powers.get(base, 0) + sign * power
        return Dimension(tuple(sorted((base, power) for base, power in powers.items() if power)))

    def plus(self, other: Dimension) -> Dimension | None:
        """Dimension of a sum; None where it has none. degC + K = degC."""
        if self.powers != other.powers or (self.absolute and other.absolute):
            return None
        return self if self.absolute else other

    def minus(self, other: Dimension) -> Dimension | None:
        """Dimension of a difference; None where it has none. degC - degC = K; K - degC has none."""
        if self.powers != other.powers or (other.absolute and not self.absolute):
            return None
        return Dimension(self.powers) if self.absolute and other.absolute else self

    @property
    def name(self) -> str:
        """In words where there is one ("pressure"), else by its bases ("K s^-1")."""
        plain = " ".join(base if power == 1 else f"{base}^{power}" for base, power in self.powers)
        return _NAMES.get(self) or plain or "number"


@dataclass(frozen=True, slots=True)
class Unit:
    """value in SI = value * factor + offset."""

    name: str
    dimension: Dimension
    factor: float = 1.0
    offset: float = 0.0


def _d(absolute: bool = False, **powers: int) -> Dimension:
    return Dimension(tuple(sorted(powers.items())), absolute)


_NUMBER, _LENGTH, _TIME = _d(), _d(m=1), _d(s=1)
_VOLUME, _MASS, _KELVIN, _CELSIUS = _d(m=3), _d(kg=1), _d(K=1), _d(absolute=True, K=1)
_PRESSURE, _POWER, _ENERGY = _d(kg=1, m=-1, s=-2), _d(kg=1, m=2, s=-3), _d(kg=1, m=2, s=-2)
_CURRENT, _VOLTAGE, _RESISTANCE = _d(A=1), _d(kg=1, m=2, s=-3, A=-1), _d(kg=1, m=2, s=-3, A=-2)
_APPARENT, _REACTIVE, _REACTIVE_ENERGY = _d(kg=1, m=2, s=-3, va=1), _d(kg=1, m=2, s=-3, var=1), _d(kg=1, m=2, s=-2, var=1)
_FREQUENCY, _TURNS, _FLOOR, _HUMIDITY = _d(s=-1), _d(turn=1, s=-1), _d(floor=1), _d(rh=1)
_TORQUE = _d(kg=1, m=2, s=-2, turn=-1)  # energy by turn: no energy, and times a speed it is a power
_FLOW, _SPEED, _ACCELERATION, _CONDUCTIVITY = _d(m=3, s=-1), _d(m=1, s=-1), _d(m=1, s=-2), _d(A=2, s=3, kg=-1, m=-3)

_NAMES = {
    _NUMBER: "number", _LENGTH: "length", _TIME: "time", _VOLUME: "volume", _MASS: "mass", _KELVIN: "temperature difference",
    _CELSIUS: "temperature", _PRESSURE: "pressure", _POWER: "power", _ENERGY: "energy", _CURRENT: "current", _VOLTAGE: "voltage",
    _RESISTANCE: "resistance", _APPARENT: "apparent power", _REACTIVE: "reactive power", _REACTIVE_ENERGY: "reactive energy",
    _FREQUENCY: "frequency", _TURNS: "rotational speed", _FLOOR: "floor", _HUMIDITY: "relative humidity", _FLOW: "flow", _SPEED: "speed",
    _ACCELERATION: "acceleration", _CONDUCTIVITY: "conductivity", _TORQUE: "torque",
}

_HOUR = 3600.0
UNITS: dict[str, Unit] = {
    u.name: u
    for u in (
        Unit("", _NUMBER), Unit("1", _NUMBER), Unit("%", _NUMBER, 0.01), Unit("ppm", _NUMBER, 1e-6),
        Unit("%RH", _HUMIDITY, 0.01), Unit("floor", _FLOOR),
        Unit("degC", _CELSIUS, 1.0, 273.15), Unit("degF", _CELSIUS, 5 / 9, 459.67 * 5 / 9), Unit("K", _KELVIN),
        Unit("m", _LENGTH), Unit("cm", _LENGTH, 0.01), Unit("mm", _LENGTH, 0.001), Unit("um", _LENGTH, 1e-6),
        Unit("ms", _TIME, 0.001), Unit("s", _TIME), Unit("min", _TIME, 60.0), Unit("h", _TIME, _HOUR), Unit("d", _TIME, 86_400.0),
        Unit("m3", _VOLUME), Unit("L", _VOLUME, 0.001), Unit("kg", _MASS), Unit("t", _MASS, 1000.0),
        Unit("Pa", _PRESSURE), Unit("hPa", _PRESSURE, 100.0), Unit("kPa", _PRESSURE, 1e3), Unit("MPa", _PRESSURE, 1e6),
        Unit("bar", _PRESSURE, 1e5), Unit("mbar", _PRESSURE, 100.0), Unit("psi", _PRESSURE, 6894.757293168),
        Unit("mH2O", _PRESSURE, 9806.65),
        Unit("W", _POWER), Unit("kW", _POWER, 1e3), Unit("MW", _POWER, 1e6), Unit("hp", _POWER, 745.6998715822702),
        Unit("Wh", _ENERGY, _HOUR), Unit("kWh", _ENERGY, 1e3 * _HOUR),
        Unit("MWh", _ENERGY, 1e6 * _HOUR), Unit("kJ", _ENERGY, 1e3), Unit("VA", _APPARENT), Unit("kVA", _APPARENT, 1e3),
        Unit("var", _REACTIVE), Unit("kvar", _REACTIVE, 1e3), Unit("kvarh", _REACTIVE_ENERGY, 1e3 * _HOUR),
        Unit("A", _CURRENT), Unit("mA", _CURRENT, 1e-3), Unit("uA", _CURRENT, 1e-6), Unit("V", _VOLTAGE), Unit("mV", _VOLTAGE, 1e-3),
        Unit("kV", _VOLTAGE, 1e3), Unit("ohm", _RESISTANCE), Unit("Hz", _FREQUENCY), Unit("rpm", _TURNS, 1 / 60),
        Unit("m/s", _SPEED), Unit("mm/s", _SPEED, 1e-3), Unit("m/s2", _ACCELERATION), Unit("m3/h", _FLOW, 1 / _HOUR),
        Unit("m3/s", _FLOW), Unit("L/s", _FLOW, 1e-3), Unit("L/min", _FLOW, 1e-3 / 60), Unit("L/h", _FLOW, 1e-3 / _HOUR),
        Unit("uS/cm", _CONDUCTIVITY, 1e-4), Unit("Nm", _TORQUE, 2 * pi),
    )
}  # fmt: skip


@lru_cache(maxsize=1024)
def unit(name: str) -> Unit:
    """The unit of that name; `a/b` of two known units is known too (bar/h, K/min). Raises KeyError where it is not."""
    if name in UNITS:
        return UNITS[name]
    top, slash, bottom = name.partition("/")
    if not (slash and top and bottom) or top not in UNITS or bottom not in UNITS:
        raise KeyError(name)
    over, under = UNITS[top], UNITS[bottom]
    if over.dimension.absolute or under.dimension.absolute:
        raise KeyError(name)
    return Unit(name, over.dimension / under.dimension, over.factor / under.factor)


def known(name: str) -> bool:
    try:
        unit(name)
    except KeyError:
        return False
    return True


def dimension(name: str) -> Dimension:
    """Raises KeyError for an unknown unit."""
    return unit(name).dimension


def compatible(one: str, other: str) -> bool:
    """May values of these units be compared or converted? degC and K may not."""
    return dimension(one) == dimension(other)


def scaling(source: str, target: str) -> tuple[float, float]:
    """(factor, offset) with target value = source value * factor + offset. Raises KeyError (unknown) or ValueError (other dimension)."""
    if source == target and known(source):
        return 1.0, 0.0
    a, b = unit(source), unit(target)
    if a.dimension != b.dimension:
        one, other = source or "a plain number", target or "a plain number"
        raise ValueError(f"{one} ({a.dimension.name}) cannot become {other} ({b.dimension.name})")
    return a.factor / b.factor, (a.offset - b.offset) / b.factor


def convert(value: float, source: str, target: str) -> float:
    """Raises KeyError (unknown unit) or ValueError (other dimension)."""
    factor, offset = scaling(source, target)
    return value * factor + offset


_LENGTHS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def duration_s(text: str) -> float:
    """`200ms`, `90s`, `10m`, `24h`, `7d`, `2h11m` in seconds. Raises ValueError for anything else, a bare number included."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration; write 200ms, 90s, 10m, 24h or 7d")
    return sum(float(number) * _LENGTHS[word] for number, word in _PART.findall(text))
