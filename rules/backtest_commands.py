"""`plantroom backtest`: its command line. What it takes to judge is loaded when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HISTORY = "F.csv, F.csv.gz, F.parquet; a data folder of Plantroom; influx:http://host:8086/db (secrets as ${NAME})"


def register(app: typer.Typer) -> None:
    @app.command("backtest")
    def backtest_(
        site: Annotated[Path, typer.Argument(metavar="SITE", help="the site file")],
        history: Annotated[str, typer.Option("--history", help=HISTORY)],
        start: Annotated[str | None, typer.Option("--from", help="first instant, ISO 8601")] = None,
        end: Annotated[str | None, typer.Option("--to", help="first instant that no longer counts")] = None,
        changes: Annotated[list[str] | None, typer.Option("--what-if", help="rule.parameter=value or machine:rule.parameter=value")] = None,
        rules: Annotated[Path | None, typer.Option("--rules", help="a folder with another version of rules, to compare with")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="JSON lines; a comparison as one JSON object")] = False,
    ) -> None:
        """What the rules would have raised over history, as JSON lines; with --what-if or --rules a comparison of the two."""
        from rules.backtesting import run_backtest

        raise typer.Exit(run_backtest(site, history, start, end, changes or [], rules, as_json))
