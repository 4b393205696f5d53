"""The `plantroom` command: gathers every package's commands and services, answers bad input with its places and exit code 2.

A package offers `register(app)` under the entry-point group `plantroom.commands`, its services as coroutines under `plantroom.services`.
Exit codes: 0 done, 1 the check or the service failed, 2 bad input.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.metadata import version as release
from pathlib import Path
from typing import Annotated

import orjson
import typer

from plantroom.clock import Clock
from plantroom.errors import BadInput, JournalFailed, Problem, folded
from plantroom.logs import set_up_logging

DONE, FAILED, BAD_INPUT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What a service is started with. data: the installation's folder; site: None for `web`; listen: address given on the command line."""

    data: Path
    site: str | None
    clock: Clock
    listen: str | None = None

    @property
    def site_folder(self) -> Path:
        if self.site is None:
            raise BadInput([Problem("command line", 0, "--site", "this service works for one site; name it")])
        return self.data / self.site


ServiceRunner = Callable[[ServiceContext], Awaitable[None]]
Register = Callable[[typer.Typer], None]


def build(*, service_only: bool = False) -> typer.Typer:
    """The whole application, or the commands of the house itself: a service loads no other.

    A package whose commands cannot be loaded is named on stderr; the others still work.
    """
    import plantroom.run_command as run_command

    app = typer.Typer(name="plantroom", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback()(_root)
    run_command.register(app)
    for entry in () if service_only else sorted(entry_points(group="plantroom.commands"), key=lambda entry: entry.name):
        try:
            register: Register = entry.load()
        except ImportError as error:
            typer.echo(f"plantroom: the commands of `{entry.name}` are missing: {error}", err=True)
            continue
        register(app)
    return app


def service(name: str) -> ServiceRunner:
    """A service's coroutine. Raises BadInput naming those there are."""
    there = {entry.name: entry for entry in entry_points(group="plantroom.services")}
    if name not in there:
        raise BadInput([Problem("command line", 0, name, f"no such service; there are {', '.join(sorted(there))}")])
    with loading():
        runner: ServiceRunner = there[name].load()
    return runner


@contextmanager
def loading() -> Iterator[None]:
    """What is loaded stays: looking through it for garbage again and again, as it grows, took a quarter of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"plantroom {release('plantroom')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", help="which release this is", is_eager=True, callback=_tell_version)]


def _root(version: Version = False) -> None:
    """Watches a building's plant and sees to it that a person comes."""


def main(arguments: Sequence[str] | None = None) -> None:
    set_up_logging()
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """One command line; returns the exit code."""
    with loading():
        app = build(service_only=arguments[:1] == ["service"])
    try:
        app(args=arguments, prog_name="plantroom")
    except SystemExit as end:  # how the command line library ends, its own complaints (2) included
        return end.code if isinstance(end.code, int) else DONE if end.code is None else FAILED
    except BadInput as error:
        print_problems(error.problems, as_json="--json" in arguments, whole="--all" in arguments)
        return BAD_INPUT
    except JournalFailed as error:
        typer.echo(f"plantroom: {error}", err=True)
        return FAILED
    return DONE


def print_problems(problems: Sequence[Problem], *, as_json: bool, whole: bool = False) -> None:
    """To stdout as a JSON list, else to stderr as `file:line: where: text`; whole: those of one kind too, each by itself."""
    if as_json:
        print_json([{"file": p.file, "line": p.line, "where": p.where, "text": p.text} for p in problems])
        return
    lines = list(map(str, problems) if whole else folded(problems))
    if len(lines) < len(problems):
        lines.append(f"{len(problems):,} problems; each by itself: `plantroom check SITE --all`, or --json")
    typer.echo("\n".join(lines), err=True)


def print_json(value: object) -> None:
    """One JSON line on stdout."""
    sys.stdout.write(orjson.dumps(value).decode() + "\n")
    sys.stdout.flush()
