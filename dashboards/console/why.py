"""Why a fault was raised, as its points went: which of them, over which stretch, and a small drawing of each that needs no script.

Pure but for `Plots`, which asks the history and never keeps a page waiting: that page says that the drawing is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import structlog
from markupsafe import Markup

from dashboards.console.charts import Shape
from dashboards.console.shown import digits_of, local, names_of, number, unit_text, value_text
from dashboards.console.sites import Sites, SiteView
from dashboards.console.small_chart import Limit, Mark, draw
from dashboards.console.tables import Fault
from plantroom.clock import NS
from plantroom.history import Series
from plantroom.kinds import PointType
from plantroom.plain_words import parameter_name
from plantroom.site import Binding
from plantroom.words import say

log = structlog.get_logger()
MOST_POINTS = 4
MOST_LIMITS = 3
MOST_CHANGES = 4  # said to who does not see them
AROUND_NS = 600 * NS
SHARE_BEFORE = 0.2  # of what the rule waited for
FOLLOWED_NS = 3600 * NS  # an end later than this after the raise would make the beginning too small to be seen
RAW_UP_TO_NS = 3600 * NS
BUCKETS = 240
LEAST_HOLD_NS = 15 * NS
PATIENCE_S = 0.25
KEPT_S = 60.0
AT_ONCE = 2  # threads of their own: other pages' questions wait for none of these
MOST_WAITING = 4  # questions the history has not answered yet; more would only wait for one another
UNDRAWN = (PointType.SET, PointType.TIME)

Answer = asyncio.Future[dict[str, Series] | None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is drawn. step_ns: as the history is asked; None = every sample."""

    start_ns: int
    end_ns: int

    @property
    def step_ns(self) -> int | None:
        span = self.end_ns - self.start_ns
        return None if span <= RAW_UP_TO_NS else max(NS, span // BUCKETS // NS * NS)


def stretch(fault: Fault, now_ns: int) -> Stretch:
    """From well before the onset until well after the raise, or after an end that came soon; never past now."""
    before = max(AROUND_NS, round(SHARE_BEFORE * (fault.raised_ns - fault.onset_ns)))
    soon = fault.ended_ns is not None and fault.ended_ns <= fault.raised_ns + FOLLOWED_NS
    last = max(fault.raised_ns, fault.ended_ns) if soon and fault.ended_ns is not None else fault.raised_ns
    start = min(fault.onset_ns, fault.raised_ns) - before
    return Stretch(start, max(start + NS, min(last + AROUND_NS, now_ns)))


def points_of(fault: Fault, bound: Mapping[str, Binding]) -> list[Binding]:
    """The points of its trace that can be drawn, those of the moment that moved it first before the others'."""
    moments = [moment.get("values") for moment in fault.trace.get("moved", ())]
    names: dict[str, None] = {}
    for values in (*moments, fault.trace.get("values")):
        if isinstance(values, dict):
            names |= dict.fromkeys(name for name, value in values.items() if value is not None)
    found = [bound[name] for name in names if name in bound and bound[name].kind_point.type not in UNDRAWN]
    return found[:MOST_POINTS]


def marks_of(fault: Fault, lang: str) -> list[Mark]:
    """Onset, raise and end with their words; the onset stands left of its line, so that one close behind it can be read."""
    found = [Mark(fault.onset_ns, say("why.onset", lang), before=True), Mark(fault.raised_ns, say("why.raised", lang))]
    if fault.ended_ns is not None:
        word = fault.condition if fault.condition in ("cleared", "withdrawn") else "ended"
        found.append(Mark(fault.ended_ns, say(f"why.{word}", lang), low=True))
    return found


def limits_of(fault: Fault, binding: Binding, units: Mapping[str, str], lang: str) -> list[Limit]:
    """The rule's parameters that are of the point's own unit, with their words."""
    point, given = binding.kind_point, fault.trace.get("parameters")
    if not point.unit or not isinstance(given, dict):
        return []
    fitting = [(n, v) for n, v in given.items() if units.get(n) == point.unit and isinstance(v, int | float) and np.isfinite(v)]
    return [
        Limit(float(value), f"{parameter_name(fault.rule, name, lang)} {value:g} {unit_text(point.unit)}")
        for name, value in fitting[:MOST_LIMITS]
    ]


@dataclass(frozen=True, slots=True)
class Plot:
    binding: Binding
    svg: Markup


def plot(
    fault: Fault, binding: Binding, series: Series, span: Stretch, zone: ZoneInfo, units: Mapping[str, str], lang: str
) -> Plot | None:
    """None where nothing was kept of the point."""
    if not len(series):
        return None
    point = binding.kind_point
    hold = max(LEAST_HOLD_NS, round(3.5 * binding.period_s * NS), 3 * (span.step_ns or 0))
    shape = Shape(span.start_ns, span.end_ns, zone, names_of(point, lang), hold)
    limits, marks = limits_of(fault, binding, units, lang), [m for m in marks_of(fault, lang) if span.start_ns <= m.at_ns <= span.end_ns]
    return Plot(binding, draw(series, shape, marks, limits, alternative(binding, series, shape, marks, limits, lang)))


def alternative(
    binding: Binding, series: Series, shape: Shape, marks: Sequence[Mark], limits: Sequence[Limit], lang: str
) -> str:
    """The drawing in words, for who does not see it."""
    point = binding.kind_point
    unit = f" {unit_text(point.unit)}" if point.unit else ""

    def at(ns: int) -> str:
        return local(ns, shape.zone, "%H:%M:%S")

    said = [say("why.from_to", lang, point=point.says[lang], start=at(shape.start_ns), end=at(shape.end_ns))]
    good = ~np.isnan(series.last)
    if not good.any():
        said.append(say("why.nothing_good", lang))
    elif shape.names:
        said += _changes(series, shape, lang)
    else:
        digits = digits_of(point)
        low, high = float(np.nanmin(series.min)), float(np.nanmax(series.max))
        said.append(say("why.between", lang, low=f"{number(low, digits)}{unit}", high=f"{number(high, digits)}{unit}"))
    for mark in marks:
        value = _at(series, mark.at_ns)
        shown = say("why.no_value", lang) if value is None else value_text(value, point, lang) + unit
        said.append(say("why.then", lang, what=mark.text, at=at(mark.at_ns), value=shown))
    said += [limit.text for limit in limits]
    if not good.all():
        said.append(say("why.gaps", lang))
    return ("；" if lang == "zh" else "; ").join(said)


def _changes(series: Series, shape: Shape, lang: str) -> list[str]:
    good = np.flatnonzero(~np.isnan(series.last))
    codes = series.last[good].astype(np.int64)
    turns = [0, *(np.flatnonzero(np.diff(codes)) + 1)]
    shown = [
        f"{local(int(series.at_ns[good[i]]), shape.zone, '%H:%M:%S')} {shape.names.get(int(codes[i]), str(codes[i]))}"
        for i in turns[:MOST_CHANGES]
    ]
    more = len(turns) - len(shown)
    return [*shown, say("why.more_changes", lang, n=more)] if more else shown


def _at(series: Series, at_ns: int) -> float | None:
    """What stood at an instant; None for nothing and for a bad value."""
    i = int(np.searchsorted(series.at_ns, at_ns, "right")) - 1
    return None if i < 0 or np.isnan(series.last[i]) else float(series.last[i])


class Plots:
    """Questions to the history that outlive their page: a slow one goes on, and answers who comes back within a minute."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._asked: dict[tuple[str, str], tuple[float, Stretch, Answer]] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, "why")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def of(
        self, view: SiteView, fault: Fault, bound: Mapping[str, Binding], units: Mapping[str, str], lang: str, now_ns: int
    ) -> list[Plot] | None:
        """The drawings; [] where the trace holds no point, None where they are not to be had in time."""
        points = points_of(fault, bound)
        if not points:
            return []
        span, answer = await self._ask(view, fault, points, stretch(fault, now_ns))
        if answer is None:
            return None
        drawn = [plot(fault, binding, answer[binding.point], span, view.zone, units, lang) for binding in points if binding.point in answer]
        return [each for each in drawn if each is not None] or None

    async def _ask(
        self, view: SiteView, fault: Fault, points: Sequence[Binding], span: Stretch
    ) -> tuple[Stretch, dict[str, Series] | None]:
        loop, key = asyncio.get_running_loop(), (view.id, fault.id)
        for old, (since, _, answer) in list(self._asked.items()):
            if answer.done() and loop.time() - since > KEPT_S:
                del self._asked[old]
        if key not in self._asked:
            if sum(not answer.done() for _, _, answer in self._asked.values()) >= MOST_WAITING:
                return span, None
            ids = [binding.point for binding in points]
            self._asked[key] = (loop.time(), span, loop.run_in_executor(self._threads, self._series, view, ids, span))
        _, span, answer = self._asked[key]
        await asyncio.wait({answer}, timeout=PATIENCE_S)
        if not answer.done():
            return span, None
        self._asked.pop(key, None)
        return span, answer.result()

    def _series(self, view: SiteView, ids: Sequence[str], span: Stretch) -> dict[str, Series] | None:
        try:
            return self._sites.whole(view).query(ids, span.start_ns, span.end_ns, span.step_ns)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the history, the fault's page stands
            log.error("history_unreadable", site=view.id, error=str(error))
            return None
