"""The console on a real port, over a folder that the test filled: for browsers, without the processes of an installation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from dashboards.console.app import background, close, create_app
from dashboards.console.web import Server
from plantroom.bundle import site_of
from plantroom.clock import SystemClock
from tests.kit.house import free_port


@contextmanager
def open_console(data: Path) -> Iterator[tuple[FastAPI, str]]:
    """The application, served in a thread of its own, and its address."""
    app, port = create_app(data, SystemClock(), site_of), free_port()
    server = Server(uvicorn.Config(app, port=port, http="httptools", lifespan="off", ws="none", log_config=None, access_log=False))
    ready = threading.Event()

    async def serve() -> None:
        async with asyncio.TaskGroup() as group:
            behind = group.create_task(background(app))
            serving = group.create_task(server.serve())
            for view in app.state.sites.all():
                await view.caught_up.wait()
            while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.01)
            ready.set()
            await serving
            behind.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20), "the console does not start"
    try:
        yield app, f"http://127.0.0.1:{port}"
    finally:
        app.state.hub.end_all()
        server.should_exit = True
        thread.join(10)
        close(app)
