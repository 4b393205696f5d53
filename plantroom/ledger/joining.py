"""The entries of ledger sheets -> the equipment of a site. Where the site file and a sheet say two things both places are named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from plantroom.certificates import MachineCertificate, by_what
from plantroom.errors import Problem
from plantroom.kinds import Kind
from plantroom.ledger import headings
from plantroom.ledger.reading import Entry, newest
from plantroom.model import EquipmentState
from plantroom.site import Equipment
from plantroom.yaml_file import nearest

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
CERTIFICATE_FIELDS = ("until", "number", "document")


@dataclass(frozen=True, slots=True)
class Joined:
    """equipment: as given, filled from the sheets, then what the sheets add. left: rows that found no machine, states that differ."""

    equipment: Mapping[str, Equipment]
    problems: tuple[Problem, ...]
    left: tuple[Problem, ...]


def join(
    equipment: Mapping[str, Equipment], sheets: Sequence[tuple[Sequence[Entry], bool]], kinds: Mapping[str, Kind], places: Mapping[str, str]
) -> Joined:
    """sheets: entries, and whether rows without a machine of the site file become one. kinds: for those. places: path -> `site.yaml:14`."""
    joiner = _Joiner(dict(equipment), kinds, places)
    for entries, adds in sheets:
        for entry in entries:
            joiner.take(entry, adds=adds)
    return Joined(joiner.equipment, tuple(joiner.problems), tuple(joiner.left))


def stable_id(kind: str, name: str) -> str:
    """Of a machine's kind and name alone, so that the order and number of rows change nothing: `1号客梯` -> elevator-1-5c1d."""
    return f"{slug(kind, name)[:56]}-{sha256(name.encode()).hexdigest()[:4]}"


def slug(kind: str, name: str) -> str:
    """What one can read in an id: `AHU-3` -> ahu-3, `B座3号客梯` -> elevator-b-3, `大堂` -> area."""
    plain = "-".join(re.findall(r"[a-z0-9]+", name.lower()))
    latin = name.isascii() and bool(re.search("[A-Za-z]", name))
    return plain[:60].strip("-") if latin and plain else f"{kind}-{plain}"[:60].strip("-")


class _Joiner:
    def __init__(self, equipment: dict[str, Equipment], kinds: Mapping[str, Kind], places: Mapping[str, str]) -> None:
        self.equipment, self._kinds = equipment, kinds
        self.problems: list[Problem] = []
        self.left: list[Problem] = []
        self._said = dict(places)  # equipment.<id>.<field> -> where it was said
        self._own = frozenset(equipment)
        self._by_name: dict[str, list[str]] = {}
        for machine in equipment.values():
            self._by_name.setdefault(machine.name, []).append(machine.id)

    def take(self, entry: Entry, *, adds: bool) -> None:
        found = self._find(entry)
        if found is None and adds:
            found = self._add(entry)
        elif found is None and len(self._by_name.get(entry.name, ())) < 2:
            word, known = (entry.name, self._by_name) if entry.name else (entry.id, self._own)
            said = f"{word!r} is no equipment of the site{nearest(word, known)}; correct it, add it, or read the sheet with `adds: true`"
            self.left.append(entry.problem("name" if entry.name else "id", said))
        if found is not None:
            self._fill(found, entry)

    def _find(self, entry: Entry) -> str | None:
        if entry.id in self.equipment:
            return entry.id
        named = self._by_name.get(entry.name, []) if entry.name else []
        if len(named) > 1:
            said = f"{entry.name!r} is the name of {', '.join(named)}; write which into a column 设备编号 (Equipment ID)"
            self.problems.append(entry.problem("name", said))
        return named[0] if len(named) == 1 else None

    def _add(self, entry: Entry) -> str | None:
        kind = self._kinds.get(entry.kind or "")
        if len(self._by_name.get(entry.name, ())) > 1:
            return None
        if kind is None:
            said = f"names no kind of equipment ({entry.kind_said[:40]!r}); write 电梯, 消防泵, 其他设施, ... into a column 设备类型 (Kind)"
            self.problems.append(entry.problem("kind", said))
            return None
        id_ = entry.id if IDENTIFIER.fullmatch(entry.id) else stable_id(kind.name, entry.name or entry.id)
        if id_ in self.equipment:
            self.problems.append(
                entry.problem("name", f"gets the id {id_!r}, which is taken; write one into a column 设备编号 (Equipment ID)")
            )
            return None
        state = EquipmentState(entry.state or "in_service")
        self.equipment[id_] = Equipment(id_, kind, entry.name or entry.id, state, entry.location)
        self._by_name.setdefault(entry.name or entry.id, []).append(id_)
        return id_

    def _fill(self, id_: str, entry: Entry) -> None:
        machine, where = self.equipment[id_], f"equipment.{id_}"
        ledger = dict(machine.ledger)
        for key, value in entry.ledger.items():
            if self._agrees(f"{where}.ledger.{key}", ledger.get(key), value, entry, key):
                ledger[key] = value
        if entry.id and entry.id != id_:
            ledger.setdefault("asset", entry.id)  # the sheet numbers its machines in its own way
        kind = headings.kind_of(entry.kind_said)
        if kind is not None:
            self._agrees(f"{where}.kind", machine.kind.name, kind, entry, "kind")
        own_name = machine.name if machine.name != id_ else None
        name = machine.name
        if entry.name and self._agrees(f"{where}.name", own_name, entry.name, entry, "name"):
            name = entry.name
        location = machine.location
        if entry.location and self._agrees(f"{where}.location", location or None, entry.location, entry, "location"):
            location = entry.location
        if id_ in self._own and entry.state is not None and entry.state != machine.state.value:
            said = f"says {entry.state} of {id_}, and the site file {machine.state.value}, which counts; a sheet stops no watching"
            self.left.append(entry.problem("state", said))
        certificates = tuple(self._certificates(where, machine.certificates, entry))
        records = newest(list(dict.fromkeys([*machine.records, *entry.records])))
        self.equipment[id_] = replace(machine, ledger=ledger, name=name, location=location, certificates=certificates, records=records)

    def _certificates(self, where: str, held: Sequence[MachineCertificate], entry: Entry) -> Iterator[MachineCertificate]:
        given = by_what(entry.certificates)
        for one in held:
            other = given.get(one.what)
            found = {}
            for field in CERTIFICATE_FIELDS if other is not None else ():
                mine, theirs = getattr(one, field), getattr(other, field)
                if theirs and self._agrees(f"{where}.certificates.{one.what}.{field}", mine or None, theirs, entry, f"{one.what}.{field}"):
                    found[field] = theirs
            yield replace(one, **found)
        for one in given.values():
            if one.what not in by_what(held):
                self._said.setdefault(f"{where}.certificates.{one.what}", _place(entry))
                yield one

    def _agrees(self, path: str, mine: object, theirs: object, entry: Entry, field: str) -> bool:
        """False where two places say two things; that is a problem then."""
        if mine is None:
            self._said[path] = _place(entry)
            return True
        if mine == theirs or str(mine) == str(theirs):
            return True
        at = (
            self._said.get(path)
            or self._said.get(path.rpartition(".")[0])
            or self._said.get(".".join(path.split(".")[:2]), "the site file")
        )
        self.problems.append(entry.problem(field, f"says {shown(theirs)} of {path.split('.')[1]}, but {at} says {shown(mine)}; keep one"))
        return False


def _place(entry: Entry) -> str:
    return f"{entry.file}:{entry.row} ({entry.sheet})"


def shown(value: object) -> str:
    return repr(str(value)[:60])
