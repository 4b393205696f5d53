"""One Modbus line: jobs, schedule and link state; events in, commands out. Pure: sockets and time stand in collector.modbus.

    dial -> linked -> ask -> answered | refused | garbled | silent -> ask ... -> unlinked -> dial

Every event returns the commands to carry out, in order. At most one request is outstanding, or one to each of `concurrent` units where
their gateway can. What fails becomes bad samples:

    no answer, gateway exceptions 10 and 11    no_answer     the unit has failed once
    exception                                  exception     the unit lives; busy (5, 6) is asked again first
    a change of a safety point, not repeated   unconfirmed   see collector.confirm; what failed counts as it always does
    an answer that cannot be ours              decode        the unit has failed once, the line is hung up and dialled anew
    a dead unit                                no_answer     all its points when it dies, and again with every probe that fails
    no link                                    no_answer     all points of the line when it goes, and again with every dial that fails
    no turn for too long                       stale         see collector.overdue; once, until the next turn
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from collector.actions import Ask, AskWho, Command, Dial, HangUp, Rest, Samples, Say, Tally, Undecoded
from collector.backoff import Backoff, Busy
from collector.bindings import Job
from collector.digest import Digest
from collector.harvest import Harvest, bad_samples
from collector.health import Unit
from collector.introductions import Introductions
from collector.overdue import Overdue
from collector.patience import Task
from collector.schedule import Schedule, Turn
from plantroom.clock import NS, Reading, whole_ms
from plantroom.model import Quality

ACCEPTED, BUSY, GATEWAY_PATH, GATEWAY_TARGET = 5, 6, 10, 11  # MODBUS Application Protocol V1.1b3, 7
MOST_UNHEARD = 3  # silences in a row, with no unit alive, before the link itself is doubted (half-open)


class Session:
    """jobs: of all devices on the line. offset: 0..1, staggers lines against each other. waits_out: a serial line (Schedule).

    concurrent: how many units may be asked at once. least_s: least time from one request to the next.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        start: Reading,
        backoff: Backoff,
        offset: float = 0.0,
        *,
        waits_out: bool = False,
        concurrent: int = 1,
        least_s: float = 0.0,
    ) -> None:
        self.tally = Tally()
        self.jobs = jobs
        tasks = [Task(j.unit, j.period_s, j.safety, j.timeout_s, len(j.reads), max(j.gap_s, least_s), j.spacing_s) for j in jobs]
        self._schedule = Schedule(tasks, _s(start), offset, waits_out=waits_out)
        self._backoff = backoff
        self._concurrent, self._least_s = concurrent, least_s
        self._flying: dict[int, Harvest] = {}  # unit -> what it was asked for
        self._next: list[Harvest] = []  # turns to ask for as soon as the line may be used
        self._kept: dict[int, Harvest] = {}  # task -> a first reading whose repetition waits for its turn
        self._busy = Busy()
        self._plain = [job.plain for job in jobs]
        self.latencies = {job.unit: Digest() for job in jobs}
        self._latency = [self.latencies[job.unit] for job in jobs]
        self._who = Introductions(jobs)
        self._overdue = Overdue([job.period_s for job in jobs], _s(start))
        self._linked = False
        self._owing = False  # the last connection ended without a sample for each point
        self._heard = False  # anything on this connection
        self._unheard = 0  # silences since the last answer
        self._told = "connecting"
        self._why = ""
        self._free_s = -inf  # end of the last exchange
        self._gap_s = 0.0  # that the last unit wants after it
        self._not_before_s = -inf  # the cap of the line

    @property
    def state(self) -> tuple[str, str]:
        """(connecting, up or down, why)."""
        return self._told, self._why

    @property
    def units(self) -> Mapping[int, Unit]:
        return self._schedule.units

    @property
    def overdue_s(self) -> float:
        """When to say `overdue`, whatever else is under way."""
        return self._overdue.look_s

    def overdue(self, at: Reading) -> list[Samples]:
        """The time of `overdue_s` has come. Nothing else changes by it."""
        out = []
        for task in self._overdue.taken(max(_s(at), self._overdue.look_s)):
            self.tally.missed_slots += self._schedule.passed(task, _s(at))
            out.append(Samples(bad_samples(self.jobs[task], at, Quality.STALE)))
        return out

    def steady(self, now_s: float) -> bool:
        """Whether what comes follows from the slots alone: all is well and nothing is under way. A rehearsal may then pass it over."""
        busy = self._flying or self._next or self._kept or self._who.left or self._who.asking is not None
        return self._linked and self._told == "up" and not busy and self._schedule.steady(now_s)

    def slots_s(self) -> list[float]:
        """When each job is due next, in seconds since boot, where the line is steady."""
        return self._schedule.slots_s()

    def passed_over(self, now_s: float, latency_s: float) -> None:
        """All slots before now were read by other means, as long after their instants as an answer takes. Of a line that was steady."""
        self._schedule.skip(now_s)
        for task, (due_s, job) in enumerate(zip(self.slots_s(), self.jobs, strict=True)):
            self._overdue.good(task, due_s - job.period_s + latency_s)

    def start(self, at: Reading) -> list[Command]:
        self.tally.dials += 1
        return [Dial(_s(at))]

    def linked(self, at: Reading) -> list[Command]:
        self._linked, self._heard, self._unheard = True, False, 0
        self._schedule.relinked(_s(at), owing=self._owing)
        self._who.relinked()
        return self._go(_s(at))

    def unlinked(self, at: Reading, reason: str) -> list[Command]:
        """The dial failed, or the other end closed."""
        self._owing = False
        out = [*self._drop(), *(self._bad(task, at, Quality.NO_ANSWER) for task in range(len(self.jobs)))]
        return [*out, *self._tell("down", reason), self._redial(at, self._backoff.next_s())]

    def answered(self, at: Reading, data: bytes, latency_s: float, unit: int | None = None) -> list[Command]:
        """data: the reply's data bytes, as many as asked for. unit: who answered; may be left out where one at a time is asked."""
        now = self._flying.pop(unit) if unit is not None else self._landed(unit)
        self._well(now, latency_s)
        self.tally.answers += 1
        told = [] if self._told == "up" else self._tell("up", "")
        if self._plain[now.task]:
            return self._end(now, at, Undecoded(now.job, whole_ms(at.wall_ns), data), told)
        now.take(data)
        return told + self._further(now, at)

    def refused(self, at: Reading, code: int, latency_s: float, unit: int | None = None) -> list[Command]:
        """An exception reply."""
        if self._who.asking is not None:
            return self._introduced(at)
        now = self._landed(unit)
        task = now.task
        self.tally.exceptions += 1
        if code in (GATEWAY_PATH, GATEWAY_TARGET):
            self._heard, self._unheard = True, 0
            return [*self._tell("up", ""), *self._fail(now, at, Quality.NO_ANSWER, line_free=True), *self._go(_s(at))]
        self._well(now, latency_s)
        if code in (ACCEPTED, BUSY):
            self.tally.busy += 1
            if pause_s := self._busy.pause_s(task, now.job.period_s):
                if now.repeating:
                    self._kept[task] = now
                self._schedule.busy(task, _s(at), latency_s, pause_s)
                self._done(now, at)
                return [*self._tell("up", ""), *self._go(_s(at))]
        if now.repeating:
            return [*self._tell("up", ""), *self._end(now, at, self._doubtful(now))]
        now.refuse()
        return self._tell("up", "") + self._further(now, at)

    def silent(self, at: Reading, quality: Quality = Quality.NO_ANSWER, unit: int | None = None) -> list[Command]:
        """Patience ran out. quality: DECODE where only answers that cannot be ours came."""
        if self._who.asking is not None:
            return self._introduced(at)
        self.tally.silences += 1
        self._unheard += 1
        out = self._fail(self._landed(unit), at, quality)
        if self._unheard >= max(MOST_UNHEARD, len(self._schedule.units)) and not self._schedule.any_alive:
            why = f"no answer to {self._unheard} requests in a row"
            return [*out, *self._tell("down", why), *self._hang_up(at, why)]
        return [*out, *self._go(_s(at))]

    def garbled(self, at: Reading, why: str) -> list[Command]:
        """An answer that cannot be ours, or bytes that are no Modbus: what follows it on this connection cannot be trusted."""
        self.tally.garbled += 1
        out = [command for unit in list(self._flying) for command in self._fail(self._landed(unit), at, Quality.DECODE)]
        told = [] if self._heard else self._tell("down", why)
        return [*out, *told, *self._hang_up(at, f"wrong answer: {why}")]

    def identified(self, at: Reading, texts: Mapping[str, str], following: int | None) -> list[Command]:
        """A unit said who it is. following: the object to ask for next."""
        known = self._who.told(texts, following)
        return [*([known] if known is not None else []), *self._introduced(at)]

    def _introduced(self, at: Reading) -> list[Command]:
        """The answer to a question for identification, or none: no matter of anybody's health."""
        self._who.failed()
        self._free_s = _s(at)
        return self._go(_s(at))

    def late(self, at: Reading, unit: int, latency_s: float) -> list[Command]:
        """An answer to a request given up before. It is not taken; it says how slow the unit is."""
        self.tally.late += 1
        self._schedule.late(unit, latency_s, _s(at))
        return self._go(_s(at))

    def woken(self, now_s: float) -> list[Command]:
        """The time of the last Rest has come. now_s: seconds since boot."""
        return self._go(now_s)

    def _go(self, now_s: float, out: list[Command] | None = None) -> list[Command]:
        """The next requests, or when to come back; behind what is in `out` already."""
        out = [] if out is None else out
        flying, following = self._flying, self._next
        while self._linked and len(flying) < self._concurrent and self._who.asking is None:
            if following:
                now = following[0]
            else:
                turn = self._schedule.next(now_s)
                if not isinstance(turn, Turn):
                    out.append(self._idle(now_s, turn))
                    break
                self.tally.missed_slots += turn.missed
                if turn.task in self._kept:
                    now = self._kept.pop(turn.task)
                    now.patience_s = turn.patience_s
                else:
                    now = Harvest(turn.task, self.jobs[turn.task], turn.patience_s)
                following.append(now)
            job = now.job
            gap_s = self._gap_s if self._gap_s > job.gap_s else job.gap_s
            if self._free_s + gap_s > now_s or self._not_before_s > now_s:
                out.append(Rest(max(self._free_s + gap_s, self._not_before_s)))
                break
            del following[0]
            flying[job.unit] = now
            self.tally.requests += 1
            if self._least_s or self._concurrent > 1:
                self._not_before_s = now_s + max(self._least_s, job.gap_s)
            out.append(Ask(job.unit, now.read, now.patience_s))
        return out

    def _idle(self, now_s: float, until_s: float) -> Rest | AskWho:
        """Nothing is due: somebody may be asked who it is."""
        if self._flying or not self._who.left:
            return Rest(until_s)
        free_s = max(self._free_s + self._gap_s, self._not_before_s)
        if not self._who.wants(self._schedule.units, until_s - max(free_s, now_s)):
            return Rest(until_s)
        return Rest(free_s) if free_s > now_s else self._who.next(self._schedule.units, until_s - now_s)

    def _further(self, now: Harvest, at: Reading) -> list[Command]:
        """Ask for the rest of the job, or turn what it brought into samples, or repeat what changed."""
        task = now.task
        if not now.whole:
            self._next.append(now)
            self._done(now, at)
            return self._go(_s(at))
        was_repeated = now.repeating
        batch = now.samples(at)
        if batch is not None:
            if was_repeated and bool((batch.quality == Quality.UNCONFIRMED).any()):
                self.tally.unconfirmed += 1
            return self._end(now, at, Samples(batch))
        self.tally.repeated += 1
        patience_s = self._schedule.again(task, _s(at), now.latency_s)
        if patience_s is None:
            self._kept[task] = now
        else:
            now.patience_s = patience_s
            self._next.insert(0, now)
        self._done(now, at)
        return self._go(_s(at))

    def _end(self, now: Harvest, at: Reading, samples: Samples, told: list[Command] | None = None) -> list[Command]:
        """The slot is done with, its unit alive."""
        now_s = at.boot_ns / NS
        self._busy.forget(now.task)
        self._overdue.good(now.task, now_s)
        self._schedule.answered(now.task, now_s, now.latency_s)
        self._free_s, self._gap_s = now_s, now.job.gap_s
        out: list[Command] = told if told is not None else []
        out.append(samples)
        return self._go(now_s, out)

    def _fail(self, now: Harvest, at: Reading, quality: Quality, *, line_free: bool = False) -> list[Command]:
        """This job, and where its unit is dead now every other job of that unit, has bad samples."""
        task = now.task
        self._busy.forget(task)
        dead = self._schedule.failed(task, _s(at), line_free=line_free)
        out: list[Command] = [self._doubtful(now) if now.repeating else self._bad(task, at, quality)]
        if dead:
            for i in (i for i in self._schedule.tasks_of(task) if i != task):
                out += [self._doubtful(kept)] if (kept := self._kept.pop(i, None)) else []
                out.append(self._bad(i, at, Quality.NO_ANSWER))
        self._done(now, at)
        return out

    def _bad(self, task: int, at: Reading, quality: Quality) -> Samples:
        self._overdue.bad(task)
        return Samples(bad_samples(self.jobs[task], at, quality))

    def _doubtful(self, now: Harvest) -> Samples:
        self.tally.unconfirmed += 1
        self._overdue.good(now.task, _s(now.first_at))
        return Samples(now.doubtful())

    def _done(self, now: Harvest, at: Reading) -> None:
        self._free_s, self._gap_s = _s(at), now.job.gap_s

    def _well(self, now: Harvest, latency_s: float) -> None:
        self._latency[now.task].add(latency_s)
        if latency_s > now.latency_s:
            now.latency_s = latency_s
        if not self._heard:
            self._heard = True
            self._backoff.reset()
        self._unheard = 0

    def _drop(self) -> list[Command]:
        """The link is gone: what was under way brings nothing more. First readings whose repetition it was are said."""
        turns = (*self._flying.values(), *self._next)
        crops = [*self._kept.values(), *(now for now in turns if now.repeating)]
        self._linked, self._who.asking = False, None
        for under_way in (self._kept, self._flying, self._next, self._busy):
            under_way.clear()
        return [self._doubtful(crop) for crop in crops]

    def _hang_up(self, at: Reading, reason: str) -> list[Command]:
        """At once dialled anew where this connection has worked, else after a wait."""
        self._owing = True
        return [*self._drop(), HangUp(reason), self._redial(at, 0.0 if self._heard else self._backoff.next_s())]

    def _redial(self, at: Reading, wait_s: float) -> Dial:
        self.tally.dials += 1
        return Dial(_s(at) + wait_s)

    def _tell(self, state: str, reason: str) -> list[Command]:
        if self._told == state:
            return []
        self._told, self._why = state, reason
        return [Say(state, reason)]

    def _landed(self, unit: int | None) -> Harvest:
        """What this unit was asked for; it is not any more."""
        if unit is None:
            assert len(self._flying) == 1, "the link answers what was asked, once"
            return self._flying.popitem()[1]
        return self._flying.pop(unit)


def _s(at: Reading) -> float:
    return at.boot_ns / NS
