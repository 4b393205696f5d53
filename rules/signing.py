"""The command that signs a period's figures (K-5). What is signed is what its person saw: the web process computes the figures and sends
them with it; the engine keeps them as they are, once a revision, and says what a correction changes. Anybody can compute them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from plantroom.clock import to_ns
from plantroom.kpi.period import period
from rules.command import Command
from rules.denied import Denied, Done, same, wanted, words_of
from rules.desk import Desk
from rules.house import House
from rules.rows import SignedPeriod, as_json

LONGEST = 64 * 1024  # of the figures
TOLD = ("numerator", "denominator", "value")  # of a figure: a change in one of them is a change


def _sign(desk: Desk, house: House, command: Command) -> Done:
    """target: the period's name. args: figures, the JSON of `GET kpi` for the whole site; reason, where it was signed before."""
    found = _figures(command)
    try:
        span = period(command.target, house.zone)
        as_of_ns = to_ns(datetime.fromisoformat(found["as_of"]))
    except (ValueError, TypeError):
        raise Denied("argument", {"name": same("period"), "wanted": wanted("text")}) from None
    if (found["first"], found["end"], found["zone"]) != (span.first.isoformat(), span.end.isoformat(), span.zone.key):
        raise Denied("argument", {"name": same("figures"), "wanted": wanted("text")})
    if not span.end_ns <= as_of_ns <= desk.now_ns:
        raise Denied("period_runs", {"end": same(span.end.isoformat())})
    text = as_json(found)
    hash_ = sha256(text.encode()).hexdigest()
    before = desk.signed_period(command.target)
    if before is not None and before.hash == hash_:
        raise Denied("period_signed_already", {"revision": same(str(before.revision))})
    if before is not None:
        words_of(command, "reason")
    changed = difference(orjson.loads(before.figures_json), found) if before is not None else []
    row = SignedPeriod(
        command.target, 1 if before is None else before.revision + 1, desk.seq, desk.now_ns, command.who, found["first"], found["end"],
        found["as_of"], hash_, text, as_json(changed), None if before is None else str(command.hidden["reason"]),
    )  # fmt: skip
    desk.put_signed_period(row)
    desk.tell("period.signed", {"period": row.period, "revision": row.revision, "hash": hash_, "by": row.who, "changed": changed})
    return Done(state={"period": row.period, "revision": row.revision, "hash": hash_})


def _figures(command: Command) -> dict[str, Any]:
    """Raises Denied for what is not such an answer."""
    given = command.text("figures")
    try:
        found = orjson.loads(given) if 0 < len(given) <= LONGEST else None
    except orjson.JSONDecodeError:
        found = None
    good = isinstance(found, dict) and all(isinstance(found.get(key), str) for key in ("period", "first", "end", "zone", "as_of"))
    listed = found.get("figures") if good and isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(listed, list) or not all(_is_figure(each) for each in listed):
        raise Denied("argument", {"name": same("figures"), "wanted": wanted("text")})
    return found


def _is_figure(given: object) -> bool:
    return (
        isinstance(given, dict)
        and all(isinstance(given.get(key), str) for key in ("id", "system"))
        and all(isinstance(given.get(key), int | float | None) for key in TOLD)
    )


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[list[Any]]:
    """[[figure, system, numerator / denominator / value before, now]], None where there was or is none; by figure and system."""
    old, new = ({(f["id"], f["system"]): [f.get(key) for key in TOLD] for f in each["figures"]} for each in (before, now))
    return [[*key, old.get(key), new.get(key)] for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {"sign_period": _sign}
