"""An alarm flood: more than ten faults in ten minutes, until fewer than five. While it lasts normal pages are gathered into one.

Urgent pages are never held: they leave at once, before all others. What is gathered is told every ten minutes, in one page a target
(rules/gathered.py). Counted is what is put before people: children, advisories and the monitor's own are not (ISA-18.2, IEC 62682: > 10
in 10 min begins a flood, < 5 ends it).
"""

from __future__ import annotations

from plantroom.clock import NS
from plantroom.model import Severity
from rules.desk import Desk
from rules.house import MONITOR
from rules.rows import Fault

RULE = "alarm_flood"  # of the monitor; its open fault is the flood
WINDOW_NS = 600 * NS
MORE_THAN, FEWER_THAN = 10, 5


def is_on(desk: Desk) -> bool:
    return desk.fault_of(MONITOR, RULE) is not None


def begins(desk: Desk) -> bool:
    return desk.shown(WINDOW_NS) > MORE_THAN


def is_over(desk: Desk) -> bool:
    return desk.shown(WINDOW_NS) < FEWER_THAN


def holds_until(desk: Desk, fault: Fault | None, severity: Severity) -> int | None:
    """When this page leaves, gathered with others. None: it is not held, such as the monitor's own: one of them tells of the flood.

    Ten-minute slots run from the flood's beginning.
    """
    flood = desk.fault_of(MONITOR, RULE)
    if flood is None or severity.urgent or (fault is not None and fault.kind == MONITOR):
        return None
    return flood.raised_ns + ((desk.now_ns - flood.raised_ns) // WINDOW_NS + 1) * WINDOW_NS
