"""`ledger check | import | export` and `site new`: an owner's sheets in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from plantroom import bundle
from plantroom.cli import BAD_INPUT, DONE, FAILED, print_json, print_problems
from plantroom.clock import Clock, SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.ledger import review, writing
from plantroom.ledger.drafting import Head, draft
from plantroom.ledger.grid import read_file
from plantroom.ledger.reading import Entry, Ledger, good, read_ledger
from plantroom.local_time import local_date
from plantroom.site import Site
from plantroom.site_file import load_site
from plantroom.whole_file import write_new, write_whole

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
SITE_FILES = (".yaml", ".yml")
_SHEETS_KEY = re.compile(r"^sheets\s*:", re.MULTILINE)
_SHEETS_LIST = re.compile(r"^sheets: *\[([^\]\n#]*)\] *$", re.MULTILINE)


def register(app: typer.Typer) -> None:
    ledger = typer.Typer(no_args_is_help=True, help="The ledger of equipment (L-1..L-4): sheets checked, taken in, given out.")
    app.add_typer(ledger, name="ledger")
    site = typer.Typer(no_args_is_help=True, help="A new site file.")
    app.add_typer(site, name="site")

    @ledger.command()
    def check(
        file: Annotated[Path, typer.Argument(metavar="SHEET|SITE", help="an .xlsx or .csv sheet, or a site file")],
        as_json: Json = False,
        whole: Annotated[bool, typer.Option("--all", help="each problem by itself; else the first of each kind and how many more")] = False,
    ) -> None:
        """Of a sheet: every row's problem, nothing is changed (exit 2). Of a site file: what each machine's entry lacks (exit 1)."""
        raise typer.Exit(check_site(file, as_json, whole=whole) if file.suffix in SITE_FILES else check_sheet(file, as_json))

    @ledger.command("import")
    def import_(
        sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="an .xlsx or .csv sheet")],
        site: Annotated[Path, typer.Argument(metavar="SITE", help="the site file that is to name it")],
        adds: Annotated[bool, typer.Option("--adds", help="rows that name no equipment of the site file become some, unmonitored")] = False,
        as_json: Json = False,
    ) -> None:
        """Puts a sheet beside a site file and names it there, once all of it can be used; else nothing is changed (exit 2)."""
        raise typer.Exit(import_sheet(sheet, site, as_json, adds=adds))

    @ledger.command()
    def export(
        site: Annotated[Path, typer.Argument(metavar="SITE", help="the site file")],
        out: Annotated[Path, typer.Option("--out", help="F.xlsx or F.csv")],
        language: Annotated[str | None, typer.Option("--language", help="zh or en; the site's by default")] = None,
        as_json: Json = False,
    ) -> None:
        """Writes a site's ledger as a sheet that can be imported again."""
        raise typer.Exit(export_sheet(site, out, language, as_json))

    @site.command()
    def new(
        out: Annotated[Path, typer.Argument(metavar="SITE", help="the site file to make")],
        from_: Annotated[Path, typer.Option("--from", help="an .xlsx or .csv ledger")],
        id_: Annotated[str, typer.Option("--id", help="the site's short id")] = "",
        name: Annotated[str, typer.Option("--name", help="the site's name")] = "",
        zone: Annotated[str, typer.Option("--zone", help="its time zone")] = "Asia/Shanghai",
        language: Annotated[str, typer.Option("--language", help="zh or en")] = "zh",
        as_json: Json = False,
    ) -> None:
        """Makes a site file from a ledger: its equipment, unmonitored. What is unclear stands in it as a comment (exit 1)."""
        raise typer.Exit(new_site(from_, out, Head(id_ or _site_id(out), name or out.stem, zone, language), as_json))


def check_sheet(path: Path, as_json: bool) -> int:
    found = read_ledger(read_file(path), str(path))
    if as_json:
        print_json(
            {
                "equipment": len(found.entries),
                "problems": _listed(found.problems),
                "passed_over": _listed(found.notes),
                "own": list(found.own),
            }
        )
    else:
        if found.problems:
            print_problems(found.problems, as_json=False, whole=True)
        typer.echo("\n".join([f"{path}: {len(found.entries)} equipment, {len(found.problems)} problems", *_remarks(found)]))
    return BAD_INPUT if found.problems else DONE


def check_site(path: Path, as_json: bool, clock: Clock | None = None, *, whole: bool = False) -> int:
    site = load_site(path)
    today = local_date((clock or SystemClock()).read().wall_ns, site.roster.zone)
    problems = sorted({*review.gaps(site), *review.findings(site, today)})
    if as_json or problems:
        print_problems(problems, as_json=as_json, whole=whole)
    if not as_json:
        entries = list(review.machines(site))
        lacking = sum(bool(review.lacks(machine)) for machine in entries)
        typer.echo(f"{path}: {len(entries)} equipment, {len(entries) - lacking} with a whole entry, {lacking} that lack something")
    return FAILED if problems else DONE


