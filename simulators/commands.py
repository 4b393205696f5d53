"""The commands of this package: `simulate`, `demo`. A composition root: it alone builds objects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plantroom.cli import ServiceRunner

Seed = Annotated[int | None, typer.Option("--seed", help="of the world; the scenario's, else 1")]


def register(app: typer.Typer, services: dict[str, ServiceRunner]) -> None:
    @app.command()
    def simulate(
        site: Annotated[Path, typer.Argument(metavar="SITE", help="site file whose devices are to answer")],
        scenario: Annotated[Path | None, typer.Option("--scenario", help="what happens when (docs/simulators.md)")] = None,
        seed: Seed = None,
        speed: Annotated[float, typer.Option("--speed", min=0.01, max=1000.0, help="plant seconds per second")] = 1.0,
        truth: Annotated[Path | None, typer.Option("--truth", help="appends what really happened, one JSON object a line")] = None,
        control: Annotated[bool, typer.Option("--control", help="takes upsets as JSON lines on stdin, ends with it")] = False,
    ) -> None:
        """Answers as every device of a site file, on its addresses; prints one JSON line when it listens."""
        import uvloop

        from plantroom.clock import SystemClock
        from plantroom.site_file import load_site
        from simulators.scenario import Scenario, load_scenario
        from simulators.simulate import Order
        from simulators.simulate import simulate as run

        loaded = load_site(site)
        played = load_scenario(scenario, loaded) if scenario is not None else Scenario()
        uvloop.run(run(Order(loaded, played, seed, speed, truth, control), SystemClock()))
