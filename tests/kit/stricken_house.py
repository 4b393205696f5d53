"""A whole installation in which any single component can be made to fail: all of it real processes, sockets, files.

    gateway (process) --relay--+                             +--relay--> channel `first`
    publisher -> mosquitto ----+--relay--> plantroom run ----+--relay--> channel `second`
                                           data on a disk    +--relay--> plantroom watch -> who is told outside
                                           of its own        +--relay--> influxd
                                                             +---------> hook
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from tests.kit import disk as disks
from tests.kit import oracle, powercut
from tests.kit.gateway import Gateway
from tests.kit.house import Installation, Receiver, free_port
from tests.kit.influxd import Influxd
from tests.kit.mosquitto import Mosquitto
from tests.kit.outside import HOOK, SHORT
from tests.kit.publisher import Publisher
from tests.kit.relay import Relay, Way
from tests.kit.single_faults import Component as C
from tests.kit.single_faults import Failure as F

RULE = "phase_loss"
STEPS, PUMPS_A_MODULE = 30, 10
SERVICES = (C.COLLECT, C.RULES, C.NOTIFY, C.HISTORY, C.WEB)
SECRETS = {"WATCH_SECRET": "of-the-heartbeat-alone", "WATCH_DUTY_SECRET": "of-the-watchers-channel", "HOUSE_SECRET": "of-the-houses-channels"}

PROFILE = """
profile: pump-json
model: A pump's own controller that publishes what its three inputs show
kind: fire_pump
source: {document: "ours, for tests", addressing: zero_based}
mqtt: {topic: "pumps/{device}"}
points:
  phase_loss: {path: phase_loss, every: 1s}
  pump_running: {path: running, every: 1s}
  control_mode: {path: mode, every: 1s, values: {"0": manual, "1": auto}}
"""
SITE = """
site: {{id: house, name: 试验楼, zone: Asia/Shanghai, language: zh, practice: gb}}
connections:
  - {{id: bus, modbus_tcp: {{host: 127.0.0.1, port: {gateway}}}}}
  - {{id: radio, mqtt: {{host: 127.0.0.1, port: {broker}}}}}
channels:
  - {{id: first, type: webhook, url: 'http://127.0.0.1:{first}/', private: 127.0.0.1, secret: '${{HOUSE_SECRET}}'}}
  - {{id: second, type: webhook, url: 'http://127.0.0.1:{second}/', private: 127.0.0.1, secret: '${{HOUSE_SECRET}}'}}
escalation:
  night: "00:00-00:00"
  test: never
  readiness: {{steps: [{steps}], repeat: {repeat:g}s}}
rules: {{parameters: {{phase_loss: {{delay: 0s}}, device_offline: {{shortest: 5s}}}}}}
watch:
  every: {times.every:g}s
  stale_after: {times.stale:g}s
  pages_after: {times.pages:g}s
  outside_after: {times.outside:g}s
  hook: {hook}
  to: [{{url: 'http://127.0.0.1:{watcher}/heartbeat', secret: '${{WATCH_SECRET}}'}}]
{influxdb}
devices:
{devices}
equipment:
{equipment}
"""
WATCH = """
watch: {{zone: Asia/Shanghai, listen: '127.0.0.1:{port}', public_url: 'http://127.0.0.1:{port}'}}
limits: {{late: {times.late:g}s, again: {times.again:g}s}}
channels: [{{id: duty, type: webhook, url: '{told}', private: 127.0.0.1, secret: '${{WATCH_DUTY_SECRET}}'}}]
tell: [{{channel: duty}}]
installations: [{{id: house, name: 试验楼, secret: '${{WATCH_SECRET}}'}}]
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """wired, radio: machines behind the gateway, machines that publish. influx: with an engine or without.

    step_s: of a chain of STEPS, each of which tells everyone; repeat_s: after the last one, no less than the site file takes.
    """

    wired: int = 120
    radio: int = 40
    step_s: float = 4.0
    repeat_s: float = 30.0
    influx: bool = True


