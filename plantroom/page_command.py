"""`page --test PERSON`: a test page to every address of one person, and what the providers and the person say."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from plantroom.cli import DONE, FAILED, print_json
from plantroom.clock import SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.journal import Entry, Journal, Kind
from plantroom.records import Records

LOOK_S = 0.1
Data = Annotated[Path, typer.Option("--data", help="folder of the installation, in which `plantroom run` works")]
TAKEN = """
SELECT id, channel, state, answer, answered_ns FROM outbox WHERE reason = 'test' AND person = ? AND created_ns = ? ORDER BY channel
"""


def register(app: typer.Typer) -> None:
    @app.command()
    def page(
        data: Data,
        test: Annotated[str, typer.Option("--test", metavar="PERSON", help="the person's id in the site file")],
        site: Annotated[str | None, typer.Option("--site", help="where there are several")] = None,
        seconds: Annotated[float, typer.Option("--seconds", min=1, help="how long to wait for the providers")] = 60.0,
        as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
    ) -> None:
        """Sends a test page to every address of a person; exit 1 where a channel did not take it in time."""
        raise typer.Exit(send_test(data, test, site, seconds, as_json))


def send_test(data: Path, person: str, site: str | None, seconds: float, as_json: bool) -> int:
    """Raises BadInput for an unknown site, and what the engine says to an unknown person."""
    folder = _folder(data, site)
    command_id, until_s = f"page-{uuid.uuid4()}", time.monotonic() + seconds
    who = {"id": "plantroom", "name": "plantroom page", "roles": ["admin"]}
    body = {"command_id": command_id, "does": "test_page", "target": person, "who": who, "args": {}}
    writer = Journal(folder / "journal", SystemClock()).writer("page")
    try:
        writer.append([Entry(Kind.COMMAND, orjson.dumps(body))])
    finally:
        writer.close()
    records = Records.open(folder / "records.db", readonly=True)
    try:
        outcome = _outcome(records, command_id, until_s)
        if outcome is None:
            typer.echo("plantroom: recorded, but the rules service did not answer in time; is `plantroom run` running?", err=True)
            return FAILED
        at_ns, applied, says = outcome
        if not applied:
            raise BadInput([Problem("command line", 0, "--test", says)])
        return _tell(records, person, at_ns, until_s, as_json)
    finally:
        records.close()


def _folder(data: Path, site: str | None) -> Path:
    found = sorted(path.parent.name for path in data.glob("*/records.db"))
    if site is None and len(found) == 1:
        return data / found[0]
    if site not in found:
        raise BadInput([Problem("command line", 0, "--site", f"name one of {', '.join(found) or '(no site was ever run here)'}")])
    return data / site


def _outcome(records: Records, command_id: str, until_s: float) -> tuple[int, bool, str] | None:
    sql = "SELECT at_ns, outcome, says_json FROM command WHERE id = ?"
    while time.monotonic() < until_s:
        for at_ns, outcome, says in records.db.execute(sql, (command_id,)):
            return int(str(at_ns)), outcome == "applied", orjson.loads(str(says))["en"]
        time.sleep(LOOK_S)
    return None


def _tell(records: Records, person: str, at_ns: int, until_s: float, as_json: bool) -> int:
    rows: list[tuple[Any, ...]] = []
    while time.monotonic() < until_s:
        rows = list(records.db.execute(TAKEN, (person, at_ns)))
        if rows and all(state != "queued" for _, _, state, _, _ in rows):
            break
        time.sleep(LOOK_S)
    for id_, channel, state, answer, answered_ns in rows:
        if as_json:
            print_json({"page": id_, "channel": channel, "state": state, "answer": answer, "answered": answered_ns is not None})
        else:
            typer.echo(f"{channel}: {state}{f' ({answer})' if answer else ''}")
    return DONE if rows and all(state == "accepted" for _, _, state, _, _ in rows) else FAILED
