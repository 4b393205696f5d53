"""A stretch of one point as a small SVG: thinned out to less than 3 kB, with marked instants and limits. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from dashboards.console.axis import Tick, time_ticks, value_ticks
from dashboards.console.charts import Scale, Shape, runs_of, stands_until
from plantroom.history import Series
from plantroom.model import Instants, Values

TOP, HEIGHT, FOOT = 30, 96, 16  # px: the words of the instants, the drawing, the times
MOST_POINTS = 90
MOST_RUNS = 20
MOST_SHADES = 8
END, MIDDLE = Markup(' text-anchor="end"'), Markup(' text-anchor="middle"')
NEAR_PX = 13  # words closer than this stand in each other's way


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant with its word. before: the word stands left of the line. low: in the second row."""

    at_ns: int
    text: str
    before: bool = False
    low: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    value: float
    text: str


def draw(series: Series, shape: Shape, marks: Sequence[Mark], limits: Sequence[Limit], title: str) -> Markup:
    """title: the whole drawing in words."""
    codes = _codes(series, shape) if shape.names else []
    heights = _rows(series.last, codes) if shape.names else series.mean
    bottom, top, rows = _axis(series, shape, codes, limits)
    scale = Scale(shape.start_ns, shape.end_ns, bottom, top)
    runs = runs_of(series.at_ns, heights, shape.hold_ns)
    runs = runs[:: max(1, -(-len(runs) // MOST_RUNS))]  # what comes and goes that often is drawn here and there
    room, line = max(2, MOST_POINTS // max(1, len(runs))), ""
    for first, last in runs:
        until = stands_until(series.at_ns, last, shape)
        at, values = series.at_ns[first:last], heights[first:last]
        line += _steps(at, values, room, scale, until) if shape.names else _line(*thinned(at, values, room), scale, until)
    inside = _shades(series, scale) + Markup('<path class="line" d="{}"/>').format(line)
    around = Markup("{}{}<g class=\"tick\">{}</g>").format(*_around(rows, shape, limits, marks, scale))
    return Markup(
        '<svg class="chart" role="img" aria-label="{}" width="100%" height="{}"><svg y="{}" width="100%" height="{}" '
        'viewBox="0 0 1000 1000" preserveAspectRatio="none">{}</svg>{}</svg>'
    ).format(title, TOP + HEIGHT + FOOT, TOP, HEIGHT, inside, around)


def thinned(at_ns: Instants, values: Values, most: int) -> tuple[Instants, Values]:
    """At most so many of a line: the least and the most of each stretch in their order, and both ends."""
    n = len(values)
    if n <= most:
        return at_ns, values
    kept = {0, n - 1}
    for piece in np.array_split(np.arange(n), max(1, (most - 2) // 2)):
        kept |= {int(piece[np.argmin(values[piece])]), int(piece[np.argmax(values[piece])])}
    index = np.array(sorted(kept))
    return at_ns[index], values[index]


def _codes(series: Series, shape: Shape) -> list[int]:
    """Those that came, from below; both of a contact, so that its step is seen to be one."""
    came = {int(v) for v in series.last[~np.isnan(series.last)]}
    return sorted(came | (set(shape.names) if len(shape.names) <= 2 else set())) or [0]


def _rows(values: Values, codes: Sequence[int]) -> Values:
    place = {float(code): float(i) for i, code in enumerate(codes)}
    return np.array([place[float(int(v))] if not np.isnan(v) else np.nan for v in values])


def _axis(series: Series, shape: Shape, codes: Sequence[int], limits: Sequence[Limit]) -> tuple[float, float, list[Tick]]:
    if shape.names:
        rows = [Tick((i + 0.5) / len(codes), shape.names.get(code, str(code))) for i, code in enumerate(codes)]
        return -0.5, len(codes) - 0.5, rows[:: max(1, -(-len(rows) // 5))]
    good = series.mean[~np.isnan(series.mean)]
    held = [*(limit.value for limit in limits), *([float(good.min()), float(good.max())] if len(good) else [])]
    return value_ticks(min(held, default=0.0), max(held, default=1.0), 2)


def _line(at_ns: Instants, values: Values, scale: Scale, until_ns: int) -> str:
    ends = [*zip(at_ns, values, strict=True), (until_ns, values[-1])]
    return "M" + "L".join(f"{scale.x(int(at)):.0f} {scale.y(float(v)):.0f}" for at, v in ends)


def _steps(at_ns: Instants, values: Values, most: int, scale: Scale, until_ns: int) -> str:
    turns = np.flatnonzero(np.diff(values)) + 1
    turns = turns[:: max(1, -(-len(turns) // most))]  # one that flutters is drawn coarser
    begin = f"M{scale.x(int(at_ns[0])):.0f} {scale.y(float(values[0])):.0f}"
    return begin + "".join(f"H{scale.x(int(at_ns[i])):.0f}V{scale.y(float(values[i])):.0f}" for i in turns) + f"H{scale.x(until_ns):.0f}"


def _shades(series: Series, scale: Scale) -> Markup:
    """Where samples came but were bad; those that follow each other closely are one."""
    bad = np.isnan(series.last)
    found: list[tuple[float, float]] = []
    for i in np.flatnonzero(bad & ~np.r_[False, bad[:-1]]):
        later = np.flatnonzero(~bad[i:])
        left, right = scale.x(int(series.at_ns[i])), scale.x(int(series.at_ns[i + later[0]]) if len(later) else scale.end_ns)
        if found and (left - found[-1][1] < 5 or len(found) >= MOST_SHADES):
            found[-1] = (found[-1][0], right)
        else:
            found.append((left, right))
    rect = Markup('<rect class="bad" x="{:.0f}" y="0" width="{:.0f}" height="1000"/>')
    return Markup("").join(rect.format(left, max(2.0, right - left)) for left, right in found)


def _around(
    rows: Sequence[Tick], shape: Shape, limits: Sequence[Limit], marks: Sequence[Mark], scale: Scale
) -> tuple[Markup, Markup, Markup]:
    """Rulings, the marked instants, and all words. Of limits close to each other the upper one's stand above, the lower one's below."""
    across = Markup('<line class="{0}" x2="100%" y1="{1}" y2="{1}"/>')
    mark = Markup('<line class="mark" x1="{0:.1f}%" x2="{0:.1f}%" y1="{1}" y2="{2}"/>')
    left, right = Markup('<text x="2" y="{}">{}</text>'), Markup('<text x="100%" y="{}" text-anchor="end">{}</text>')
    at, foot = Markup('<text x="{:.1f}%" y="{}"{}>{}</text>'), TOP + HEIGHT + FOOT - 3
    drawn = [across.format("grid", _down(t.at)) for t in rows]
    words = [left.format(_down(t.at) - 3, t.text) for t in rows]
    words += [at.format(100 * t.at, foot, _anchor(t.at), t.text) for t in time_ticks(shape.start_ns, shape.end_ns, shape.zone, 4)]
    last = -100
    for limit in sorted(limits, key=lambda limit: -limit.value):
        y = _down(1 - scale.y(limit.value) / 1000)
        last = y - 3 if y - 3 - last >= NEAR_PX else max(y + 11, last + NEAR_PX)
        drawn.append(across.format("limit", y))
        words.append(right.format(last, limit.text))
    verticals = []
    for one in marks:
        x, y = scale.x(one.at_ns) / 10, 26 if one.low else 11
        before = (one.before and x > 12) or x > 88
        verticals.append(mark.format(x, y - 9, TOP + HEIGHT))
        words.append(at.format(x - 0.6 if before else x + 0.6, y, END if before else "", one.text))
    return Markup("").join(drawn), Markup("").join(verticals), Markup("").join(words)


def _anchor(at: float) -> Markup:
    return Markup("") if at < 0.06 else END if at > 0.94 else MIDDLE


def _down(share: float) -> int:
    return round(TOP + (1 - share) * HEIGHT)
