"""The body of a record that only our own services write: what they said, or None and a line in the log. Nothing in it ends the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import structlog

SHOWN = 200  # of a body that cannot be read

log = structlog.get_logger()


def read(body: bytes, name: str, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
    """name: of the record, for the log. good: has everything its reader takes, of the right type."""
    said = object_in(body)
    if said is not None and good(said):
        return said
    log.error(f"{name}.unreadable", text=shown(body))
    return None


def object_in(body: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None


def shown(body: bytes) -> str:
    return body[:SHOWN].decode("utf-8", "replace")
