"""The pictures of a report as SVG: the intact rate day by day, how much of its limit each response used. Pure; same input, same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from html import escape

from dashboards.report.content import Daily, Response
from plantroom.kpi.period import Period

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720.0, 200.0, 46.0, 10.0, 14.0, 24.0
INK, SOFT, LINE, GOOD, BAD = "#16212b", "#566573", "#d9dee3", "#1c6dd0", "#b00020"
FONT = "Noto Sans CJK SC"
MOST_X_LABELS = 12


def intact_plot(daily: Daily, span: Period, words: tuple[str, str, str]) -> str:
    """words: by time, head count, target. A day without data is a gap, never a line across it."""
    values = [value for _, time, heads in daily.days for value in (time, heads) if value is not None]
    low = min(0.9, *(value for value in values)) if values else 0.9
    low = max(0.0, int(low * 20) / 20)  # to the five percent below
    frame = _Frame(span, low, 1.0)
    parts = [frame.axes([low + (1 - low) * n / 4 for n in range(5)], lambda value: f"{value * 100:.1f} %")]
    at = frame.y(daily.target)
    parts.append(f'<path d="M{LEFT:.1f} {at:.1f}H{WIDTH - RIGHT:.1f}" stroke="{BAD}" stroke-dasharray="4 3"/>')
    for n, colour in ((1, GOOD), (2, SOFT)):
        for run in _runs([(frame.day_x(day[0]), None if day[n] is None else frame.y(float(str(day[n])))) for day in daily.days]):
            d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run)
            parts.append(f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.8" fill="{colour}"/>' for x, y in run]
    return _svg([*parts, _legend(((GOOD, words[0]), (SOFT, words[1]), (BAD, words[2])))])


def response_plot(response: Response, span: Period, words: tuple[str, str, str]) -> str:
    """words: kept, late, never. Dots above 100 % were late; what was never accepted stands on the upper edge."""
    used = [share for _, share in response.dots if share is not None]
    high = min(4.0, max(1.25, *used)) if used else 1.25
    frame = _Frame(span, 0.0, high)
    parts = [frame.axes([high * n / 4 for n in range(5)], lambda value: f"{value * 100:.0f} %")]
    at = frame.y(1.0)
    parts.append(f'<path d="M{LEFT:.1f} {at:.1f}H{WIDTH - RIGHT:.1f}" stroke="{BAD}" stroke-dasharray="4 3"/>')
    for due_ns, share in response.dots:
        x, y = frame.x(due_ns), frame.y(min(high, share) if share is not None else high)
        if share is None:
            parts.append(f'<path d="M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6" stroke="{BAD}" stroke-width="1.4"/>')
        else:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{GOOD if share <= 1 else BAD}" fill-opacity="0.8"/>')
    return _svg([*parts, _legend(((GOOD, words[0]), (BAD, words[1]), (BAD, f"× {words[2]}")))])


class _Frame:
    def __init__(self, span: Period, low: float, high: float) -> None:
        self._span, self._low, self._high = span, low, high

    def x(self, at_ns: int) -> float:
        share = (at_ns - self._span.start_ns) / (self._span.end_ns - self._span.start_ns)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def day_x(self, day: str) -> float:
        days = (self._span.end - self._span.first).days
        return LEFT + ((date.fromisoformat(day) - self._span.first).days + 0.5) / days * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self._low) / (self._high - self._low) * (HEIGHT - TOP - BOTTOM)

    def axes(self, values: Sequence[float], text: Callable[[float], str]) -> str:
        parts = []
        for value in values:
            y = self.y(value)
            parts.append(f'<path d="M{LEFT:.1f} {y:.1f}H{WIDTH - RIGHT:.1f}" stroke="{LINE}"/>')
            parts.append(_text(LEFT - 5, y + 3.5, text(value), "end"))
        days = (self._span.end - self._span.first).days
        step = -(-days // MOST_X_LABELS)
        for n in range(0, days, step):
            day = date.fromordinal(self._span.first.toordinal() + n)
            parts.append(_text(self.day_x(day.isoformat()), HEIGHT - 7, f"{day:%m-%d}", "middle"))
        return "".join(parts)


def _runs(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is not None:
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    parts, x = [], LEFT
    for colour, words in entries:
        parts.append(f'<rect x="{x:.1f}" y="2" width="8" height="8" fill="{colour}"/>' + _text(x + 12, 9.5, words, "start"))
        x += 26 + sum(10 if ord(letter) > 0x2E80 else 5.6 for letter in words)
    return "".join(parts)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="9.5" fill="{INK}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" width="{WIDTH:.0f}" height="{HEIGHT:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'
