"""The web service: one server process per installation, its followers beside it in one task group."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvicorn

from dashboards.console.app import background, close, create_app
from dashboards.console.oidc.settings import FILE, Settings, load_settings
from dashboards.console.slow import PatientProtocol
from plantroom.bundle import site_of
from plantroom.cli import ServiceContext
from plantroom.errors import BadInput, Problem

log = structlog.get_logger()
LISTEN = "127.0.0.1:8600"
STOP_S = 2
MOST_CONNECTIONS = 400


class Server(uvicorn.Server):
    """Signals are the service's own business: it cancels us, we stop serving."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ServerEnded(RuntimeError):
    """The server stopped though nobody asked it to: mostly the address is taken."""


async def run(context: ServiceContext) -> None:
    """Serves until cancelled, then ends within two seconds. Raises BadInput for a bad address, ServerEnded when it cannot listen."""
    host, port = address(context.listen or os.environ.get("PLANTROOM_LISTEN") or LISTEN)
    demanding = second_factor(os.environ.get("PLANTROOM_SECOND_FACTOR", ""))
    app = create_app(
        context.data, context.clock, site_of, public_url=os.environ.get("PLANTROOM_PUBLIC_URL"), demanding=demanding,
        login=login_service(context.data),
    )  # fmt: skip
    announce(app.state.access.ensure_admin(), host, port)
    config = uvicorn.Config(
        app, host=host, port=port, http=PatientProtocol, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=STOP_S, timeout_keep_alive=20, limit_concurrency=MOST_CONNECTIONS,
        proxy_headers=False,
    )  # fmt: skip
    server = Server(config)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(background(app), name="background")
            group.create_task(_serve(server, app.state.hub.end_all, f"{host}:{port}"), name="server")
    finally:
        close(app)


async def _serve(server: Server, before_stop: object, where: str) -> None:
    """Runs the server in a task of its own, so that being cancelled means an orderly stop instead of a torn one."""
    async with asyncio.TaskGroup() as inner:
        serving = inner.create_task(_until_done(server, where), name="uvicorn")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            if callable(before_stop):
                before_stop()
            async with asyncio.timeout(STOP_S + 1):
                await asyncio.shield(serving)
            raise
    raise ServerEnded(f"the web server on {where} ended by itself")


async def _until_done(server: Server, where: str) -> None:
    try:
        await server.serve()
    except SystemExit as end:  # uvicorn's way to say that it cannot listen; the reason is in its log
        raise ServerEnded(f"cannot listen on {where}: is the address taken? Use --listen HOST:PORT") from end


def address(text: str) -> tuple[str, int]:
    """`127.0.0.1:8600`, `[::1]:8600`, `:8600` = loopback. Raises BadInput."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        raise BadInput([Problem("command line", 0, "--listen", f"{text!r} is no address; write HOST:PORT such as {LISTEN}")])
    return host.strip("[]") or "127.0.0.1", int(port)


def second_factor(text: str) -> bool:
    """`admin` = administrators must have one, empty = who wants. Raises BadInput: a misspelt word must not leave it off."""
    if text not in ("", "admin"):
        raise BadInput([Problem("environment", 0, "PLANTROOM_SECOND_FACTOR", f"{text!r} is neither admin nor empty")])
    return text == "admin"


def login_service(data: Path) -> Settings | None:
    """As the installation's oidc.yaml has it. One that cannot be used is said in the log and left out: the console and who has a password
    here must not wait for it."""
    path = data / FILE
    if not path.exists():
        return None
    try:
        return load_settings(path)
    except BadInput as wrong:
        log.error("login_service_left_out", problems=[str(problem) for problem in wrong.problems], remedy="plantroom user oidc --data DIR")
        return None


def announce(password: str | None, host: str, port: int) -> None:
    """The one line that shows a new administrator's password; it stands nowhere else."""
    if password is not None:
        shown = f"[{host}]" if ":" in host else host
        where = f"http://{shown}:{port}"
        sys.stdout.write(f"plantroom: first start: log in at {where} as admin with the password {password} (shown only this once)\n")
        sys.stdout.flush()
