"""A Modbus line on the event loop: carries out what a session commands, tells it what came. One connection to a device or gateway, ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from math import inf

import structlog

from collector.actions import Ask, AskWho, Command, Dial, HangUp, Known, Rest, Samples, Say, Undecoded
from collector.connect import Way, why_ended
from collector.exchange import Answer, Event, Exchange, Garbled, Identified, Late, Refusal, Settled, Spoilt, Stray
from collector.mbap import Exchange as TcpExchange
from collector.metronome import EARLY_S, Metronome
from collector.session import Session
from collector.sheaf import Sheaf
from collector.wire import Wire
from plantroom.clock import NS, Clock, Reading
from plantroom.model import Batch, Quality

DIAL_S = 5.0
log = structlog.get_logger()


class Line:
    """A session on its connection. deliver: takes each batch; say: takes (state, reason) when the connection's state changes.

    introduce: takes (device, what it says of itself). All are called on the loop and must not block; an exception in them ends `run`, and
    with it the service. exchange: the framing, by default that of Modbus TCP.
    """

    def __init__(
        self,
        way: Way,
        session: Session,
        clock: Clock,
        deliver: Callable[[Batch], None],
        say: Callable[[str, str], None],
        *,
        introduce: Callable[[str, Mapping[str, str]], None] = lambda device, texts: None,
        exchange: Exchange | None = None,
        metronome: Metronome | None = None,
        sheaf: Sheaf | None = None,
    ) -> None:
        self.session, self.strays = session, 0
        self._way, self._clock = way, clock
        self._deliver, self._say, self._introduce = deliver, say, introduce
        self._exchange = exchange or TcpExchange()
        self._metronome = metronome or Metronome(clock)
        self._sheaf = sheaf
        self._wire: Wire | None = None  # the connection in use
        self._last: Wire | None = None  # the newest, perhaps still closing
        self._dial_at_s: float | None = None
        self._dial = asyncio.Event()
        self._rest_s = inf  # when the session wants to hear of the time
        self._due_s = inf  # when we want to: that, or an answer's end
        self._rings: list[float] = []  # when the metronome calls, the next one last
        self._asked: dict[int, tuple[Ask | AskWho, float]] = {}  # unit -> what was sent, and until when its answer is waited for
        self._deferred: list[Ask | AskWho] = []  # not sent yet: the line has to be quiet first, or we are paused
        self._hearing = False  # once more, before what came is an answer, or nothing came
        self._paused = False
        self._broken: BaseException | None = None

    async def run(self) -> None:
        """Until cancelled; then the connection is closed."""
        try:
            self._carry_out(self.session.start(self._clock.read()))
            while True:
                await self._dial.wait()
                self._dial.clear()
                if self._broken is not None:
                    raise self._broken
                await self._connect()
        finally:
            self._rest_s = self._due_s = inf
            self._forget()
            self._bind()
            self._wire = None  # what ends now is no loss to report
            if self._last is not None:
                self._last.drop()
                await self._last.closed.wait()

    def pause(self) -> None:
        """No new request goes out until `resume`: what they would bring has no room. Slots that pass meanwhile are missed and counted."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._send_deferred(self._clock.read().boot_ns / NS)
        self._look_again()

    async def _connect(self) -> None:
        if self._last is not None:  # the old connection is gone before there is a new one
            await self._last.closed.wait()
        wait_s = (self._dial_at_s or 0.0) - self._clock.read().boot_ns / NS
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        wire = Wire(self)
        try:
            async with asyncio.timeout(DIAL_S):
                await self._way.connect(wire)
        except TimeoutError:
            self._carry_out(self.session.unlinked(self._clock.read(), f"no connection to {self._way.name} within {DIAL_S:g} s"))
            return
        except OSError as error:
            self._carry_out(self.session.unlinked(self._clock.read(), f"{self._way.name}: {error.strerror or error}"))
            return
        self._wire = self._last = wire
        self._exchange.connected(self._clock.read().boot_ns / NS)
        self._carry_out(self.session.linked(self._clock.read()))

    def received(self, wire: Wire, data: bytes) -> None:
        """Bytes of the device. The samples' time is taken here, where the answer ends."""
        if wire is not self._wire:
            return
        at = self._clock.read()
        self._take(self._exchange.receive(data, at.boot_ns / NS), at)
        if self._exchange.ripe_s < self._due_s:
            self._look_again()

    def _take(self, events: Sequence[Event], at: Reading) -> None:
        for event in events:
            if isinstance(event, Answer):
                unit = event.unit
                if unit is None:
                    self._asked.popitem()
                else:
                    del self._asked[unit]
                self._carry_out(self.session.answered(at, event.data, event.latency_s, unit), at)
            else:
                self._take_other(event, at)

    def _take_other(self, event: Event, at: Reading) -> None:
        match event:
            case Refusal():
                self._ended(event.unit)
                self._carry_out(self.session.refused(at, event.code, event.latency_s, event.unit))
            case Identified():
                self._ended(event.unit)
                self._carry_out(self.session.identified(at, event.texts, event.following))
            case Late():
                self._carry_out(self.session.late(at, event.unit, event.latency_s))
            case Stray():
                self.strays += 1
            case Settled():
                self._ask(self._ended(event.unit), at.boot_ns / NS)
                self._look_again()
            case Spoilt():
                self._ended(event.unit)
                self._carry_out(self.session.silent(at, Quality.DECODE, event.unit))
            case Garbled():
                self._garbled(at, event)

    def _ended(self, unit: int | None) -> Ask | AskWho:
        """What this unit was asked is answered. unit: None where only one is asked at a time."""
        return (self._asked.popitem()[1] if unit is None else self._asked.pop(unit))[0]

    def lost(self, wire: Wire, error: Exception | None) -> None:
        if wire is not self._wire:
            return
        self._wire = None
        self._forget()
        self._carry_out(self.session.unlinked(self._clock.read(), why_ended(self._way, error)))

    def broken(self, error: BaseException) -> None:
        """An error in a callback is ours: it ends the service instead of vanishing in the loop."""
        self._broken = error
        self._dial.set()

    def _garbled(self, at: Reading, event: Garbled) -> None:
        self._forget()
        times = self.session.tally.garbled + 1
        if times & (times - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: not a line each
            log.warning("modbus.wrong_answer", line=self._way.name, why=event.why, times=times)
        self._carry_out(self.session.garbled(at, event.why))

    def _carry_out(self, commands: Sequence[Command], at: Reading | None = None) -> None:
        """at: the present, where it was just read."""
        self._rest_s = inf
        for command in commands:
            if isinstance(command, Undecoded) and self._sheaf is not None:
                self._sheaf.take(self._brought, command)
            elif isinstance(command, Rest):
                self._rest_s = command.until_s
            elif isinstance(command, Ask):
                self._ask(command, (at or self._clock.read()).boot_ns / NS)
            else:
                self._carry_out_other(command)
        self._look_again()

    def _carry_out_other(self, command: Command) -> None:
        self._bind()
        match command:
            case Samples():
                self._deliver(command.batch)
            case AskWho():
                self._ask(command, self._clock.read().boot_ns / NS)
            case Known():
                self._introduce(command.device, command.texts)
            case HangUp():
                self._hang_up()
            case Dial():
                self._dial_at_s = command.at_s
                self._dial.set()
            case Say():
                self._say(command.state, command.reason)

    def _brought(self, batch: Batch) -> None:
        try:
            self._deliver(batch)
        except BaseException as error:  # it is not only this line's: see `broken`
            self.broken(error)

    def _bind(self) -> None:
        """What was read before is delivered before."""
        if self._sheaf is not None:
            self._sheaf.bind()

    def _ask(self, ask: Ask | AskWho, now_s: float) -> None:
        if self._paused or self._exchange.free_s > now_s:
            self._deferred.append(ask)
        elif self._wire is not None:
            if isinstance(ask, Ask):
                data = self._exchange.request(ask.unit, ask.read, now_s)
            else:
                assert isinstance(self._exchange, TcpExchange), "only there a device is asked who it is (collector.links)"
                data = self._exchange.ask_who(ask.unit, ask.first, now_s)
            self._wire.transport.write(data)
            self._asked[ask.unit] = ask, now_s + ask.patience_s

    def _send_deferred(self, now_s: float) -> None:
        waiting, self._deferred = self._deferred, []
        for ask in waiting:
            self._ask(ask, now_s)

    def _hang_up(self) -> None:
        self._forget()
        if self._wire is not None:
            self._wire.drop()
            self._wire = None

    def _forget(self) -> None:
        self._asked.clear()
        self._deferred.clear()

    def _look_again(self) -> None:
        """The metronome is asked only for an earlier time than it knows of; called too early we find that our time has not come."""
        due_s, ripe_s = self._rest_s, self._exchange.ripe_s
        if self._hearing:
            pass  # what came is looked at anyway
        elif ripe_s == inf:
            for _, until_s in self._asked.values():
                if until_s < due_s:
                    due_s = until_s
        elif self._asked:
            due_s = min(due_s, ripe_s)
        if not self._paused:
            if self._deferred:
                due_s = min(due_s, self._exchange.free_s)
            overdue_s = self.session.overdue_s
            if overdue_s < due_s:
                due_s = overdue_s
        self._due_s = due_s
        if due_s < inf and (not self._rings or due_s < self._rings[-1]):
            self._rings.append(due_s)
            self._metronome.at(due_s, self._rung)

    def _rung(self, at: Reading) -> None:
        try:
            now_s = at.boot_ns / NS + EARLY_S
            while self._rings and self._rings[-1] <= now_s:
                self._rings.pop()
            if self._due_s <= now_s:
                self._act(at, now_s)
            else:
                self._look_again()
        except BaseException as error:  # the loop would only log it
            self.broken(error)

    def _act(self, at: Reading, now_s: float) -> None:
        """Something is due by now_s, a little later than `at`. Looks again."""
        if self._asked and not self._hearing and self._ended_s() <= now_s:
            self._hearing, loop = True, asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._hear)  # a loop that was busy rings before it reads: first what has come meanwhile
        if not self._paused:
            if self._deferred and self._exchange.free_s <= now_s:
                self._send_deferred(max(at.boot_ns / NS, self._exchange.free_s))
            if self.session.overdue_s <= now_s:
                self._bind()
                for stale in self.session.overdue(at):
                    self._deliver(stale.batch)
        if self._rest_s <= now_s:
            self._carry_out(self.session.woken(max(at.boot_ns / NS, self._rest_s)), at)
        else:
            self._look_again()

    def _ended_s(self) -> float:
        """When the next of what was asked is answered or given up. What came may be an answer, also where patience ends before that
        is certain."""
        ripe_s = self._exchange.ripe_s
        return ripe_s if ripe_s < inf else min((until_s for _, until_s in self._asked.values()), default=inf)

    def _hear(self) -> None:
        self._hearing = False
        try:
            at = self._clock.read()
            now_s = at.boot_ns / NS + EARLY_S
            if self._asked and self._exchange.ripe_s < inf:
                if self._exchange.ripe_s <= now_s:
                    self._take(self._exchange.ripen(at.boot_ns / NS), at)
            else:
                for unit in [unit for unit, (_, until_s) in self._asked.items() if until_s <= now_s]:
                    if unit in self._asked:  # the one before may have ended the connection
                        self._give_up(unit, at)
            self._look_again()
        except BaseException as error:  # the loop would only log it
            self.broken(error)

    def _give_up(self, unit: int, at: Reading) -> None:
        del self._asked[unit]
        cut_short, wrong = self._exchange.cut_short, self._exchange.give_up(unit)
        if cut_short and wrong is not None:
            self._garbled(at, Garbled(wrong))
        else:
            self._carry_out(self.session.silent(at, Quality.NO_ANSWER if wrong is None else Quality.DECODE, unit))
