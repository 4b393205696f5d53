"""How a command is told which line to read: the options that `try` and `probe` share."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str | None, typer.Option("--host", help="the device's or the gateway's address")]
Port = Annotated[int, typer.Option("--port", min=1, max=65_535)]
OverTcp = Annotated[bool, typer.Option("--rtu-over-tcp", help="the host is a converter that passes RTU on as it is")]
Serial = Annotated[str | None, typer.Option("--serial", metavar="DEVICE", help="a serial port of this machine instead")]
Baud = Annotated[int, typer.Option("--baud", help="the serial line's rate")]
Parity = Annotated[str, typer.Option("--parity", help="N, E or O")]
StopBits = Annotated[int | None, typer.Option("--stop-bits", min=1, max=2, help="by default 1, or 2 without parity")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
