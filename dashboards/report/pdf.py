"""A report as PDF pages, set by typst. Words and numbers go in as data and are never read as markup."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
import typst

from dashboards.report.content import Cell, Report, Table
from dashboards.report.plots import intact_plot, response_plot
from plantroom.clock import at_utc
from plantroom.errors import BadInput, Problem
from plantroom.words import say

TEMPLATE = Path(__file__).with_name("report.typ")
FONT = "Noto Sans CJK SC"
NO_FONT = "is not installed, Chinese letters would be empty boxes: apt-get install fonts-noto-cjk"
MOST_ROWS = 400  # of a table on paper; the workbook has all


def pages(report: Report, standing: str, made_ns: int) -> bytes:
    """standing: what stands under each page. Raises BadInput where no font with Chinese letters is installed."""
    if report.lang == "zh" and FONT not in typst.Fonts().families():
        raise BadInput([Problem("fonts", 0, FONT, NO_FONT)])
    intact = intact_plot(report.daily, report.span, _words(report, ("time", "heads", "target")))
    responses = response_plot(report.response, report.span, _words(report, ("kept", "late", "never")))
    plots = {"figures": [_plot(intact, "intact", report)], "timings": [_plot(responses, "response", report)]}
    data = {
        "title": report.title,
        "site": report.site,
        "period": report.span.name,
        "lang": report.lang,
        "facts": report.facts,
        "notes": report.notes,
        "standing": standing,
        "signatures": report.signatures,
        "nothing": say("kpi.nothing", report.lang),
        "tables": [{**_table(table, report), "plots": plots.get(table.id, [])} for table in report.tables],
    }
    given = {"data": orjson.dumps(data).decode()}
    return bytes(typst.compile(TEMPLATE.read_bytes(), format="pdf", sys_inputs=given, timestamp=made_ns // 10**9))


def _words(report: Report, keys: tuple[str, str, str]) -> tuple[str, str, str]:
    first, second, third = (say(f"report.plot.{key}", report.lang) for key in keys)
    return first, second, third


def _plot(svg: str, name: str, report: Report) -> dict[str, str]:
    return {"svg": svg, "says": say(f"report.plot.{name}", report.lang)}


def _table(table: Table, report: Report) -> dict[str, object]:
    kinds = [kind for _, kind in table.columns]
    shown = [[_text(value, kind, report) for value, kind in zip(row, kinds, strict=True)] for row in table.rows[:MOST_ROWS]]
    more = len(table.rows) - len(shown)
    return {
        "title": table.title,
        "columns": [words for words, _ in table.columns],
        "rows": shown,
        "bad": sorted(table.bad),
        "right": [kind not in (Cell.TEXT, Cell.INSTANT, Cell.DAY) for kind in kinds],
        "widths": _widths(kinds),
        "more": say("report.more", report.lang, count=more) if more else "",
    }


def _widths(kinds: Sequence[Cell]) -> list[int]:
    """Texts share what numbers leave."""
    return [1 if kind is Cell.TEXT else 0 for kind in kinds]


def _text(value: object, kind: Cell, report: Report) -> str:
    if value is None:
        return "–"
    match kind:
        case Cell.TEXT | Cell.DAY:
            return str(value)
        case Cell.INSTANT:
            return f"{at_utc(int(str(value))).astimezone(report.zone):%m-%d %H:%M}"
        case Cell.SHARE:
            return f"{float(str(value)) * 100:.1f} %"
        case Cell.COUNT:
            return str(value)
        case Cell.MINUTES:
            return f"{float(str(value)):.0f}"
        case Cell.HOURS | Cell.AMOUNT:
            return f"{float(str(value)):.1f}"
