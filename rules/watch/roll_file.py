"""The roll as one small file, replaced whole and synced: a watcher that was killed goes on where it stood."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import orjson
import structlog

from plantroom.clock import Reading
from rules.watch.letters import Address, Letter
from rules.watch.roll import Roll
from rules.watch.watching import Seen, State

NAME = "watch.json"

log = structlog.get_logger()


class RollFile:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / NAME

    def read(self) -> Roll:
        """An empty one where there is none or it is damaged: watching then begins now, which tells people later but not never."""
        try:
            return _roll(self._path.read_bytes())
        except FileNotFoundError:
            return Roll()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.error("watch.state_unreadable", file=str(self._path), error=f"{type(error).__name__}: {error}")
            return Roll()

    def write(self, roll: Roll) -> None:
        """Raises OSError."""
        new = self._path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(orjson.dumps(asdict(roll)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


def _roll(text: bytes) -> Roll:
    said = orjson.loads(text)
    seen = {site: _seen(fields) for site, fields in said["seen"].items()}
    letters = tuple(Letter(**{**fields, "address": Address(**fields["address"])}) for fields in said["letters"])
    looked = Reading(**said["looked"]) if said["looked"] is not None else None
    return Roll(seen, letters, looked)


def _seen(fields: dict[str, object]) -> Seen:
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Seen(**{**fields, **lists, "state": State(str(fields["state"]))})  # type: ignore[arg-type]
