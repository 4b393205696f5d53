"""The collector's commands: `try`, `probe`, `reads`, `profile prove`. Its composition root."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector import probe_commands, try_commands
from collector.line_options import Json
from plantroom.cli import FAILED, print_json
from plantroom.errors import BadInput, Problem
from plantroom.profile_commands import group_of
from plantroom.profile_file import load_profile
from plantroom.profiles import JsonPath, Profile

ProfileName = Annotated[str, typer.Argument(metavar="PROFILE", help="a profile's name, or its file")]
Points = Annotated[str | None, typer.Option("--points", help="only these points, a,b,c; a part (car_2) is all of its points")]


def register(app: typer.Typer) -> None:
    probe_commands.register(app)
    try_commands.register(app, modbus_profile, wanted)

    @app.command()
    def reads(
        profile: ProfileName,
        points: Points = None,
        baud: Annotated[int, typer.Option("--baud", min=300, max=1_000_000, help="the speed of the line the times are for")] = 9600,
        as_json: Json = False,
    ) -> None:
        """Prints the read plan of a profile: which requests bring its points, and how long each of them holds the line."""
        from collector.look import plan_of, printed

        chosen = modbus_profile(profile)
        names = wanted(chosen, points)
        if as_json:
            print_json(plan_of(chosen, names))
        else:
            typer.echo("\n".join(printed(chosen, names, baud)))

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


def modbus_profile(name: str) -> Profile:
    """A shipped profile by its name, or any by its file. Raises BadInput."""
    profile = load_profile(name)
    if profile.mqtt is not None:
        said = f"{profile.name} publishes over MQTT and cannot be asked; hear it with: plantroom try {profile.name} --mqtt BROKER"
        raise BadInput([Problem("command line", 0, name, said)])
    return profile


def wanted(profile: Profile, points: str | None) -> list[str]:
    """The chosen point names, by default all; a part's name is all of its points. Raises BadInput naming the unknown ones."""
    if points is None:
        return list(profile.points)
    asked = [name.strip() for name in points.split(",") if name.strip()]
    names = [each for name in asked for each in _of_part(profile, name)]
    unknown = [name for name in names if name not in profile.points]
    if unknown:
        known = ", ".join(name for name, point in profile.points.items() if not isinstance(point.source, JsonPath))
        raise BadInput([Problem("command line", 0, "--points", f"{profile.name} has no {', '.join(unknown)}; it has {known}")])
    return names


def _of_part(profile: Profile, name: str) -> list[str]:
    part = profile.parts.get(name)
    return [name] if part is None else [point.name for point in part.points.values()]
