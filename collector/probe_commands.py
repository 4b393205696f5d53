"""`probe`: who answers on an address, and what it may be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from plantroom.cli import DONE, FAILED, print_json
from plantroom.clock import SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.profile_file import load_profile, profile_names
from plantroom.profiles import Profile

_SPAN = re.compile(r"\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?\s*")


def register(app: typer.Typer) -> None:
    @app.command()
    def probe(
        host: Annotated[str, typer.Option("--host", help="the device's or the gateway's address")],
        port: Annotated[int, typer.Option("--port", min=1, max=65_535)] = 502,
        units: Annotated[str, typer.Option("--units", help="unit numbers to ask, such as 1-32 or 1,3,10-12")] = "1-32",
        patience: Annotated[float, typer.Option("--patience", min=0.05, max=10.0, help="seconds to wait for an answer")] = 1.0,
        gap: Annotated[float, typer.Option("--gap", min=0.0, max=5.0, help="seconds between questions")] = 0.05,
        identify: Annotated[bool, typer.Option("--identify", help="also asks for the device's own words (43/14)")] = False,
        guess: Annotated[bool, typer.Option("--guess/--no-guess", help="also tries what values fit which profile")] = True,
        profiles: Annotated[Path | None, typer.Option("--profiles", help="folder with profiles of your own, looked for first")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
    ) -> None:
        """Finds the units that answer, by reading only, and prints a piece of a site file; exit 1 where nothing answers."""
        from collector.connect import Tcp
        from collector.discovery import Discovery, Ways
        from collector.findings import as_json as told
        from collector.findings import fragment, summary
        from collector.fingerprint import samples
        from collector.mbap import Exchange
        from collector.probe import BrokenOff
        from collector.probe import probe as run

        known = known_profiles(profiles)
        wanted = unit_numbers(units)
        discovery = Discovery(wanted, list(known.values()), samples(list(known.values())), Ways(patience, guess, identify))
        broken = ""
        try:
            asyncio.run(run(Tcp(host, port), Exchange(), discovery, gap, SystemClock()))
        except OSError as error:
            said = str(error) or "no answer"
            typer.echo(f"plantroom: no connection to {host}:{port}: {said}; is the device on, and the address right?", err=True)
            raise typer.Exit(FAILED) from error
        except BrokenOff as error:
            broken = str(error)
            typer.echo(f"plantroom: {host}:{port} took no connection any more ({error}); this is what was found until then", err=True)
        if as_json:
            print_json(told(discovery.found, host, port, known, broken))
        else:
            typer.echo(summary(discovery.found, host, port))
            typer.echo(fragment(discovery.found, host, port, known), nl=False)
        raise typer.Exit(DONE if discovery.found.units and not broken else FAILED)


def known_profiles(folder: Path | None) -> Mapping[str, Profile]:
    """Modbus profiles by name: those of the folder, then those that ship. Raises BadInput."""
    own = sorted(folder.glob("*.yaml")) if folder is not None else []
    if folder is not None and not own:
        raise BadInput([Problem("command line", 0, "--profiles", f"{folder} has no profiles: no file there ends in .yaml")])
    found = [load_profile(path) for path in own] + [load_profile(name) for name in profile_names()]
    known: dict[str, Profile] = {}
    for profile in found:
        if profile.mqtt is None:
            known.setdefault(profile.name, profile)
    return known


def unit_numbers(text: str) -> list[int]:
    """`1-32`, `1,3,10-12` -> each once, in order of the text. Raises BadInput."""
    numbers: list[int] = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= 255:
            said = f"{part!r} is no unit number and no span of them; write 1-32 or 1,3,10-12"
            raise BadInput([Problem("command line", 0, "--units", said)])
        numbers += range(first, last + 1)
    return list(dict.fromkeys(numbers))
