"""Named SQL: `-- name: what` opens a block, comment lines under it describe it, the rest is the statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from plantroom.errors import BadInput, Problem

_NAME = re.compile(r"--\s*name:\s*([a-z][a-z0-9_]*)\s*$")


def load_queries(folder: Path) -> dict[str, str]:
    """All blocks of a folder's `*.sql` files by name. Raises BadInput for a name given twice or text outside a block."""
    return parse_queries({str(path): path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))})


def parse_queries(texts: Mapping[str, str]) -> dict[str, str]:
    """All blocks of some texts by name. texts: by file name, which is used in problems only."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for file, text in texts.items():
        for line, name, sql in _split(text.splitlines(), file, problems):
            if name in found:
                problems.append(Problem(file, line, name, "this name stands twice; queries are called by name"))
            found[name] = sql
    if problems:
        raise BadInput(problems)
    return found


def _split(lines: Iterable[str], file: str, problems: list[Problem]) -> list[tuple[int, str, str]]:
    blocks: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(lines, 1):
        if match := _NAME.match(line):
            blocks.append((number, match[1], []))
        elif blocks:
            blocks[-1][2].append(line)
        elif line.strip() and not line.startswith("--"):
            problems.append(Problem(file, number, "", "SQL before the first `-- name: what`"))
    done = [(number, name, "\n".join(body).strip().rstrip(";")) for number, name, body in blocks]
    problems += [Problem(file, number, name, "a name without a statement") for number, name, sql in done if not _statement(sql)]
    return done


def _statement(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--")).strip()
