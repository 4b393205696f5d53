"""`plantroom demo`: a simulated tower and the whole service on it, each part a process; one command, nothing to set up.

broker (amqtt), devices (`plantroom simulate`), receiver of pages (in this process), service (`plantroom run`). Everything on free
loopback ports; the site file in the data folder reads them from the environment.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from plantroom.clock import Clock
from plantroom.errors import BadInput, Problem
from plantroom.service import PARENT
from simulators.receiver import Received, Receiver
from simulators.summary import Summary, Tally, summarise

HERE = Path(__file__).parent
SITE_FILE, SITE, SCENARIO = HERE / "sites" / "tower.yaml", "tower", HERE / "scenarios" / "demo.yaml"
HOST = "127.0.0.1"
READY_S, STOP_S = 20.0, 4.5
CRASH_LOOP = 5  # a service started again so often has died for good


@dataclass(frozen=True, slots=True)
class Plan:
    """data: the installation's folder. port: of the console, 0 = a free one. seconds: how long, None = until stopped."""

    data: Path
    port: int
    seconds: float | None = None


class NotReady(RuntimeError):
    """A part of the demo did not come up; the text says which, and where its own words stand."""


async def demo(plan: Plan, clock: Clock, say: Callable[[str], None]) -> tuple[Summary, list[str]]:
    """Runs until the time is over or a signal comes; returns the summary and what died for good. Raises BadInput, NotReady."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    plan.data.mkdir(parents=True, exist_ok=True)
    copyfile(SITE_FILE, plan.data / "tower.yaml")
    secret = secrets.token_hex(16)
    receiver = Receiver(secret, heard=lambda page: say(_headline(page)))
    await receiver.start()
    with (plan.data / "demo.log").open("ab") as log, Tally(plan.data / SITE / "journal", clock) as tally:
        parts = Parts(environment(plan.port, receiver.url, secret), log.fileno())
        try:
            held = await _play(plan, parts, tally, stop, say)
        finally:
            await parts.stop()
            await receiver.stop()
        summary = summarise(plan.data / SITE, tally)
    dead = [name for name, times in tally.restarts.items() if times >= CRASH_LOOP]
    return summary, dead if held else ["run", *dead]


async def _play(plan: Plan, parts: Parts, tally: Tally, stop: asyncio.Event, say: Callable[[str], None]) -> bool:
    """Starts all parts at once, because the collector waits for its devices anyway, and waits for the end.

    False where the service ended by itself.
    """
    env = parts.environment
    site, listen = str(plan.data / "tower.yaml"), f"{HOST}:{env['PLANTROOM_DEMO_WEB']}"
    await parts.start("broker", [sys.executable, "-m", "simulators.broker", env["PLANTROOM_DEMO_MQTT"]])
    devices = await parts.start("devices", _plantroom("simulate", site, "--scenario", str(SCENARIO)), piped=True)
    service = await parts.start("service", _plantroom("run", site, "--data", str(plan.data), "--listen", listen), spoken=True)
    await _answers(int(env["PLANTROOM_DEMO_MQTT"]), "broker", parts)
    await _first_line(devices)
    say(f"demo: {len(parts.running)} parts started, their words are in {plan.data / 'demo.log'}")
    with suppress(TimeoutError):
        async with asyncio.timeout(plan.seconds):
            await _either(stop.wait(), service.wait(), tally.follow())
    return service.returncode is None


async def _either(*ends: Coroutine[object, object, object]) -> None:
    """Until the first of them ends: we are asked to stop, or the service is gone."""
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(end) for end in ends]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()


class Parts:
    """The processes of a demo. log: where their stderr goes. Each asks the kernel to be ended when this process dies, however it dies."""

    def __init__(self, environment: Mapping[str, str], log: int) -> None:
        self.environment, self._log = environment, log
        self.running: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str, command: Sequence[str], *, piped: bool = False, spoken: bool = False) -> asyncio.subprocess.Process:
        """piped: we read its stdout; spoken: it speaks to the user; else its stdout joins the log."""
        stdout = asyncio.subprocess.PIPE if piped else None if spoken else self._log
        self.running[name] = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=self._log,
            env={**os.environ, **self.environment, PARENT: str(os.getpid())},
            start_new_session=True,  # Ctrl-C reaches the demo alone, which stops all in order
        )
        return self.running[name]

    async def stop(self) -> None:
        """SIGTERM to all, SIGKILL to who is still there after STOP_S; the service first, so that it does not see its devices die."""
        for process in reversed(self.running.values()):
            _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                for process in self.running.values():
                    await process.wait()
        for process in self.running.values():
            _signal(process, signal.SIGKILL)
            await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if process.returncode is None:
            process.send_signal(number)


_STARTED = "from plantroom.service import die_with_supervisor; die_with_supervisor(); from plantroom.cli import main; main()"


def _plantroom(*arguments: str) -> list[str]:
    return [sys.executable, "-c", _STARTED, *arguments]


async def _first_line(process: asyncio.subprocess.Process) -> None:
    """Waits until the simulator says that it listens."""
    if process.stdout is None:
        raise NotReady("devices: no pipe")
    try:
        async with asyncio.timeout(READY_S):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if b"listening" not in line:
        raise NotReady(f"the simulated devices did not come up within {READY_S:.0f} s; see demo.log in the data folder")


async def _answers(port: int, name: str, parts: Parts) -> None:
    """Waits until something listens on a port."""
    loop = asyncio.get_running_loop()
    end = loop.time() + READY_S
    while loop.time() < end and parts.running[name].returncode is None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise NotReady(f"{name} did not come up on {HOST}:{port}; see demo.log in the data folder")


def environment(web_port: int, page_url: str, secret: str) -> dict[str, str]:
    """What the tower's site file reads: free loopback ports and the receiver. Raises BadInput where the console's port is taken."""
    with ExitStack() as held:  # all kept open until all are chosen: no port twice
        free = [held.enter_context(_bound(0)).getsockname()[1] for _ in range(6)]
        try:
            web = held.enter_context(_bound(web_port)).getsockname()[1]
        except OSError as error:
            text = f"{HOST}:{web_port} is taken ({error.strerror}); give another one, or 0 for any"
            raise BadInput([Problem("command line", 0, "--port", text)]) from error
    ports = {f"PLANTROOM_DEMO_MODBUS_{n}": str(free[n]) for n in range(1, 6)}
    return {
        **ports,
        "PLANTROOM_DEMO_MQTT": str(free[0]),
        "PLANTROOM_DEMO_WEB": str(web),
        "PLANTROOM_DEMO_WEBHOOK": page_url,
        "PLANTROOM_DEMO_WEBHOOK_SECRET": secret,
    }


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    return listener


def _headline(page: Received) -> str:
    """The page as a phone would show it first: its first line, in the tower's language."""
    try:
        return f"page: {page.body['text']['zh'][0]}"
    except (KeyError, IndexError, TypeError):
        return f"page: {page.body}"
