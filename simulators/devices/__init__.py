"""The simulated machines, found by their files: a module of this folder brings a Plant of its kind. A new kind is one more file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from simulators.devices.plant import Plant


def plants() -> Mapping[str, type[Plant]]:
    """By kind; what is not here stands steady ("*")."""
    modules = [import_module(f"{__name__}.{found.name}") for found in sorted(iter_modules(__path__), key=lambda found: found.name)]
    return {
        found.kind: found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Plant) and found.__module__ == module.__name__ and found is not Plant
    }
