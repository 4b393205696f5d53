"""The rows of who is on duty that a later record may still touch: changes of the roster ahead, handovers that wait.

A part of the desk.
"""

from __future__ import annotations

from typing import Any

from rules.ledger import Ledger
from rules.rows import Handover, RosterChange, born, columns

AHEAD, GIVEN = "ahead", "given"


class RosterRows:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changes: dict[str, RosterChange] = {}
        self._handovers: dict[str, Handover] = {}

    def load(self) -> None:
        self._changes = {r["id"]: RosterChange(**r) for r in self._ledger.rows("changes_ahead")}
        self._handovers = {r["id"]: Handover(**r) for r in self._ledger.rows("handovers_waiting")}

    def changes(self) -> list[RosterChange]:
        """Those ahead, in the order they were entered."""
        return [self._changes[id_] for id_ in sorted(self._changes, key=born) if self._changes[id_].state == AHEAD]

    def handovers(self) -> list[Handover]:
        """Those nobody has taken over yet, in the order they were given."""
        return [self._handovers[id_] for id_ in sorted(self._handovers, key=born) if self._handovers[id_].state == GIVEN]

    def put_change(self, change: RosterChange) -> None:
        self._changes[change.id] = change
        self._ledger.put("put_roster_change", change.id, columns(change))

    def put_handover(self, row: Handover) -> None:
        self._handovers[row.id] = row
        self._ledger.put("put_handover", row.id, columns(row))

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """As committed, by the statement that puts them."""
        return {"put_roster_change": self._ledger.rows("changes_ahead"), "put_handover": self._ledger.rows("handovers_waiting")}

    def forget(self) -> None:
        """What is over, after a commit."""
        self._changes = {id_: change for id_, change in self._changes.items() if change.state == AHEAD}
        self._handovers = {id_: row for id_, row in self._handovers.items() if row.state == GIVEN}
