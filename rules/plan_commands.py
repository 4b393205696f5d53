"""`plantroom plans list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plantroom.clock import SystemClock


def register(app: typer.Typer) -> None:
    plans = typer.Typer(no_args_is_help=True, help="The maintenance plan: what applies where, and when it falls due.")
    app.add_typer(plans, name="plans")

    @plans.callback()
    def group() -> None:
        """So that `list` stays a command of its own."""

    @plans.command("list")
    def list_(
        site: Annotated[Path, typer.Argument(metavar="SITE", help="the site file")],
        as_json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout")] = False,
        lang: Annotated[str | None, typer.Option("--lang", help="zh or en; default: the site's")] = None,
    ) -> None:
        """Every task of the plan by machine: how often, by whom, from when, next due; what a site loosens and what it switched off."""
        from rules.plan_reports import list_plans

        raise typer.Exit(list_plans(site, SystemClock().read().wall_ns, as_json, lang))
