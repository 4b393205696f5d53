"""One look at a device for an engineer: `try` reads it once with a profile, `reads` shows the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector import mbap
from collector.bindings import Brought, device_column, plan_profile
from collector.codec import Decoder
from collector.links import framing, longest_s, way_of
from collector.once import identify_once, read_once
from collector.poll_plan import SERIAL_9600, LineCost, line_time_s
from plantroom.clock import Clock
from plantroom.errors import BadInput, Problem
from plantroom.model import Quality
from plantroom.profiles import JsonPath, Profile, registers_of
from plantroom.site import Modbus, ModbusTcp


async def read_device(profile: Profile, names: Sequence[str], link: Modbus, unit: int, clock: Clock) -> list[dict[str, Any]]:
    """`{"point", "value", "unit", "quality", "raw"}` for each named point, in order; value None where the quality is not good.

    raw: the words as on the wire, or why there are none. Raises OSError where no connection is to be had, BadInput for a bad profile.
    """
    groups = _plan(profile, names)
    reads = [read for together, _ in groups for read in together]
    timeout_s = longest_s(link, profile.bus.timeout_s, reads)
    exchange = framing(link, {unit: timeout_s})
    got = await read_once(way_of(link), exchange, unit, reads, timeout_s=timeout_s, gap_s=profile.bus.gap_s, clock=clock)
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


async def who_is(link: ModbusTcp, unit: int, timeout_s: float, clock: Clock) -> dict[str, str]:
    """What the device says of itself (43/14): vendor, product_code, revision; where it says nothing, `why`. Raises OSError."""
    texts, why = await identify_once(way_of(link), mbap.Exchange(), unit, timeout_s=timeout_s, clock=clock)
    return texts or {"why": why}


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


def printed(profile: Profile, names: Sequence[str], baud: int) -> list[str]:
    """The plan for a person: each request with the time it holds a line of this speed, then what that is in operation, group by group."""
    cost, gap_s = LineCost.serial(baud), profile.bus.gap_s
    reads = sorted(read for together, _ in _plan(profile, names, cost) for read in together)
    lines = [f"{'table':9} {'address':>7} {'count':>5} {'ms':>7}"]
    lines += [f"{read.table:9} {read.address:7} {read.count:5} {_ms(cost.of(read) / 1e9 + gap_s)}" for read in reads]
    plan = plan_of(profile, names)
    cells = f"{plan['read']} cells for {plan['wanted']} wanted"
    lines.append(f"{len(reads)} requests; {cells}; {1000 * line_time_s(reads, cost, gap_s):.1f} ms at {baud} baud")
    periods: dict[float, list[str]] = {}
    for name in names:
        periods.setdefault(profile.points[name].period_s, []).append(name)
    share = 0.0
    for period_s in sorted(periods):
        own = [read for together, _ in _plan(profile, periods[period_s], cost) for read in together]
        busy_s = line_time_s(own, cost, gap_s)
        share += busy_s / period_s
        points, requests = _many(len(periods[period_s]), "point"), _many(len(own), "request")
        lines.append(f"every {period_s:g} s: {points} by {requests}, {1000 * busy_s:.1f} ms")
    full = "; more than there is: read less often, or at a higher speed" if share > 1 else ""
    return [*lines, f"in operation the line is busy {100 * share:.1f} % of the time{full}"]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:7.1f}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _plan(profile: Profile, names: Sequence[str], cost: LineCost = SERIAL_9600) -> list[Brought]:
    try:
        return plan_profile(profile, names, cost)
    except ValueError as error:
        raise BadInput([Problem(profile.path or profile.name, 0, "points", str(error))]) from error
