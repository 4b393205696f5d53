"""The collector's commands and services: `try`, `probe`, `reads`, `profile prove`; `collect`, `history`. Its composition root."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from collector import probe_commands
from plantroom.cli import FAILED, ServiceContext, ServiceRunner, print_json
from plantroom.clock import SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.profile_commands import group_of
from plantroom.profile_file import load_profile
from plantroom.profiles import JsonPath, Profile

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
ProfileName = Annotated[str, typer.Argument(metavar="PROFILE", help="a profile's name, or its file")]
Points = Annotated[str | None, typer.Option("--points", help="only these points, a,b,c")]


def register(app: typer.Typer, services: dict[str, ServiceRunner]) -> None:
    probe_commands.register(app)
    services["collect"] = _collect
    services["history"] = _history

    @app.command(name="try")
    def try_(
        profile: ProfileName,
        host: Annotated[str, typer.Option("--host", help="the device's or the gateway's address")],
        port: Annotated[int, typer.Option("--port", min=1, max=65_535)] = 502,
        unit: Annotated[int, typer.Option("--unit", min=0, max=255, help="the Modbus unit id set on the device")] = 1,
        points: Points = None,
        as_json: Json = False,
    ) -> None:
        """Reads a device once, with a profile, and prints what every point says; exit 1 where nothing answered."""
        from collector.look import read_device

        chosen = modbus_profile(profile)
        try:
            rows = asyncio.run(read_device(chosen, wanted(chosen, points), host, port, unit, SystemClock()))
        except OSError as error:
            said = str(error) or "no answer"
            typer.echo(f"plantroom: no connection to {host}:{port}: {said}; is the device on, and the address right?", err=True)
            raise typer.Exit(FAILED) from error
        if as_json:
            print_json(rows)
        else:
            typer.echo(_table(rows))
        raise typer.Exit(0 if any(row["quality"] != "no_answer" for row in rows) else FAILED)

    @app.command()
    def reads(profile: ProfileName, points: Points = None, as_json: Json = False) -> None:
        """Prints the read plan of a profile: which requests bring its points, and how long a line of 9600 baud is busy with them."""
        from collector.look import plan_of

        chosen = modbus_profile(profile)
        plan = plan_of(chosen, wanted(chosen, points))
        if as_json:
            print_json(plan)
            return
        for request in plan["requests"]:
            typer.echo(f"{request['table']:9} {request['address']:5} {request['count']:5}")
        cells = f"{plan['read']} cells for {plan['wanted']} wanted"
        typer.echo(f"{len(plan['requests'])} requests; {cells}; {plan['ms_at_9600']} ms at 9600 baud")

    @group_of(app).command()
    def prove(
        profile: ProfileName,
        image: Annotated[Path, typer.Argument(metavar="FOLDER", help="folder with registers.yaml and expected.yaml, worked by hand")],
    ) -> None:
        """Reads a register image with a profile and compares it with what a person reads; exit 1 where they differ."""
        from collector.image import decoded, differences, load_image

        chosen = modbus_profile(profile)
        cells, expected = load_image(image)
        wrong = differences(decoded(chosen, cells, list(chosen.points)), expected, chosen)
        for line in wrong:
            typer.echo(line)
        unjudged = [name for name in chosen.points if name not in expected]
        left = f"; not in expected.yaml: {', '.join(unjudged)}" if unjudged else ""
        typer.echo(f"{len(expected) - len({line.partition(':')[0] for line in wrong})} of {len(expected)} points read as by hand{left}")
        raise typer.Exit(FAILED if wrong or not expected else 0)


async def _collect(context: ServiceContext) -> None:
    from collector import service

    await service.run(context)


async def _history(context: ServiceContext) -> None:
    from collector.store import service

    await service.run(context)


def modbus_profile(name: str) -> Profile:
    """A shipped profile by its name, or any by its file. Raises BadInput."""
    profile = load_profile(name)
    if profile.mqtt is not None:
        said = f"{profile.name} publishes over MQTT and cannot be asked; watch it with mosquitto_sub -t '{profile.mqtt.topic}'"
        raise BadInput([Problem("command line", 0, name, said)])
    return profile


def wanted(profile: Profile, points: str | None) -> list[str]:
    """The chosen point names, by default all. Raises BadInput naming the unknown ones."""
    names = list(profile.points) if points is None else [name.strip() for name in points.split(",") if name.strip()]
    unknown = [name for name in names if name not in profile.points]
    if unknown:
        known = ", ".join(name for name, point in profile.points.items() if not isinstance(point.source, JsonPath))
        raise BadInput([Problem("command line", 0, "--points", f"{profile.name} has no {', '.join(unknown)}; it has {known}")])
    return names


def _table(rows: Sequence[dict[str, object]]) -> str:
    """Columns as wide as their longest entry, for a terminal."""
    keys = ("point", "value", "unit", "quality", "raw")
    lines = [list(keys), *(["" if row[key] is None else str(row[key]) for key in keys] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(keys))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines)
