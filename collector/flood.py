"""How many messages a device may send: a steady rate, with ten minutes of it at once for who sends what it had kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass

AT_ONCE_S = 600.0  # of the steady rate
OVER_S = 60.0  # without a drop, until a flood counts as over


class Allowance:
    """rate: messages a second, 0 = any number. at_once: how many may come together."""

    def __init__(self, rate: float, at_once: float, now_s: float) -> None:
        self._rate, self._most = rate, at_once
        self._left, self._as_of_s = at_once, now_s

    def take(self, now_s: float) -> bool:
        """Whether one more may come now."""
        if not self._rate:
            return True
        if self._left < 1.0:
            self._refill(now_s)
            if self._left < 1.0:
                return False
        self._left -= 1.0
        return True

    def wait_s(self, now_s: float) -> float:
        """Until the next one may come; 0 = now."""
        if not self._rate or self._left >= 1.0:
            return 0.0
        self._refill(now_s)
        return max((1.0 - self._left) / self._rate, 0.0)

    def _refill(self, now_s: float) -> None:
        self._left = min(self._left + (now_s - self._as_of_s) * self._rate, self._most)
        self._as_of_s = now_s


@dataclass(frozen=True, slots=True)
class Begun:
    """A device sends more than it may; from now on its messages are dropped, all but the steady rate."""

    device: str


@dataclass(frozen=True, slots=True)
class Over:
    """dropped: messages of it that nobody will ever see, between these instants (s since boot)."""

    device: str
    dropped: int
    since_s: float
    until_s: float


@dataclass(slots=True)
class _Flood:
    since_s: float
    until_s: float
    dropped: int = 1


class Floods:
    """The allowances of all devices of a connection, and which of them are being dropped."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._allowances: dict[str, Allowance] = {}
        self._running: dict[str, _Flood] = {}
        self._said: list[Begun | Over] = []

    def admits(self, device: str, now_s: float) -> bool:
        allowance = self._allowances.get(device)
        if allowance is None:
            allowance = self._allowances[device] = Allowance(self._rate, self._rate * AT_ONCE_S, now_s)
        if allowance.take(now_s):
            return True
        flood = self._running.get(device)
        if flood is None:
            self._running[device] = _Flood(now_s, now_s)
            self._said.append(Begun(device))
        else:
            flood.dropped += 1
            flood.until_s = now_s
        return False

    def news(self, now_s: float) -> list[Begun | Over]:
        """What began or ended since the last call."""
        for device, flood in list(self._running.items()):
            if now_s - flood.until_s >= OVER_S:
                del self._running[device]
                self._said.append(Over(device, flood.dropped, flood.since_s, flood.until_s))
        said, self._said = self._said, []
        return said
