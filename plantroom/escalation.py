"""Whom a fault is told, step by step, until a person has accepted it. The defaults are the service standard's (severity, R-1, R-2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plantroom.model import Severity

EVERYONE = "everyone"
VOICE = "voice"
PAGED = tuple(severity for severity in Severity if severity is not Severity.ADVISORY)
NEXT_LEVEL_S = {Severity.DANGER: 180.0, Severity.READINESS: 600.0, Severity.NORMAL: 1800.0}
VOICE_AFTER_S = 720.0  # of readiness
REPEAT_S = {Severity.DANGER: 180.0, Severity.READINESS: 600.0, Severity.NORMAL: 3600.0}


HEADS = ("engineering", "security", "service")  # the departments R-3 names, in the order in which they are told
WITHIN_S = 900.0


@dataclass(frozen=True, slots=True)
class Major:
    """Who is told of a matter of weight (R-3). heads: department -> a team or a person; manager: called where one of them is missing.

    within_s: in which each confirms.
    """

    heads: Mapping[str, str]
    manager: str | None = None
    within_s: float = WITHIN_S


@dataclass(frozen=True, slots=True)
class Step:
    """after_s: since the fault was raised. tell: teams, people, channels, or `everyone`: every channel that takes the severity, as a group.

    by: the channels it goes out on, None = all.
    """

    after_s: float
    tell: tuple[str, ...]
    by: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """After the last step all who were told are told again every repeat_s, until somebody accepts or the fault is closed."""

    steps: tuple[Step, ...]
    repeat_s: float


def defaults(teams: Sequence[str], channels: Mapping[str, str]) -> dict[Severity, Chain]:
    """What holds where the site file says nothing. teams: in the file's order; channels: id -> type."""
    return {severity: _default(severity, teams, channels) for severity in PAGED}


def _default(severity: Severity, teams: Sequence[str], channels: Mapping[str, str]) -> Chain:
    """The first team and the groups at once, each further team a level later. Danger calls at once; readiness calls when it waits."""
    voice = frozenset(name for name, kind in channels.items() if kind == VOICE)
    silent = frozenset(channels) - voice
    quiet = silent if voice and silent and severity is not Severity.DANGER else None
    levels = [(*teams[:1], EVERYONE), *((team,) for team in teams[1:])]
    steps = [Step(level * NEXT_LEVEL_S[severity], tell, quiet) for level, tell in enumerate(levels)]
    if severity is Severity.READINESS and quiet is not None and teams:  # a group cannot be called
        steps.append(Step(VOICE_AFTER_S, tuple(teams[:2]), voice))
        steps.sort(key=lambda step: step.after_s)
    return Chain(tuple(steps), REPEAT_S[severity])
