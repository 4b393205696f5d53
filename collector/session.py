"""One Modbus line: jobs, schedule and link state; events in, commands out. Pure: sockets and time stand in collector.modbus.

    dial -> linked -> ask -> answered | refused | garbled | silent -> ask ... -> unlinked -> dial

Every event returns the commands to carry out, in order. At most one request is outstanding. What fails becomes bad samples:

    no answer, gateway exceptions 10 and 11    no_answer     the unit has failed once
    exception                                  exception     the unit lives; busy (6) is asked once more first
    an answer that cannot be ours              decode        the unit has failed once, the line is hung up and dialled anew
    a dead unit                                no_answer     all its points when it dies, and again with every probe that fails
    no link                                    no_answer     all points of the line when it goes, and again with every dial that fails
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from collector.backoff import Backoff
from collector.bindings import Job
from collector.poll_plan import Read
from collector.schedule import Schedule, Task, Turn
from plantroom.clock import NS, Reading
from plantroom.model import Batch, Quality, all_bad, one_row

BUSY, GATEWAY_PATH, GATEWAY_TARGET = 6, 10, 11  # MODBUS Application Protocol V1.1b3, 7
BUSY_PAUSE_S = 0.1
MOST_UNHEARD = 3  # silences in a row, with no unit alive, before the link itself is doubted (half-open)


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
class Rest:
    """Say `woken` at until_s (inf: never)."""

    until_s: float


@dataclass(slots=True)
class HangUp:
    """Close at once, throwing away what is in flight. No `unlinked` follows; a Dial does."""

    reason: str


@dataclass(slots=True)
class Samples:
    batch: Batch


@dataclass(slots=True)
class Say:
    """The connection's state changed: up with its first answer, down when it is lost or nothing answers."""

    state: str
    reason: str


Command = Dial | Ask | Rest | HangUp | Samples | Say


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


@dataclass(slots=True)
class _Turn:
    """The job in hand: what its reads brought so far."""

    turn: Turn
    job: Job
    parts: list[bytes] = field(default_factory=list)
    failed: dict[int, Quality] = field(default_factory=dict)
    latency_s: float = 0.0
    asked: bool = False