def import_sheet(sheet: Path, path: Path, as_json: bool, *, adds: bool = False) -> int:
    """Raises BadInput, and has changed nothing then."""
    found = read_ledger(read_file(sheet), str(sheet))
    good(found)
    data, before = sheet.read_bytes(), path.read_text("utf-8-sig") if path.is_file() else ""
    load_site(path)
    beside = path.parent / sheet.name
    is_there = beside.exists() and beside.resolve() == sheet.resolve()
    if beside.exists() and not is_there and beside.read_bytes() != data:
        raise BadInput(
            [Problem(str(beside), 0, "", "is another sheet of that name; give the new one another name, or replace it yourself")]
        )
    copied = not beside.exists()
    text = with_sheet(path, before, sheet.name, adds=adds)
    try:
        if copied:
            write_whole(beside, data)
        trial = _as_written(path, text)
    except BaseException:
        if copied:
            beside.unlink(missing_ok=True)
        raise
    if text != before:
        write_whole(path, text.encode())
    rows, left = len(found.entries), len(trial.left)
    if as_json:
        print_json({"equipment": rows, "left": _listed(trial.left), "site": str(path), "sheet": str(beside)})
    else:
        for problem in trial.left:
            typer.echo(str(problem), err=True)
        typer.echo(f"{path}: names {sheet.name}; {rows} rows, {left} left open. `plantroom apply` makes it count")
    return FAILED if left else DONE


def _as_written(path: Path, text: str) -> Site:
    """The site as it would be: what does not load is not written."""
    trial = path.with_name(f".{path.stem}.trial.yaml")
    write_whole(trial, text.encode())
    try:
        return load_site(trial)
    except BadInput as error:
        raise BadInput([Problem(str(path) if p.file == str(trial) else p.file, p.line, p.where, p.text) for p in error.problems]) from error
    finally:
        trial.unlink(missing_ok=True)


def with_sheet(path: Path, text: str, name: str, *, adds: bool) -> str:
    """The site file's text, naming the sheet. Comments and order stay as they are."""
    entry = f'{{file: "{name}", adds: true}}' if adds else f'"{name}"'
    match = _SHEETS_LIST.search(text)
    if match is not None:
        named = [each.strip().strip("\"'") for each in match.group(1).split(",") if each.strip()]
        if name in named:
            return text
        return f"{text[: match.start()]}sheets: [{', '.join([*filter(None, [match.group(1).strip()]), entry])}]{text[match.end() :]}"
    if _SHEETS_KEY.search(text):
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text):
            return text
        raise BadInput([Problem(str(path), 0, "sheets", f"is written over several lines; add the line `  - {entry}` to it yourself")])
    return f"{text.rstrip()}\n\nsheets: [{entry}]\n"


def export_sheet(path: Path, out: Path, language: str | None, as_json: bool) -> int:
    site = load_site(path)
    lang = language or site.language
    if lang not in ("zh", "en"):
        raise BadInput([Problem("command line", 0, "--language", f"{lang!r} is no language here; zh or en")])
    ways = {".xlsx": writing.to_xlsx, ".csv": writing.to_csv}
    if out.suffix not in ways:
        raise BadInput([Problem(str(out), 0, "--out", "names no sheet; write F.xlsx or F.csv")])
    write_whole(out, ways[out.suffix](site, lang))
    count = len(list(review.machines(site)))
    if as_json:
        print_json({"equipment": count, "file": str(out)})
    else:
        typer.echo(f"{out}: {count} equipment")
    return DONE


def new_site(sheet: Path, out: Path, head: Head, as_json: bool) -> int:
    """Raises BadInput where the sheet holds no equipment, or the file exists."""
    found = read_ledger(read_file(sheet), str(sheet))
    if not found.entries:
        good(found)
    made = draft(found, head, sheet.name)
    write_new(out, made.text.encode())
    wrong = bundle.problems_of(out)
    if wrong:
        out.unlink(missing_ok=True)
        raise BadInput(wrong)
    if as_json:
        print_json({"site": str(out), "equipment": made.equipment, "unclear": _listed(made.unclear)})
    else:
        if made.unclear:
            print_problems(made.unclear, as_json=False, whole=True)
        typer.echo(
            "\n".join([f"{out}: {made.equipment} equipment, {len(made.unclear)} unclear; passes `plantroom check`", *_remarks(found)])
        )
    return FAILED if made.unclear else DONE


def _remarks(found: Ledger) -> list[str]:
    lines = [str(note) for note in found.notes]
    if found.own:
        lines.append(f"headings kept as they are written: {', '.join(found.own)}")
    return lines + ([_kinds(found.entries)] if found.entries else [])


def _kinds(entries: Iterable[Entry]) -> str:
    counted: dict[str, int] = {}
    for entry in entries:
        counted[entry.kind or "?"] = counted.get(entry.kind or "?", 0) + 1
    return f"kinds: {', '.join(f'{kind} {count}' for kind, count in sorted(counted.items()))}"


def _listed(problems: Iterable[Problem]) -> list[dict[str, object]]:
    return [{"file": p.file, "line": p.line, "where": p.where, "text": p.text} for p in problems]


def _site_id(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-_")[:40] or "site"
