"""What every simulated machine is: a kind, a seeded state that steps, points in the kind's units, upsets that act on its physics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, Self

import numpy as np

from plantroom.kinds import Kind
from plantroom.site import Equipment
from simulators.devices.lags import Noise
from simulators.surroundings import Surroundings
from simulators.upset import Upset


class Neighbour(NamedTuple):
    """Another machine of the site."""

    equipment: Equipment
    plant: Plant


class Plant:
    """One machine. points: kind point -> value in the kind's unit, renewed by each step; NaN = a sensor that gives nothing.

    Randomness comes from the Generator given and nowhere else: the same seed and the same steps give the same values bit for bit.
    """

    kind: ClassVar[str]
    after: ClassVar[tuple[str, ...]] = ()  # kinds it looks at: built and stepped before it
    UPSETS: ClassVar[Mapping[str, Upset]]
    # what an engineer would set for this machine: parameters of rules that have no value of their own
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {}
    # the builds there are of this kind (electric, diesel), each by the numbers that make it one; wards have all of them
    MAKES: ClassVar[Sequence[Mapping[str, float | str]]] = ({},)

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        self.around = around
        self.rng = rng
        self.noise = Noise(rng)
        self.points: dict[str, float] = {}
        self.upsets: dict[str, dict[str, float]] = {}
        self._codes = {name: point.codes for name, point in kind.points.items()}
        self._parameters = parameters

    @classmethod
    def built(
        cls,
        equipment: Equipment,
        parameters: Mapping[str, float | str],
        rng: np.random.Generator,
        around: Surroundings,
        others: Sequence[Neighbour],
    ) -> Self:
        """The machine of a site. parameters: numbers of its nameplate; others: those built before it."""
        return cls(equipment.kind, parameters, rng, around)

    def step(self, now_s: float, dt_s: float) -> None:
        raise NotImplementedError

    def upset(self, name: str, **settings: float) -> None:
        """Begins an upset. Raises KeyError for a name this machine does not know, ValueError for a setting out of its range."""
        self.upsets[name] = self.UPSETS[name].filled(settings)
        self.begun(name, self.upsets[name])

    def end_upset(self, name: str) -> None:
        if self.upsets.pop(name, None) is not None:
            self.ended(name)

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        """What an upset does at once; what it does while it lasts is read from `upsets` by the physics."""

    def ended(self, name: str) -> None:
        """What the repair restores at once."""

    def code(self, point: str, name: str) -> float:
        """The kind's code of an enum name; KeyError with both names where the kind does not have it."""
        try:
            return float(self._codes[point][name])
        except KeyError:
            raise KeyError(f"{self.kind}.{point} has no code {name!r}") from None

    def parameter(self, name: str, default: float) -> float:
        """A number the site file gives for this machine (its set-points), or the default."""
        value = self._parameters.get(name, default)
        return float(value) if isinstance(value, (int, float)) else default
