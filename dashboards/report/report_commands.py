"""`plantroom report`: the service standard's figures of a period as PDF or XLSX, from the records alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from dashboards.report.content import Report, compose
from dashboards.report.tables import tables_of
from plantroom.bundle import site_of
from plantroom.cli import print_json
from plantroom.clock import SystemClock, at_utc
from plantroom.errors import BadInput, Problem
from plantroom.journal import Journal
from plantroom.kpi import reading
from plantroom.kpi.period import period
from plantroom.records import Records
from plantroom.site import Site
from plantroom.site_file import load_site
from plantroom.words import language, say

KINDS = (".pdf", ".xlsx")


def register(app: typer.Typer) -> None:
    @app.command("report")
    def report(
        site: Annotated[Path, typer.Argument(metavar="SITE", help="the site file")],
        data: Annotated[Path, typer.Option("--data", help="the data folder of `plantroom run`")],
        name: Annotated[str, typer.Option("--period", help="2026-11, 2026-Q4, 2026, 2026-11-03..2026-11-09")],
        out: Annotated[Path, typer.Option("--out", help="F.pdf or F.xlsx")],
        lang: Annotated[str | None, typer.Option("--lang", help="zh or en; the site's by default")] = None,
        kind: Annotated[str | None, typer.Option("--kind", help="machines of one kind alone")] = None,
        system: Annotated[str | None, typer.Option("--system", help="lifts, fire, hvac, power, water or building alone")] = None,
        firm: Annotated[str | None, typer.Option("--firm", help="what one firm looks after")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout: the figures")] = False,
    ) -> None:
        """The report of a period: K-1 to K-4, what was missed and why, every order. Reads the records, changes nothing."""
        try:
            scope = reading.scope_of(kind, system, firm)
        except ValueError as wrong:
            raise BadInput([Problem("command line", 0, "--kind, --system", str(wrong))]) from None
        written = write(site, data, name, out, lang, scope)
        if as_json:
            print_json(written)
        else:
            typer.echo(f"{out}: {written['period']}, {written['as_of']}")


def write(site_file: Path, data: Path, name: str, out: Path, lang: str | None, scope: reading.Scope) -> dict[str, object]:
    """Writes the file beside and puts it in its place when it is whole; returns the figures. Raises BadInput."""
    if out.suffix.lower() not in KINDS:
        raise BadInput([Problem("command line", 0, "--out", f"{out.name!r} ends neither in .pdf nor in .xlsx")])
    given = load_site(site_file)
    folder = data / given.id
    if not (folder / "records.db").is_file():
        raise BadInput([Problem("command line", 0, "--data", f"{folder} holds no records; name the data folder of `plantroom run`")])
    site = _applied(folder, given)
    try:
        span = period(name, ZoneInfo(site.zone))
    except ValueError as wrong:
        raise BadInput([Problem("command line", 0, "--period", str(wrong))]) from None
    spoken = language(lang, site.language)
    with closing(Records.open(folder / "records.db", readonly=True)) as records:
        position = records.row("position") or {"wall_ns": 0}
        as_of_ns = min(reading.judged_at(span, SystemClock().read().wall_ns), int(position["wall_ns"]))
        read = reading.read(records, site, span, as_of_ns, scope)
        n, head = records.db.execute("SELECT n, hex(hash) FROM chronicle ORDER BY n DESC LIMIT 1").get or (0, "")
    at = at_utc(as_of_ns).astimezone(span.zone)
    short = f"{n}:{str(head).lower()[:16]}"
    facts = [
        (say("report.as_of", spoken), f"{at:%Y-%m-%d %H:%M:%S} ({span.zone.key})"),
        (say("report.chain", spoken), say("report.chain_text", spoken, rows=n, head=str(head).lower())),
    ]
    if narrowed := [each for each in (scope.kind, scope.system, scope.firm) if each]:
        facts.append((say("report.scope", spoken), ", ".join(narrowed)))
    composed = compose(site, span, read, spoken, tables_of(site, read, spoken), facts)
    standing = say("report.standing", spoken, site=site.name, period=span.name, head=short)
    whole = out.with_name(f".{out.name}.part")
    whole.write_bytes(_bytes(out.suffix.lower(), composed, standing, as_of_ns))
    whole.replace(out)
    return {"site": site.id, **read.figures}


def _bytes(suffix: str, composed: Report, standing: str, as_of_ns: int) -> bytes:
    try:
        if suffix == ".pdf":
            from dashboards.report.pdf import pages

            return pages(composed, standing, as_of_ns)
        from dashboards.report.xlsx import workbook

        return workbook(composed, as_of_ns)
    except ImportError as missing:
        said = f"{missing.name} is not installed: pip install 'plantroom[report]'"
        raise BadInput([Problem("command line", 0, "--out", said)]) from missing


def _applied(folder: Path, given: Site) -> Site:
    """What the engine goes by; read from the journal only where that is another one than the file."""
    with closing(Records.open(folder / "records.db", readonly=True)) as records:
        newest = records.row("newest_config")
    if newest is None or newest["hash"] == given.hash:
        return given
    with closing(Journal(folder / "journal", SystemClock()).reader()) as reader:
        found = site_of(reader)
    return found[1] if found is not None else given
