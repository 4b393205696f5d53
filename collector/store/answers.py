"""What InfluxDB's answer to a write means. Pure.

400 and 422 usually mean that some lines were bad and the good ones WERE stored, so the bad ones are looked for by halving: every line
may be sent again, the same line twice is one point. 204 alone is a success: a proxy's 200 page has stored nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from json import JSONDecodeError, loads

from plantroom.clock import NS, to_ns


class Verdict(StrEnum):
    STORED = "stored"
    BAD_LINES = "bad_lines"  # at least one line is bad; the others may be stored
    ALL_BAD = "all_bad"  # every line of this body is bad for one reason: there is nothing to look for
    TOO_LARGE = "too_large"  # send it in two halves
    REFUSED = "refused"  # a person has to change something: account, database, address, a limit of the server
    LATER = "later"  # nothing wrong with us or the lines


@dataclass(frozen=True, slots=True)
class Answer:
    """text: the server's own words, cut. after_s: what Retry-After asked for, None where it asked nothing.

    conflict: (measurement, field) the server holds as another type, where it names them; as plain names, without escapes.
    """

    verdict: Verdict
    text: str
    after_s: float | None = None
    conflict: tuple[str, str] | None = None


MOST_TEXT = 300
MOST_RETRY_AFTER_S = 300.0

_ABOUT_LINES = re.compile(
    r"partial write|unable to parse|type conflict|retention policy|invalid (?:line|field|tag|timestamp)|missing fields", re.I
)
_LIMITS = re.compile(r"max-series-per-database|max-values-per-tag|max-select|read-only|disk", re.I)
_DROPPED = re.compile(r"(?:beyond retention policy|field type conflict: .*) dropped=(\d+)", re.I)
_CONFLICT = re.compile(r'input field "(?P<field>.+?)" on measurement "(?P<measurement>.+?)" is type', re.I)
_REFUSALS = frozenset({401, 403, 404, 405, 411, 415})


def judge(status: int, headers: Mapping[str, str], body: bytes, lines: int, now_ns: int) -> Answer:
    """The verdict on a write of `lines` lines. headers: with lower-case names. now_ns: for a Retry-After that gives a date."""
    text = _words(body)
    if status == 204:
        return Answer(Verdict.STORED, "")
    if status in (400, 422):
        named = _CONFLICT.search(text)
        conflict = (named["measurement"], named["field"]) if named else None
        return Answer(_of_bad_request(text, lines), f"{status}: {text}", conflict=conflict)
    if status == 413:
        return Answer(Verdict.TOO_LARGE, f"413: {text}")
    if status in _REFUSALS or status < 400:
        hint = "" if status >= 400 else " (204 was expected: is this InfluxDB's own address?)"
        return Answer(Verdict.REFUSED, f"{status}: {text}{hint}")
    return Answer(Verdict.LATER, f"{status}: {text}", _retry_after(headers.get("retry-after"), now_ns))


def _of_bad_request(text: str, lines: int) -> Verdict:
    if _LIMITS.search(text):
        return Verdict.REFUSED
    dropped = _DROPPED.search(text)
    if dropped and int(dropped[1]) == lines:
        return Verdict.ALL_BAD
    return Verdict.BAD_LINES if _ABOUT_LINES.search(text) else Verdict.REFUSED


def _words(body: bytes) -> str:
    """1.x says {"error"}, 2.x {"message"}, 3.x {"error", "data"}; a proxy says HTML."""
    text = body.decode(errors="replace").strip()
    try:
        told = loads(text)
    except (JSONDecodeError, RecursionError):
        told = None
    if isinstance(told, dict):
        said = [str(told[key]) for key in ("error", "message") if told.get(key)]
        if isinstance(told.get("data"), list):
            said += [str(one.get("error_message", one)) if isinstance(one, dict) else str(one) for one in told["data"][:3]]
        text = "; ".join(said) or text
    return " ".join(text.split())[:MOST_TEXT]


def _retry_after(value: str | None, now_ns: int) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        seconds = (to_ns(at) - now_ns) / NS if at.tzinfo is not None else 0.0
    return min(max(seconds, 0.0), MOST_RETRY_AFTER_S) if seconds == seconds else None
