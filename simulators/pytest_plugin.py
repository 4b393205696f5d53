"""A pytest plugin (`pytest11: plantroom`): the fixture `plant_rig` makes simulated plants and closes them when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from simulators.rig import Rig

MakeRig = Callable[..., "Rig"]


@pytest.fixture
def plant_rig() -> Iterator[MakeRig]:
    """plant_rig(site, seed=1, start=..., tick_s=0.1) -> Rig; site: a site file's path or text. docs/test-rigs.md."""
    from simulators.rig import Rig  # only a test that asks for a plant pays for it

    with ExitStack() as rigs:

        def make(site: Path | str, **more: object) -> Rig:
            return rigs.enter_context(Rig(site, **more))  # type: ignore[arg-type]

        yield make
