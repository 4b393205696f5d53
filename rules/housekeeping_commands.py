"""`plantroom rules housekeeping`: the alarm figures of a site, or of all sites of a data folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from plantroom.cli import print_json
from plantroom.clock import NS, SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.housekeeping import Alarm, housekeeping, lines
from plantroom.records import Records
from plantroom.words import language
from rules.history_csv import instant_ns

USUAL_NS = 7 * 86_400 * NS


def register(rules: typer.Typer) -> None:
    @rules.command("housekeeping")
    def housekeeping_(
        data: Annotated[Path, typer.Option("--data", help="the data folder of `plantroom run`")],
        site: Annotated[str | None, typer.Option("--site", help="one site; default: each")] = None,
        start: Annotated[str | None, typer.Option("--from", help="first instant, ISO 8601; default: a week before --to")] = None,
        end: Annotated[str | None, typer.Option("--to", help="first instant that no longer counts; default: now")] = None,
        lang: Annotated[str | None, typer.Option("--lang", help="zh or en")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="JSON lines, one a site")] = False,
    ) -> None:
        """Alarm rates, floods, chatter, what stands too long, beside the targets of ISA-18.2 and EEMUA 191."""
        raise typer.Exit(run_housekeeping(data, site, start, end, lang, as_json))


def run_housekeeping(data: Path, site: str | None, start: str | None, end: str | None, lang: str | None, as_json: bool) -> int:
    found = sorted(path.parent for path in data.glob("*/records.db") if site in (None, path.parent.name))
    if not found:
        said = f"holds no records of {site}" if site else "holds no site's records; name the data folder of `plantroom run`"
        raise BadInput([Problem(str(data), 0, "--data", said)])
    end_ns = _instant("--to", end) or SystemClock().read().wall_ns
    start_ns = _instant("--from", start) or end_ns - USUAL_NS
    if start_ns >= end_ns:
        raise BadInput([Problem("command line", 0, "--from", "must lie before --to")])
    for folder in found:
        with closing(Records.open(folder / "records.db", readonly=True)) as records:
            rows = records.rows("alarms_within", {"start_ns": start_ns, "end_ns": end_ns})
        answer = housekeeping((Alarm(**{**row, "presented": bool(row["presented"])}) for row in rows), start_ns, end_ns)
        if as_json:
            print_json({"site": folder.name, **answer})
        else:
            typer.echo("\n".join([folder.name, *lines(answer, language(lang))]))
    return 0


def _instant(option: str, text: str | None) -> int | None:
    try:
        return instant_ns(text) if text is not None else None
    except ValueError:
        raise BadInput([Problem("command line", 0, option, f"{text!r} is no instant; write 2026-03-01T06:00:00Z")]) from None
