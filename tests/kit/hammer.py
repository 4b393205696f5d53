"""In a session's place on a line: asks for something else at once, whatever came, and holds what is taken against the truth."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from math import inf

from collector.actions import Ask, Command, Dial, HangUp, Tally
from collector.poll_plan import Read
from plantroom.clock import Reading
from plantroom.model import Quality


@dataclass
class Hammer(ABC):
    """A subclass says what is asked and what is wrong about an answer. done: set once `requests` have gone out."""

    requests: int
    done: asyncio.Event
    patience_s: float
    most_silences: int  # in a row, before it dials anew
    silences: int = 0
    asked: tuple[int, Read] | None = None
    tally: Tally = field(default_factory=Tally)
    outcome: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    overdue_s: float = inf  # it waits for nothing that could be

    @abstractmethod
    def choose(self) -> tuple[int, Read]:
        """The next unit and read."""

    @abstractmethod
    def fault_of(self, unit: int, read: Read, data: bytes) -> str | None:
        """Which answer it is that was wrongly taken; None where it is the right one."""

    def start(self, at: Reading) -> list[Command]:
        return [Dial(0.0)]

    def linked(self, at: Reading) -> list[Command]:
        self.silences = 0
        return self._ask()

    def unlinked(self, at: Reading, reason: str) -> list[Command]:
        self.outcome["lost"] += 1
        return [Dial(0.0)]

    def answered(self, at: Reading, data: bytes, latency_s: float, _: int | None = None) -> list[Command]:
        assert self.asked is not None
        if (fault := self.fault_of(*self.asked, data)) is not None:
            self.wrong.append(f"unit {self.asked[0]} {self.asked[1]}: {fault}")
        self.outcome["taken"] += 1
        self.silences = 0
        return self._ask()

    def refused(self, at: Reading, code: int, latency_s: float, _: int | None = None) -> list[Command]:
        self.outcome["exception"] += 1
        return self._ask()

    def silent(self, at: Reading, quality: Quality = Quality.NO_ANSWER, _: int | None = None) -> list[Command]:
        self.outcome[f"silent {quality.word}"] += 1
        self.silences += 1
        return self._ask() if self.silences < self.most_silences else [HangUp("no answer"), Dial(0.0)]

    def garbled(self, at: Reading, why: str) -> list[Command]:
        self.outcome["garbled"] += 1
        self.tally.garbled += 1
        return [HangUp(why), Dial(0.0)]

    def late(self, at: Reading, unit: int, latency_s: float) -> list[Command]:
        self.outcome["late"] += 1
        return []

    def woken(self, now_s: float) -> list[Command]:
        return []

    def _ask(self) -> list[Command]:
        self.requests -= 1
        if self.requests < 0:
            self.done.set()
            return []
        self.asked = self.choose()
        return [Ask(*self.asked, self.patience_s)]
