"""The form of a radio call: good on the screen that was given it, for that order and step, for a quarter of an hour, and as one command.

A PIN is the same each time, so that a request which somebody kept must not be good for anything else. Its command id is ours and under a
key, and the engine does an id once.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from plantroom.clock import NS

RADIO_KEY = "radio entry"  # of access.db
GOOD_S = 900


@dataclass(frozen=True, slots=True)
class Entry:
    screen: str
    order: str
    does: str
    command_id: str


@dataclass(frozen=True, slots=True)
class Entries:
    key: bytes
    now_ns: int

    def mark(self, entry: Entry) -> str:
        return self._signed(entry, self.now_ns // NS)

    def good(self, entry: Entry, mark: str) -> bool:
        """Whether it is ours, for just this, and not too old (nor from a time to come: a clock that was set back by much)."""
        at = mark.partition(".")[0]
        at_s = int(at) if at.isascii() and at.isdigit() and len(at) < 12 else 0
        return hmac.compare_digest(mark.encode(), self._signed(entry, at_s).encode()) and abs(self.now_ns // NS - at_s) <= GOOD_S

    def _signed(self, entry: Entry, at_s: int) -> str:
        said = "\n".join((str(at_s), entry.screen, entry.order, entry.does, entry.command_id))
        return f"{at_s}.{hmac.new(self.key, said.encode(), hashlib.sha256).hexdigest()}"
