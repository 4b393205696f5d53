"""`try`: one look at a device with a profile, over Modbus TCP, a serial port or a converter; over MQTT a while of listening."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from collector.line_options import Baud, Host, Json, OverTcp, Parity, Port, Serial, StopBits
from plantroom.cli import FAILED, print_json
from plantroom.clock import SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.profiles import Profile
from plantroom.site import Modbus, ModbusRtu, ModbusTcp, RtuOverTcp
from plantroom.site_serial import PARITIES, RATES, UNITS
from plantroom.units import duration_s


def register(app: typer.Typer, modbus_profile: Callable[[str], Profile], wanted: Callable[[Profile, str | None], list[str]]) -> None:
    @app.command(name="try")
    def try_(
        profile: Annotated[str, typer.Argument(metavar="PROFILE", help="a profile's name, or its file")],
        host: Host = None,
        port: Port = 502,
        rtu_over_tcp: OverTcp = False,
        serial: Serial = None,
        baud: Baud = 9600,
        parity: Parity = "E",
        stop_bits: StopBits = None,
        mqtt: Annotated[str | None, typer.Option("--mqtt", metavar="HOST[:PORT]", help="a broker instead: what devices publish")] = None,
        topic: Annotated[str | None, typer.Option("--topic", help="MQTT: only this device, as the site file's `topic`")] = None,
        listen_for: Annotated[str, typer.Option("--for", help="MQTT: how long to listen")] = "15s",
        user: Annotated[str | None, typer.Option("--user", help="MQTT: the password comes from PLANTROOM_MQTT_PASSWORD")] = None,
        ca: Annotated[str | None, typer.Option("--ca", metavar="FILE", help="MQTT over TLS: the CA of the broker")] = None,
        mqtt_version: Annotated[str, typer.Option("--mqtt-version", help="3.1.1 or 5")] = "3.1.1",
        unit: Annotated[int, typer.Option("--unit", min=0, max=255, help="the Modbus unit id set on the device")] = 1,
        points: Annotated[str | None, typer.Option("--points", help="only these points, a,b,c; or a part, car_2")] = None,
        identify: Annotated[bool, typer.Option("--identify", help="Modbus TCP: asks the device who it is, too (43/14)")] = False,
        as_json: Json = False,
    ) -> None:
        """Reads a device once, with a profile, and prints what every point says; exit 1 where nothing answered."""
        from collector.look import read_device, who_is

        if mqtt is not None:
            raise typer.Exit(_hear(profile, mqtt, topic, listen_for, user, ca, mqtt_version, as_json))

        chosen = modbus_profile(profile)
        names = wanted(chosen, points)
        link = link_of(host, port, rtu_over_tcp, serial, baud, parity, stop_bits)
        if not isinstance(link, ModbusTcp) and not UNITS[0] <= unit <= UNITS[1]:
            raise _wrong("--unit", f"{unit} is no unit of a serial line; they are {UNITS[0]} to {UNITS[1]}")
        if identify and not isinstance(link, ModbusTcp):
            raise _wrong("--identify", "is for Modbus TCP")
        says: dict[str, str] = {}
        try:
            rows = asyncio.run(read_device(chosen, names, link, unit, SystemClock()))
            if identify and isinstance(link, ModbusTcp):
                says = asyncio.run(who_is(link, unit, chosen.bus.timeout_s, SystemClock()))
        except OSError as error:
            said = error.strerror or str(error) or "no answer"
            question = "" if isinstance(link, ModbusRtu) else "; is the device on, and the address right?"
            typer.echo(f"plantroom: no connection to {link.address}: {said}{question}", err=True)
            raise typer.Exit(FAILED) from error
        if as_json:
            print_json({"says": says, "points": rows} if identify else rows)
        else:
            typer.echo(_table(rows))
            for name, text in says.items():
                typer.echo(f"{name}: {text}")
        raise typer.Exit(0 if any(row["quality"] != "no_answer" for row in rows) else FAILED)


def _hear(
    profile: str, address: str, topic: str | None, listen_for: str, user: str | None, ca: str | None, version: str, as_json: bool
) -> int:
    """The exit code. Raises BadInput."""
    from collector.hear_commands import hear, mqtt_profile

    try:
        seconds = duration_s(listen_for)
    except ValueError as error:
        raise _wrong("--for", str(error)) from error
    return hear(mqtt_profile(profile), address, topic, seconds, user, ca, version, as_json)


def link_of(host: str | None, port: int, rtu_over_tcp: bool, serial: str | None, baud: int, parity: str, stop_bits: int | None) -> Modbus:
    """Raises BadInput, naming the option."""
    if baud not in RATES:
        raise _wrong("--baud", f"{baud} is no rate of a serial line; there is: {', '.join(map(str, RATES))}")
    bit = PARITIES.get(parity) or PARITIES.get(parity.upper())
    if bit is None:
        raise _wrong("--parity", f"{parity!r} is no parity; there is: N, E, O")
    if (host is None) == (serial is None):
        raise _wrong("--host, --serial", "one of them says where the device is, and only one")
    if serial is not None:
        if rtu_over_tcp:
            raise _wrong("--rtu-over-tcp", "goes with --host and --port of the converter")
        return ModbusRtu(serial, baud, bit, stop_bits or (2 if bit == "N" else 1))
    assert host is not None, "one of them is given: checked above"
    return RtuOverTcp(host, port, baud) if rtu_over_tcp else ModbusTcp(host, port)


def _wrong(option: str, text: str) -> BadInput:
    return BadInput([Problem("command line", 0, option, text)])


def _table(rows: Sequence[dict[str, object]]) -> str:
    """Columns as wide as their longest entry, for a terminal."""
    keys = ("point", "value", "unit", "quality", "raw")
    lines = [list(keys), *(["" if row[key] is None else str(row[key]) for key in keys] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(keys))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines)
