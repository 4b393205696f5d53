"""Whether a line that nothing disturbs reads everything in time, whatever it repeats: then the beat that a reading belongs to is known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Turn(NamedTuple):
    """due_s: of any of its slots. cost_s: the longest that the line may be busy with it, its repetition and the pause after it included."""

    due_s: float
    period_s: float
    cost_s: float


def in_time(turns: Iterable[Turn], beat_s: float, within_s: float) -> bool:
    """Whether each turn ends less than within_s after it was due, with all others due in every beat, as often as that.

    A line that is never idle while something is due ends earlier where fewer are due or cost less, in whatever order. So what holds here
    holds for every beat. Periods are whole multiples of the beat, and slots and beats of within_s; False where they are not.
    """
    known, free_s = tuple(turns), 0.0
    for due_s, cost_s in sorted((turn.due_s % beat_s, turn.cost_s) for turn in known):
        free_s = max(free_s, due_s) + cost_s
        if free_s >= due_s + within_s:
            return False
    whole = all(turn.period_s % beat_s == 0.0 and turn.due_s % within_s == 0.0 for turn in known)
    return whole and beat_s % within_s == 0.0
