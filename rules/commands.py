"""This package's commands: the composition root of `rules`. Each imports what it needs when it runs: a quick CLI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plantroom.bundle import Checked
from plantroom.cli import DONE, FAILED, print_json
from plantroom.clock import SystemClock
from plantroom.site import Site
from plantroom.words import language, say

if TYPE_CHECKING:
    from rules.rebuild import Report


def register(app: typer.Typer) -> None:
    from rules import backtest_commands, plan_commands, rule_commands, watch_commands

    app.command("rebuild")(rebuild)
    rule_commands.register(app)
    backtest_commands.register(app)
    watch_commands.register(app)
    plan_commands.register(app)


def check(site: Site) -> Checked:
    """What the rules have to say to a site file, and the rule texts that join its config record."""
    from rules import check as site_check

    return site_check.check(site)


def rebuild(
    data: Annotated[Path, typer.Option(help="the data folder")],
    site: Annotated[str | None, typer.Option(help="one site; all of them by default")] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON line for each site")] = False,
) -> None:
    """Computes the records again from the journal, in a scratch file, and compares them row by row; exit 1 at the first difference."""
    from rules.rebuild import rebuild_site

    folders = [data / site] if site is not None else sorted(path.parent for path in data.glob("*/records.db"))
    reports = [rebuild_site(folder, SystemClock()) for folder in folders]
    for report in reports:
        if json:
            print_json(report.as_dict())
        else:
            typer.echo(_said(report))
    if not reports:
        typer.echo(say("rebuild.nothing", _language(), data=data), err=True)
    raise typer.Exit(DONE if reports and all(report.equal for report in reports) else FAILED)


def _said(report: Report) -> str:
    lang = _language()
    span = {"site": report.site, "first": report.from_seq, "last": report.to_seq, "records": report.records}
    if report.why:
        return say("rebuild.impossible", lang, site=report.site, why=report.why)
    if report.difference is None:
        return say("rebuild.equal", lang, **span, rows=sum(report.tables.values()))
    found = report.difference
    where = f"{found.table} {dict(found.key)}"
    return "\n".join([say("rebuild.differs", lang, **span, where=where), f"  records: {found.stands}", f"  rebuilt: {found.rebuilt}"])


def _language() -> str:
    return language(os.environ.get("LANG"), "en")
