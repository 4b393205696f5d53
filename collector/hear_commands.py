"""`try --mqtt`: listens to a broker for a while and prints what a profile makes of what is said."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import typer

from collector.listen import Heard, listen
from plantroom.cli import FAILED, print_json
from plantroom.clock import SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.profile_file import load_profile
from plantroom.profiles import Profile
from plantroom.site import Mqtt

PASSWORD = "PLANTROOM_MQTT_PASSWORD"  # environment: a password on the command line is everybody's


def mqtt_profile(name: str) -> Profile:
    """Raises BadInput where the profile speaks Modbus."""
    profile = load_profile(name)
    if profile.mqtt is None:
        raise _wrong("--mqtt", f"{profile.name} speaks Modbus: plantroom try {profile.name} --host ADDRESS")
    return profile


def hear(
    profile: Profile, address: str, topic: str | None, seconds: float, user: str | None, ca: str | None, version: str, as_json: bool
) -> int:
    """Prints a row for each point of each device heard; returns the exit code: 1 where none was."""
    host, _, port = address.rpartition(":") if address.count(":") == 1 else (address, "", "")
    if (port and not port.isdigit()) or not host:
        raise _wrong("--mqtt", f"{address!r} must be HOST or HOST:PORT")
    if topic is not None and ("+" in topic or "#" in topic):
        raise _wrong("--topic", f"{topic!r} names no device: no + and # here; leave it out to hear all of them")
    if version not in ("3.1.1", "5"):
        raise _wrong("--mqtt-version", f"{version!r} is no version of MQTT that is spoken here; write 3.1.1 or 5")
    link = Mqtt(host, int(port or (8883 if ca else 1883)), user, os.environ.get(PASSWORD), bool(ca), version=version, ca=ca)
    heard = Heard(profile, topic, link.max_payload)
    typer.echo(f"plantroom: listening to {host}:{link.port} for {seconds:g} s: {', '.join(heard.filters[:5])}", err=True)
    try:
        said = asyncio.run(listen(heard, link, seconds, SystemClock()))
    except OSError as error:
        typer.echo(f"plantroom: no connection to {host}:{link.port}: {error}", err=True)
        return FAILED
    for line in said:
        typer.echo(f"plantroom: {line}", err=True)
    rows = heard.rows()
    print_json(rows) if as_json else typer.echo(_table(rows))
    for device, counts in heard.counts().items():
        typer.echo(f"{device}: {', '.join(f'{n} {kind}' for kind, n in counts.items())}", err=True)
    if not rows:
        typer.echo(f"plantroom: {_nothing(heard)}", err=True)
    return 0 if any(row["value"] is not None for row in rows) else FAILED


def _nothing(heard: Heard) -> str:
    shape = heard.profile.mqtt
    assert shape is not None
    if shape.sparkplug and heard.name is None:
        there = ", ".join(sorted(heard.others)[:20]) or "nobody spoke"
        return f"say which device with --topic group/node/device; there is: {there}"
    return "no device spoke; does the topic fit, does the broker let us read it, and is the device on? Try longer: --for 120"


def _wrong(option: str, text: str) -> BadInput:
    return BadInput([Problem("command line", 0, option, text)])


def _table(rows: Sequence[dict[str, object]]) -> str:
    """Columns as wide as their longest entry, for a terminal."""
    keys = ("device", "point", "value", "unit", "quality", "at")
    lines = [list(keys), *(["" if row[key] is None else str(row[key]) for key in keys] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(keys))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines)
