"""The engine's way into records.db and back: rows by statement and key, lines of the chronicle, the position; rows read by query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from plantroom.clock import Reading
from plantroom.limits import ClockName
from plantroom.model import Severity
from plantroom.records import Chronicle, Records, Values
from plantroom.records.seal import KIND as SEAL
from rules.clocks import OrderClock
from rules.order import State
from rules.rows import Fault, Order, Page
from rules.sealing import Sealer

# Referenced rows first.
ORDER = (
    "put_config", "put_private", "put_person", "drop_condition", "put_condition", "put_fault", "put_order", "put_severity_change",
    "put_handing", "put_clock", "put_call", "put_rescue", "put_head_call", "put_page", "put_attempt", "put_receipt", "put_note",
    "put_outcome", "put_skipped", "put_item", "put_roster_change", "put_handover", "put_certificate", "put_plan_task", "put_plan_result",
    "put_signed_period", "put_evidence", "put_seal", "erase_text", "drop_evidence", "put_purge", "purge_chronicle",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Position:
    """The last record whose effects stand in the records."""

    seq: int
    at: Reading


class Ledger:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._chronicle, self._sealer = Chronicle(records.db), Sealer(records)
        self._rows: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._lines: list[tuple[int, int, str, bytes]] = []

    # -- what stands there

    def rows(self, query: str, values: Values = ()) -> list[dict[str, Any]]:
        return self._records.rows(query, values)

    def faults(self, query: str, values: Values = ()) -> list[Fault]:
        return [Fault(**{**r, "severity": Severity(r["severity"]), "no_data": bool(r["no_data"])}) for r in self.rows(query, values)]

    def orders(self, query: str, values: Values = ()) -> list[Order]:
        return [_order(row) for row in self.rows(query, values)]

    def clocks(self, query: str) -> list[OrderClock]:
        return [OrderClock(**{**r, "name": ClockName(r["name"])}) for r in self.rows(query)]

    def pages(self, query: str, values: Values = ()) -> list[Page]:
        return [Page(**{**r, "severity": Severity(r["severity"])}) for r in self.rows(query, values)]

    # -- what is to be written

    @property
    def changed(self) -> bool:
        return bool(self._rows or self._lines)

    @property
    def chronicled(self) -> int:
        """How many lines the chronicle has."""
        return self._chronicle.head[0]

    def put(self, statement: str, key: str, values: Mapping[str, Any]) -> None:
        """The newest values of a key count."""
        self._rows.setdefault(statement, {})[key] = values
        self._sealer.put(statement, values)

    def alter(self, statement: str, key: str, values: Mapping[str, Any]) -> None:
        """What waits, in columns that are not sealed: whether it was written already must not show."""
        self._rows[statement][key] = values

    def take_out(self, statement: str, key: str) -> None:
        self._rows.get(statement, {}).pop(key, None)

    def waiting(self, statement: str, key: str) -> Mapping[str, Any] | None:
        return self._rows.get(statement, {}).get(key)

    def all_waiting(self, statement: str) -> list[Mapping[str, Any]]:
        return list(self._rows.get(statement, {}).values())

    def tell(self, seq: int, at_ns: int, kind: str, body: bytes) -> None:
        self._lines.append((seq, at_ns, kind, body))

    def seal(self, seq: int, now_ns: int) -> None:
        """At a tick: where another hour has come, what was put since the last seal is told."""
        if self._sealer.due(now_ns):
            said, row = self._sealer.seal(seq, now_ns)
            for body in said:
                self.tell(seq, now_ns, SEAL, orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
            self.put("put_seal", str(seq), row)

    def carried(self, n: int) -> list[dict[str, Any]]:
        return self._sealer.carry(n, [orjson.loads(body) for _, _, kind, body in self._lines if kind == SEAL])

    def write(self) -> None:
        """Into the transaction that is open. Forgotten only by `settled`: until then it may have to be written again."""
        for statement in sorted(self._rows, key=ORDER.index):
            self._records.run_many(statement, self._rows[statement].values())
        for line in self._lines:
            self._chronicle.append(*line)
        self._sealer.write()

    def write_position(self, position: Position) -> None:
        at = position.at
        self._records.run("set_position", {"seq": position.seq, "wall_ns": at.wall_ns, "boot_ns": at.boot_ns, "boot": at.boot})

    def settled(self) -> None:
        self._rows.clear()
        self._lines.clear()
        self._sealer.settled()

    def drop(self) -> None:
        """What was not written never happened; the chronicle's head is again the table's."""
        self._rows.clear()
        self._lines.clear()
        self._chronicle.reload()
        self._sealer.reload()


def _order(r: Mapping[str, Any]) -> Order:
    gravest = Severity(r["gravest"]) if r["gravest"] else None
    return Order(**{**r, "severity": Severity(r["severity"]), "state": State(r["state"]), "gravest": gravest})
