"""`sheets`, `spares`, and of an equipment `certificates` and `records`: the ledger's part of a site file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from plantroom import yaml_file as y
from plantroom.certificates import MachineCertificate
from plantroom.ledger.dates import last_day, read_date
from plantroom.ledger.reading import newest
from plantroom.site import PastRecord, Spare
from plantroom.site_documents import fact

MOST = 100
MOST_SHEETS = 20


@dataclass(frozen=True, slots=True)
class SheetName:
    """line: in the site file. adds: a row that names no equipment of the site file becomes one."""

    file: str
    line: int
    adds: bool


def read_sheets(node: y.Node | None, paper: y.Paper) -> list[SheetName]:
    """Each is a name beside the site file, or {file, adds}."""
    found: dict[str, SheetName] = {}
    for index, item in enumerate(y.entries(node, "sheets", paper)[: MOST_SHEETS + 1]):
        where = f"sheets[{index}]"
        if index == MOST_SHEETS:
            paper.wrong(item.line, where, f"are more than {MOST_SHEETS}; put them into one file with several sheets")
            break
        adds, name = False, None
        if isinstance(item, y.Map):
            one = y.Fields(item, where, paper)
            name, adds = one.need("file", y.text), one.may("adds", y.flag, False)
            one.done()
        else:
            try:
                name = y.text(item)
            except y.Wrong as error:
                paper.wrong(item.line, where, f"{error}; write the sheet's file name, or {{file: ledger.xlsx, adds: true}}")
        if name is not None and name in found:
            paper.wrong(item.line, where, f"{name!r} stands twice")
        elif name is not None:
            found[name] = SheetName(name, item.line, adds)
    return list(found.values())


def read_certificates(f: y.Fields, ledger: dict[str, object]) -> tuple[MachineCertificate, ...]:
    """In the order of the file. A ledger's `inspection_due` is the certificate `inspection`, and stands there alone then."""
    found: dict[str, MachineCertificate] = {}
    for index, node in enumerate(_bounded(f, "certificates")):
        one = y.Fields(node, f"{f.path('certificates')}[{index}]", f.paper)
        what, until = one.need("what", fact), one.opt("until", _until)
        number, document = one.may("number", fact, ""), one.may("document", fact, "")
        one.done()
        if what is not None and what in found:
            one.wrong("what", f"{what!r} stands twice; the newest alone counts")
        elif what is not None:
            found[what] = MachineCertificate(what, until, number, document)
    due = ledger.pop("inspection_due", None)
    if due is not None and "inspection" in found:
        f.wrong("ledger", "has inspection_due, and certificates an inspection: keep the certificate")
    elif due is not None:
        try:
            found["inspection"] = MachineCertificate("inspection", _last_day(str(due)))
        except ValueError as error:
            f.wrong("ledger", f"inspection_due: {error}")
    return tuple(found.values())


def read_records(f: y.Fields) -> tuple[PastRecord, ...]:
    """`{on: 2026-10-05, what: 半月保养}`: maintenance from before Plantroom."""
    found = []
    for index, node in enumerate(_bounded(f, "records")):
        one = y.Fields(node, f"{f.path('records')}[{index}]", f.paper)
        on, what = one.need("on", _date), one.need("what", fact)
        one.done()
        if on is not None and what is not None:
            found.append(PastRecord(on, what))
    return newest(found)


def read_spares(node: y.Node | None, equipment: Iterable[str], paper: y.Paper) -> Mapping[str, Spare]:
    known = frozenset(equipment)
    found: dict[str, Spare] = {}
    for index, item in enumerate(y.entries(node, "spares", paper)):
        one = y.Fields(item, f"spares[{index}]", paper)
        id_, name, place = one.need("id", y.identifier), one.need("name", fact), one.may("place", fact, "")
        count, minimum = one.may("count", y.integer(0, 1_000_000), 0), one.may("minimum", y.integer(0, 1_000_000), 0)
        used_by = one.opt("for", _ids) or ()
        one.done()
        for machine in used_by:
            if machine not in known:
                one.wrong("for", f"{machine!r} is no equipment{y.nearest(machine, sorted(known))}")
        if id_ is not None and id_ in found:
            one.wrong("id", f"the id {id_!r} is taken; ids are unique among spares")
        elif id_ is not None and name is not None:
            found[id_] = Spare(id_, name, place, count, minimum, used_by)
    return found


def _bounded(f: y.Fields, key: str) -> list[y.Node]:
    nodes = y.entries(f.child(key), f.path(key), f.paper)
    if len(nodes) > MOST:
        f.wrong(key, f"are more than {MOST}")
    return nodes[:MOST]


def _ids(node: y.Node) -> tuple[str, ...]:
    items = node.items if isinstance(node, y.Sequence) else (node,)
    return tuple(dict.fromkeys(y.identifier(item) for item in items))


def _date(node: y.Node) -> str:
    try:
        return read_date(y.text(node))
    except ValueError as error:
        raise y.Wrong(str(error), node) from error


def _until(node: y.Node) -> date:
    try:
        return _last_day(y.text(node))
    except y.Wrong:
        raise
    except ValueError as error:
        raise y.Wrong(str(error), node) from error


def _last_day(text: str) -> date:
    day = last_day(read_date(text))
    if day is None:
        raise ValueError(f"{text} is a year, and no day until which something holds; write 2026-03-05, or 2026-03 for its last day")
    return day
