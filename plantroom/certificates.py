"""What a machine must hold to be used (L-4): its registration, its next inspection, tests and contracts with a last day. Pure.

certificates:
  - {what: inspection, until: 2026-11-30, number: 特检2025-0117, document: 2025年检验报告}
  - {what: governor_check, until: 2027-03-01}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from plantroom.words import has, say

KNOWN = ("registration", "inspection", "self_test", "governor_check", "maintenance_contract", "fire_test")
OTHER = "other"
REMIND_DAYS = (60, 30, 7)  # before the last day


@dataclass(frozen=True, slots=True)
class MachineCertificate:
    """what: of KNOWN, or the site's own words. until: the last day it holds, None = for good. document: where it is, or its name under
    `documents`. place: where it was written down, for what speaks about it."""

    what: str
    until: date | None
    number: str = ""
    document: str = ""

    def name(self, lang: str) -> str:
        return say(f"certificate.{self.what}", lang) if has(f"certificate.{self.what}") else self.what

    def days_left(self, today: date) -> int | None:
        """0 on its last day, negative after it; None where it has none."""
        return (self.until - today).days if self.until is not None else None


def step_of(days_left: int | None) -> int | None:
    """Which reminder is due: 60, 30 or 7 days before the last day, 0 once it is past; None before all of them."""
    if days_left is None:
        return None
    if days_left < 0:
        return 0
    return min((days for days in REMIND_DAYS if days_left <= days), default=None)


def rule_word(what: str) -> str:
    """What a rule's `on_certificate` calls it: its own name, or `other` for the site's own words."""
    return what if what in KNOWN else OTHER


def by_what(certificates: Iterable[MachineCertificate]) -> Mapping[str, MachineCertificate]:
    return {held.what: held for held in certificates}
