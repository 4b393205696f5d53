"""What an upset is: something that goes wrong in a simulated machine, with its numbers and the rules that must, or may, find it.

An upset acts on a machine's physics (no fire while cranking, a valve that stays open), never on the values it shows. The tables, one
file a kind, stand in simulators/upsets/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Setting:
    """One number of an upset. default, low..high in `unit`."""

    default: float
    low: float
    high: float
    unit: str
    what: str


@dataclass(frozen=True, slots=True)
class Upset:
    """Something that goes wrong in a machine.

    name: usually the rule that must find it. rule: that rule where it is another; "-" = no rule, it is only the cause of others.
    leads_to: rules that may fire as well, because physics says so. settings: its numbers by name; all have defaults.

    How it is proven (tests/kit/ward.py). sizes: settings from mild to severe at which the rule must find it, () = the defaults on three
    machines. shows_s: the longest the mildest takes until the rule's condition holds; the rule's own patience comes on top. after_s: how
    long the machine runs well before. at: the plant's local time where the usual one (a summer Wednesday, 10:00) does not serve. tick_s:
    of the simulation; a drift over weeks takes 60 or more. make: which of the plant's MAKES it befalls.
    """

    name: str
    says: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    rule: str = ""
    leads_to: tuple[str, ...] = ()
    sizes: tuple[Mapping[str, float], ...] = ()
    shows_s: float = 60.0
    after_s: float = 120.0
    at: str = "2026-07-15T10:00:00+08:00"
    tick_s: float = 1.0
    make: int = 0

    @property
    def found_by(self) -> str | None:
        return None if self.rule == "-" else self.rule or self.name

    def filled(self, given: Mapping[str, float]) -> dict[str, float]:
        """All settings, defaults where none is given. Raises ValueError for an unknown one or one out of its range."""
        for key, value in given.items():
            if key not in self.settings:
                raise ValueError(f"{self.name} has no setting {key}; it has {', '.join(self.settings) or 'none'}")
            allowed = self.settings[key]
            if not allowed.low <= value <= allowed.high:
                raise ValueError(f"{self.name}: {key} {value:g} is outside {allowed.low:g}..{allowed.high:g} {allowed.unit}".rstrip())
        return {key: setting.default for key, setting in self.settings.items()} | dict(given)


def by_name(*upsets: Upset) -> Mapping[str, Upset]:
    return {upset.name: upset for upset in upsets}


# Anybody's device may fall silent; the wire does it, not the machine.
_SILENT = "its devices do not answer any more: cable, power, network"
DEVICE_OFFLINE = Upset("device_offline", _SILENT, leads_to=("gateway_offline",))  # a module it shares takes its neighbours along
