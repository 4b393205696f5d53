"""The service's time limits: the standard's (response R-1 / R-2, arrival after acceptance, the maintenance unit's R-6, restoring R-5) where
the site sets no others. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from plantroom.clock import NS
from plantroom.model import Severity
from plantroom.site import Clocks

MINUTE = 60 * NS
WARN_SHARE = 0.8  # of the limit gone: late enough to be rare, early enough to help


class ClockName(StrEnum):
    RESPONSE = "response"  # raised -> accepted
    ARRIVAL = "arrival"  # accepted -> arrived
    UNIT = "unit"  # people trapped: known -> the maintenance unit is on site; freed ends it too
    RESTORE = "restore"  # raised -> restored


Limits = Mapping[ClockName, Mapping[Severity, int]]

# ns, the standard's. An advisory has no clock: it is an order for the next working day.
LIMITS: Limits = {
    ClockName.RESPONSE: {Severity.DANGER: 15 * MINUTE, Severity.READINESS: 15 * MINUTE, Severity.NORMAL: 30 * MINUTE},
    ClockName.ARRIVAL: {Severity.DANGER: 15 * MINUTE, Severity.READINESS: 30 * MINUTE, Severity.NORMAL: 60 * MINUTE},
    ClockName.UNIT: {Severity.DANGER: 30 * MINUTE},
    ClockName.RESTORE: {Severity.DANGER: 24 * 60 * MINUTE, Severity.READINESS: 24 * 60 * MINUTE, Severity.NORMAL: 24 * 60 * MINUTE},
}


@dataclass(frozen=True, slots=True)
class Times:
    """The limits a site lives by, and the share of one at which people are warned."""

    limits: Limits = field(default_factory=lambda: LIMITS)
    warn_share: float = WARN_SHARE


STANDARD = Times()


def times_of(given: Clocks) -> Times:
    """The standard's, with what the site sets instead."""
    limits = {name: {**LIMITS[name], **_ns(given.limits.get(name.value, {}))} for name in ClockName}
    return Times(limits, WARN_SHARE if given.warn_share is None else given.warn_share)


def loosened(times: Times) -> list[tuple[ClockName, Severity]]:
    """Limits that are longer than the standard's."""
    return [(name, severity) for name, known in LIMITS.items() for severity, limit in known.items() if times.limits[name][severity] > limit]


def _ns(limits: Mapping[Severity, float]) -> Mapping[Severity, int]:
    return {severity: round(seconds * NS) for severity, seconds in limits.items()}
