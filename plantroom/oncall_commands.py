"""`oncall now` and `oncall list`: who is on duty, now, until when and who comes next.

By the site file alone; with the installation's folder by what is applied and what people have entered since, as the engine calls.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import apsw
import typer

from plantroom import oncall
from plantroom.bundle import site_of
from plantroom.cli import FAILED, print_json
from plantroom.clock import Clock, SystemClock, iso, to_ns
from plantroom.errors import BadInput, Problem
from plantroom.journal import Journal
from plantroom.local_time import wall_ns
from plantroom.records import Records
from plantroom.roster import Change
from plantroom.run_command import AppliedFiles
from plantroom.site import Site
from plantroom.site_file import load_site
from plantroom.words import language as nearest_language
from plantroom.words import say

MOST_DAYS = 366
SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="the site file")]
At = Annotated[str | None, typer.Option("--at", help="another time than now: 2026-12-24T20:00, the site's, or with an offset or Z")]
Data = Annotated[
    Path | None, typer.Option("--data", help="folder of the installation: by what is applied there, with the changes people entered")
]
Language = Annotated[str | None, typer.Option("--language", help="zh or en; the site's by default")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Who is on duty.")
    group.callback()(_group)
    app.add_typer(group, name="oncall")

    @group.command("now")
    def now_(site: SiteFile, data: Data = None, at: At = None, language: Language = None, as_json: Json = False) -> None:
        """Who is on in each team, until when, who comes next; exit 1 where nobody is."""
        raise typer.Exit(show_now(site, at, language, as_json, data=data))

    @group.command("list")
    def list_(
        site: SiteFile,
        data: Data = None,
        days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="from today on")] = 7,
        at: At = None,
        language: Language = None,
        as_json: Json = False,
    ) -> None:
        """The turns of each team over days, with the hours that nobody has."""
        show_turns(site, days, at, language, as_json, data=data)


def _group() -> None:
    """Who is on duty."""


def show_now(
    path: Path, at: str | None, language: str | None, as_json: bool, clock: Clock | None = None, *, data: Path | None = None
) -> int:
    """Raises BadInput."""
    clock = clock or SystemClock()
    site, changes, notes = _asked(path, data, clock)
    at_ns = _instant(at, site.roster.zone, clock)
    teams = oncall.now(site, at_ns, changes)
    if as_json:
        print_json({**oncall.as_json(site, at_ns, teams), "plan_only": data is None})
    else:
        spoken = nearest_language(language, site.language)
        typer.echo("\n".join([*oncall.lines(site, at_ns, teams, spoken), *_said(notes, spoken)]))
    return 0 if all(duty.people for duty in teams) else FAILED


def show_turns(
    path: Path, days: int, at: str | None, language: str | None, as_json: bool, clock: Clock | None = None, *, data: Path | None = None
) -> None:
    """Raises BadInput."""
    clock = clock or SystemClock()
    site, changes, notes = _asked(path, data, clock)
    found = oncall.turns(site, _instant(at, site.roster.zone, clock), days, changes)
    if not as_json:
        spoken = nearest_language(language, site.language)
        typer.echo("\n".join([*oncall.turns_lines(site, found, spoken), *_said(notes, spoken)]))
        return
    rows = {team: [{"from": iso(a), "to": iso(b), "people": list(people)} for a, b, people in turns] for team, turns in found.items()}
    print_json({"site": site.id, "teams": rows, "plan_only": data is None})


def _asked(path: Path, data: Path | None, clock: Clock) -> tuple[Site, list[Change], list[str]]:
    """The site, what people entered, and what has to be said beside it (`oncall.<note>`)."""
    if data is None:
        site = load_site(path)
        return site, [], ["plan_only"] if site.roster.teams else []
    file: Site | None = None
    try:
        file = load_site(path)
        id_ = file.id
    except BadInput:  # duty goes on by what was applied before the file was spoilt
        known = AppliedFiles(data).get(path)
        if known is None:
            raise
        id_ = known
    site, changes = _applied(data, id_, clock)
    return site, changes, ["not_applied"] if file is None or file.roster.teams != site.roster.teams else []


def _applied(data: Path, id_: str, clock: Clock) -> tuple[Site, list[Change]]:
    """What the engine goes by."""
    never = BadInput([Problem("command line", 0, "--data", f"the site {id_} was never run in {data}; name the folder of `plantroom run`")])
    folder = data / id_
    try:
        records = Records.open(folder / "records.db", readonly=True)
    except FileNotFoundError:
        raise never from None
    try:
        changes = [Change(*row.values()) for row in records.rows("changes_held", {"now_ns": clock.read().wall_ns})]
    except apsw.SQLError as error:
        said = f"{folder / 'records.db'} is of an older release; start `plantroom run` of this one once"
        raise BadInput([Problem("command line", 0, "--data", said)]) from error
    finally:
        records.close()
    reader = Journal(folder / "journal", clock).reader()
    try:
        found = site_of(reader)
    finally:
        reader.close()
    if found is None:
        raise never
    return found[1], [change for change in changes if change.from_ns < change.to_ns]


def _said(notes: list[str], language: str) -> list[str]:
    return [line for note in notes for line in ("", say(f"oncall.{note}", language))]


def _instant(text: str | None, zone: ZoneInfo, clock: Clock) -> int:
    if text is None:
        return clock.read().wall_ns
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 (refused below)
    if not 2000 <= at.year < 2200:
        said = f"{text!r} is no time; write 2026-12-24T20:00 (the site's time), or with an offset or Z"
        raise BadInput([Problem("command line", 0, "--at", said)])
    return wall_ns(at, zone) if at.tzinfo is None else to_ns(at)
