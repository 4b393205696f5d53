"""A command line that wants something of a running engine: a COMMAND record, then its outcome. Only the engine writes the records."""

from __future__ import annotations

import getpass
import os
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from plantroom.clock import SystemClock
from plantroom.errors import BadInput, JournalFailed, Problem
from plantroom.journal import Entry, Journal, Kind
from plantroom.records import Records
from plantroom.records.seal import fetched

LOOK_S = 0.1


def site_folder(data: Path, site: str | None) -> Path:
    """Raises BadInput where it is not clear which one is meant."""
    found = sorted(path.parent.name for path in data.glob("*/records.db"))
    if site is None and len(found) == 1:
        return data / found[0]
    if site not in found:
        raise BadInput([Problem("command line", 0, "--site", f"name one of {', '.join(found) or '(no site was ever run here)'}")])
    return data / site


def login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def ask(folder: Path, does: str, target: str, args: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The state the engine answers with. Raises BadInput with its words where it refuses, JournalFailed where it says nothing in time."""
    command_id, until_s = f"{does}-{uuid.uuid4()}", time.monotonic() + seconds
    who = {"id": f"local:{login()}", "name": "", "roles": ["admin"]}
    body = {"command_id": command_id, "does": does, "target": target, "who": who, "args": dict(args)}
    with closing(Journal(folder / "journal", SystemClock()).writer("command")) as writer:
        writer.append([Entry(Kind.COMMAND, orjson.dumps(body))])
    with closing(Records.open(folder / "records.db", readonly=True)) as records:
        while time.monotonic() < until_s:
            row = fetched(records.db, "SELECT outcome, says_json, state_json FROM command WHERE id = ?", (command_id,))
            if row:
                outcome, says, state = row[0]
                if outcome != "applied":
                    raise BadInput([Problem("command line", 0, does, orjson.loads(says)["en"])])
                found: dict[str, Any] = orjson.loads(state)
                return found
            time.sleep(LOOK_S)
    raise JournalFailed(
        f"{folder.name}: recorded, but the rules service did not answer in time; is `plantroom run` running? It is done when it does"
    )
