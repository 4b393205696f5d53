"""The entries of a sheet -> the text of a site file: its equipment, unmonitored, with what is unclear as a comment beside it. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from plantroom.certificates import MachineCertificate
from plantroom.errors import Problem
from plantroom.ledger.joining import IDENTIFIER, slug
from plantroom.ledger.reading import Entry, Ledger
from plantroom.site_documents import LONGEST

UNCLEAR = "asset"


@dataclass(frozen=True, slots=True)
class Head:
    """The `site:` of the file."""

    id: str
    name: str
    zone: str
    language: str


@dataclass(frozen=True, slots=True)
class Draft:
    """unclear: what a person has to look at; it stands in the text as comments too."""

    text: str
    equipment: int
    unclear: tuple[Problem, ...]


def draft(ledger: Ledger, head: Head, source: str) -> Draft:
    """source: the sheet's name, for the first line. A machine that several sheets speak of is written once, with what all of them say."""
    entries = _together(ledger.entries)
    ids = _ids([each[0] for each in entries])
    unclear: list[Problem] = [problem for problem in ledger.problems if not any(problem in entry.wrong for entry in ledger.entries)]
    lines = [f"# {line}" for line in _first_lines(source, unclear)]
    site = {"id": head.id, "name": head.name, "zone": head.zone, "language": head.language}
    lines += [f"site: {_flow(site)}", "", "equipment:"]
    for id_, parts in zip(ids, entries, strict=True):
        doubts = _doubts(parts)
        unclear += doubts
        lines += [*(f"  # {_comment(problem)}" for problem in doubts), *_machine(id_, parts)]
    return Draft("\n".join(lines) + "\n", len(entries), tuple(unclear))


def _first_lines(source: str, unclear: Sequence[Problem]) -> list[str]:
    said = (
        f"From {_safe(source)}. No equipment is monitored yet: bind its points (docs/site-file.md), or leave it to ledger, plan and orders."
    )
    return [said, *map(_comment, unclear)]


def _together(entries: Sequence[Entry]) -> list[list[Entry]]:
    """By id, else by name, kind and place: the same machine in several sheets."""
    found: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        key = (entry.id,) if entry.id else (entry.name, entry.kind or "", entry.location)
        found.setdefault(key, []).append(entry)
    return list(found.values())


def _ids(entries: Sequence[Entry]) -> list[str]:
    """The sheet's own where it is an id; else of kind and name. Those that would be the same get a mark of name and place."""
    wished = [
        entry.id if IDENTIFIER.fullmatch(entry.id) and entry.id != "monitor" else slug(entry.kind or UNCLEAR, entry.name)
        for entry in entries
    ]
    counted = Counter(wished)
    found: dict[str, None] = {}
    for entry, wish in zip(entries, wished, strict=True):
        key, salt = wish, 0
        while (counted[wish] > 1 and key == wish) or key in found or key == "monitor":
            mark = sha256(f"{entry.id}\n{entry.name}\n{entry.location}\n{salt or ''}".encode()).hexdigest()[:4]
            key, salt = f"{wish[:56]}-{mark}", salt + 1
        found[key] = None
    return list(found)


def _doubts(parts: Sequence[Entry]) -> list[Problem]:
    found = [problem for entry in parts for problem in entry.wrong]
    first = parts[0]
    if first.kind is None:
        found.append(
            first.problem(
                "kind",
                f"{first.kind_said[:40] or first.name[:40]!r} names no known kind: written as {UNCLEAR}; choose one (docs/kinds.md)",
            )
        )
    if first.id and not IDENTIFIER.fullmatch(first.id):
        found.append(
            first.problem("id", f"{first.id[:40]!r} is no id (letters, digits, - and _): another was made, this one is its asset number")
        )
    for entry in parts[1:]:
        for key, value in entry.ledger.items():
            if any(other.ledger.get(key, value) != value for other in parts):
                found.append(entry.problem(key, f"says {str(value)[:40]!r}, another sheet says otherwise: the first one counts"))
    return found


def _machine(id_: str, parts: Sequence[Entry]) -> list[str]:
    first = parts[0]
    ledger: dict[str, object] = {}
    held: dict[str, MachineCertificate] = {}
    for entry in parts:
        for key, value in entry.ledger.items():
            ledger.setdefault(key, value)
        for one in entry.certificates:
            held.setdefault(one.what, one)
    if first.id and first.id != id_:
        ledger.setdefault("asset", first.id)
    head = {
        "id": id_,
        "kind": first.kind or UNCLEAR,
        "name": first.name or first.id,
        **({"location": first.location} if first.location else {}),
    }
    if first.state not in (None, "in_service"):
        head["state"] = str(first.state)
    lines = [f"  - {_pair(key, value)}" if n == 0 else f"    {_pair(key, value)}" for n, (key, value) in enumerate(head.items())]
    if ledger:
        lines.append(f"    ledger: {_flow(ledger)}")
    if held:
        lines += ["    certificates:", *(f"      - {_flow(_certificate(one))}" for one in held.values())]
    records = [record for entry in parts for record in entry.records][:3]
    if records:
        lines += [
            "    records:",
            *(f"      - {_flow({'on': record.on, 'what': record.what[:LONGEST] or '-'})}" for record in records if record.on),
        ]
        if not any(record.on for record in records):
            lines.pop()
    return lines


def _certificate(one: MachineCertificate) -> Mapping[str, object]:
    facts = {"what": one.what, "until": one.until.isoformat() if one.until else "", "number": one.number, "document": one.document}
    return {key: value[:LONGEST] for key, value in facts.items() if value}


def _pair(key: str, value: object) -> str:
    return f"{key}: {_scalar(value)}"


def _flow(values: Mapping[str, object]) -> str:
    return (
        "{"
        + ", ".join(f"{key if key.isidentifier() and key.isascii() else _scalar(key)}: {_scalar(value)}" for key, value in values.items())
        + "}"
    )


def _scalar(value: object) -> str:
    """As a quoted text wherever YAML, an `each` or an environment variable could take it for something else."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_scalar, value)) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    text = _safe(str(value))
    return text if _plain(text) else json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> bool:
    return (
        bool(IDENTIFIER.fullmatch(text))
        and not text[0].isdigit()
        and text.lower() not in ("true", "false", "null", "yes", "no", "on", "off")
    )


def _safe(text: str) -> str:
    """`${...}` would be read from the environment when the site file is loaded."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable.replace("${", "$ {")


def _comment(problem: Problem) -> str:
    return _safe(f"{problem.where} (row {problem.line}): {problem.text}" if problem.line else problem.text)
