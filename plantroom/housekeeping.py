"""How many alarms people get, and how good they are: the figures of ISA-18.2, IEC 62682 and EEMUA 191 over fault rows, beside targets.

Pure. An alarm is a fault that was put before people: live, of a machine, more than an advisory, no part of another fault. Children,
advisories, exercises, machines in commissioning and the monitor's own are counted apart. A 10-minute rate stays one: it is never turned
into a daily figure. Targets and their sources: standards E.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from typing_extensions import TypedDict

from plantroom.clock import NS, iso
from plantroom.words import say

WINDOW_NS = 600 * NS
MINUTE_NS = 60 * NS
WEEK_NS = 7 * 86_400 * NS
STALE_NS = 86_400 * NS
FLOOD_OVER, FLOOD_UNDER = 10, 5  # more than ten in ten minutes begin it, fewer than five end it
CHATTERS = 3  # times within a minute
FLEETING_NS = MINUTE_NS  # gone before anybody could have done something
TOP = 10
MONITOR = "monitor"
SOURCE = "ISA-18.2, IEC 62682, EEMUA 191"

APART = ("child", "advisory", "exercise", "commissioning", "monitor")
Part = Literal["alarm", "child", "advisory", "exercise", "commissioning", "monitor"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One row of `fault`, as far as it matters here. ended_ns: None while it stands. presented: False = raised as a part of another."""

    equipment: str
    rule: str
    kind: str
    severity: str
    mode: str
    raised_ns: int
    ended_ns: int | None
    parent: str | None = None
    presented: bool = True

    @property
    def part(self) -> Part:
        if self.mode in ("exercise", "maintenance"):  # set off on purpose
            return "exercise"
        if self.mode == "commissioning":
            return "commissioning"
        if self.kind == MONITOR:
            return "monitor"
        if self.parent is not None or not self.presented:
            return "child"
        return "advisory" if self.severity == "advisory" else "alarm"


class Figure(TypedDict):
    """One number beside its target. met: None where there is no target. unit: "" = a count."""

    name: str
    value: float
    unit: str
    target: float | None
    met: bool | None
    source: str


class Share(TypedDict):
    name: str
    count: int
    share: float


class Housekeeping(TypedDict):
    """alarms: put before people in [from, to). apart: what is not counted, by kind. floods: [from, to) of each."""

    from_at: str
    to_at: str
    alarms: int
    figures: list[Figure]
    rules: list[Share]
    machines: list[Share]
    chattering: list[Share]
    priorities: dict[str, float]
    apart: dict[str, int]
    floods: list[tuple[str, str]]


def housekeeping(rows: Iterable[Alarm], start_ns: int, end_ns: int) -> Housekeeping:
    """rows: raised before `end` and not ended before `start`, in any order; what was raised earlier counts as standing only."""
    every = sorted((row for row in rows if row.raised_ns < end_ns), key=lambda row: row.raised_ns)
    within = [row for row in every if row.raised_ns >= start_ns]
    alarms = [row for row in within if row.part == "alarm"]
    standing = [row for row in every if row.part == "alarm"]
    at = [row.raised_ns for row in alarms]
    floods = floods_of(at, end_ns)
    chatter = chattering(alarms)
    length = max(end_ns - start_ns, 1)
    weeks = length / WEEK_NS
    fleeting = sum(row.ended_ns is not None and row.ended_ns - row.raised_ns < FLEETING_NS for row in alarms)
    stale = [(row.raised_ns + STALE_NS, row.ended_ns if row.ended_ns is not None else end_ns) for row in standing]
    stale = [(max(begin, start_ns), min(end, end_ns)) for begin, end in stale if begin < min(end, end_ns) and end > start_ns]
    rules, machines = shares(row.rule for row in alarms), shares(row.equipment for row in alarms)
    count = Counter(row.severity for row in alarms)
    priorities = {name: round(count[name] / len(alarms), 4) if alarms else 0.0 for name in ("danger", "readiness", "normal")}
    figures = [
        _figure("rate_mean", len(alarms) / (length / WINDOW_NS), "per_10_min", 1.0),
        _figure("rate_peak", peak(at), "per_10_min", float(FLOOD_OVER)),
        _figure("flood_share", sum(end - begin for begin, end in floods) / length, "share", 0.01),
        _figure("floods", len(floods) / weeks, "per_week", 20.0),
        _figure("chattering", sum(one["count"] for one in chatter) / weeks, "per_week", 10.0),
        _figure("fleeting", fleeting / weeks, "per_week", 10.0),
        _figure("stale", len(stale) / weeks, "per_week", 20.0),
        _figure("stale_most", _most_at_once(stale), "", 5.0, below=True),
        _figure("standing", sum(row.ended_ns is None or row.ended_ns >= end_ns for row in standing), "", None),
        _figure("top_ten", sum(one["share"] for one in rules), "share", 0.05 if len(alarms) >= 100 else None),
        _figure("high", priorities["danger"], "share", 0.05),
        _figure("medium", priorities["readiness"], "share", 0.15),
    ]
    return {
        "from_at": iso(start_ns),
        "to_at": iso(end_ns),
        "alarms": len(alarms),
        "figures": figures,
        "rules": rules,
        "machines": machines,
        "chattering": chatter[:TOP],
        "priorities": priorities,
        "apart": {part: sum(row.part == part for row in within) for part in APART},
        "floods": [(iso(begin), iso(end)) for begin, end in floods],
    }


