"""`plantroom watch`: builds the watcher of other installations and runs it."""

from __future__ import annotations

import asyncio
import signal
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from plantroom.cli import DONE, FAILED, print_json
from plantroom.clock import SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.journal.shelf import FileLock
from plantroom.logs import set_up_logging

if TYPE_CHECKING:
    from rules.watch.watcher import Watcher

log = structlog.get_logger()


def register(app: typer.Typer) -> None:
    @app.command("watch")
    def watch(
        config: Annotated[Path, typer.Argument(metavar="CONFIG", help="whom it watches and tells: docs/watch.md")],
        data: Annotated[Path, typer.Option("--data", help="folder in which it remembers")],
        listen: Annotated[str | None, typer.Option("--listen", help="address:port, instead of the file's")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
    ) -> None:
        """Hears the heartbeats of installations elsewhere and tells people when one is silent or blind."""
        raise typer.Exit(run_watch(config, data, listen, as_json))


def run_watch(config: Path, data: Path, listen: str | None, as_json: bool) -> int:
    """Returns the exit code. Raises BadInput."""
    from rules.watch.watch_file import load_watch

    set_up_logging(service="watch")
    watched = load_watch(config)
    address = _address(listen or watched.listen)
    data.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data / "watch.lock")
    if not lock.try_take():
        typer.echo(f"plantroom: another `plantroom watch` already works on {data}; give this one another --data", err=True)
        return FAILED
    tls = None
    if watched.cert is not None and watched.key is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(watched.cert, watched.key)
    from rules.watch.watcher import Watcher

    try:
        asyncio.run(_run(Watcher(watched, data, SystemClock()), address, tls, as_json))
    except OSError as error:
        log.error("watch.ended", error=str(error))
        return FAILED
    finally:
        lock.close()
    return DONE


async def _run(watcher: Watcher, address: tuple[str, int], tls: ssl.SSLContext | None, as_json: bool) -> None:
    from rules.watch.answers import answers
    from rules.watch.receiver import serve

    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    server = await serve(address, tls, answers(watcher))
    host, port = server.sockets[0].getsockname()[:2]
    url = f"{'https' if tls else 'http'}://{host}:{port}/heartbeat"
    if as_json:
        print_json({"listening": url})
    else:
        typer.echo(f"Plantroom watches: {url}")
    try:
        await watcher.run()
    except asyncio.CancelledError:
        log.info("watch.stopped")
    finally:
        server.close()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise BadInput([Problem("command line", 0, "--listen", f"{text!r} is no address; write HOST:PORT such as 0.0.0.0:8620")])
    return host.strip("[]"), int(port)
