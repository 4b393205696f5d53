"""At night a normal fault is told to who is on shift and to the duty room alone, four times an hour, and calls no next level before the
morning. Clocks run on; urgent faults know no night."""

from __future__ import annotations

from plantroom.clock import NS
from plantroom.model import Severity
from rules.house import House
from rules.rows import Fault

SLOT_NS = 15 * 60 * NS  # of the epoch, so quarters of every zone's hour

BY_DAY = ("maintenance_overdue",)  # rules that nobody is woken for, nor sent anything at night (M-4)


def day_ns(house: House, fault: Fault | None, at_ns: int) -> int | None:
    """When a page about work that was not done leaves: by day."""
    return house.site.night.until_ns(at_ns, house.zone) if fault is not None and fault.rule in BY_DAY else None


def holds_until(house: House, severity: Severity, at_ns: int) -> int | None:
    """When what is gathered now leaves; None by day, and for what is urgent."""
    if severity is not Severity.NORMAL or house.site.night.until_ns(at_ns, house.zone) is None:
        return None
    return (at_ns // SLOT_NS + 1) * SLOT_NS


def morning_ns(house: House, severity: Severity, at_ns: int) -> int | None:
    """Until when the next level sleeps; None where it does not."""
    return house.site.night.until_ns(at_ns, house.zone) if severity is Severity.NORMAL else None
