"""Who takes the messages of a topic: filters with + and # into a tree, exact topics by look-up. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from plantroom.clock import Reading
from plantroom.model import Batch

MOST_KNOWN = 20_000  # topics whose takers are remembered; broker and profile decide how many there can be
MOST_STRANGERS = 100


class Taken(NamedTuple):
    """What became of a message. heard: devices that have spoken now. faults: (device, what was wrong). missing: messages not seen."""

    batches: Sequence[Batch] = ()
    heard: Sequence[str] = ()
    faults: Sequence[tuple[str, str]] = ()
    missing: int = 0


class Taker(Protocol):
    """A device's topic, an edge node, an availability topic. Never raises for what a payload holds. device: whose messages are counted."""

    @property
    def device(self) -> str: ...

    def take(self, topic: bytes, payload: bytes, at: Reading, *, retained: bool) -> Taken: ...

    def refuse(self, topic: bytes, at: Reading, why: str) -> Taken:
        """A message that was passed over unread."""
        ...


@dataclass(slots=True)
class _Node:
    takers: list[Taker] = field(default_factory=list)
    deeper: list[Taker] = field(default_factory=list)  # of a # here
    levels: dict[bytes, _Node] = field(default_factory=dict)


class Directory:
    """Topic -> its takers. A taker may stand under several filters; it takes a message once. filters: what to subscribe to."""

    def __init__(self, routes: Iterable[tuple[str, Taker]], filters: Iterable[str]) -> None:
        self.filters = tuple(dict.fromkeys(filters))
        self._root = _Node()
        self._known: dict[bytes, tuple[Taker, ...]] = {}
        self.strangers: dict[bytes, int] = {}  # topics that no device has, with how often they came; the first hundred
        for topic, taker in routes:
            self._put(topic.encode().split(b"/"), taker)

    def find(self, topic: bytes) -> tuple[Taker, ...]:
        """() where no device has this topic."""
        found = self._known.get(topic)
        if found is None:
            found = tuple(dict.fromkeys(self._matching(topic.split(b"/"))))
            if found and len(self._known) < MOST_KNOWN:
                self._known[topic] = found
            elif not found and (topic in self.strangers or len(self.strangers) < MOST_STRANGERS):
                self.strangers[topic] = self.strangers.get(topic, 0) + 1
        return found

    def _put(self, levels: list[bytes], taker: Taker) -> None:
        node = self._root
        for level in levels:
            if level == b"#":
                node.deeper.append(taker)
                return
            node = node.levels.setdefault(level, _Node())
        node.takers.append(taker)

    def _matching(self, levels: list[bytes]) -> list[Taker]:
        """MQTT 4.7: + is one level, # none and more; neither matches a first level that begins with $."""
        nodes, found = [self._root], list[Taker]()
        hidden = levels[0].startswith(b"$")
        for depth, level in enumerate(levels):
            wild = not (hidden and depth == 0)
            following: list[_Node] = []
            for node in nodes:
                if wild:
                    found += node.deeper
                    if b"+" in node.levels:
                        following.append(node.levels[b"+"])
                if level in node.levels and level != b"+":
                    following.append(node.levels[level])
            nodes = following
        for node in nodes:
            found += node.takers
            found += node.deeper  # a/# is a, too
        return found
