"""Messages that came before, told by what cannot be chance. Pure; both memories are bounded.

Dropping a real sample is worse than storing one twice. So a message is a repetition only when it is the same byte for byte and carries the
device's own time stamp or count, or when the broker itself says so (DUP) on the very connection that follows the one it was sent on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

MOST_MARKS = 32_768  # of each of two generations


class Marks:
    """The device's own mark on a message (stamp or count) together with its bytes. Remembers the last 32,768 at least, 65,536 at most."""

    def __init__(self, most: int = MOST_MARKS) -> None:
        self._most = most
        self._young: set[Hashable] = set()
        self._old: set[Hashable] = set()

    def seen(self, topic: bytes, mark: Hashable, payload: bytes) -> bool:
        """Whether this message came before; from now on it has."""
        key = (topic, mark, len(payload), hash(payload))
        if key in self._young or key in self._old:
            return True
        self._young.add(key)
        if len(self._young) >= self._most:
            self._old, self._young = self._young, set()
        return False


class Redelivery:
    """QoS 1 without a mark: what the broker sends again because it missed our acknowledgement. By packet id, so at most 65,535.

    Held from the message until a PING that was sent after its acknowledgement is answered: then the broker has read that too. What is held
    when a connection breaks counts for the next connection alone, and only where the broker has kept the session: later the
    same id may mean another message.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[bytes, int, int]] = {}  # of this connection
        self._carried: dict[int, tuple[bytes, int, int]] = {}  # of the one before
        self._acknowledged: list[int] = []  # since the last PING
        self._asked: list[int] = []  # before it, to be confirmed by its answer

    def connected(self, *, same_session: bool) -> None:
        self._carried = self._held if same_session else {}
        self._held, self._acknowledged, self._asked = {}, [], []

    def repeated(self, mid: int, topic: bytes, payload: bytes, *, dup: bool) -> bool:
        """Whether this QoS 1 message was taken on the connection before; from now on it is held itself."""
        key = (topic, len(payload), hash(payload))
        self._held[mid] = key
        carried = self._carried.pop(mid, None)
        return dup and carried == key

    def acknowledged(self, mids: Iterable[int]) -> None:
        self._acknowledged.extend(mids)

    def pinged(self) -> None:
        self._asked, self._acknowledged = self._asked + self._acknowledged, []

    def answered(self) -> None:
        """The PING was answered: everything sent before it has arrived."""
        for mid in self._asked:
            self._held.pop(mid, None)
        self._asked = []
