"""How often a provider writes to or calls one and the same number: at most so many in any so many seconds, several limits at once. Pure.

It refuses what is more, so we do not ask: the page is held, that is said, and the next channel is taken (rules/widening.py). Of each limit
the last quarter is kept for what is urgent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.notify.pace import Pace

Rate = tuple[int, float]  # at most so many messages in any so many seconds


class Limits:
    """rates: by channel; a channel that is not there has none. Counted by person, whose number on a channel is one."""

    def __init__(self, rates: Mapping[str, Sequence[Rate]] | None = None) -> None:
        self._rates = {channel: tuple(own) for channel, own in (rates or {}).items() if own}
        self._paces: dict[tuple[str, str], tuple[Pace, ...]] = {}

    @property
    def longest_s(self) -> float:
        """How far back it has to be known what left; 0 where nothing is limited."""
        return max((seconds for own in self._rates.values() for _, seconds in own), default=0.0)

    def free_ns(self, channel: str, person: str | None, urgent: bool) -> int:
        """The instant from which the next one to this person may leave; 0 = it may since ever."""
        return max((pace.free_ns(urgent) for pace in self._of(channel, person)), default=0)

    def took(self, channel: str, person: str | None, now_ns: int) -> None:
        for pace in self._of(channel, person):
            pace.took(now_ns)

    def at(self, channel: str, now_ns: int) -> None:
        """What was counted by a clock that has since been set back does not block."""
        for (name, _), paces in self._paces.items():
            if name == channel:
                for pace in paces:
                    pace.at(now_ns)

    def words(self, channel: str) -> str:
        return ", ".join(f"{messages}/{seconds:g} s" for messages, seconds in self.rates(channel))

    def rates(self, channel: str) -> Sequence[Rate]:
        return self._rates.get(channel, ())

    def _of(self, channel: str, person: str | None) -> tuple[Pace, ...]:
        if channel not in self._rates or person is None:
            return ()
        return self._paces.setdefault((channel, person), tuple(Pace(*rate) for rate in self._rates[channel]))
