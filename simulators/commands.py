"""The commands of this package: `simulate`, `demo`, `rehearse`. A composition root: it alone builds objects."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from plantroom.cli import DONE, FAILED, print_json


class Wire(StrEnum):
    """Over which wires a rehearsal reads."""

    FULL = "full"
    DISTURBED = "disturbed"


Seed = Annotated[int | None, typer.Option("--seed", help="of the world; the scenario's, else 1")]


def register(app: typer.Typer) -> None:
    @app.command()
    def simulate(
        site: Annotated[Path, typer.Argument(metavar="SITE", help="site file whose devices are to answer")],
        scenario: Annotated[Path | None, typer.Option("--scenario", help="what happens when (docs/simulators.md)")] = None,
        seed: Seed = None,
        speed: Annotated[float, typer.Option("--speed", min=0.01, max=1000.0, help="plant seconds per second")] = 1.0,
        truth: Annotated[Path | None, typer.Option("--truth", help="appends what really happened, one JSON object a line")] = None,
        control: Annotated[bool, typer.Option("--control", help="takes upsets as JSON lines on stdin, ends with it")] = False,
    ) -> None:
        """Answers as every device of a site file, on its addresses; prints one JSON line when it listens.

        Ends with exit code 1 where a reader asked for anything but a read, and says for what.
        """
        import uvloop

        from plantroom.clock import SystemClock
        from plantroom.logs import set_up_logging
        from plantroom.site_file import load_site
        from simulators.scenario import Scenario, load_scenario
        from simulators.simulate import Order
        from simulators.simulate import simulate as run

        loaded = load_site(site)
        set_up_logging(service="simulate", site=loaded.id)
        played = load_scenario(scenario, loaded) if scenario is not None else Scenario()
        forbidden = uvloop.run(run(Order(loaded, played, seed, speed, truth, control), SystemClock()))
        if forbidden:
            asked = ", ".join(f"function {code} {times} times" for code, times in sorted(forbidden.items()))
            typer.echo(f"plantroom: a reader asked for more than reads: {asked}; all refused", err=True)
            raise typer.Exit(FAILED)

    @app.command()
    def demo(
        port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="of the console; 0 = any free one")] = 8600,
        data: Annotated[Path | None, typer.Option("--data", help="keeps the data; else they go with the demo")] = None,
        seconds: Annotated[float | None, typer.Option("--seconds", min=1, help="ends by itself; the last line is a JSON summary")] = None,
    ) -> None:
        """A simulated building and the whole service on it: opens the console, raises an urgent fault within seconds."""
        raise typer.Exit(_demo(port, data, seconds))

    @app.command()
    def rehearse(
        site: Annotated[Path, typer.Argument(metavar="SITE")],
        scenario: Annotated[Path | None, typer.Option("--scenario", help="what happens when (docs/simulators.md)")] = None,
        upset: Annotated[list[str] | None, typer.Option("--upset", help="instead: gen-1.fail_to_start, an upset by itself")] = None,
        seed: Seed = None,
        every: Annotated[float, typer.Option("--every", min=1.0, max=300.0, help="seconds: nothing is polled more often")] = 1.0,
        wire: Annotated[
            Wire, typer.Option("--wire", help="full; disturbed: where nothing disturbs a line nothing is asked over it: the same, sooner")
        ] = Wire.FULL,
    ) -> None:
        """Plays a scenario through the whole system on a virtual clock; JSON lines, last the score. The same bytes each time."""
        if (scenario is None) == (not upset):
            raise typer.BadParameter("say what happens: --scenario FILE, or --upset EQUIPMENT.FAULT as often as you like")
        if wire is Wire.DISTURBED and every < 2.0:
            raise typer.BadParameter("--wire disturbed wants beats of two seconds or more: --every 2, or the full wire")
        from plantroom.logs import set_up_logging
        from simulators.rehearse_commands import rehearse as run

        set_up_logging(service="rehearse", site=None)
        run(site, scenario, upset or (), seed, every, direct=wire is Wire.DISTURBED)


def _demo(port: int, data: Path | None, seconds: float | None) -> int:
    import asyncio
    from tempfile import TemporaryDirectory

    from plantroom.clock import SystemClock
    from plantroom.logs import set_up_logging
    from simulators.demo import NotReady, Plan
    from simulators.demo import demo as run

    set_up_logging(service="demo", site=None)
    with TemporaryDirectory(prefix="plantroom-demo-") as own:
        folder = data or Path(own)
        try:
            summary, dead = asyncio.run(run(Plan(folder.resolve(), port, seconds), SystemClock(), typer.echo))
        except NotReady as error:
            typer.echo(f"plantroom: {error}", err=True)
            _tail(folder / "demo.log", data)
            return FAILED
        if dead:
            typer.echo(f"plantroom: {', '.join(dead)} could not be kept alive; see {folder / 'demo.log'}", err=True)
            _tail(folder / "demo.log", data)
        print_json(summary)
    return FAILED if dead else DONE


def _tail(log: Path, kept: Path | None) -> None:
    """The log's end, where the log itself goes with the demo."""
    if kept is None:
        typer.echo(log.read_text(errors="replace")[-4000:], err=True)
