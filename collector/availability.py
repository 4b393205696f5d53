"""Whether a device is there, by a topic of its own, as Home Assistant reads it: gone while any of its topics says so. Pure."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from collector.paths import Finder, finder
from collector.topics import Taken
from collector.values import as_text
from plantroom.clock import Reading
from plantroom.model import Batch
from plantroom.profiles import Availability


class Presence:
    """One availability topic of one device. silent: all points of the device without an answer.

    A retained word counts: a will that is kept says that the device is gone even to who comes later. `online` alone is no sample.
    """

    def __init__(self, device: str, words: Availability, silent: Callable[[int], Batch]) -> None:
        self.device, self._words, self._silent = device, words, silent
        self._find: Finder | None = finder(words.path) if words.path else None

    def take(self, topic: bytes, payload: bytes, at: Reading, *, retained: bool) -> Taken:
        word = self._word(payload)
        if word == self._words.offline:
            # heard: said now; said again after three heartbeats
            return Taken([self._silent(at.wall_ns)], [self.device], [(self.device, "offline")])
        if word == self._words.online or not payload:  # nothing: a retained word was taken back
            return Taken()
        return Taken(faults=[(self.device, f"status is neither {self._words.online} nor {self._words.offline}: {word!r:.60}")])

    def refuse(self, topic: bytes, at: Reading, why: str) -> Taken:
        return Taken(faults=[(self.device, why)])

    def _word(self, payload: bytes) -> str:
        if self._find is None:
            return payload.decode("utf-8", "replace").strip()
        try:
            return as_text(self._find(orjson.loads(payload)))
        except orjson.JSONDecodeError:
            return payload.decode("utf-8", "replace").strip()  # some devices' wills are the plain word
