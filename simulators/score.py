"""Faults raised against the truth: what was found and how soon, what was missed, what was said without cause.

Upsets say which shipped rules find them. Of a site's own rules nothing is known beforehand: what they raise is told apart, not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Any

from plantroom.clock import NS, iso, to_ns

AFTERMATH_S = 900.0  # a consequence may still be said so long after its cause is repaired


@dataclass(frozen=True, slots=True)
class Raised:
    """A fault as the records hold it. Instants in epoch ns; ended_ns None while open. own: by a rule of the site's that replaces none."""

    rule: str
    equipment: str
    severity: str
    onset_ns: int
    raised_ns: int
    ended_ns: int | None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that was made to go wrong. on: the machines it touches, "@bus-1" for the group of a line; found_by: the rule that must find
    it on one of `of`.

    consequences: rules that may fire because of it, on any machine of `on`; on every machine and group where it was the building's supply.
    """

    fault: str
    of: tuple[str, ...]
    on: frozenset[str]
    found_by: str | None
    consequences: frozenset[str]
    begun_ns: int
    ended_ns: int | None


def causes_of(truth: Iterable[Mapping[str, Any]], everything: Iterable[str]) -> list[Cause]:
    """From the director's truth rows in their order. everything: all machines."""
    whole = frozenset(everything)
    found: list[Cause] = []
    open_: dict[tuple[object, ...], int] = {}
    for row in truth:
        key = (row["fault"], row.get("equipment"), row.get("connection"), row.get("unit"))
        at_ns = to_ns(datetime.fromisoformat(row["at"]))
        if row["event"] == "ended":
            i = open_.pop(key, None)
            if i is not None:
                found[i] = replace(found[i], ended_ns=at_ns)
            continue
        touched = frozenset(row.get("touches", ()))
        machine = (row["equipment"],) if "equipment" in row else tuple(sorted(touched))
        group = {f"@{row['connection']}"} if "connection" in row else set()
        on = whole if row["fault"] == "mains_lost" else touched | group | set(machine)
        consequences = frozenset({*row.get("leads_to", ()), *((row["found_by"],) if row["found_by"] else ())})
        open_[key] = len(found)
        found.append(Cause(row["fault"], machine, on, row["found_by"], consequences, at_ns, None))
    return found


def score(causes: Sequence[Cause], raised: Sequence[Raised], end_ns: int) -> dict[str, Any]:
    """{"caused", "found", "missed": [...], "false": [...], "own": [...], "delay_s": {"p50", "max"}}.

    Monitor faults are nobody's false alarm here. own: what the site's own rules raised and no upset names.
    """
    missed, delays = [], []
    for cause in causes:
        if cause.found_by is None:
            continue
        for machine in cause.of:
            hit = _first(cause, machine, raised)
            if hit is None:
                missed.append({"fault": cause.fault, "equipment": machine, "begun": iso(cause.begun_ns)})
            else:
                delays.append((hit.raised_ns - cause.begun_ns) / NS)
    without = [r for r in raised if r.equipment != "monitor" and not any(_explains(cause, r) for cause in causes)]
    false, own = [_said(r) for r in without if not r.own], [_said(r) for r in without if r.own]
    spread = {"p50": round(median(delays), 1), "max": round(max(delays), 1)} if delays else {}
    return {"caused": len(missed) + len(delays), "found": len(delays), "missed": missed, "false": false, "own": own, "delay_s": spread}


def _said(fault: Raised) -> dict[str, str]:
    return {"rule": fault.rule, "equipment": fault.equipment, "severity": fault.severity, "raised": iso(fault.raised_ns)}


def _first(cause: Cause, machine: str, raised: Sequence[Raised]) -> Raised | None:
    """The fault that found it: raised while it lasted, or already open when it began."""
    for fault in raised:
        if (fault.rule, fault.equipment) != (cause.found_by, machine):
            continue
        began_in_time = cause.ended_ns is None or fault.raised_ns <= cause.ended_ns
        still_open = fault.ended_ns is None or fault.ended_ns > cause.begun_ns
        if began_in_time and still_open:
            return fault
    return None


def _explains(cause: Cause, fault: Raised) -> bool:
    elsewhere = fault.equipment not in cause.on and not (cause.fault == "mains_lost" and fault.equipment.startswith("@"))
    if elsewhere or fault.raised_ns < cause.begun_ns:
        return False
    if cause.ended_ns is not None and fault.raised_ns > cause.ended_ns + round(AFTERMATH_S * NS):
        return False
    return fault.rule in cause.consequences
