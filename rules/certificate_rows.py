"""How far people were reminded of each certificate, and the fault of one that is past its last day. A part of the desk."""

from __future__ import annotations

from typing import Any

from rules.ledger import Ledger
from rules.rows import CertificateRow, columns


class CertificateRows:
    """looked: what the last look went by; while that is the same there is nothing to see. Forgotten with whatever is taken back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rows: dict[tuple[str, str], CertificateRow] = {}
        self.looked: object = None

    def load(self) -> None:
        self._rows = {(r["equipment"], r["what"]): CertificateRow(**r) for r in self._ledger.rows("certificates")}
        self.looked = None

    def get(self, equipment: str, what: str) -> CertificateRow | None:
        return self._rows.get((equipment, what))

    def all(self) -> list[CertificateRow]:
        """By machine and certificate."""
        return [self._rows[key] for key in sorted(self._rows)]

    def put(self, row: CertificateRow) -> None:
        self._rows[row.equipment, row.what] = row
        self._ledger.put("put_certificate", f"{row.equipment}\n{row.what}", columns(row))

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """As committed, by the statement that puts them."""
        return {"put_certificate": self._ledger.rows("certificates")}
