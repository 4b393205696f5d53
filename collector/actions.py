"""What a session tells its line to do, and what it counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.bindings import Job
from collector.poll_plan import Read
from plantroom.model import Batch, one_row

# The commands are made for every request and never changed; frozen ones would cost a microsecond each.


@dataclass(slots=True)
class Dial:
    """Connect, not before at_s. There is no connection now."""

    at_s: float


@dataclass(slots=True)
class Ask:
    """Send this read; if no answer comes within patience_s, say `silent`."""

    unit: int
    read: Read
    patience_s: float


@dataclass(slots=True)
class AskWho:
    """Send a request for identification, from object `first` on; if no answer comes within patience_s, say `silent`."""

    unit: int
    first: int
    patience_s: float


@dataclass(slots=True)
class Known:
    """A device has said who it is."""

    device: str
    texts: Mapping[str, str]


@dataclass(slots=True)
class Rest:
    """Say `woken` at until_s (inf: never)."""

    until_s: float


@dataclass(slots=True)
class HangUp:
    """Close at once, throwing away what is in flight. No `unlinked` follows; a Dial does."""

    reason: str


class Samples:
    __slots__ = ("_batch",)
    __match_args__ = ("batch",)

    def __init__(self, batch: Batch | None) -> None:
        self._batch = batch

    @property
    def batch(self) -> Batch:
        assert self._batch is not None, "made with a batch, or of a kind that makes its own"
        return self._batch


class Undecoded(Samples):
    """What the one read of a plain job brought: a line that has many of them has them decoded together. at_ns: wall time, whole ms."""

    __slots__ = ("at_ns", "data", "job")

    def __init__(self, job: Job, at_ns: int, data: bytes) -> None:
        self.job, self.at_ns, self.data = job, at_ns, data
        self._batch = None

    @property
    def batch(self) -> Batch:
        if self._batch is None:
            self._batch = one_row(self.job.frame, self.at_ns, *self.job.decoder.decode(self.data, None))
        return self._batch


@dataclass(slots=True)
class Say:
    """The connection's state changed: up with its first answer, down when it is lost or nothing answers."""

    state: str
    reason: str


Command = Dial | Ask | AskWho | Known | Rest | HangUp | Samples | Say


@dataclass(slots=True)
class Tally:
    """Counts since the start of the session."""

    requests: int = 0
    answers: int = 0
    exceptions: int = 0
    silences: int = 0
    garbled: int = 0
    late: int = 0
    missed_slots: int = 0
    dials: int = 0
    busy: int = 0
    repeated: int = 0  # readings in which a safety point changed
    unconfirmed: int = 0  # of them, those that the second reading did not confirm
