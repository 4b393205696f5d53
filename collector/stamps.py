"""Time stamps of devices: the forms they come in, and whether one is believed. Pure."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Any

from plantroom.clock import NS, to_ns

AHEAD_NS = 120 * NS  # a stamp further ahead of its receipt is the device's clock gone wrong
OLDEST_NS = 946_684_800 * NS  # 2000-01-01: an older stamp comes from a clock that was never set
_UNIT_NS = {"s": NS, "ms": 1_000_000, "us": 1_000, "ns": 1}
_MOST_DIGITS = 20
_FRACTION = re.compile(r"(?<=\d)[.,](\d{7,9})(?=\D|$)")  # finer than a microsecond


def read_stamp(stamp: Any, form: str) -> int | None:
    """A device's time stamp as epoch ns; None where it names no instant. form: s, ms, us, ns (numbers, or numbers as text) or iso."""
    if form == "iso":
        return _iso_ns(stamp) if isinstance(stamp, str) else None
    unit_ns = _UNIT_NS[form]
    if isinstance(stamp, str):
        stamp = _number(stamp)
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return None
    if isinstance(stamp, int):
        at_ns = stamp * unit_ns
    elif math.isfinite(stamp) and abs(stamp) < 2**63:
        at_ns = round(stamp * (unit_ns // 1000)) * 1000 if unit_ns >= 1000 else round(stamp)  # a float holds microseconds
    else:
        return None
    return at_ns if 0 <= at_ns < 2**63 else None


def believed(at_ns: int | None, wall_ns: int, said: object) -> str:
    """"" where the stamp can be this sample's time; else what is wrong with it. wall_ns: the receipt; said: as the device wrote it."""
    if at_ns is None:
        return f"unreadable time stamp: {said!r:.40}"
    if at_ns > wall_ns + AHEAD_NS:
        return f"time stamp ahead: {(at_ns - wall_ns) / NS:.0f} s; set the device's clock"
    if at_ns < OLDEST_NS:
        return "time stamp of a clock that was never set: before 2000"
    return ""


def _number(text: str) -> int | float | None:
    text = text.strip()
    if len(text) > 2 * _MOST_DIGITS or not text.isascii():
        return None
    whole = text.removeprefix("-")
    if whole.isdigit():
        return int(text)
    before, point, after = whole.partition(".")
    return float(text) if point and before.isdigit() and after.isdigit() else None


def _iso_ns(text: str) -> int | None:
    """A time without zone names no instant: None."""
    if len(text) > 40:
        return None
    rest_ns = 0
    fine = _FRACTION.search(text)
    if fine:
        digits = fine[1].ljust(9, "0")
        rest_ns = int(digits[6:])
        text = f"{text[: fine.start()]}.{digits[:6]}{text[fine.end() :]}"
    try:
        at = datetime.fromisoformat(text.strip())
        if at.utcoffset() is None or abs(at.utcoffset() or timedelta()) > timedelta(hours=24):
            return None
        at_ns = to_ns(at) + rest_ns
    except (ValueError, OverflowError):
        return None
    return at_ns if 0 <= at_ns < 2**63 else None