class StrickenHouse(Installation):
    """environment: of the services, besides ours.

    `fail` and `mend` are exact opposites; between them nobody may read the records where the disk itself fails.
    """

    def __init__(self, folder: Path, plan: Plan = Plan(), *, environment: dict[str, str] | None = None) -> None:
        self._stack, self._folder, self.plan = ExitStack(), folder, plan
        keep = self._stack.enter_context
        root = powercut.possible()
        self.disk = keep(closing(disks.Disk(folder, "disk") if root else disks.Quota(folder, "disk", self._all_pids)))
        super().__init__(folder, SECRETS | (environment or {}), self.disk.path / "data")
        if not root:  # its log must not count as its disk
            self._out = keep(subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=self._log, text=True)).stdin
        self._stack.callback(super().close)
        self.first, self.second, self.outside = (keep(closing(Receiver())) for _ in range(3))
        self.taken: list[oracle.Taken] = []
        self.bodies: list[tuple[float, str, dict[str, object]]] = []  # (CLOCK_MONOTONIC s, channel, body), of both channels
        self.watches: dict[str, Callable[[str, dict[str, object]], None]] = {}
        for channel, receiver in (("first", self.first), ("second", self.second)):
            receiver.on_came = lambda body, channel=channel: self._came(channel, body)
            receiver.on_answered = lambda body, channel=channel: self._watched("answered", channel, body)
        self._unheld = threading.Event()
        self._unheld.set()
        self.gateway, self._watch_port = Gateway(free_port(), -(-plan.wired // PUMPS_A_MODULE)), free_port()
        self._watcher: subprocess.Popen[str] | None = None
        small = {C.BROKER: 16, C.WATCHER: 16, C.INFLUXDB: 128} if plan.influx and root else {}
        self._disks = {name: keep(closing(disks.Disk(folder, name.value, size))) for name, size in small.items()}
        self._folders = {name: self._disks[name].path if name in self._disks else folder / name.value for name in (C.BROKER, C.WATCHER, C.INFLUXDB)}
        self.broker = Mosquitto(self._folders[C.BROKER])
        self.influx = Influxd(self._folders[C.INFLUXDB] / "engine") if plan.influx else None
        ports = {"gateway": self.gateway.port, "broker": self.broker.port, "watcher": self._watch_port}
        ports |= {channel: int(receiver.url.rstrip("/").rsplit(":")[-1]) for channel, receiver in (("first", self.first), ("second", self.second))}
        ports |= {"influx": self.influx.port} if self.influx is not None else {}
        self.relays = {name: keep(closing(Relay(port))) for name, port in ports.items()}
        self._hook, self._sounded, self._config = folder / "siren", folder / "hook.txt", folder / "watch.yaml"
        self._watch_log = keep((folder / "watch.txt").open("w+"))
        self._free = {True: iter(range(plan.wired)), False: iter(range(plan.radio))}
        self.flipped: Counter[str] = Counter()
        self._write()

    # -- begin and end

    def start(self) -> None:
        self.gateway.start()
        self._stack.callback(self.gateway.kill)
        self.broker.start()
        self._stack.callback(self.broker.kill)
        self.publisher = self._stack.enter_context(closing(Publisher(self.broker.port, self.plan.radio)))
        if self.influx is not None:
            self.influx.start()
            self._stack.callback(self.influx.kill)
            self.influx.create("plantroom")
        self.watch()
        self._stack.callback(self._end_watching)
        super().start()
        self.wait_for(lambda: self.rows("SELECT 1 FROM position WHERE seq > 20"), 30, "the engine runs")
        self.wait_for(lambda: '"ever":true' in self._watch_state(), 20, "the first heartbeat was taken")

    def close(self) -> None:
        self._unheld.set()
        self.disk.thaw()
        for pid in self._all_pids():
            self._send(pid, signal.SIGCONT)
        for disk in (self.disk, *self._disks.values()):
            disk.free()
        self._stack.close()

    def _all_pids(self) -> list[int]:
        return [self._process.pid, *self.services().values()] if self._process is not None else []

    # -- the plant

    def next_machine(self, wired: bool) -> str:
        """One that has shown nothing yet; behind the gateway, or one that publishes."""
        return f"{'fp' if wired else 'mq'}-{next(self._free[wired])}"

    def show(self, machine: str, lost: int) -> float:
        """What its device says of its phases from now on; returns the instant."""
        kind, _, number = machine.partition("-")
        self.flipped[machine] += lost
        if kind == "fp":
            self.gateway.set(int(number) // PUMPS_A_MODULE + 1, 3 * (int(number) % PUMPS_A_MODULE) + 2, lost)
        else:
            self.publisher.show(int(number), lost)
        return time.monotonic()

    # -- what fails

    def fail(self, component: C, failure: F, pid: int | None = None, *, swallowed: bool = True) -> None:
        """pid: of the process, where it was looked up before. swallowed: a cut wire swallows, else it is refused."""
        if failure is F.CUT_OFF:
            for name in self._wires(component):
                self.relays[name].set(Way.SWALLOWED if swallowed else Way.REFUSED)
        elif component in (*SERVICES, C.SUPERVISOR):
            if failure is F.DISK_FULL:
                self.disk.fill()
            self._send(pid or self.pid_of(component), signal.SIGSTOP if failure is F.FREEZE else signal.SIGKILL)
            if component is C.SUPERVISOR and failure is F.DISK_FULL:
                assert self._process is not None
                self._process.wait(10)
                self.launch()
        elif component is C.DISK:
            {F.KILL: self.disk.die, F.FREEZE: self.disk.freeze, F.DISK_FULL: self.disk.fill}[failure]()
        elif component is C.CHANNEL:
            self._fail_channel(failure)
        else:
            self._fail_outsider(component, failure)

    def mend(self, component: C, failure: F) -> None:
        if failure is F.CUT_OFF:
            for name in self._wires(component):
                self.relays[name].set(Way.THROUGH)
        elif failure is F.DISK_FULL and component in (*SERVICES, C.SUPERVISOR, C.DISK):
            self.disk.free()
        elif component in (*SERVICES, C.SUPERVISOR):
            if failure is F.FREEZE:
                self._send(self.stopped, signal.SIGCONT)
            elif component is C.SUPERVISOR:
                self._again()
        elif component is C.DISK and failure is F.FREEZE:
            self.disk.thaw()
        elif component is C.DISK:
            self._new_boot()
        elif component is C.CHANNEL:
            self.first.status = 200
            self._unheld.set()
            self.relays["first"].set(Way.THROUGH)
        else:
            self._mend_outsider(component, failure)

    def pid_of(self, component: C) -> int:
        if component is C.SUPERVISOR:
            return self.pid
        self.wait_for(lambda: component in self.services(), 20, f"{component} runs")
        return self.services()[component]

    def _wires(self, component: C) -> tuple[str, ...]:
        own = {C.COLLECT: ("gateway", "broker"), C.NOTIFY: ("first", "second"), C.SUPERVISOR: ("watcher",), C.HISTORY: ("influx",)}
        same = {C.CHANNEL: ("first",), C.INFLUXDB: ("influx",)}
        return own.get(component) or same.get(component) or (component.value,)

    def _fail_channel(self, failure: F) -> None:
        if failure is F.DISK_FULL:
            self.first.status = 507
        elif failure is F.FREEZE:
            self._unheld.clear()
        else:
            self.relays["first"].set(Way.REFUSED)

    def _fail_outsider(self, component: C, failure: F) -> None:
        if failure is F.DISK_FULL:
            self._disks[component].fill()
            if component is C.BROKER:
                self.broker.signal(signal.SIGUSR1)  # save now
        elif failure is F.FREEZE:
            self._outsider(component)(signal.SIGSTOP)
        else:
            {C.GATEWAY: self.gateway.kill, C.BROKER: self.broker.kill, C.WATCHER: self._end_watching, C.INFLUXDB: self._engine.kill}[component]()

    def _mend_outsider(self, component: C, failure: F) -> None:
        if failure is F.DISK_FULL:
            self._disks[component].free()
        elif failure is F.FREEZE:
            self._outsider(component)(signal.SIGCONT)
        else:
            {C.GATEWAY: self.gateway.start, C.BROKER: self.broker.start, C.WATCHER: self.watch, C.INFLUXDB: self._engine.start}[component]()

    def _outsider(self, component: C) -> Callable[[signal.Signals], None]:
        if component is C.WATCHER:
            assert self._watcher is not None
            return self._watcher.send_signal
        return {C.GATEWAY: self.gateway.signal, C.BROKER: self.broker.signal, C.INFLUXDB: self._engine.signal}[component]

    @property
    def _engine(self) -> Influxd:
        assert self.influx is not None
        return self.influx

    def _send(self, pid: int, number: signal.Signals) -> None:
        if number is signal.SIGSTOP:
            self.stopped = pid
        try:
            os.kill(pid, number)
        except ProcessLookupError:  # it has ended by itself meanwhile
            return

    def _again(self) -> None:
        assert self._process is not None
        self._process.wait(10)
        super().start()

    def _new_boot(self) -> None:
        """As a machine whose disk came back: all of it anew, on what the disk holds."""
        assert self._process is not None
        for pid in [*self.services().values(), self._process.pid]:
            self._send(pid, signal.SIGKILL)
        self._process.wait(10)
        self.disk.unmount()
        self.disk.mount()
        super().start()

    # -- what people are told

    def told(self, since_s: float, own: bool) -> float | None:
        """When somebody was first told that the monitor does not see or reach, None: not yet. By the watcher outside, by the hook, or (own)
        by a page about machines that are not heard: the first, or the next where their order is open."""
        outside = [at / 1e9 for at, _, body in list(self.outside.pages) if body["reason"] == "raised"]
        here = [at for at, _, body in list(self.bodies) if own and _of_what_is_not_heard(body)]
        hook = [float(line.split()[0]) for line in self._sounded.read_text().splitlines() if " on " in line] if self._sounded.exists() else []
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
        hook = [at - uptime_s + time.monotonic() for at in hook]
        return min((at for at in (*outside, *here, *hook) if at > since_s), default=None)

    def at_rest(self) -> bool:
        """Nobody is told anything of the monitor just now."""
        outside = [body["reason"] for _, _, body in list(self.outside.pages)]
        hook = self._sounded.read_text().splitlines() if self._sounded.exists() else []
        return outside[-1:] in ([], ["cleared"]) and not any(" on " in line for line in hook[-1:])

    def pages(self, machine: str, since_s: float = 0.0, reason: str = "") -> list[float]:
        """When a provider took a page about the machine, in order."""
        yes = {(one.channel, one.key, one.at_s) for one in self.taken if one.yes}
        return sorted(
            at for at, channel, body in list(self.bodies)
            if at > since_s and oracle.about(body) == (RULE, machine) and reason in (body["reason"], "") and (channel, body["id"], at) in yes
        )  # fmt: skip

    def accept(self, machine: str) -> None:
        """A person takes it, through the API."""
        self.wait_for(self.healthy, 40, "the console answers")
        wanted = f"SELECT o.id FROM work_order o JOIN fault f ON f.id = o.fault WHERE f.rule = '{RULE}' AND o.state = 'open' AND o.equipment = ?"
        [(order,)] = self.rows(wanted, machine)
        url, head = f"http://127.0.0.1:{self.port}/api/v1/orders/{order}/accept", {"Authorization": f"Bearer {self._token()}"}
        request = urllib.request.Request(url, b"{}", head | {"Content-Type": "application/json"})

        def taken() -> bool:
            try:
                with urllib.request.urlopen(request, timeout=10) as done:
                    return done.status in (200, 202)
            except urllib.error.HTTPError as error:
                return error.code == 409  # what was asked before a time-out
            except OSError:
                return False

        self.wait_for(taken, 20, "the order is taken")
        accepted = "SELECT 1 FROM work_order WHERE id = ? AND state = 'accepted'"
        self.wait_for(lambda: self.rows(accepted, order), 20, "somebody has it")

    def _token(self) -> str:
        if not hasattr(self, "_bearer"):
            command = [str(Path(sys.executable).parent / "plantroom"), "user", "token", "admin", "--data", str(self.data), "--json"]
            self._bearer = str(json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)["token"])
        return self._bearer

    def _came(self, channel: str, body: dict[str, object]) -> None:
        at = time.monotonic()
        receiver = self.first if channel == "first" else self.second
        self.taken.append(oracle.Taken(channel, str(body["id"]), at, receiver.status < 300))
        self.bodies.append((at, channel, body))
        self._watched("came", channel, body)
        if channel == "first":
            self._unheld.wait(30)

    def _watched(self, what: str, channel: str, body: dict[str, object]) -> None:
        watch = self.watches.get(what)
        if watch is not None:
            watch(channel, body)

    # -- its files

    def watch(self) -> None:
        command = [str(Path(sys.executable).parent / "plantroom"), "watch", str(self._config), "--data", str(self._folders[C.WATCHER] / "data")]
        self._watcher = subprocess.Popen(command, stdout=self._watch_log, stderr=self._watch_log, env=os.environ | SECRETS, text=True)

    def _end_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.wait()
            self._watcher = None

    def _watch_state(self) -> str:
        path = self._folders[C.WATCHER] / "data" / "watch.json"
        return path.read_text() if path.exists() else ""

    def _write(self) -> None:
        self._hook.write_text(HOOK.format(told=self._sounded))
        self._hook.chmod(0o755)
        self._config.write_text(WATCH.format(port=self._watch_port, times=SHORT, told=self.outside.url))
        (self._folder / "profiles").mkdir()
        (self._folder / "profiles" / "pump-json.yaml").write_text(PROFILE)
        modules = range(-(-self.plan.wired // PUMPS_A_MODULE))
        devices = [f"  - {{id: io-{m}, profile: generic-32di, connection: bus, unit: {m + 1}}}" for m in modules]
        equipment = []
        for n in range(self.plan.wired):
            at = 3 * (n % PUMPS_A_MODULE)
            points = f"di_{at + 1}: {{as: control_mode, values: {{0: manual, 1: auto}}, period: 200ms}}, di_{at + 2}: {{as: pump_running, period: 200ms}}"
            points += f", di_{at + 3}: {{as: phase_loss, period: 200ms}}"
            equipment += [f"  - {{id: fp-{n}, kind: fire_pump, name: {n}号消防泵, points: [{{device: io-{n // PUMPS_A_MODULE}, take: {{{points}}}}}]}}"]
        equipment += [f"  - {{id: mq-{n}, kind: fire_pump, name: 无线{n}号消防泵, profile: pump-json, connection: radio, topic: '{n}'}}" for n in range(self.plan.radio)]
        ports = {name: relay.port for name, relay in self.relays.items()}
        engine = f"influxdb: {{url: 'http://127.0.0.1:{ports['influx']}', api: 1, database: plantroom}}" if "influx" in ports else ""
        named = {name: ports[name] for name in ("gateway", "broker", "first", "second", "watcher")}
        self.site_file.write_text(
            SITE.format(
                **named, steps=", ".join(f"{{after: {n * self.plan.step_s:g}s, tell: [everyone]}}" for n in range(STEPS)), repeat=self.plan.repeat_s, times=SHORT, hook=self._hook, influxdb=engine,
                devices="\n".join(devices), equipment="\n".join(equipment),
            )
        )  # fmt: skip


def _of_what_is_not_heard(body: dict[str, object]) -> bool:
    """A page about machines that do not answer, or a line of them, that calls somebody."""
    rule, machine = oracle.about(body)
    return (rule == "device_offline" or machine.startswith("@")) and body["reason"] in ("raised", "escalated")
