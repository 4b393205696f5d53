"""An event loop whose time jumps from one due call to the next: real tasks and timers, no waiting. And a clock that reads it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

from plantroom.clock import NS, Reading

_WALL_NS, _BOOT_S = 1_795_262_400 * NS, 1000


class NothingWillHappen(AssertionError):
    """Every task waits for something that no timer and no socket brings."""


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now_s

    def read(self) -> Reading:
        """As a plantroom.clock.Clock."""
        passed_ns = round(self.now_s * NS)
        return Reading(_WALL_NS + passed_ns, _BOOT_S * NS + passed_ns, "virtual0")


class _Jumping(selectors.BaseSelector):
    """Waits for nothing: what would be waited for is the time that passes."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop, self._real = loop, selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise NothingWillHappen
            self._loop.now_s += max(0.0, timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()