def _figure(name: str, value: float, unit: str, target: float | None, *, below: bool = False) -> Figure:
    """below: the target itself is too much already."""
    met = None if target is None else bool(value < target if below else value <= target)
    return {"name": name, "value": round(float(value), 4), "unit": unit, "target": target, "met": met, "source": SOURCE}


def shares(names: Iterable[str], most: int = TOP) -> list[Share]:
    """The most frequent, with their share of all."""
    count = Counter(names)
    whole = sum(count.values())
    ranked = sorted(count.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": name, "count": n, "share": round(n / whole, 4)} for name, n in ranked[:most]]


def peak(at_ns: Sequence[int]) -> int:
    """The most that came within any ten minutes. at_ns: ascending."""
    return max((n + 1 - bisect_right(at_ns, at - WINDOW_NS) for n, at in enumerate(at_ns)), default=0)


def floods_of(at_ns: Sequence[int], end_ns: int) -> list[tuple[int, int]]:
    """(begin, end) of each: from the alarm that makes more than ten in ten minutes to the instant at which fewer than five are left."""
    found: list[tuple[int, int]] = []
    n = FLOOD_OVER
    while n < len(at_ns):
        if at_ns[n] - at_ns[n - FLOOD_OVER] >= WINDOW_NS:
            n += 1
            continue
        begin = at_ns[n]
        while n + 1 < len(at_ns) and at_ns[n + 1] <= at_ns[n + 1 - FLOOD_UNDER] + WINDOW_NS:
            n += 1  # the next one comes before fewer than five are left
        found.append((begin, min(at_ns[n + 1 - FLOOD_UNDER] + WINDOW_NS, end_ns)))
        n += 1
    return found


def chattering(alarms: Sequence[Alarm]) -> list[Share]:
    """Conditions that came three times within a minute: how often, worst first. share: of all chattering."""
    by_key: dict[tuple[str, str], list[int]] = {}
    for alarm in alarms:
        by_key.setdefault((alarm.equipment, alarm.rule), []).append(alarm.raised_ns)
    found: Counter[str] = Counter()
    for (equipment, rule), at in by_key.items():
        n = 0
        while n + CHATTERS <= len(at):
            if at[n + CHATTERS - 1] - at[n] < MINUTE_NS:
                found[f"{equipment}.{rule}"] += 1
                n += CHATTERS
            else:
                n += 1
    return shares(found.elements(), len(found))


def _most_at_once(spans: Sequence[tuple[int, int]]) -> int:
    steps = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


# --- for people


def value_text(value: float | None, unit: str, lang: str) -> str:
    if value is None:
        return "–"
    text = f"{value * 100:.1f} %" if unit == "share" else f"{value:g}" if unit == "" else f"{value:.2f}"
    return text if unit in ("share", "") else say(f"housekeeping.unit.{unit}", lang, value=text)


def lines(found: Housekeeping, lang: str) -> list[str]:
    """A table for people."""

    def t(key: str, **values: object) -> str:
        return say(f"housekeeping.{key}", lang, **values)

    told = [t("title", start=found["from_at"][:16], end=found["to_at"][:16]), t("alarms", count=found["alarms"])]
    for one in found["figures"]:
        mark = {True: "+", False: "!", None: " "}[one["met"]]
        target = f"  ({t('target')} {value_text(one['target'], one['unit'], lang)})" if one["target"] is not None else ""
        told.append(f" {mark} {t('figure.' + one['name'])}: {value_text(one['value'], one['unit'], lang)}{target}")
    for key, rows in (("rules", found["rules"]), ("machines", found["machines"]), ("chattering", found["chattering"])):
        told += ["", t(key)] + [f"   {row['count']:>5}  {row['share'] * 100:5.1f} %  {row['name']}" for row in rows]
    apart = ", ".join(f"{t('apart.' + part)} {count}" for part, count in found["apart"].items())
    return [*told, "", f"{t('apart_title')}: {apart}"]
