"""`oncall now` and `oncall list`: who is on duty by the site file, now, until when and who comes next."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from plantroom import oncall
from plantroom.cli import FAILED, print_json
from plantroom.clock import Clock, SystemClock, iso, to_ns
from plantroom.errors import BadInput, Problem
from plantroom.local_time import wall_ns
from plantroom.site_file import load_site
from plantroom.words import language as nearest_language

MOST_DAYS = 366
SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="the site file")]
At = Annotated[str | None, typer.Option("--at", help="another time than now: 2026-12-24T20:00, the site's, or with an offset or Z")]
Language = Annotated[str | None, typer.Option("--language", help="zh or en; the site's by default")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Who is on duty.")
    group.callback()(_group)
    app.add_typer(group, name="oncall")

    @group.command("now")
    def now_(site: SiteFile, at: At = None, language: Language = None, as_json: Json = False) -> None:
        """Who is on in each team, until when, who comes next; exit 1 where nobody is."""
        raise typer.Exit(show_now(site, at, language, as_json))

    @group.command("list")
    def list_(
        site: SiteFile,
        days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="from today on")] = 7,
        at: At = None,
        language: Language = None,
        as_json: Json = False,
    ) -> None:
        """The turns of each team over days, with the hours that nobody has."""
        show_turns(site, days, at, language, as_json)


def _group() -> None:
    """Who is on duty."""


def show_now(path: Path, at: str | None, language: str | None, as_json: bool, clock: Clock | None = None) -> int:
    """Raises BadInput."""
    site = load_site(path)
    at_ns = _instant(at, site.roster.zone, clock)
    teams = oncall.now(site, at_ns)
    if as_json:
        print_json(oncall.as_json(site, at_ns, teams))
    else:
        typer.echo("\n".join(oncall.lines(site, at_ns, teams, nearest_language(language, site.language))))
    return 0 if all(duty.people for duty in teams) else FAILED


def show_turns(path: Path, days: int, at: str | None, language: str | None, as_json: bool, clock: Clock | None = None) -> None:
    """Raises BadInput."""
    site = load_site(path)
    found = oncall.turns(site, _instant(at, site.roster.zone, clock), days)
    if not as_json:
        typer.echo("\n".join(oncall.turns_lines(site, found, nearest_language(language, site.language))))
        return
    rows = {team: [{"from": iso(a), "to": iso(b), "people": list(people)} for a, b, people in turns] for team, turns in found.items()}
    print_json({"site": site.id, "teams": rows})


def _instant(text: str | None, zone: ZoneInfo, clock: Clock | None) -> int:
    if text is None:
        return (clock or SystemClock()).read().wall_ns
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 (refused below)
    if not 2000 <= at.year < 2200:
        said = f"{text!r} is no time; write 2026-12-24T20:00 (the site's time), or with an offset or Z"
        raise BadInput([Problem("command line", 0, "--at", said)])
    return wall_ns(at, zone) if at.tzinfo is None else to_ns(at)
