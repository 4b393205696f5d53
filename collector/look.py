"""One look at a device for an engineer: `try` reads it once with a profile, `reads` shows the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.bindings import Brought, device_column, plan_profile
from collector.codec import Decoder
from collector.connect import Tcp
from collector.mbap import Exchange
from collector.once import read_once
from collector.poll_plan import SERIAL_9600, line_time_s
from plantroom.clock import Clock
from plantroom.errors import BadInput, Problem
from plantroom.model import Quality
from plantroom.profiles import JsonPath, Profile, registers_of


async def read_device(profile: Profile, names: Sequence[str], host: str, port: int, unit: int, clock: Clock) -> list[dict[str, Any]]:
    """`{"point", "value", "unit", "quality", "raw"}` for each named point, in order; value None where the quality is not good.

    raw: the words as on the wire, or why there are none. Raises OSError where no connection is to be had, BadInput for a bad profile.
    """
    groups = _plan(profile, names)
    reads = [read for together, _ in groups for read in together]
    got = await read_once(Tcp(host, port), Exchange(), unit, reads, timeout_s=profile.bus.timeout_s, gap_s=profile.bus.gap_s, clock=clock)
    found: dict[str, dict[str, Any]] = {}
    for together, brought in groups:
        mine, got = got[: len(together)], got[len(together) :]
        points = [name for name in names if name in brought]
        decoder = Decoder(together, [device_column(profile.points[name]) for name in points])
        data = b"".join(g.data if g.data is not None else bytes(read.reply_bytes) for read, g in zip(together, mine, strict=True))
        values, quality = decoder.decode(data, {i: g.quality for i, g in enumerate(mine) if g.data is None})
        why = "; ".join(dict.fromkeys(g.why for g in mine if g.why))
        for name, value, code, raw in zip(points, values.tolist(), quality.tolist(), decoder.raw_text(data), strict=True):
            good = code == Quality.GOOD
            unreached = code in (Quality.NO_ANSWER, Quality.EXCEPTION) or (code == Quality.DECODE and bool(why))
            found[name] = {
                "point": name,
                "value": value if good else None,
                "unit": profile.points[name].unit,
                "quality": Quality(code).word,
                "raw": why if unreached else raw,
            }
    return [found[name] for name in names]


def plan_of(profile: Profile, names: Sequence[str]) -> dict[str, Any]:
    """`{"requests": [{"table", "address", "count"}], "wanted", "read", "ms_at_9600"}`. wanted, read: in cells, each once."""
    reads = sorted(read for together, _ in _plan(profile, names) for read in together)
    cells = {
        (register.table, register.address + i)
        for name in names
        if not isinstance(source := profile.points[name].source, JsonPath)
        for register in registers_of(source)
        for i in range(register.count)
    }
    return {
        "requests": [{"table": read.table.value, "address": read.address, "count": read.count} for read in reads],
        "wanted": len(cells),
        "read": sum(read.count for read in reads),
        "ms_at_9600": round(1000 * line_time_s(reads, SERIAL_9600, profile.bus.gap_s), 1),
    }


def _plan(profile: Profile, names: Sequence[str]) -> list[Brought]:
    try:
        return plan_profile(profile, names)
    except ValueError as error:
        raise BadInput([Problem(profile.path or profile.name, 0, "points", str(error))]) from error
