"""Two versions of the rules compared: faults added and removed, minutes in fault, who would have been called when. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from plantroom.clock import NS, at_utc, iso
from plantroom.model import Severity
from plantroom.words import say
from rules.backtest import Event
from rules.callouts import Outcome

CALLING = (Severity.DANGER, Severity.READINESS, Severity.NORMAL)
NIGHT = frozenset({22, 23, 0, 1, 2, 3, 4, 5})  # local hours
LONGEST = 20  # lines of a list for people
Judged = tuple[Sequence[Event], Outcome]


@dataclass(frozen=True, slots=True)
class Stood:
    """A fault over time. end_ns: None = it stood at the end of the history."""

    equipment: str
    rule: str
    severity: Severity
    begin_ns: int
    end_ns: int | None

    def minutes(self, upto_ns: int) -> float:
        return ((self.end_ns if self.end_ns is not None else upto_ns) - self.begin_ns) / NS / 60

    def meets(self, other: Stood) -> bool:
        """Did both stand at some instant?"""
        mine, theirs = self.end_ns, other.end_ns
        return (theirs is None or self.begin_ns <= theirs) and (mine is None or other.begin_ns <= mine)


def faults_of(events: Sequence[Event], start_ns: int | None = None) -> list[Stood]:
    """In the order they were raised. One that stood before the beginning is counted from there."""
    open_: dict[tuple[str, str], Event] = {}
    found: list[Stood] = []
    for event in events:
        key = event.equipment, event.rule
        if event.event == "raised":
            open_[key] = event
            continue
        raised = open_.pop(key, None)
        begin = raised.at_ns if raised is not None else max(event.since_ns, start_ns or event.since_ns)
        found.append(Stood(*key, event.severity, begin, event.at_ns))
    found += [Stood(*key, event.severity, event.at_ns, None) for key, event in open_.items()]
    return sorted(found, key=lambda fault: (fault.begin_ns, fault.equipment, fault.rule))


def missing(some: Sequence[Stood], others: Sequence[Stood]) -> list[Stood]:
    """Those of some that never stood at the same time as one of the same rule and machine among the others."""
    by_key: dict[tuple[str, str], list[Stood]] = {}
    for other in others:
        by_key.setdefault((other.equipment, other.rule), []).append(other)
    return [one for one in some if not any(one.meets(other) for other in by_key.get((one.equipment, one.rule), ()))]


def compared(
    before: tuple[Sequence[Event], Outcome],
    after: tuple[Sequence[Event], Outcome],
    zone: ZoneInfo,
    span: tuple[int, int],
    changed: Sequence[str],
) -> dict[str, Any]:
    """As JSON. span: ns of the time compared; changed: the rules that differ."""
    old, new = (faults_of(events, span[0]) for events, _ in (before, after))
    rules = sorted({fault.rule for fault in (*old, *new) if fault.rule in set(changed)} | set(changed))
    return {
        "from": iso(span[0]),
        "to": iso(span[1]),
        "changed": sorted(changed),
        "before": _summary(old, before[1], zone, span[1]),
        "after": _summary(new, after[1], zone, span[1]),
        "rules": [
            {
                "rule": rule,
                **{
                    name: {"faults": len(mine), "minutes": round(sum(fault.minutes(span[1]) for fault in mine), 1)}
                    for name, mine in (("before", [f for f in old if f.rule == rule]), ("after", [f for f in new if f.rule == rule]))
                },
            }
            for rule in rules
        ],
        "added": [_told(fault) for fault in missing(new, old)],
        "removed": [_told(fault) for fault in missing(old, new)],
    }


def _summary(faults: Sequence[Stood], outcome: Outcome, zone: ZoneInfo, upto_ns: int) -> dict[str, Any]:
    """calls: pages that would have wanted somebody; those of a flood that were gathered count as one."""
    hours = Counter((call.severity, at_utc(call.at_ns).astimezone(zone).hour) for call in outcome.calls)
    return {
        "faults": len(faults),
        "parts_of_others": sum(row["parent"] is not None for row in outcome.faults),
        "minutes": round(sum(fault.minutes(upto_ns) for fault in faults), 1),
        "calls": {severity.value: sum(hours[severity, hour] for hour in range(24)) for severity in CALLING},
        "night": {severity.value: sum(hours[severity, hour] for hour in NIGHT) for severity in CALLING},
        "by_hour": [{"hour": hour, **{severity.value: hours[severity, hour] for severity in CALLING}} for hour in range(24)],
    }


def _told(fault: Stood) -> dict[str, Any]:
    until = iso(fault.end_ns) if fault.end_ns is not None else None
    return {"at": iso(fault.begin_ns), "until": until, "rule": fault.rule, "equipment": fault.equipment, "severity": fault.severity.value}


# --- for people


def lines(found: Mapping[str, Any], lang: str) -> Iterator[str]:
    """The same as a table."""

    def t(key: str, **values: object) -> str:
        return say(f"compare.{key}", lang, **values)

    before, after = found["before"], found["after"]
    yield t("title", start=found["from"][:16], end=found["to"][:16])
    if not found["changed"]:
        yield t("unchanged")
    rows = [
        ("", t("before"), t("after")),
        (t("faults"), before["faults"], after["faults"]),
        (t("minutes"), before["minutes"], after["minutes"]),
    ]
    for severity in CALLING:
        name = t("calls_of", severity=say(f"severity.{severity}", lang))
        rows.append((name, before["calls"][severity.value], after["calls"][severity.value]))
    rows.append((t("night"), sum(before["night"].values()), sum(after["night"].values())))
    yield from _table(rows)
    if found["rules"]:
        yield ""
        each = [(t("rule"), f"{t('faults')} {t('before')}", t("after"), f"{t('minutes')} {t('before')}", t("after"))]
        each += [
            (r["rule"], r["before"]["faults"], r["after"]["faults"], r["before"]["minutes"], r["after"]["minutes"]) for r in found["rules"]
        ]
        yield from _table(each)
    yield ""
    yield t("by_hour")
    for old, new in zip(before["by_hour"], after["by_hour"], strict=True):
        first, second = (sum(hour[severity.value] for severity in CALLING) for hour in (old, new))
        if first or second:
            yield f"  {old['hour']:02d}  {first:>4} / {second:<4} {'#' * min(second, 60)}"
    for what in ("added", "removed"):
        yield ""
        yield t(what, count=len(found[what]))
        for fault in found[what][:LONGEST]:
            yield f"  {fault['at'][:16]}  {(fault['until'] or t('standing'))[:16]}  {fault['equipment']}  {fault['rule']}"
        if len(found[what]) > LONGEST:
            yield "  " + t("more", count=len(found[what]) - LONGEST)


def _table(rows: Sequence[Sequence[object]]) -> Iterator[str]:
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(_width(row[column]) for row in texts) for column in range(len(texts[0]))]
    for row in texts:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row[:1], widths, strict=False)]
        cells += [" " * (width - _width(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """Columns of a terminal: a Chinese character takes two."""
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
