"""A condition that comes and goes (>= 3 times in a minute) is shelved for half an hour, so that it does not wear people out.

Never an urgent one: it pages each time. Its order stands, its clock runs, and the monitor says that it chatters.
"""

from __future__ import annotations

from plantroom.clock import NS
from rules.desk import Desk
from rules.rows import Fault, as_json

WITHIN_NS, TIMES = 60 * NS, 3  # ISA-18.2: active three times within a minute
SHELF_NS = 1_800 * NS
SYSTEM = "system"


def is_chattering(desk: Desk, fault: Fault) -> bool:
    return desk.shown(WITHIN_NS, (fault.equipment, fault.rule)) >= TIMES


def shelve(desk: Desk, fault: Fault) -> None:
    """Before it pages."""
    if fault.severity.urgent or not is_chattering(desk, fault):
        return
    fault.shelved_until_ns = desk.now_ns + SHELF_NS
    fault.shelf_json = as_json({"by": SYSTEM, "second": None, "reason": "chattering", "at_ns": desk.now_ns})
    desk.put_fault(fault)
    desk.tell("fault.shelved", {"fault": fault.id, "until_ns": fault.shelved_until_ns, "by": SYSTEM, "second": None})
