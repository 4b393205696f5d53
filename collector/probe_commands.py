"""`probe`: who answers on an address, and what it may be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.line_options import Baud, Host, Json, OverTcp, Parity, Port, Serial, StopBits
from collector.try_commands import link_of
from plantroom.cli import DONE, FAILED, print_json
from plantroom.clock import SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.profile_file import load_profile, profile_names
from plantroom.profiles import Profile
from plantroom.site import Modbus, ModbusRtu, ModbusTcp
from plantroom.site_serial import UNITS

if TYPE_CHECKING:
    from collector.discovery import Survey, Ways

_SPAN = re.compile(r"\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?\s*")


def register(app: typer.Typer) -> None:
    @app.command()
    def probe(
        host: Host = None,
        port: Port = 502,
        rtu_over_tcp: OverTcp = False,
        serial: Serial = None,
        baud: Baud = 9600,
        parity: Parity = "E",
        stop_bits: StopBits = None,
        units: Annotated[str, typer.Option("--units", help="unit numbers to ask, such as 1-32 or 1,3,10-12")] = "1-32",
        patience: Annotated[float, typer.Option("--patience", min=0.05, max=10.0, help="seconds to wait for an answer")] = 1.0,
        gap: Annotated[float, typer.Option("--gap", min=0.0, max=5.0, help="seconds between questions")] = 0.05,
        identify: Annotated[bool, typer.Option("--identify", help="also asks for the device's own words (43/14); Modbus TCP only")] = False,
        guess: Annotated[bool, typer.Option("--guess/--no-guess", help="also tries what values fit which profile")] = True,
        profiles: Annotated[Path | None, typer.Option("--profiles", help="folder with profiles of your own, looked for first")] = None,
        as_json: Json = False,
    ) -> None:
        """Finds the units that answer, by reading only, and prints a piece of a site file; exit 1 where nothing answers."""
        from collector.discovery import Ways
        from collector.findings import as_json as told
        from collector.findings import fragment, summary

        link = link_of(host, port, rtu_over_tcp, serial, baud, parity, stop_bits)
        known, wanted = known_profiles(profiles), unit_numbers(units)
        serial_line = not isinstance(link, ModbusTcp)
        if serial_line and not UNITS[0] <= min(wanted) <= max(wanted) <= UNITS[1]:
            raise _wrong("--units", f"a serial line has units {UNITS[0]} to {UNITS[1]}")
        if serial_line and identify:
            raise _wrong("--identify", "is asked over Modbus TCP only; on a serial line the end of its answer cannot be told")
        found, broken = _looked(link, wanted, list(known.values()), Ways(patience, guess, identify), gap)
        if as_json:
            print_json(told(found, link, known, broken))
        else:
            typer.echo(summary(found, link))
            typer.echo(fragment(found, link, known), nl=False)
        raise typer.Exit(DONE if found.units and not broken else FAILED)


def _looked(link: Modbus, wanted: list[int], profiles: list[Profile], ways: Ways, gap_s: float) -> tuple[Survey, str]:
    """What is there, and why the look was broken off, where it was. Ends the command where no connection is to be had."""
    from collector.discovery import UNUSED, Discovery
    from collector.fingerprint import samples
    from collector.links import framing, longest_s, way_of
    from collector.probe import BrokenOff, probe

    tried = samples(profiles)
    longest = longest_s(link, ways.patience_s, [sample.read for sample in tried])
    discovery = Discovery(wanted, profiles, tried, replace(ways, patience_s=longest))
    exchange = framing(link, dict.fromkeys([*wanted, *UNUSED], longest))
    try:
        asyncio.run(probe(way_of(link), exchange, discovery, gap_s, SystemClock()))
    except OSError as error:
        said = error.strerror or str(error) or "no answer"
        question = "" if isinstance(link, ModbusRtu) else "; is the device on, and the address right?"
        typer.echo(f"plantroom: no connection to {link.address}: {said}{question}", err=True)
        raise typer.Exit(FAILED) from error
    except BrokenOff as error:
        typer.echo(f"plantroom: {link.address} took no connection any more ({error}); this is what was found until then", err=True)
        return discovery.found, str(error)
    return discovery.found, ""


def known_profiles(folder: Path | None) -> Mapping[str, Profile]:
    """Modbus profiles by name: those of the folder, then those that ship. Raises BadInput."""
    own = sorted(folder.glob("*.yaml")) if folder is not None else []
    if folder is not None and not own:
        raise _wrong("--profiles", f"{folder} has no profiles: no file there ends in .yaml")
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
            raise _wrong("--units", said)
        numbers += range(first, last + 1)
    return list(dict.fromkeys(numbers))


def _wrong(option: str, text: str) -> BadInput:
    return BadInput([Problem("command line", 0, option, text)])
