"""`plantroom rules test` and `plantroom rules list`: their command lines. Rules and engine are loaded when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rules import housekeeping_commands

Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout")]
SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="the site file")]


def register(app: typer.Typer) -> None:
    rules = typer.Typer(no_args_is_help=True, help="Rules: their own tests, and where they apply.")
    app.add_typer(rules, name="rules")
    housekeeping_commands.register(rules)

    @rules.command("test")
    def test(
        files: Annotated[list[Path] | None, typer.Argument(metavar="[FILES]", help="rule files or folders; default: what ships")] = None,
        as_json: Json = False,
    ) -> None:
        """Runs the tests inside rule files; exit 1 where an expectation does not hold."""
        from rules.rule_reports import run_tests

        raise typer.Exit(run_tests(files or [], as_json))

    @rules.command("list")
    def list_(
        site: SiteFile,
        as_json: Json = False,
        lang: Annotated[str | None, typer.Option("--lang", help="zh or en; default: the site's")] = None,
    ) -> None:
        """What can and cannot be detected on which machine, and why not; groups, and what is only a part of another fault."""
        from rules.rule_reports import list_rules

        raise typer.Exit(list_rules(site, as_json, lang))
