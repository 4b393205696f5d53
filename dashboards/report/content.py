"""What a report of a period says, before it is a sheet or a page: tables of typed cells, in one language. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from plantroom.kpi.cases import Case, Clause
from plantroom.kpi.figures import TARGETS
from plantroom.kpi.intact import SystemDay
from plantroom.kpi.period import Period
from plantroom.kpi.reading import Read
from plantroom.site import Site
from plantroom.words import say

TIMED = (Clause.RESPONSE, Clause.URGENT_RESPONSE)


class Cell(StrEnum):
    """What a column holds. instant: epoch ns; minutes, hours: floats; share: 0..1."""

    TEXT = "text"
    INSTANT = "instant"
    DAY = "day"  # 2026-11-21
    MINUTES = "minutes"
    HOURS = "hours"
    SHARE = "share"
    COUNT = "count"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Table:
    """columns: (words, what it holds). rows: as many values each, None = nothing to say. bad: rows to be seen at once."""

    id: str
    title: str
    columns: Sequence[tuple[str, Cell]]
    rows: Sequence[Sequence[object]]
    bad: frozenset[int] = frozenset()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Daily:
    """The intact rate by day, as far as it is known: (day, share of item time, share at 08:00)."""

    days: Sequence[tuple[str, float | None, float | None]]
    target: float


@dataclass(frozen=True, slots=True)
class Response:
    """Responses as dots: (limit instant ns, share of the limit that was used; None: never)."""

    dots: Sequence[tuple[int, float | None]]


@dataclass(frozen=True, slots=True)
class Report:
    """facts: pairs for the head. signatures: who signs."""

    title: str
    site: str
    lang: str
    span: Period
    facts: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    daily: Daily
    response: Response
    notes: Sequence[str] = ()
    signatures: Sequence[str] = field(default_factory=tuple)

    @property
    def zone(self) -> ZoneInfo:
        return self.span.zone


def compose(site: Site, span: Period, read: Read, lang: str, tables: Sequence[Table], facts: Sequence[tuple[str, str]]) -> Report:
    """facts: what the head says beside the period: the state of the records it stands on."""

    def t(key: str, **values: object) -> str:
        return say(f"report.{key}", lang, **values)

    figures = read.figures
    notes = [
        t("belongs"), t("judged"),
        *([say("kpi.hollow", lang, count=figures["hollow"])] if figures["hollow"] else []),
        *([say("kpi.no_answer", lang, count=figures["no_answer"])] if figures["no_answer"] else []),
        *([say("kpi.running", lang, count=figures["running"])] if figures["running"] else []),
    ]  # fmt: skip
    signatures = tuple(t(f"sign.{who}") for who in ("prepared", "checked", "confirmed"))
    whole = [(t("site"), site.name), (t("period"), f"{span.name} ({span.first} – {_last(span)}, {span.zone.key})"), *facts]
    return Report(t("title"), site.name, lang, span, whole, tables, daily(read.days), response(read.judged.cases), notes, signatures)


def printable(text: str) -> str:
    """Without control characters, which neither a sheet nor a page can hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def daily(rows: Iterable[SystemDay]) -> Daily:
    sums: dict[str, list[int]] = {}
    for row in rows:
        found = sums.setdefault(row.day, [0, 0, 0, 0])
        for n, value in enumerate((row.usable_ns, row.usable_ns + row.faulted_ns, row.heads_usable, row.heads - row.heads_unknown)):
            found[n] += value
    days = [
        (day, usable / known if known else None, good / heads if heads else None)
        for day, (usable, known, good, heads) in sorted(sums.items())
    ]
    return Daily(days, TARGETS["K-1"])


def response(cases: Iterable[Case]) -> Response:
    """A length over the limit is more than 1. Of who accepted and did not come there is no length."""
    own = [case for case in cases if case.clause in TIMED]
    return Response([(case.due_ns, case.length_s / case.limit_s if case.length_s is not None and case.limit_s else None) for case in own])


def _last(span: Period) -> str:
    return (span.end - timedelta(days=1)).isoformat()
