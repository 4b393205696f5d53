"""One heartbeat: what is sent, how it is signed, and how the other end reads it. Pure; both ends use it, so they cannot differ.

    {"v": 1, "site": "tower", "sent_at": "...Z", "every_s": 20.0, "good": false, "troubles": [{"aspect": "polls", "for_s": 41.2}],
     "progress": {"seq", "telemetry_s", "position", "position_s", "delivered", "urgent", "unheard_s", "accepted_s", "services", "error"}}

Ages instead of instants, so the two machines' clocks are compared once, by `sent_at`, and nowhere else. `sent_at` is signed with the rest:
an old heartbeat cannot be sent again as a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from plantroom.clock import NS, iso, to_ns
from plantroom.heartbeat.progress import Progress, age_s
from plantroom.heartbeat.standing import Aspect, Standing, Trouble
from plantroom.signature import genuine

VERSION = 1
MOST_BYTES = 16 << 10
LONGEST_S = 10 * 365 * 86_400.0  # a trouble's age is believed up to here


class NoBeat(ValueError):
    """What came is no heartbeat of this site. The text says why, for the answer and the sender's log."""


@dataclass(frozen=True, slots=True)
class Beat:
    """As heard. sent_ns: the sender's own wall clock. for_s: how long the oldest trouble has lasted, None = good."""

    site: str
    sent_ns: int
    troubles: tuple[Trouble, ...] = ()

    @property
    def for_s(self) -> float | None:
        return max((trouble.for_s for trouble in self.troubles), default=None)


def body_of(site: str, seen: Progress, standing: Standing, every_s: float, sent_ns: int) -> bytes:
    return orjson.dumps(
        {
            "v": VERSION,
            "site": site,
            "sent_at": iso(sent_ns),
            "every_s": every_s,
            "good": standing.good,
            "troubles": [{"aspect": trouble.aspect.value, "for_s": round(trouble.for_s, 1)} for trouble in standing.troubles],
            "progress": figures(seen),
        }
    )


def figures(seen: Progress) -> dict[str, object]:
    """Ages in seconds, None for what there never was."""
    now = seen.at
    return {
        "seq": seen.seq,
        "telemetry_s": None if seen.telemetry is None else round(age_s(seen.telemetry, now), 1),
        "position": seen.position,
        "position_s": None if seen.position_at is None else round(age_s(seen.position_at, now), 1),
        "delivered": seen.delivered,
        "urgent": seen.urgent,
        "unheard_s": _since(seen.unheard_ns, now.wall_ns),
        "accepted_s": _since(seen.accepted_ns, now.wall_ns),
        "services": dict(seen.services),
        "error": seen.error,
    }


def in_words(standing: Standing) -> str:
    """One line for a public service's log of pings."""
    return "ok" if standing.good else ", ".join(f"{trouble.aspect.value} for {trouble.for_s:.0f} s" for trouble in standing.troubles)


def read(body: bytes, signature: str, secrets: Mapping[str, str]) -> Beat:
    """secrets: by site. Raises NoBeat. Nothing of an unsigned body is believed, not even which fault it has."""
    said = _object(body)
    site = said.get("site")
    if not isinstance(site, str) or not genuine(secrets.get(site, ""), body, signature):
        raise NoBeat("the signature does not fit any site that is watched here")
    try:
        if said["v"] != VERSION:
            raise NoBeat(f"version {said['v']}; this release reads {VERSION}")
        sent_ns = to_ns(datetime.fromisoformat(said["sent_at"]))
        troubles = tuple(Trouble(Aspect(one["aspect"]), _length(one["for_s"])) for one in said["troubles"])
        good = said["good"]
    except NoBeat:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise NoBeat("the body is signed, but no heartbeat of this release") from error
    if good is not (not troubles):
        raise NoBeat("the body contradicts itself")
    return Beat(site, sent_ns, troubles)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NoBeat("the body is not JSON") from error
    if not isinstance(said, dict):
        raise NoBeat("the body is no object")
    return said


def _length(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_S:
        raise NoBeat("a trouble's age is no length of time")
    return float(value)


def _since(then_ns: int | None, now_ns: int) -> float | None:
    return None if then_ns is None else round(max(now_ns - then_ns, 0) / NS, 1)
