"""Which units of a line are still to be asked who they are: once a connection, those that answer, in the line's idle time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.actions import AskWho, Known
from collector.bindings import Job
from collector.health import FLOOR_S, Health, Unit
from collector.identification import MOST_REPLIES


@dataclass(slots=True)
class _Said:
    """What a device said so far."""

    device: str
    first: int = 0
    replies: int = 0
    texts: dict[str, str] = field(default_factory=dict)


class Introductions:
    """A device that refuses or stays silent is not asked again on this connection; its health is no matter of this."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._all = {job.unit: job.device for job in jobs if job.identify}
        self.left: dict[int, _Said] = {}  # who is still to be asked
        self.asking: int | None = None  # the unit

    def relinked(self) -> None:
        self.left = {unit: _Said(device) for unit, device in self._all.items()}
        self.asking = None

    def wants(self, units: Mapping[int, Unit], idle_s: float) -> bool:
        """Whether somebody is to be asked in a time of so many seconds in which the line has nothing else to do."""
        return idle_s >= FLOOR_S and any(units[unit].health is Health.ALIVE for unit in self.left)

    def next(self, units: Mapping[int, Unit], idle_s: float) -> AskWho:
        """Where somebody is to be asked: who."""
        self.asking = next(unit for unit in self.left if units[unit].health is Health.ALIVE)
        return AskWho(self.asking, self.left[self.asking].first, min(units[self.asking].timeout_s, idle_s))

    def told(self, texts: Mapping[str, str], following: int | None) -> Known | None:
        """One reply; None while more is to come."""
        assert self.asking is not None, "only who was asked tells"
        unit, self.asking = self.asking, None
        said = self.left[unit]
        said.texts.update(texts)
        said.replies += 1
        if following is not None and following > said.first and said.replies < MOST_REPLIES:
            said.first = following
            return None
        del self.left[unit]
        return Known(said.device, said.texts)

    def failed(self) -> None:
        if self.asking is not None:
            del self.left[self.asking]
        self.asking = None
