"""Which devices should have spoken by now. Pure. Devices that publish are not asked, so their silence is found by waiting."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

MISSED = 3  # heartbeats


class Silence:
    """heartbeat_s: per device, how often it speaks. A device is silent after three of them, and again after every three more."""

    def __init__(self, heartbeat_s: Mapping[str, float], now_s: float) -> None:
        self._patience_s = {device: MISSED * heartbeat for device, heartbeat in heartbeat_s.items()}
        self._due_s = {device: now_s + patience for device, patience in self._patience_s.items()}

    def heard(self, device: str, now_s: float) -> None:
        self._due_s[device] = now_s + self._patience_s[device]

    def overdue(self, now_s: float) -> list[str]:
        """The devices to report as silent now; each is due again after three more heartbeats."""
        silent = [device for device, due in self._due_s.items() if due <= now_s]
        for device in silent:
            self._due_s[device] = now_s + self._patience_s[device]
        return silent

    def next_s(self) -> float:
        return min(self._due_s.values(), default=inf)
