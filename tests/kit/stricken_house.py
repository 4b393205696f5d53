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
from functools import partial
from pathlib import Path
from typing import IO

from tests.kit import disk as disks
from tests.kit import oracle, powercut
from tests.kit import stricken_site as sites
from tests.kit.gateway import Gateway
from tests.kit.house import Installation, Receiver, free_port
from tests.kit.influxd import Influxd
from tests.kit.mosquitto import Mosquitto
from tests.kit.publisher import Publisher
from tests.kit.relay import Relay, Way
from tests.kit.single_faults import Component as C
from tests.kit.single_faults import Failure as F
from tests.kit.stricken_site import PUMPS_A_MODULE, WHOLE, Plan

RULE = "phase_loss"
SERVICES = (C.COLLECT, C.RULES, C.NOTIFY, C.HISTORY, C.WEB)
SECRETS = {"WATCH_SECRET": "of-the-heartbeat-alone", "WATCH_DUTY_SECRET": "of-the-watchers-channel", "HOUSE_SECRET": "of-the-houses-channels"}


class StrickenHouse(Installation):
    """environment: of the services, besides ours.

    `fail` and `mend` are exact opposites; between them nobody may read the records where the disk itself fails.
    """

    def __init__(self, folder: Path, plan: Plan = WHOLE, *, environment: dict[str, str] | None = None) -> None:
        self._stack, self.plan = ExitStack(), plan
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
            receiver.on_came = partial(self._came, channel)
            receiver.on_answered = partial(self._watched, "answered", channel)
        self._unheld = threading.Event()
        self._unheld.set()
        self.gateway, watch_port = Gateway(free_port(), sites.modules(plan)), free_port()
        small = {C.BROKER: 16, C.WATCHER: 16, C.INFLUXDB: 128} if root else {}
        self._disks = {name: keep(closing(disks.Disk(folder, name.value, size))) for name, size in small.items()}
        self._folders = {name: self._disks[name].path if name in self._disks else folder / name.value for name in (C.BROKER, C.WATCHER, C.INFLUXDB)}
        self.broker = Mosquitto(self._folders[C.BROKER])
        self.influx = Influxd(self._folders[C.INFLUXDB] / "engine") if plan.influx else None
        self.watcher = WatcherProcess(folder / "watch.yaml", self._folders[C.WATCHER] / "data", keep((folder / "watch.txt").open("w+")))
        ports = {"gateway": self.gateway.port, "broker": self.broker.port, "watcher": watch_port}
        ports |= {channel: int(receiver.url.rstrip("/").rsplit(":")[-1]) for channel, receiver in (("first", self.first), ("second", self.second))}
        ports |= {"influx": self.influx.port} if self.influx is not None else {}
        self.relays = {name: keep(closing(Relay(port))) for name, port in ports.items()}
        self._sounded = folder / "hook.txt"
        self._free = {True: iter(range(plan.wired)), False: iter(range(plan.radio))}
        self.flipped: Counter[str] = Counter()
        sites.write(folder, plan, {name: relay.port for name, relay in self.relays.items()}, watch_port, self.outside.url)

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
        self.watcher.start()
        self._stack.callback(self.watcher.kill)
        super().start()
        self.wait_for(lambda: self.rows("SELECT 1 FROM position WHERE seq > 20"), 30, "the engine runs")
        self.wait_for(lambda: '"ever":true' in self.watcher.state(), 20, "the first heartbeat was taken")

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
            self._outsider(component).signal(signal.SIGSTOP)
        else:
            self._outsider(component).kill()

    def _mend_outsider(self, component: C, failure: F) -> None:
        if failure is F.DISK_FULL:
            self._disks[component].free()
        elif failure is F.FREEZE:
            self._outsider(component).signal(signal.SIGCONT)
        else:
            self._outsider(component).start()

    def _outsider(self, component: C) -> Gateway | Mosquitto | Influxd | WatcherProcess:
        there: dict[C, Gateway | Mosquitto | Influxd | WatcherProcess | None]
        there = {C.GATEWAY: self.gateway, C.BROKER: self.broker, C.INFLUXDB: self.influx, C.WATCHER: self.watcher}
        found = there[component]
        assert found is not None
        return found

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
        by a page about machines that are not heard, or a full disk: the first, or the next where their order is open."""
        outside = [at / 1e9 for at, _, body in list(self.outside.pages) if body["reason"] == "raised"]
        here = [at for at, _, body in list(self.bodies) if own and _of_itself(body)]
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


class WatcherProcess:
    """`plantroom watch`, to be killed and started again on the same data."""

    def __init__(self, config: Path, data: Path, log: IO[str]) -> None:
        self._command = [str(Path(sys.executable).parent / "plantroom"), "watch", str(config), "--data", str(data)]
        self._data, self._log = data, log
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log, env=os.environ | SECRETS, text=True)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def state(self) -> str:
        """What it knows, as its file has it."""
        path = self._data / "watch.json"
        return path.read_text() if path.exists() else ""


def _of_itself(body: dict[str, object]) -> bool:
    """A page that calls somebody about machines that do not answer, a line of them, or a disk that is full."""
    rule, machine = oracle.about(body)
    return (rule in ("device_offline", "disk_full") or machine.startswith("@")) and body["reason"] in ("raised", "escalated")
