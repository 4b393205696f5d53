"""`check`, `apply` and `schema`: what an engineer does with a site file before and while it runs."""

from __future__ import annotations

import getpass
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer

from plantroom import (
    bundle,
    channel_check,
    ledger_commands,
    oncall_commands,
    page_command,
    profile_commands,
    roster_check,
    site_rescue,
    site_watch,
)
from plantroom.cli import BAD_INPUT, DONE, FAILED, print_json, print_problems
from plantroom.clock import Clock, SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.journal import Journal
from plantroom.ledger import review
from plantroom.local_time import local_date
from plantroom.site import Site
from plantroom.site_file import load_site

SCHEMAS = Path(__file__).parent / "schemas"
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="the site file")]


def register(app: typer.Typer) -> None:
    profile_commands.register(app)
    oncall_commands.register(app)
    page_command.register(app)
    ledger_commands.register(app)

    @app.command()
    def check(
        site: SiteFile,
        as_json: Json = False,
        whole: Annotated[bool, typer.Option("--all", help="each problem by itself; else the first of each kind and how many more")] = False,
    ) -> None:
        """Finds everything wrong with a site file, its profiles and rules (exit 2), and what roster, hook or lifts leave open (exit 1)."""
        raise typer.Exit(check_site(site, as_json, whole=whole))

    @app.command()
    def apply(
        site: SiteFile,
        data: Annotated[Path, typer.Option("--data", help="folder of the installation")],
        who: Annotated[str | None, typer.Option("--who", help="who applies it; the login name by default")] = None,
        as_json: Json = False,
    ) -> None:
        """Checks a site file and makes it the one all services use."""
        raise typer.Exit(apply_site(site, data, who, as_json))

    @app.command()
    def schema(name: Annotated[str, typer.Argument(metavar="NAME", help="site, profile, kind, rule, plan or scenario")]) -> None:
        """Prints the JSON schema of a file format, for editors."""
        print_schema(name)


def check_site(path: Path, as_json: bool, clock: Clock | None = None, *, whole: bool = False) -> int:
    problems, found = bundle.problems_of(path), None
    if not problems:
        found = load_site(path)
        now_ns = (clock or SystemClock()).read().wall_ns
        left = [*roster_check.findings(found, now_ns), *roster_check.headless(found), *site_rescue.findings(found)]
        left += review.findings(found, local_date(now_ns, found.roster.zone))
        left += [*site_watch.findings(found), *channel_check.findings(found)]
        problems = [replace(problem, file=str(path)) if problem.file == found.root else problem for problem in left]
    if as_json or problems:
        print_problems(problems, as_json=as_json, whole=whole)
    if found is None:
        return BAD_INPUT
    if not as_json:
        said = "can be applied as it is" if problems else "good"
        typer.echo("\n".join([f"{path}: {said}; {_contents(found)}", *bundle.notes_of(found)]))
    return FAILED if problems else DONE


def apply_site(path: Path, data: Path, who: str | None, as_json: bool) -> int:
    """Raises BadInput. Prints what changed; applying the same again changes nothing and says so."""
    site = load_site(path)
    journal = Journal(data / site.id / "journal", SystemClock())
    record = bundle.apply(path, journal, who or _login())
    said = orjson.loads(record.body) if record is not None else {"hash": bundle.checked(path).hash, "difference": ""}
    if as_json:
        print_json({"site": site.id, "seq": record.seq if record else None, "hash": said["hash"], "difference": said["difference"]})
    elif record is None:
        typer.echo(f"{site.id}: applied already, nothing changed")
    else:
        typer.echo(f"{site.id}: applied as record {record.seq}: {said['difference']}")
    return 0


def _contents(site: Site) -> str:
    monitored = sum(equipment.monitored for equipment in site.equipment.values())
    points = sum(len(equipment.bindings) for equipment in site.equipment.values())
    return f"{len(site.equipment)} equipment ({monitored} monitored), {len(site.devices)} devices, {points} points"


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def print_schema(name: str) -> None:
    path = SCHEMAS / f"{name}.json"
    known = sorted(found.stem for found in SCHEMAS.glob("*.json"))
    if name not in known:
        raise BadInput([Problem("command line", 0, name, f"no such schema; there are {', '.join(known)}")])
    typer.echo(path.read_text("utf-8"), nl=False)
