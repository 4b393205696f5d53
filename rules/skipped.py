"""What a step that could not be applied leaves: a row of `skipped`, a line of the chronicle, and the monitor's urgent fault.

The same again within ten minutes counts on in its row. Words and places are the same after every replay by the same code: of an error's
words addresses in memory are struck out.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from types import TracebackType

import structlog

from plantroom.clock import NS
from plantroom.journal.record import Record
from rules import events
from rules.desk import Desk
from rules.house import House
from rules.rows import Skipped

EVENT = "record_skipped"
APART_NS = 600 * NS  # what was skipped for the same reason within this is one row
FRAMES = 4
LONGEST = 200
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """What of a record's handling was being done, and about which machine: kind and equipment are "" where none is meant."""

    does: str
    kind: str = ""
    equipment: str = ""


def note(desk: Desk, record: Record, part: Part, error: Exception) -> None:
    """The row, and a line of the chronicle with its first."""
    name = record.kind.name.lower()
    known = desk.skipped.get((name, part.does, part.kind, part.equipment, place(error)))
    if known is not None and desk.now_ns - known.last_ns < APART_NS:
        known.last_seq, known.last_ns, known.count = record.seq, desk.now_ns, known.count + 1
        desk.put_skipped(known)
        return
    row = Skipped(
        desk.new_id("S"), record.seq, desk.now_ns, name, part.does, part.kind, part.equipment, words(error), place(error),
        last_seq=record.seq, last_ns=desk.now_ns,
    )  # fmt: skip
    desk.put_skipped(row)
    told = asdict(row)
    desk.tell("record.skipped", {key: told[key] for key in ("id", "record", "does", "kind", "equipment", "error", "place")})


def raise_fault(desk: Desk, house: House, part: Part) -> None:
    """A person is to know, and to look after the machine by hand."""
    machine = house.machine(part.equipment) if part.equipment else None
    about = machine.names["zh"] if machine is not None else house.site.name
    events.seen(desk, house, EVENT, {"about": about, "does": part.does, "kind": part.kind})


def words(error: Exception) -> str:
    said = _ADDRESS.sub("0x", f"{type(error).__name__}: {error}")
    return said.encode("utf-8", "replace").decode()[:LONGEST]


def place(error: Exception) -> str:
    """`rules.evaluate:104 step < rules.rounds:150 _step < ...`, innermost first."""
    found: list[str] = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return " < ".join(found[: -FRAMES - 1 : -1])
