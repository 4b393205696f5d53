"""The commands of the house itself: `run` (the supervisor), `service` (one service as a process), `audit verify`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import orjson
import structlog
import typer

from plantroom import cli
from plantroom.cli import FAILED, ServiceContext, print_json
from plantroom.clock import SystemClock
from plantroom.errors import BadInput, JournalFailed, Problem, folded
from plantroom.journal import Journal, Kind
from plantroom.journal.shelf import FileLock
from plantroom.processes import Processes, say
from plantroom.reserve import Reserve
from plantroom.supervisor import children

log = structlog.get_logger()

Data = Annotated[Path, typer.Option("--data", help="folder of the installation")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
Listen = Annotated[str | None, typer.Option("--listen", help="address:port of the console, instead of the site file's")]


def register(app: typer.Typer) -> None:
    audit = typer.Typer(no_args_is_help=True, help="Has anybody changed what was written?")
    app.add_typer(audit, name="audit")

    from plantroom.keeping_commands import register_privacy, register_purge

    register_purge(audit)
    register_privacy(app)

    @app.command()
    def run(
        site_files: Annotated[list[Path], typer.Argument(metavar="SITE...", help="the site files")],
        data: Data,
        listen: Listen = None,
        as_json: Json = False,
    ) -> None:
        """Applies the site files and runs all services until SIGTERM or Ctrl-C."""
        raise typer.Exit(run_installation(site_files, data, listen, as_json))

    @app.command()
    def service(name: str, data: Data, site: Annotated[str | None, typer.Option("--site")] = None, listen: Listen = None) -> None:
        """Runs one service as a process; started by `run`."""
        from plantroom.service import run_service

        raise typer.Exit(run_service(name, cli.service(name), ServiceContext(data, site, SystemClock(), listen)))

    @audit.command()
    def verify(
        data: Data,
        head: Annotated[str | None, typer.Option("--head", help="N:HASH noted earlier outside this machine; finds a cut end")] = None,
        anchors: Annotated[Path | None, typer.Option("--anchors", help="folder with the heads noted outside; all are compared")] = None,
        ca: Annotated[Path | None, typer.Option("--ca", help="PEM file of who vouches for the time stamps in it")] = None,
        as_json: Json = False,
    ) -> None:
        """Walks each site's chronicle and checks rows, texts and evidence files against it; exit 1 where something does not hold."""
        from plantroom.audit import verify_chronicles

        raise typer.Exit(verify_chronicles(data, head, as_json, anchors, ca))


def run_installation(site_files: list[Path], data: Path, listen: str | None, as_json: bool) -> int:
    """Returns the exit code. Raises BadInput for a bad site file that was never applied in a good form."""
    from plantroom.logs import set_up_logging

    set_up_logging(service="supervisor", site=None)
    data.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data / "supervisor.lock")
    if not lock.try_take():
        typer.echo(f"plantroom: another `plantroom run` already works on {data}; stop it first, or give this one another --data", err=True)
        return FAILED
    journals: dict[str, Journal] = {}
    reserve = Reserve(data, lambda event: bool(journals) and all([say(journal, event) for journal in journals.values()]))
    try:
        reserve.look()  # a start on a full disk has to write, too
        journals.update(apply_or_go_on(path, data) for path in site_files)
        address = listen or _web_address(journals)
        asyncio.run(_supervise(data, journals, reserve, address, as_json))
    finally:
        lock.close()
    return 0


def apply_or_go_on(path: Path, data: Path) -> tuple[str, Journal]:
    """Applies a site file; goes on with what was applied last where the file is bad, and says so in the journal.

    Returns (site id, journal). Raises BadInput where nothing was ever applied from this file.
    """
    from plantroom.bundle import apply
    from plantroom.site_file import load_site

    names = AppliedFiles(data)
    site = names.get(path)
    try:
        site = load_site(path).id
        journal = Journal(data / site / "journal", SystemClock())
        apply(path, journal, who="run")
    except (BadInput, JournalFailed) as error:
        journal = Journal(data / (site or ".none") / "journal", SystemClock())
        if site is None or not _has_config(journal):
            raise
        problems = list(folded(error.problems)) if isinstance(error, BadInput) else [str(error)]
        typer.echo("\n".join([f"plantroom: {path} is not applied; going on with what was applied last:", *problems]), err=True)
        say(journal, {"event": "config_rejected", "file": str(path), "problems": problems})
        return site, journal
    names.put(path, site)
    return site, journal


class AppliedFiles:
    """Which site a file was applied for: a file that can no longer be read cannot say so itself. DATA/sites.json."""

    def __init__(self, data: Path) -> None:
        self._path = data / "sites.json"

    def get(self, file: Path) -> str | None:
        return self._all().get(str(file.resolve()))

    def put(self, file: Path, site: str) -> None:
        """Where the disk refuses, the next start with a bad file is refused as the first one ever; this one goes on."""
        known = self._all()
        if known.get(str(file.resolve())) == site:
            return
        new = self._path.with_suffix(".new")
        try:
            new.write_bytes(orjson.dumps({**known, str(file.resolve()): site}, option=orjson.OPT_INDENT_2))
            new.replace(self._path)
        except OSError as error:
            log.error("run.file_not_remembered", file=str(file), site=site, error=str(error))

    def _all(self) -> dict[str, str]:
        try:
            found = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return {}
        return found if isinstance(found, dict) else {}


def _has_config(journal: Journal) -> bool:
    reader = journal.reader()
    try:
        return reader.last_of(Kind.CONFIG) is not None
    finally:
        reader.close()


def _web_address(journals: Mapping[str, Journal]) -> str:
    from plantroom.bundle import site_of

    reader = next(iter(journals.values())).reader()
    try:
        found = site_of(reader)
    finally:
        reader.close()
    if found is None:
        raise BadInput([Problem("journal", 0, "", "no configuration was applied")])
    return found[1].web.listen


async def _supervise(data: Path, journals: Mapping[str, Journal], reserve: Reserve, address: str, as_json: bool) -> None:
    processes = Processes(data, journals, address)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, processes.stop)
    from plantroom.heartbeat.heart import Heart  # here: every service loads this module, none of them has a heart

    def heart(site: str, journal: Journal) -> Heart:
        return Heart(site, data / site, SystemClock(), lambda: processes.running(site), lambda event: say(journal, event))

    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(_say_address(address, as_json)), group.create_task(reserve.run())]
        beside += [group.create_task(heart(*each).run()) for each in journals.items()]
        await processes.run(tuple(children(tuple(journals))))
        for task in beside:
            task.cancel()


async def _say_address(address: str, as_json: bool) -> None:
    """Prints where the console is once it answers."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:
            await asyncio.sleep(0.2)
            continue
        writer.close()
        break
    url = f"http://{address}"
    if as_json:
        print_json({"listening": url})
    else:
        typer.echo(f"Plantroom: {url}")
