"""What a program is given: the machines beforehand, and what is known of some of them at one instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rules.windows import Bools, Floats, Span, Truth


@dataclass(slots=True)
class Look:
    """What is known of some machines at one instant.

    known: [points, rows], NaN where bad, stale or never seen. fresh: [points, rows] = a sample came with this look, None on a tick.
    age: of a point (its row in `known`), s since its last good sample, [rows]; old: whether that is stale. silence (s), polls_missed:
    [rows]; silence_grows: False while a table of history has a pause. facts: what holds for the whole site, the same for all rows.
    vital: one of rules/vitals.py, [rows].
    """

    span: Span
    known: Floats
    fresh: Bools | None
    age: Callable[[int], Floats]
    old: Callable[[int], Bools]
    silence: Floats
    polls_missed: Floats
    silence_grows: bool | Bools = True
    facts: Mapping[str, Truth] = field(default_factory=dict)
    vital: Callable[[str], Floats] = lambda name: np.zeros(0)


@dataclass(frozen=True, slots=True)
class Machines:
    """What is known of the machines beforehand. size: how many. points: name -> row of Look.known. parameters: by (rule, name), [size].

    has: by point, [size]. period_s: the shortest poll period of some points, for the width of buckets.
    """

    size: int
    points: Mapping[str, int]
    parameters: Mapping[tuple[str, str], Floats]
    has: Callable[[str], Bools]
    period_s: Callable[[Sequence[str]], float]
