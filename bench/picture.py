"""A figure for the docs: marks over a dashed line, both axes logarithmic, as SVG that GitHub and the console show alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 70, 610, 30, 300
STEPS = 50  # pieces of the dashed line


@dataclass(frozen=True)
class Mark:
    x: float
    y: float
    said: str


def picture(marks: Sequence[Mark], line: Callable[[float], float], *, title: str, across: str, y_names: Mapping[float, str]) -> str:
    """marks: at least one, above zero. line: what is dashed, y of x. across: what x counts. y_names: the level lines, its bounds too."""
    x_low, x_high = log10(min(mark.x for mark in marks)) - 0.3, log10(max(mark.x for mark in marks)) + 0.3
    y_low, y_high = log10(min(y_names)), log10(max(y_names))

    def x(value: float) -> float:
        return LEFT + (log10(value) - x_low) / (x_high - x_low) * (RIGHT - LEFT)

    def y(value: float) -> float:
        return BOTTOM - (log10(value) - y_low) / (y_high - y_low) * (BOTTOM - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in range(ceil(x_low), floor(x_high) + 1):
        at = x(10.0**power)
        parts.append(f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>')
    for value, name in y_names.items():
        parts.append(f'<line x1="{LEFT}" y1="{y(value):.1f}" x2="{RIGHT}" y2="{y(value):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{name}</text>')
    along = [10 ** (x_low + (x_high - x_low) * n / STEPS) for n in range(STEPS + 1)]
    dashed = " ".join(f"{x(at):.1f},{y(line(at)):.1f}" for at in along if y_low <= log10(line(at)) <= y_high)
    parts.append(f'<polyline points="{dashed}" fill="none" stroke="#888" stroke-dasharray="5 4"/>')
    for mark in marks:
        parts.append(f'<circle cx="{x(mark.x):.1f}" cy="{y(mark.y):.1f}" r="5" fill="#0a6"/>')
        side, anchor = (-9, "end") if x(mark.x) > WIDTH * 0.7 else (9, "start")
        parts.append(f'<text x="{x(mark.x) + side:.1f}" y="{y(mark.y) - 8:.1f}" text-anchor="{anchor}">{mark.said}</text>')
    parts.append(f'<text x="{LEFT}" y="20">{title}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{BOTTOM + 42}" text-anchor="middle">{across}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
