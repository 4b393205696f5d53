"""A small real installation for tests and benches: simulated inputs, `plantroom run` as processes, a receiver for its pages."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import apsw

from simulators.memory import Memory
from simulators.modbus_server import ModbusServer

POINTS_A_PUMP = 3  # control_mode, pump_running, phase_loss
PUMPS_A_MODULE = 10
MODULES_A_GATEWAY = 50


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _nothing(body: dict[str, object]) -> None:
    return


class Receiver:
    """An HTTP endpoint that takes pages and remembers when each came. status: what it answers, changeable.

    on_came, on_answered: called with a page's body before and after it is answered, in the thread that answers.
    """

    def __init__(self) -> None:
        self.status = 200
        self.on_came: Callable[[dict[str, object]], None] = _nothing
        self.on_answered: Callable[[dict[str, object]], None] = _nothing
        self.pages: list[tuple[int, str, dict[str, object]]] = []  # (CLOCK_MONOTONIC ns, X-Plantroom-Id, body)
        self.came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                at = time.monotonic_ns()
                text = self.rfile.read(length := int(self.headers["Content-Length"]))
                if len(text) < length:  # who sends it was killed meanwhile
                    return
                body = json.loads(text)
                with receiver.came:
                    receiver.pages.append((at, self.headers["X-Plantroom-Id"], body))
                    receiver.came.notify_all()
                receiver.on_came(body)
                self.send_response(receiver.status)
                self.send_header("Content-Length", str(len(receiver.answer)))
                self.end_headers()
                self.wfile.write(receiver.answer)
                receiver.on_answered(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                if not isinstance(sys.exception(), OSError):  # who has gone away gets no answer
                    super().handle_error(request, client_address)  # type: ignore[arg-type]

        self._server = Server(("127.0.0.1", 0), Handler)
        self.answer = b"{}"  # to every page
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Inputs:
    """Modules of 32 digital inputs behind gateways of at most 50, answering in a thread of their own. Modules are numbered from 1.

    Input 3p of a module is pump p's `control_mode` (1 = auto), 3p + 1 its `pump_running`, 3p + 2 its `phase_loss`.
    """

    def __init__(self, modules: int, pumps_a_module: int = PUMPS_A_MODULE) -> None:
        self._pumps_a_module = pumps_a_module
        self.cells = {unit: {at: int(at % POINTS_A_PUMP == 0) for at in range(32)} for unit in range(1, modules + 1)}
        self._memory = {unit: Memory({2: cells}) for unit, cells in self.cells.items()}
        self._loop = asyncio.new_event_loop()
        gateways: list[dict[int, Memory]] = [{} for _ in range(-(-modules // MODULES_A_GATEWAY))]
        for module, memory in self._memory.items():
            gateway, unit = place_of(module)
            gateways[gateway][unit] = memory
        self._servers = [ModbusServer(dict(units), port=0) for units in gateways]
        started = threading.Event()

        def serve() -> None:
            asyncio.set_event_loop(self._loop)
            for server in self._servers:
                self._loop.run_until_complete(server.start())
            started.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        started.wait()
        self.ports = [server.port for server in self._servers]
        self.port = self.ports[0]

    def phase_loss(self, pump: int, value: int) -> int:
        """Sets the pump's `phase_loss`; returns the CLOCK_MONOTONIC ns at which the wire shows it."""
        return self.set(pump // self._pumps_a_module + 1, POINTS_A_PUMP * (pump % self._pumps_a_module) + 2, value)

    def set(self, unit: int, address: int, value: int) -> int:
        done = threading.Event()
        at = 0

        def flip() -> None:
            nonlocal at
            self.cells[unit][address] = value
            self._memory[unit].set({2: self.cells[unit]})
            at = time.monotonic_ns()
            done.set()

        self._loop.call_soon_threadsafe(flip)
        done.wait()
        return at

    @property
    def refused(self) -> int:
        return sum(server.refused for server in self._servers)

    def close(self) -> None:
        for server in self._servers:
            asyncio.run_coroutine_threadsafe(server.stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def place_of(module: int) -> tuple[int, int]:
    """(gateway, unit behind it) of a module."""
    return (module - 1) // MODULES_A_GATEWAY, (module - 1) % MODULES_A_GATEWAY + 1


class Installation:
    """`plantroom run` on a site file whose site is `house`, as processes. folder: the log and, unless told otherwise, the data."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None, data: Path | None = None) -> None:
        self.data = data or folder / "data"
        self.port = free_port()
        self.site_file = folder / "site.yaml"
        self._log = (folder / "log.txt").open("w+")
        self._out: IO[str] | None = None  # where the services' lines go, instead of straight into the log
        self._environment = os.environ | (environment or {})
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.launch()
        self.wait_for(self.healthy, 120, "healthz answers")  # a machine may be slow and busy: no claim is made here

    def launch(self) -> None:
        """Starts it without waiting for anything."""
        command = [str(Path(sys.executable).parent / "plantroom"), "run", str(self.site_file)]
        command += ["--data", str(self.data), "--listen", f"127.0.0.1:{self.port}"]
        out = self._out or self._log
        self._process = subprocess.Popen(command, stdout=out, stderr=out, env=self._environment, text=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text()

    def healthy(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"plantroom run ended with {self._process.returncode}:\n{self.log()[-4000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def services(self) -> dict[str, int]:
        """Process id by service name, of those that run now."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == self.pid and "service" in words:
                found[words[words.index("service") + 1]] = int(entry.name)
        return found

    def kill(self, service: str) -> None:
        os.kill(self.services()[service], signal.SIGKILL)

    def wait_for(self, happened: Callable[[], object], seconds: float, what: str) -> None:
        """Looks until it happened. Fails with the services' log after `seconds`."""
        until = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {what}\n{self.log()[-6000:]}")
            time.sleep(0.02)

    @contextmanager
    def records(self) -> Iterator[apsw.Connection]:
        db = apsw.Connection(str(self.data / "house" / "records.db"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            yield db
        finally:
            db.close()

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        if not (self.data / "house" / "records.db").exists():
            return []
        with self.records() as db:
            return list(db.execute(sql, values))

    def stop(self) -> float:
        """SIGTERM; returns the seconds until everything had ended."""
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return time.monotonic() - began

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        (self.data / "reserve").unlink(missing_ok=True)  # folders of tests are kept for a while
        self._log.close()


class House(Installation):
    """`plantroom run` on a site of `pumps` fire pumps read over Modbus TCP, with a webhook to the receiver.

    extra: sections after those, {port} = the console's; channels: lines after that channel's.
    """

    def __init__(
        self,
        folder: Path,
        pumps: int,
        *,
        period: str = "1s",
        extra: str = "",
        environment: dict[str, str] | None = None,
        pumps_a_module: int = PUMPS_A_MODULE,
        channels: str = "",
    ) -> None:
        super().__init__(folder, {"HOUSE_SECRET": "not-a-secret-of-anybody"} | (environment or {}))
        self.pumps, self._pumps_a_module = pumps, pumps_a_module
        modules = -(-pumps // pumps_a_module)
        self.inputs = Inputs(modules, pumps_a_module)
        self.receiver = Receiver()
        self.site_file.write_text(self._site(modules, period, extra, channels))

    def _site(self, modules: int, period: str, extra: str, channels: str) -> str:
        lines = [
            "site: {id: house, name: 试验楼, zone: Asia/Shanghai, language: zh, practice: gb}",
            "connections:",
            *(f"  - {{id: bus-{n}, modbus_tcp: {{host: 127.0.0.1, port: {port}}}}}" for n, port in enumerate(self.inputs.ports)),
            "channels:",
            f"  - {{id: duty, type: webhook, url: '{self.receiver.url}', private: 127.0.0.1, secret: '${{HOUSE_SECRET}}'}}",
            *channels.splitlines(),
            *([] if "escalation:" in extra else ['escalation: {night: "00:00-00:00", test: never}']),  # at whatever hour tests run
            "devices:",
        ]
        for module in range(1, modules + 1):
            gateway, unit = place_of(module)
            lines += [f"  - {{id: io-{module - 1}, profile: generic-32di, connection: bus-{gateway}, unit: {unit}}}"]
        lines += ["equipment:"]
        whole = self.pumps // PUMPS_A_MODULE if self._pumps_a_module == PUMPS_A_MODULE else 0  # modules 1 to whole - 1 read alike
        for place in range(PUMPS_A_MODULE if whole > 1 else 0):
            lines += [f"  - each: 1..{whole - 1}", *self._pump(f"{{n}}{place}", "{n}", place, period)]
        for pump in [pump for pump in range(self.pumps) if not PUMPS_A_MODULE <= pump < whole * PUMPS_A_MODULE]:
            module, place = divmod(pump, self._pumps_a_module)
            lines += ["  -", *self._pump(str(pump), str(module), place, period)]
        return "\n".join(lines) + "\n" + extra.replace("{port}", str(self.port))

    @staticmethod
    def _pump(n: str, module: str, place: int, period: str) -> list[str]:
        """The lines of a pump: `place` on the module counted from 0."""
        at = POINTS_A_PUMP * place
        return [
            f'    id: "fp-{n}"',
            "    kind: fire_pump",
            f'    name: "{n}号消防泵"',
            "    points:",
            f'      - {{device: "io-{module}", take: {{di_{at + 1}: {{as: control_mode, values: {{0: manual, 1: auto}}, period: {period}}},'
            f" di_{at + 2}: {{as: pump_running, period: {period}}}, di_{at + 3}: {{as: phase_loss, period: {period}}}}}}}",
        ]

    def close(self) -> None:
        super().close()
        self.inputs.close()
        self.receiver.close()
