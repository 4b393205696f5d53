"""Machines that exist only in a table of samples: points bound to one device, for rule tests and back-tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from plantroom.kinds import Kind
from plantroom.model import EquipmentState
from plantroom.site import Binding, Equipment


def bound(equipment: Equipment, points: Iterable[str], device: str, period_s: float) -> Equipment:
    """The machine with exactly these points, all from one device."""
    kind = equipment.kind
    bindings = tuple(Binding(f"{equipment.id}.{name}", device, name, kind.points[name], period_s=period_s) for name in points)
    return replace(equipment, bindings=bindings)


def machine(kind: Kind, points: Iterable[str], period_s: float, parameters: Mapping[str, float | str] | None = None, id: str = "machine") -> Equipment:
    return bound(Equipment(id, kind, id, EquipmentState.IN_SERVICE, parameters=parameters or {}), points, "history", period_s)
