"""The rows that stand beside an order of weight: the rescue of people trapped in a lift, the calls of the duty heads.

A part of the desk. Of each order the newest round is kept, until the order is closed.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rules.ledger import Ledger
from rules.rows import HeadCall, Rescue, as_json, born

Key = tuple[str, str]  # (order, head)


class Matters:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rescues: dict[str, Rescue] = {}
        self._heads: dict[str, dict[str, HeadCall]] = {}

    def load(self) -> None:
        self._rescues = {r["work_order"]: Rescue(**r) for r in self._ledger.rows("standing_rescues")}
        self._heads = {}
        for row in self._ledger.rows("standing_head_calls"):
            self._heads.setdefault(row["work_order"], {})[row["head"]] = HeadCall(**row)

    def recall(self, order: str) -> None:
        """A closed order comes back into memory."""
        self._rescues.update((r["work_order"], Rescue(**r)) for r in self._ledger.rows("rescue", {"work_order": order}))
        for row in self._ledger.rows("head_calls", {"work_order": order}):
            self._heads.setdefault(order, {})[row["head"]] = HeadCall(**row)

    def rescue(self, order: str) -> Rescue | None:
        """Of the newest round; None where the order is about no entrapment."""
        return self._rescues.get(order)

    def rescues(self) -> list[Rescue]:
        """By order."""
        return [self._rescues[order] for order in sorted(self._rescues, key=born)]

    def heads(self, order: str) -> list[HeadCall]:
        """Of the newest round, by name."""
        found = self._heads.get(order, {})
        return [found[head] for head in sorted(found)]

    def head(self, order: str, head: str) -> HeadCall | None:
        return self._heads.get(order, {}).get(head)

    def all_heads(self) -> list[HeadCall]:
        """By order and name."""
        return [row for order in sorted(self._heads, key=born) for row in self.heads(order)]

    def due_heads(self, now_ns: int) -> list[Key]:
        """Whose next call is due, by order and name."""
        rows = (row for heads in self._heads.values() for row in heads.values())
        due = [(row.work_order, row.head) for row in rows if row.next_ns is not None and row.next_ns <= now_ns]
        return sorted(due, key=lambda key: (born(key[0]), key[1]))

    def put_rescue(self, row: Rescue) -> None:
        self._rescues[row.work_order] = row
        self._ledger.put("put_rescue", f"{row.work_order} {row.round}", asdict(row))

    def put_head(self, row: HeadCall) -> None:
        self._heads.setdefault(row.work_order, {})[row.head] = row
        self._ledger.put("put_head_call", f"{row.work_order} {row.round} {row.head}", asdict(row))

    def renew_heads(self, order: str) -> None:
        """A new round: those of the one before stand in the records."""
        self._heads.pop(order, None)

    def rows(self, orders: list[str]) -> dict[str, list[dict[str, Any]]]:
        """As committed, of these orders, by the statement that puts them."""
        given = {"orders": as_json(orders)}
        heads = self._ledger.rows("head_calls_of_orders", given)
        return {"put_rescue": self._ledger.rows("rescues_of_orders", given), "put_head_call": heads}

    def forget(self, order: str) -> None:
        """The order is closed, and committed so."""
        self._rescues.pop(order, None)
        self._heads.pop(order, None)
