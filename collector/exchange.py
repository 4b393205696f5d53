"""What one request can come to, and what a line asks of its framing: Modbus TCP (mbap) and RTU (rtu) are two. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from collector.poll_plan import Read


@dataclass(slots=True)  # one for every request: a frozen one would cost a microsecond more
class Answer:
    """unit: who answered; None where one at a time is asked."""

    data: bytes
    latency_s: float
    unit: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exception reply to what was asked."""

    code: int
    latency_s: float
    unit: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Late:
    """The answer to a request that was given up: it shows that the unit lives and how slow it is. Its data are thrown away."""

    unit: int
    latency_s: float


@dataclass(frozen=True, slots=True)
class Stray:
    """A whole frame nobody waits for: a duplicate, another transaction, another unit. Thrown away."""

    why: str


@dataclass(frozen=True, slots=True)
class Garbled:
    """Not to be trusted from here on: hang up."""

    why: str


@dataclass(frozen=True, slots=True)
class Spoilt:
    """The answer came and cannot be used; the connection is as good as before."""

    why: str
    unit: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Settled:
    """What was sent and answered was not the read itself but what has to come before it: ask the same once more."""

    unit: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Identified:
    """What one reply of a unit says about itself. following: the object to ask for next, None where this was all."""

    unit: int
    texts: Mapping[str, str]
    following: int | None


Event = Answer | Identified | Refusal | Late | Stray | Garbled | Spoilt | Settled


class Exchange(Protocol):
    """One request at a time, to each unit where the framing tells answers apart, and what comes back. Instants are seconds since boot."""

    @property
    def free_s(self) -> float:
        """No request before this instant."""

    @property
    def ripe_s(self) -> float:
        """When what came is an answer, if nothing comes after it: `ripen` is to be called then, also where patience runs out before."""

    @property
    def cut_short(self) -> bool:
        """A part of a frame has come, and what follows on this connection cannot be trusted."""

    def connected(self, now_s: float) -> None:
        """A new byte stream."""

    def request(self, unit: int, read: Read, now_s: float) -> bytes:
        """The bytes to send. The request to this unit before it must have been answered or given up."""

    def give_up(self, unit: int | None = None) -> str | None:
        """Patience ran out. What was wrong with what came instead of an answer, if anything came. unit: None where only one was asked."""

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """What these bytes complete, in order. After Garbled nothing more comes of this connection."""

    def ripen(self, now_s: float) -> list[Event]:
        """What came of the request, once ripe_s has passed."""
