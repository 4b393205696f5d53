"""A stretch of history as an SVG that needs no script: a line with its min-max band, or steps between named codes; gaps stay gaps.

The drawing area is a nested svg of 1000 x 1000 units stretched to any width; texts stand outside it in percentages, so they keep
their size on a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from markupsafe import Markup, escape

from dashboards.console.axis import Tick, time_ticks, value_ticks
from plantroom.history import Series
from plantroom.model import Instants, Values

SIDE = 1000.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What is drawn. names: code -> text for enum and bool points, {} for a quantity. hold_ns: how long one sample stands."""

    start_ns: int
    end_ns: int
    zone: ZoneInfo
    names: Mapping[int, str]
    hold_ns: int


def svg(series: Series, shape: Shape, title: str) -> Markup:
    """The chart with its axes; an empty one says nothing here, the page does."""
    good = ~np.isnan(series.last)
    if shape.names:
        codes = sorted({int(v) for v in series.last[good]} | (set(shape.names) if len(shape.names) <= 6 else set()))
        bottom, top = -0.5, len(codes) - 0.5
        rows = [Tick((i + 0.5) / max(1, len(codes)), shape.names.get(code, str(code))) for i, code in enumerate(codes)]
        place = {code: float(i) for i, code in enumerate(codes)}
        heights = np.array([place[int(v)] if ok else np.nan for v, ok in zip(series.last, good, strict=True)])
    elif good.any():
        bottom, top, rows = value_ticks(float(np.nanmin(series.min)), float(np.nanmax(series.max)))
        heights = series.mean
    else:
        bottom, top, rows, heights = 0.0, 1.0, [], series.mean
    columns = time_ticks(shape.start_ns, shape.end_ns, shape.zone)
    scale = Scale(shape.start_ns, shape.end_ns, bottom, top)
    inside = [bad_stretches(series, scale)]
    for first, last in runs_of(series.at_ns, heights, shape.hold_ns):
        piece = slice(first, last)
        if shape.names:
            inside.append(_steps(series.at_ns[piece], heights[piece], scale, stands_until(series.at_ns, last, shape)))
        else:
            if np.any(series.max[piece] > series.min[piece]):
                inside.append(_band(series.at_ns[piece], series.min[piece], series.max[piece], scale))
            inside.append(_line(series.at_ns[piece], heights[piece], scale, stands_until(series.at_ns, last, shape)))
    return Markup(
        '<svg class="chart" role="img" aria-label="{}" width="100%" height="280" xmlns="http://www.w3.org/2000/svg">{}'
        '<svg x="0" y="10" width="100%" height="236" viewBox="0 0 1000 1000" preserveAspectRatio="none">{}</svg>{}</svg>'
    ).format(title, _grid(rows, columns), Markup("").join(inside), _labels(rows, columns))


@dataclass(frozen=True, slots=True)
class Scale:
    """Instants and values -> the drawing area."""

    start_ns: int
    end_ns: int
    bottom: float
    top: float

    def x(self, at_ns: int) -> float:
        return round(min(max((at_ns - self.start_ns) / (self.end_ns - self.start_ns), 0.0), 1.0) * SIDE, 2)

    def y(self, value: float) -> float:
        return round((1 - (value - self.bottom) / (self.top - self.bottom)) * SIDE, 2)


def runs_of(at_ns: Instants, heights: Values, hold_ns: int) -> list[tuple[int, int]]:
    """Half-open index ranges without a bad row and without a hole longer than a sample stands for."""
    runs: list[tuple[int, int]] = []
    first: int | None = None
    for i, height in enumerate(heights):
        broken = np.isnan(height)
        hole = first is not None and i > 0 and int(at_ns[i]) - int(at_ns[i - 1]) > hold_ns
        if first is not None and (broken or hole):
            runs.append((first, i))
            first = None
        if first is None and not broken:
            first = i
    return [*runs, (first, len(heights))] if first is not None else runs


def stands_until(at_ns: Instants, last: int, shape: Shape) -> int:
    """How far the last sample of a run reaches: to the next row, as long as one sample stands, never past the range."""
    until = int(at_ns[last]) if last < len(at_ns) else shape.end_ns
    return min(until, int(at_ns[last - 1]) + shape.hold_ns)


def _points(at_ns: Instants, heights: Values, scale: Scale) -> str:
    return " ".join(f"{scale.x(int(at))},{scale.y(float(v))}" for at, v in zip(at_ns, heights, strict=True))


def _line(at_ns: Instants, heights: Values, scale: Scale, until_ns: int) -> Markup:
    tail = f" {scale.x(until_ns)},{scale.y(float(heights[-1]))}"
    return Markup('<polyline class="line" points="{}"/>').format(_points(at_ns, heights, scale) + tail)


def _band(at_ns: Instants, low: Values, high: Values, scale: Scale) -> Markup:
    around = f"{_points(at_ns, high, scale)} {_points(at_ns[::-1], low[::-1], scale)}"
    return Markup('<polygon class="band" points="{}"/>').format(around)


def _steps(at_ns: Instants, heights: Values, scale: Scale, until_ns: int) -> Markup:
    path = [f"M{scale.x(int(at_ns[0]))} {scale.y(float(heights[0]))}"]
    for at, height in zip(at_ns[1:], heights[1:], strict=True):
        path.append(f"H{scale.x(int(at))}V{scale.y(float(height))}")
    return Markup('<path class="line" d="{}"/>').format("".join(path) + f"H{scale.x(until_ns)}")


def bad_stretches(series: Series, scale: Scale) -> Markup:
    """Shaded where samples came but were bad, so that a gap is seen to be one."""
    bad = np.isnan(series.last)
    shades = []
    for i in np.flatnonzero(bad & ~np.r_[False, bad[:-1]]):
        later = np.flatnonzero(~bad[i:])
        until = int(series.at_ns[i + later[0]]) if len(later) else scale.end_ns
        left = scale.x(int(series.at_ns[i]))
        shades.append(Markup('<rect class="bad" x="{}" y="0" width="{}" height="1000"/>').format(left, round(scale.x(until) - left, 2)))
    return Markup("").join(shades)


def _grid(rows: Sequence[Tick], columns: Sequence[Tick]) -> Markup:
    across = "".join(f'<line class="grid" x1="0" x2="100%" y1="{_down(t)}" y2="{_down(t)}"/>' for t in rows)
    down = "".join(f'<line class="grid" x1="{t.at:.2%}" x2="{t.at:.2%}" y1="10" y2="246"/>' for t in columns)
    return Markup(across + down)


def _labels(rows: Sequence[Tick], columns: Sequence[Tick]) -> Markup:
    left = "".join(f'<text class="tick" x="4" y="{_down(t) - 4:.1f}">{escape(t.text)}</text>' for t in rows)
    below = "".join(f'<text class="tick" x="{t.at:.2%}" y="266" text-anchor="{_anchor(t.at)}">{escape(t.text)}</text>' for t in columns)
    return Markup(left + below)


def _anchor(at: float) -> str:
    return "start" if at < 0.04 else "end" if at > 0.96 else "middle"


def _down(tick: Tick) -> float:
    return round(10 + (1 - tick.at) * 236, 1)
