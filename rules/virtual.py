"""Machines that exist only in a table of samples: points bound to one device, for rule tests and back-tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from plantroom.kinds import Kind
from plantroom.model import EquipmentState
from plantroom.site import Binding, Equipment


def bound(equipment: Equipment, periods_s: Mapping[str, float], device: str = "history") -> Equipment:
    """The machine with exactly these points, all from one device. periods_s: point -> seconds between its samples."""
    points = equipment.kind.points
    bindings = tuple(Binding(f"{equipment.id}.{name}", device, name, points[name], period_s=period) for name, period in periods_s.items())
    return replace(equipment, bindings=bindings)


def machine(
    kind: Kind, points: Iterable[str], period_s: float, parameters: Mapping[str, float | str] | None = None, id: str = "machine"
) -> Equipment:
    """A machine in service that has only these points."""
    return bound(Equipment(id, kind, id, EquipmentState.IN_SERVICE, parameters=parameters or {}), dict.fromkeys(points, period_s))
