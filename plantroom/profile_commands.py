"""`profile new`: from a vendor's table to the first draft of a profile; the group that `profile prove` joins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plantroom import yaml_file as y
from plantroom.errors import BadInput, Problem
from plantroom.kinds import Kind, kind_names, load_kind
from plantroom.profile_draft import draft
from plantroom.profile_file import parse_profile, profile_names


def group_of(app: typer.Typer) -> typer.Typer:
    """The commands under `plantroom profile`; whoever asks first makes the group."""
    for info in app.registered_groups:
        if info.name == "profile" and info.typer_instance is not None:
            return info.typer_instance
    group = typer.Typer(no_args_is_help=True, help="Device profiles.")
    group.callback()(_group)
    app.add_typer(group, name="profile")
    return group


def register(app: typer.Typer) -> None:
    @group_of(app).command()
    def new(
        csv: Annotated[Path, typer.Option("--csv", help="the table: point,table,address_zero_based,type,scale,unit and more")],
        name: Annotated[str | None, typer.Option("--name", help="maker-model; the table's name by default")] = None,
        kind: Annotated[str | None, typer.Option("--kind", help="the kind of equipment whose point names the table uses")] = None,
        out: Annotated[Path | None, typer.Option("--out", help="folder for the profile; without it the text is printed")] = None,
    ) -> None:
        """Makes the first draft of a profile from a register table."""
        called = name or csv.stem.replace("_", "-")
        text = make_draft(csv, called, kind)
        if out is None:
            typer.echo(text, nl=False)
            return
        path = write_draft(text, out, called)
        profile = parse_profile(text, str(path))
        typer.echo(f"{path}: {len(profile.points)} points, {len(profile.lacks)} rows left out (lacks)")
        typer.echo(f"Read it through beside the document, then: plantroom reads {path}; plantroom try {path} --host ADDRESS --unit UNIT")


def _group() -> None:
    """Device profiles."""


def make_draft(table: Path, name: str, kind: str | None) -> str:
    """The draft's text, which loads. Raises BadInput."""
    text = draft(y.read_text(table), str(table), name, _kind(kind) if kind else None)
    parse_profile(text, f"{name}.yaml")
    return text


def write_draft(text: str, folder: Path, name: str) -> Path:
    """Never over a file that is there. Raises BadInput."""
    path = folder / f"{name}.yaml"
    if name in profile_names():
        raise BadInput([Problem(str(path), 0, "", f"a profile named {name!r} ships with Plantroom; choose another with --name")])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BadInput([Problem(str(path), 0, "", "is there already; choose another with --name, or take it away")]) from error
    except OSError as error:
        raise BadInput([Problem(str(path), 0, "", f"cannot be written: {error.strerror or error}")]) from error
    return path


def _kind(name: str) -> Kind:
    try:
        return load_kind(name)
    except KeyError as error:
        raise BadInput([Problem("command line", 0, "--kind", f"{name!r} is no kind{y.nearest(name, kind_names())}")]) from error
