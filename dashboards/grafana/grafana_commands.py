"""`plantroom dashboards build`: the Grafana dashboards from their code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plantroom.cli import FAILED, print_json
from plantroom.errors import BadInput, Problem


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Grafana dashboards as code.")
    app.add_typer(group, name="dashboards")
    group.callback()(_group)

    @group.command()
    def build(
        check: Annotated[bool, typer.Option("--check", help="only say whether the files are current; exit 1 where not")] = False,
        out: Annotated[Path | None, typer.Option("--out", help="folder to write to instead of the package's own")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
    ) -> None:
        """Writes the dashboards' JSON for Grafana's provisioning from the layout and the kind files."""
        try:
            from dashboards.grafana import build as building
        except ImportError as error:
            said = f"the Grafana SDK is missing ({error.name}); pip install 'plantroom[grafana]'"
            raise BadInput([Problem("command line", 0, "dashboards build", said)]) from error
        folder = building.FOLDER if out is None else out
        names = building.stale(folder) if check else [path.name for path in building.write(folder)]
        if as_json:
            print_json({"folder": str(folder), "stale" if check else "written": names})
        else:
            for name in names:
                typer.echo(f"{folder / name}: {'is not current; run plantroom dashboards build' if check else 'written'}")
        if check and names:
            raise typer.Exit(FAILED)


def _group() -> None:
    """Keeps `build` a command of its own while it is the only one."""
