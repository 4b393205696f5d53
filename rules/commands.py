"""This package's commands and services: the composition root of `rules`."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Annotated

import typer

from plantroom.bundle import Checked
from plantroom.cli import FAILED, ServiceContext, ServiceRunner, print_json
from plantroom.clock import SystemClock
from plantroom.site import Site
from plantroom.words import language, say
from rules.book import pack
from rules.notify.service import NotifyService
from rules.rebuild import Report, rebuild_site
from rules.service import RulesService


def register(app: typer.Typer, services: dict[str, ServiceRunner]) -> None:
    services["rules"] = _rules
    services["notify"] = _notify
    app.command("rebuild")(rebuild)
    if importlib.util.find_spec("rules.rule_commands") is not None:
        from rules import rule_commands

        rule_commands.register(app, services)


def check(site: Site) -> Checked:
    """What the rules have to say to a site file, and the rule texts that join its config record."""
    if importlib.util.find_spec("rules.check") is None:
        return Checked(files=pack().files)
    from rules import check as site_check

    checked: Checked = site_check.check(site)
    return checked


async def _rules(context: ServiceContext) -> None:
    await RulesService(context.site_folder, context.clock).run()


async def _notify(context: ServiceContext) -> None:
    await NotifyService(context.site_folder, context.clock).run()


def rebuild(
    data: Annotated[Path, typer.Option(help="The data folder.")],
    site: Annotated[str | None, typer.Option(help="One site; all of them by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line for each site.")] = False,
) -> int:
    """Computes the records again from the journal, in a scratch file, and compares them row by row."""
    sites = [data / site] if site is not None else sorted(path.parent for path in data.glob("*/records.db"))
    equal = True
    for folder in sites:
        report = rebuild_site(folder, SystemClock())
        equal = equal and report.equal
        if json:
            print_json(report.as_dict())
        else:
            typer.echo(_said(report))
    return 0 if equal and sites else FAILED


def _said(report: Report) -> str:
    lang = language(os.environ.get("LANG"), "en")
    span = {"site": report.site, "first": report.from_seq, "last": report.to_seq, "records": report.records}
    if report.why:
        return say("rebuild.impossible", lang, site=report.site, why=report.why)
    if report.difference is None:
        return say("rebuild.equal", lang, **span, rows=sum(report.tables.values()))
    d = report.difference
    where = f"{d.table} {dict(d.key)}"
    return "\n".join([say("rebuild.differs", lang, **span, where=where), f"  records: {d.stands}", f"  rebuilt: {d.rebuilt}"])
