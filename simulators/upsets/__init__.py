"""Every kind's table of upsets, found by its file: simulators/upsets/<kind>.py has `UPSETS`. A new kind is one more file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from simulators.upset import Upset

UPSETS: Mapping[str, Mapping[str, Upset]] = {
    found.name: import_module(f"{__name__}.{found.name}").UPSETS for found in sorted(iter_modules(__path__), key=lambda found: found.name)
}