class Session:
    """jobs: of all devices on the line. offset: 0..1, staggers lines against each other. waits_out: a serial line (Schedule)."""

    def __init__(self, jobs: Sequence[Job], start: Reading, backoff: Backoff, offset: float = 0.0, *, waits_out: bool = False) -> None:
        self.tally = Tally()
        self._jobs = jobs
        tasks = [Task(job.unit, job.period_s, job.safety, job.timeout_s) for job in jobs]
        self._schedule = Schedule(tasks, _s(start), offset, waits_out=waits_out)
        self._backoff = backoff
        self._now: _Turn | None = None
        self._busy: set[int] = set()  # jobs asked once more already
        self._linked = False
        self._heard = False  # anything on this connection
        self._unheard = 0  # silences since the last answer
        self._told: str | None = None
        self._free_s = -inf  # end of the last exchange
        self._gap_s = 0.0  # that the last unit wants after it

    def start(self, at: Reading) -> list[Command]:
        self.tally.dials += 1
        return [Dial(_s(at))]

    def linked(self, at: Reading) -> list[Command]:
        self._linked, self._heard, self._unheard = True, False, 0
        self._schedule.relinked(_s(at))
        return self._go(_s(at))

    def unlinked(self, at: Reading, reason: str) -> list[Command]:
        """The dial failed, or the other end closed."""
        self._linked, self._now = False, None
        out: list[Command] = [self._bad(job, at, Quality.NO_ANSWER) for job in self._jobs]
        return [*out, *self._tell("down", reason), self._redial(at, self._backoff.next_s())]

    def answered(self, at: Reading, data: bytes, latency_s: float) -> list[Command]:
        """data: the reply's data bytes, as many as asked for."""
        now = self._held()
        self._well(latency_s)
        self.tally.answers += 1
        now.parts.append(data)
        return self._tell("up", "") + self._next_part(now, at)

    def refused(self, at: Reading, code: int, latency_s: float) -> list[Command]:
        """An exception reply."""
        now = self._held()
        self.tally.exceptions += 1
        if code in (GATEWAY_PATH, GATEWAY_TARGET):
            self._heard, self._unheard = True, 0
            return [*self._tell("up", ""), *self._fail(now, at, Quality.NO_ANSWER, line_free=True), *self._go(_s(at))]
        self._well(latency_s)
        if code == BUSY and now.turn.task not in self._busy:
            self._busy.add(now.turn.task)
            self._schedule.busy(now.turn.task, _s(at), latency_s, BUSY_PAUSE_S)
            self._done(now, at)
            return [*self._tell("up", ""), *self._go(_s(at))]
        now.failed[len(now.parts)] = Quality.EXCEPTION
        now.parts.append(bytes(now.job.reads[len(now.parts)].reply_bytes))
        return self._tell("up", "") + self._next_part(now, at)

    def silent(self, at: Reading, quality: Quality = Quality.NO_ANSWER) -> list[Command]:
        """Patience ran out. quality: DECODE where only answers that cannot be ours came."""
        now = self._held()
        self.tally.silences += 1
        self._unheard += 1
        out = self._fail(now, at, quality)
        if self._unheard >= max(MOST_UNHEARD, len(self._schedule.units)) and not self._schedule.any_alive:
            why = f"no answer to {self._unheard} requests in a row"
            return [*out, *self._tell("down", why), *self._hang_up(at, why)]
        return [*out, *self._go(_s(at))]

    def garbled(self, at: Reading, why: str) -> list[Command]:
        """An answer that cannot be ours, or bytes that are no Modbus: what follows it on this connection cannot be trusted."""
        self.tally.garbled += 1
        out: list[Command] = [] if self._now is None else self._fail(self._now, at, Quality.DECODE)
        told = [] if self._heard else self._tell("down", why)
        return [*out, *told, *self._hang_up(at, f"wrong answer: {why}")]

    def late(self, at: Reading, unit: int, latency_s: float) -> list[Command]:
        """An answer to a request given up before. It is not taken; it says how slow the unit is."""
        self.tally.late += 1
        self._schedule.late(unit, latency_s, _s(at))
        return [] if self._now is not None and self._now.asked else self._go(_s(at))

    def woken(self, now_s: float) -> list[Command]:
        """The time of the last Rest has come. now_s: seconds since boot."""
        return self._go(now_s)

    def _go(self, now_s: float) -> list[Command]:
        """The next request, or when to come back."""
        if not self._linked or (self._now is not None and self._now.asked):
            return []
        if self._now is None:
            turn = self._schedule.next(now_s)
            if not isinstance(turn, Turn):
                return [Rest(turn)]
            self.tally.missed_slots += turn.missed
            self._now = _Turn(turn, self._jobs[turn.task])
        free_s = self._free_s + max(self._gap_s, self._now.job.gap_s)
        if free_s > now_s:
            return [Rest(free_s)]
        self._now.asked = True
        self.tally.requests += 1
        job = self._now.job
        return [Ask(job.unit, job.reads[len(self._now.parts)], self._now.turn.patience_s)]

    def _next_part(self, now: _Turn, at: Reading) -> list[Command]:
        """Ask for the rest of the job, or turn what it brought into samples."""
        if len(now.parts) < len(now.job.reads):
            now.asked = False
            self._free_s, self._gap_s = _s(at), now.job.gap_s
            return self._go(_s(at))
        self._busy.discard(now.turn.task)
        self._schedule.answered(now.turn.task, _s(at), now.latency_s)
        if len(now.failed) == len(now.parts):
            samples = self._bad(now.job, at, Quality.EXCEPTION)
        else:
            samples = self._good(now, at)
        self._done(now, at)
        return [samples, *self._go(_s(at))]

    def _good(self, now: _Turn, at: Reading) -> Samples:
        job = now.job
        data = now.parts[0] if len(now.parts) == 1 else b"".join(now.parts)
        values, quality = job.decoder.decode(data, now.failed)
        if job.debounce is not None:
            job.debounce.apply(at.boot_ns, values, quality)
        return Samples(one_row(job.frame, at.wall_ns, values, quality))

    def _bad(self, job: Job, at: Reading, quality: Quality) -> Samples:
        if job.debounce is not None:
            job.debounce.interrupt()
        return Samples(all_bad(job.frame, at.wall_ns, quality))

    def _fail(self, now: _Turn, at: Reading, quality: Quality, *, line_free: bool = False) -> list[Command]:
        """This job, and where its unit is dead now every other job of that unit, has bad samples."""
        task = now.turn.task
        self._busy.discard(task)
        dead = self._schedule.failed(task, _s(at), line_free=line_free)
        out: list[Command] = [self._bad(now.job, at, quality)]
        if dead:
            out += [self._bad(self._jobs[i], at, Quality.NO_ANSWER) for i in self._schedule.tasks_of(task) if i != task]
        self._done(now, at)
        return out

    def _done(self, now: _Turn, at: Reading) -> None:
        self._now = None
        self._free_s, self._gap_s = _s(at), now.job.gap_s

    def _well(self, latency_s: float) -> None:
        self._held().latency_s = max(self._held().latency_s, latency_s)
        if not self._heard:
            self._heard = True
            self._backoff.reset()
        self._unheard = 0

    def _hang_up(self, at: Reading, reason: str) -> list[Command]:
        """At once dialled anew where this connection has worked, else after a wait."""
        self._linked, self._now = False, None
        return [HangUp(reason), self._redial(at, 0.0 if self._heard else self._backoff.next_s())]

    def _redial(self, at: Reading, wait_s: float) -> Dial:
        self.tally.dials += 1
        return Dial(_s(at) + wait_s)

    def _tell(self, state: str, reason: str) -> list[Command]:
        if self._told == state:
            return []
        self._told = state
        return [Say(state, reason)]

    def _held(self) -> _Turn:
        assert self._now is not None and self._now.asked, "the link answers what was asked, once"
        return self._now


def _s(at: Reading) -> float:
    return at.boot_ns / NS
