"""PINs in access.db: with one a person puts their name to a radio call on the duty room's screen, which is nobody's. It opens nothing else.

So it may be short, and whoever comes in by the login service or with a second factor can have one. What it lacks in length it has in tries:
after the delays that passwords have it ends with the twentieth wrong one in a row, and is set anew by its person.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from dashboards.console import passwords
from plantroom.clock import NS

LEAST, MOST = 6, 12
MOST_WRONG = 20  # of a million: one in fifty thousand
FEDERATED_NS = 30 * 86_400 * NS  # who left the company never comes in again, and nobody tells us

Rows = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]
Change = Callable[[str, tuple[Any, ...]], int]


class State(StrEnum):
    NONE = "none"
    GOOD = "good"
    GUESSED = "guessed"  # too many wrong ones
    ASLEEP = "asleep"  # its person has not come in by the login service for long


class Pins:
    """rows, change, now: as of Access, which owns the connection."""

    def __init__(self, rows: Rows, change: Change, now: Callable[[], int]) -> None:
        self._rows, self._change, self._now = rows, change, now

    def state(self, name: str) -> State:
        row = self._row(name)
        return self._judged(*row[1:]) if row is not None else State.NONE

    def put(self, name: str, pin: str) -> None:
        """In place of the one before. A weak one is the caller's to refuse."""
        self._change(
            "INSERT INTO pin SELECT name, ?, 0, ? FROM person WHERE name = ? "
            "ON CONFLICT DO UPDATE SET hash = excluded.hash, wrong = 0, seen_ns = excluded.seen_ns",
            (passwords.hashed(pin), self._now(), name),
        )

    def drop(self, name: str) -> None:
        self._change("DELETE FROM pin WHERE person = ?", (name,))

    def seen(self, name: str) -> None:
        """The login service has let its person in."""
        self._change("UPDATE pin SET seen_ns = ? WHERE person = ?", (self._now(), name))

    def take(self, name: str, pin: str) -> bool:
        """Whether it is theirs and good. Takes as long where there is none; counts wrong ones."""
        row = self._row(name)
        right = passwords.matches(pin, row[0] if row is not None else passwords.nobody())
        if row is None:
            return False
        if not right:
            self._change("UPDATE pin SET wrong = min(wrong + 1, ?) WHERE person = ?", (MOST_WRONG, name))
            return False
        if self._judged(*row[1:]) is not State.GOOD:
            return False
        self._change("UPDATE pin SET wrong = 0 WHERE person = ?", (name,))
        return True

    def _row(self, name: str) -> tuple[str, int, int, int] | None:
        asked = "SELECT hash, wrong, seen_ns, p.password = '' FROM pin JOIN person p ON p.name = pin.person WHERE pin.person = ?"
        rows = self._rows(asked, (name,))
        return (rows[0][0], rows[0][1], rows[0][2], rows[0][3]) if rows else None

    def _judged(self, wrong: int, seen_ns: int, federated: int) -> State:
        if wrong >= MOST_WRONG:
            return State.GUESSED
        return State.ASLEEP if federated and self._now() - seen_ns > FEDERATED_NS else State.GOOD


def weak(pin: str) -> bool:
    """No 6 to 12 digits, fewer than three different ones, a run (123456, 987654), or a short piece said again (123123)."""
    if not (LEAST <= len(pin) <= MOST and pin.isascii() and pin.isdigit()) or len(set(pin)) < 3:
        return True
    steps = {(int(b) - int(a)) % 10 for a, b in zip(pin, pin[1:], strict=False)}
    said_again = any(pin == pin[:n] * (len(pin) // n) for n in range(1, len(pin) // 2 + 1) if len(pin) % n == 0)
    return steps in ({1}, {9}) or said_again
