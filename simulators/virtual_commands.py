"""The collector's own sessions and decoders against simulated devices, without sockets: the same bytes, after virtual milliseconds.

Imports the collector, so it belongs to the composition roots; `plantroom rehearse` builds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf

from collector.actions import Ask, AskWho, Command, Dial, HangUp, Rest, Samples, Say, Undecoded
from collector.exchange import Answer, Garbled, Late, Refusal, Settled, Spoilt
from collector.mbap import Exchange
from collector.publishers import directory_of, publishers
from collector.session import Session
from collector.silence import Silence
from plantroom.clock import NS
from plantroom.model import Batch, Quality
from plantroom.site import Binding
from simulators.agenda import Agenda
from simulators.modbus_server import ModbusServer
from simulators.mqtt_device import MqttDevice
from simulators.publish import Message
from simulators.wire import Close, Send
from simulators.world import World

LATENCY_S = 0.008
_LATENCY_NS = round(LATENCY_S * NS)

Deliver = Callable[[Batch], None]


class VirtualLine:
    """A collector's session against a simulated server: the same bytes as on a socket, after virtual milliseconds.

    Of what a socket brings, no device says who it is: a question for that is answered by silence.
    """

    def __init__(
        self,
        agenda: Agenda,
        server: ModbusServer,
        session: Session,
        deliver: Deliver,
        say: Callable[[str, str], None],
        gather: Callable[[Undecoded], None] | None = None,
    ) -> None:
        self.session, self._agenda, self._server = session, agenda, server
        self._deliver, self._say, self._gather = deliver, say, gather
        self._exchange = Exchange()
        self._connection = 0  # number of the one in use; what an earlier one still brings is lost
        self._request = 0  # counts what is asked and what ends it
        self._asked: Ask | None = None
        self._open = 0  # the request in hand; another number than `_request` once it has ended
        self._patience_ns = 0  # until when its answer is waited for
        self._bounded = False  # its end is in the agenda
        self._coming: bytes | None = None  # its whole answer, LATENCY_S from now
        self._waking = 0
        self._minded_s = inf  # when what is overdue is looked for
        self._dead = False  # the far end has lost the connection without a word
        self._free_ns = 0  # until when in-order answers are held up
        agenda.at(agenda.now_ns, lambda: self._act(session.start(agenda.read())))

    # where nothing disturbs it, others may say what it would bring (simulators.direct_lines_commands)

    @property
    def disturbed(self) -> bool:
        """Something is wrong with its wire."""
        return bool(self._server.faults)

    @property
    def steady(self) -> bool:
        """Nothing is, and its session knows of nothing wrong either."""
        well = not (self.disturbed or self._dead or self._free_ns > self._agenda.now_ns or self._coming is not None)
        return well and self.session.steady(self._agenda.boot_s)

    def sleep(self) -> None:
        """It asks nothing more until woken."""
        self._waking += 1
        self._minded_s = inf

    def wake(self) -> None:
        """Whatever was due since it slept was read."""
        self.session.passed_over(self._agenda.boot_s, LATENCY_S)
        self._mind()
        self._rest(min(self.session.slots_s()))

    def _act(self, commands: list[Command]) -> None:
        """Carries out what follows from an event, and takes the answers before which nothing else happens."""
        self._carry_out(commands)
        while (data := self._coming) is not None:
            self._coming = None
            at_ns = self._agenda.now_ns + _LATENCY_NS
            if not self._agenda.leap(at_ns):
                self._agenda.at(at_ns, partial(self._received, self._connection, data))
                return
            self._receive(data)

    def _carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Undecoded() if self._gather is not None:
                    self._gather(command)
                case Samples():
                    self._deliver(command.batch)
                case Ask():
                    self._ask(command)
                case Rest(until_s):
                    self._rest(until_s)
                case AskWho():
                    self._carry_out(self.session.silent(self._agenda.read()))
                case Dial(at_s):
                    self._connection += 1
                    self._agenda.at(self._agenda.boot_to_ns(at_s) + _LATENCY_NS, self._linked)
                case HangUp():
                    self._connection += 1
                case Say(state, reason):
                    self._say(state, reason)
        if self.session.overdue_s < self._minded_s:
            self._mind()

    def _linked(self) -> None:
        self._exchange.connected(self._agenda.boot_s)
        self._dead, self._free_ns = False, 0
        self._act(self.session.linked(self._agenda.read()))

    def _rest(self, until_s: float) -> None:
        self._waking += 1
        if until_s < inf:
            self._agenda.at(self._agenda.boot_to_ns(until_s) + 1, partial(self._wake, self._waking))

    def _wake(self, waking: int) -> None:
        if waking == self._waking:
            self._act(self.session.woken(self._agenda.boot_s))

    def _mind(self) -> None:
        """What has no sample for too long is said so when its time has come."""
        self._minded_s = self.session.overdue_s
        if self._minded_s < inf:
            self._agenda.at(self._agenda.boot_to_ns(self._minded_s) + 1, partial(self._tell_overdue, self._minded_s))

    def _tell_overdue(self, minded_s: float) -> None:
        if minded_s == self._minded_s:
            for stale in self.session.overdue(self._agenda.read()):
                self._deliver(stale.batch)
            self._mind()

    def _ask(self, ask: Ask) -> None:
        self._waking += 1
        self._request += 1
        self._asked, self._open, self._bounded = ask, self._request, False
        now_ns, server = self._agenda.now_ns, self._server
        self._patience_ns = now_ns + round(ask.patience_s * NS)
        data = self._exchange.request(ask.unit, ask.read, self._agenda.boot_s)
        if server.faults or self._dead or self._free_ns > now_ns:
            self._send(data)
        elif (reply := server.reply(data)) is None or now_ns + _LATENCY_NS >= self._patience_ns:
            self._bound()
        else:
            self._coming = reply

    def _send(self, data: bytes) -> None:
        """Over a wire that may have its faults."""
        now_ns, first_ns = self._agenda.now_ns, inf
        for act in () if self._dead else self._server.acts(data):
            if isinstance(act, Send):
                at_ns = max(now_ns, self._free_ns if act.in_order else 0) + round((LATENCY_S + act.after_s) * NS)
                if act.in_order:
                    self._free_ns = at_ns - _LATENCY_NS
                first_ns = min(first_ns, at_ns)
                self._agenda.at(at_ns, partial(self._received, self._connection, act.data))
            elif isinstance(act, Close):
                self._agenda.after(LATENCY_S, partial(self._lost, self._connection))
            else:
                self._dead = True
        if first_ns >= self._patience_ns:
            self._bound()

    def _bound(self) -> None:
        """Patience runs out. Most answers come before: then, and not before, it is asked whether anything is left to wait for."""
        self._bounded = True
        self._agenda.at(self._patience_ns, partial(self._give_up, self._request, self._connection))

    def _received(self, connection: int, data: bytes) -> None:
        if connection == self._connection:
            self._receive(data)
            self._act([])

    def _receive(self, data: bytes) -> None:
        at, waited = self._agenda.read(), self._request
        for event in self._exchange.receive(data, at.boot_ns / NS):
            if isinstance(event, (Answer, Refusal, Garbled, Settled, Spoilt)):
                self._request += 1
            if isinstance(event, Answer):
                self._carry_out(self.session.answered(at, event.data, event.latency_s))
            elif isinstance(event, Refusal):
                self._carry_out(self.session.refused(at, event.code, event.latency_s))
            elif isinstance(event, Late):
                self._carry_out(self.session.late(at, event.unit, event.latency_s))
            elif isinstance(event, Settled) and self._asked is not None:
                self._ask(self._asked)
            elif isinstance(event, Spoilt):
                self._carry_out(self.session.silent(at, Quality.DECODE))
            elif isinstance(event, Garbled):
                self._carry_out(self.session.garbled(at, event.why))
        if waited == self._request == self._open and not self._bounded:
            self._bound()

    def _lost(self, connection: int) -> None:
        if connection == self._connection:
            self._request += 1
            self._act(self.session.unlinked(self._agenda.read(), "closed by the device"))

    def _give_up(self, request: int, connection: int) -> None:
        if (request, connection) != (self._request, self._connection):
            return
        self._request += 1
        at, cut_short, wrong = self._agenda.read(), self._exchange.cut_short, self._exchange.give_up()
        if cut_short and wrong is not None:
            self._act(self.session.garbled(at, wrong))
        else:
            self._act(self.session.silent(at, Quality.NO_ANSWER if wrong is None else Quality.DECODE))


class VirtualPublisher:
    """A publishing device against the collector's decoder, without a broker."""

    def __init__(self, agenda: Agenda, device: MqttDevice, world: World, bindings: tuple[Binding, ...], deliver: Deliver) -> None:
        self._agenda, self._device, self._world, self._deliver = agenda, device, world, deliver
        (self._publisher,) = publishers([(device.device, bindings)], device.link.prefix)
        self._directory = directory_of([self._publisher])
        self._silence = Silence({device.device.id: self._publisher.heartbeat_s}, agenda.read().boot_ns / NS)
        self._there = False  # it has said its first words
        self.direct = False  # what it says is said for it (simulators.direct_publishers_commands)
        self._kept: dict[str, float] | None = None  # what a stuck one repeats
        agenda.every(self._publisher.heartbeat_s, self._beat)

    @property
    def heartbeat_s(self) -> float:
        return self._publisher.heartbeat_s

    @property
    def steady(self) -> bool:
        """It has said its first words and nothing is wrong with it."""
        return self._there and self._device.fault is None and self._kept is None

    def _beat(self) -> None:
        at, speaker = self._agenda.read(), self._device.speaker
        fault = self._device.fault.name if self._device.fault is not None else ""
        if self.direct:
            if not fault:
                self._silence.heard(self._device.device.id, at.boot_ns / NS)
                return
            self.direct = False
        if fault == "cut" and self._there:  # its last will
            self._say(speaker.farewell())
        if fault != "cut":
            values = self._world.device_values(self._device.device.id)
            if not self._there:
                speaker.will()
                self._say(speaker.greeting(values, at.wall_ns))
            self._kept = (self._kept or values) if fault == "stuck" else None
            if fault not in ("silence", "retained"):
                said = speaker.state(self._kept or values, self._device.clock_ns(at.wall_ns))
                spoilt = [replace(message, payload=b"{") for message in said] if fault == "garbage" else said
                for _ in range(2 if fault == "duplicate" else 1):
                    self._say(spoilt)
        self._there = fault != "cut"
        for _ in self._silence.overdue(at.boot_ns / NS):
            self._deliver(self._publisher.silent(at.wall_ns))

    def _say(self, messages: list[Message]) -> None:
        at = self._agenda.read()
        for message in messages:
            topic = message.topic.encode()
            for taker in self._directory.find(topic):
                taken = taker.take(topic, message.payload, at, retained=False)
                for batch in taken.batches:
                    self._deliver(batch)
                for device in taken.heard:
                    self._silence.heard(device, at.boot_ns / NS)
