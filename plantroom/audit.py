"""`plantroom audit verify`: has anybody changed what was written?"""

from __future__ import annotations

from pathlib import Path

import typer

from plantroom.cli import FAILED, print_json
from plantroom.errors import BadInput, Problem
from plantroom.records import Records
from plantroom.records.chronicle import verify


def verify_chronicles(data: Path, head: str | None, as_json: bool) -> int:
    """Checks every site's chronicle, prints one line each; returns the exit code."""
    found = sorted(data.glob("*/records.db"))
    if not found:
        raise BadInput([Problem(str(data), 0, "--data", "no site has records here yet (DATA/<site>/records.db)")])
    noted = _noted(head)
    if noted is not None and len(found) > 1:
        raise BadInput([Problem("command line", 0, "--head", "belongs to one site; give the folder of an installation with one")])
    answers: list[dict[str, object]] = []
    for path in found:
        records = Records.open(path, readonly=True)
        try:
            result = verify(records.db, noted)
        finally:
            records.close()
        head_now = f"{result.rows}:{result.head.hex()}"
        answer = {"site": path.parent.name, "ok": result.broken is None, "rows": result.rows, "head": head_now}
        answers.append(answer if result.broken is None else {**answer, "broken": result.broken, "why": result.why})
    for answer in answers:
        if as_json:
            print_json(answer)
        else:
            typer.echo(f"{answer['site']}: {'ok' if answer['ok'] else answer['why']}, {answer['rows']} rows, head {answer['head']}")
    return 0 if all(answer["ok"] for answer in answers) else FAILED


def _noted(head: str | None) -> tuple[int, bytes] | None:
    if head is None:
        return None
    n, _, digest = head.partition(":")
    try:
        return int(n), bytes.fromhex(digest)
    except ValueError:
        raise BadInput([Problem("command line", 0, "--head", f"{head!r} is not N:HASH as `audit verify` prints it")]) from None
