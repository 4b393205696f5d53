"""docs/service-standard.md says nothing that the tests do not: each clause once, each file it names is there and names the clause."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CLAUSES = (
    *(f"L-{n}" for n in range(1, 5)), *(f"M-{n}" for n in range(1, 6)), *(f"R-{n}" for n in range(1, 10)), *(f"K-{n}" for n in range(1, 6)),
    *(f"E-{n}" for n in range(1, 3)), *(f"O-{n}" for n in range(1, 7)), *(f"X-{n}" for n in range(1, 4)),
)  # fmt: skip


def rows() -> dict[str, list[str]]:
    text = (ROOT / "docs" / "service-standard.md").read_text("utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| [A-Z]-\d \|", line)]
    assert len({row[0] for row in cells}) == len(cells)
    return {row[0]: row for row in cells}


def proofs(row: list[str]) -> list[str]:
    return re.findall(r"`([a-z_/]+/test_\w+\.py)`", row[4])


def named(clause: str, text: str) -> bool:
    """As R-1, or as R_1 in the name of a test."""
    return re.search(rf"(?<![A-Za-z]){clause.replace('-', '[-_]')}(?!\d)", text) is not None


def test_each_clause_stands_there_once_in_the_standards_order() -> None:
    assert tuple(rows()) == CLAUSES


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_clause_is_named_by_the_tests_that_prove_it(clause: str) -> None:
    row = rows()[clause]
    state, missing = row[2], row[5]
    assert state in ("whole", "part", "missing")
    assert bool(proofs(row)) == (state != "missing"), "what is there is proven, what is missing has no proof"
    assert state != "whole" or not missing
    for proof in proofs(row):
        text = (ROOT / "tests" / proof).read_text("utf-8")
        assert named(clause, text), f"{proof} does not name {clause}"


def test_a_clause_nobody_proves_would_be_seen() -> None:
    text = (ROOT / "tests" / "unit" / "rules" / "test_clocks.py").read_text("utf-8")
    assert named("R-1", text) and not named("R-4", text) and not named("R-1", "R-12, XR-1") and named("R-1", "def test_R_1_is():")
