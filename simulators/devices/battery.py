"""A 24 V starting battery: open-circuit voltage by charge, an inner resistance, a charger and an alternator that hold it up."""

from __future__ import annotations

from math import exp

from simulators.devices.lags import Noise

CAPACITY_AH, STARTER_OHM, DRAIN_A = 150.0, 0.045, 0.6
_FULL_V, _EMPTY_V = 25.6, 23.6  # at rest
FLOAT_V, ALTERNATOR_V = 27.2, 28.1


class Battery:
    """volts: at its poles. A step of any length is right while nothing changes within it.

    Upsets set: ohm, the inner resistance; rest_volts, what a battery that takes no charge stands at (None = a sound one).
    """

    HEALTHY_OHM = 0.012

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self.charge = 0.98  # 0..1
        self.ohm = self.HEALTHY_OHM
        self.rest_volts: float | None = None
        self._surface = FLOAT_V
        self.volts = FLOAT_V
        self.charger_amperes = 0.0

    @property
    def open_volts(self) -> float:
        return self.rest_volts if self.rest_volts is not None else _EMPTY_V + (_FULL_V - _EMPTY_V) * self.charge

    @property
    def crank_volts(self) -> float:
        """Under the starter: some 450 A of a sound battery."""
        return self.open_volts * STARTER_OHM / (STARTER_OHM + self.ohm)

    def step(self, dt_s: float, *, held_at: float | None, cranking: bool) -> None:
        """held_at: the charger's or alternator's voltage, None = neither is there."""
        rest = self.open_volts
        source = held_at if held_at is not None and self.rest_volts is None else rest
        amperes = min(12.0, max(0.0, source - rest) / 0.15) if held_at is not None else -DRAIN_A
        if cranking:
            amperes -= self.crank_volts / STARTER_OHM
            self._surface = min(self._surface, rest)
        self.charge = min(0.98, max(0.0, self.charge + amperes * dt_s / 3600.0 / CAPACITY_AH))
        tau = 60.0 if source >= self._surface else 1800.0  # a charger pulls it up at once, surface charge goes slowly
        self._surface = source + (self._surface - source) * exp(-dt_s / tau)
        self.charger_amperes = DRAIN_A if held_at is not None else 0.0
        self.volts = max(0.0, (self.crank_volts if cranking else self._surface) + self._noise(0.03))
