"""How much of a time limit is left, in the form people read on a wall: 12:07, 1:02:33, +3:10 when it has passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plantroom.clock import NS

Phase = Literal["running", "warning", "breached", "kept"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One time limit of an order. All instants epoch ns; breached_ns: the due instant it passed."""

    name: str  # response | arrival | restore
    started_ns: int
    warn_ns: int
    due_ns: int
    breached_ns: int | None
    stopped_ns: int | None

    @property
    def running(self) -> bool:
        return self.stopped_ns is None

    def left_s(self, now_ns: int) -> int:
        """Whole seconds until due, negative after; a stopped clock shows what was left when it stopped."""
        at = now_ns if self.stopped_ns is None else self.stopped_ns
        return -((at - self.due_ns) // NS)

    def phase(self, now_ns: int) -> Phase:
        """kept | running | warning | breached. Breached stays breached: a late stop does not mend it."""
        at = now_ns if self.stopped_ns is None else self.stopped_ns
        if self.breached_ns is not None or at > self.due_ns:
            return "breached"
        if self.stopped_ns is not None:
            return "kept"
        return "warning" if at >= self.warn_ns else "running"


def clock_text(seconds: int) -> str:
    """Of seconds left; negative = late. 754 -> 12:34, -190 -> +3:10, 90061 -> 25:01:01."""
    late, seconds = seconds < 0, abs(seconds)
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"+{text}" if late else text


def age_text(seconds: float, lang: str) -> str:
    """A rough length in people's words: 40 s, 12 min, 3 h, 5 d."""
    units = {"zh": ("秒", "分", "小时", "天"), "en": ("s", "min", "h", "d")}[lang]
    space = "" if lang == "zh" else " "
    whole = max(0, int(seconds))
    for size, unit in ((86_400, units[3]), (3_600, units[2]), (60, units[1])):
        if whole >= 2 * size or (whole >= size and size == 60):
            return f"{whole // size}{space}{unit}"
    return f"{whole}{space}{units[0]}"
