"""What can go wrong with a building's fire water."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_TANK = ("fire_water_level", "fire_water_depth", "fire_water_reserve_short", "fire_water_depth_short")
_ROOF = ("roof_tank_level", "roof_tank_depth", "roof_tank_reserve_short", "roof_tank_depth_short")
_WEDNESDAY = "2026-07-15T02:00:00+08:00"


def _drained(name: str, says: str, sizes: tuple[float, float, float], family: tuple[str, ...], shows_s: float) -> Upset:
    """A drain left open with the fill shut off: down to a level at a tankful an hour."""
    return Upset(
        name,
        says,
        {"level": Setting(sizes[1], 0.0, 97.0, "%", "where somebody shuts the drain")},
        leads_to=tuple(other for other in family if other != name),
        sizes=tuple({"level": level} for level in sizes),
        shows_s=shows_s,
        tick_s=5.0,
    )


def _overflow(name: str, says: str, shows_s: float) -> Upset:
    return Upset(
        name,
        says,
        {"opening": Setting(1.0, 0.3, 1.0, "", "where the float valve stands")},
        sizes=({"opening": 0.6}, {"opening": 0.8}, {"opening": 1.0}),
        shows_s=shows_s,
        tick_s=5.0,
    )


def _cold(name: str, says: str, sizes: tuple[float, float, float], leads_to: tuple[str, ...]) -> Upset:
    return Upset(
        name,
        says,
        {"air": Setting(sizes[1], -30.0, 4.5, "degC", "of the air at the pipe, its heating off")},
        leads_to=leads_to,
        sizes=tuple({"air": air} for air in sizes),
        shows_s=3 * 3600.0,
        at="2026-01-21T02:00:00+08:00",
        tick_s=5.0,
    )


UPSETS = by_name(
    _drained("fire_water_level", "a drain of the reservoir is left open", (89.0, 80.0, 50.0), _TANK, 1200.0),
    _drained("fire_water_reserve_short", "the reservoir is let down for cleaning and not filled", (66.0, 50.0, 10.0), _TANK, 2700.0),
    _drained("fire_water_depth", "the same, seen by a gauge in metres", (89.0, 80.0, 50.0), _TANK, 1200.0),
    _drained("fire_water_depth_short", "the same, seen by a gauge in metres", (66.0, 50.0, 10.0), _TANK, 2700.0),
    _overflow("fire_water_overflow", "the reservoir's float valve does not shut", 2700.0),
    _drained("roof_tank_level", "a drain of the roof tank is left open", (89.0, 80.0, 50.0), _ROOF, 1200.0),
    _drained("roof_tank_reserve_short", "the roof tank is let down and not filled", (66.0, 50.0, 10.0), _ROOF, 2700.0),
    _drained("roof_tank_depth", "the same, seen by a gauge in metres", (89.0, 80.0, 50.0), _ROOF, 1200.0),
    _drained("roof_tank_depth_short", "the same, seen by a gauge in metres", (66.0, 50.0, 10.0), _ROOF, 2700.0),
    _overflow("roof_tank_overflow", "the roof tank's float valve does not shut", 1800.0),
    Upset(
        "worst_point_pressure_low",
        "the riser valve to the top zone is shut, the zone leaks",
        {"rate": Setting(12.0, 2.0, 3600.0, "bar/h", "at which the zone loses its pressure")},
        sizes=({"rate": 6.0}, {"rate": 20.0}, {"rate": 600.0}),
        shows_s=1200.0,
        tick_s=5.0,
    ),
    Upset(
        "hydrant_pressure_low",
        "the jockey is off, the roof tank's outlet shut, the hydrant main leaks",
        {"leak": Setting(0.1, 0.02, 30.0, "L/s", "leak")},
        leads_to=("worst_point_pressure_low",),
        sizes=({"leak": 0.05}, {"leak": 0.2}, {"leak": 5.0}),
        shows_s=2400.0,
        after_s=26 * 3600.0,
        tick_s=60.0,
    ),
    Upset(
        "sprinkler_pressure_low",
        "the jockey is off, the roof tank's outlet shut, the sprinkler main leaks",
        {"leak": Setting(0.1, 0.02, 30.0, "L/s", "leak")},
        sizes=({"leak": 0.05}, {"leak": 0.2}, {"leak": 5.0}),
        shows_s=2400.0,
        after_s=26 * 3600.0,
        tick_s=60.0,
    ),
    Upset(
        "signal_valve_closed",
        "a valve is left shut after work on a floor",
        {"valve": Setting(1, 1, 32, "", "which")},
        sizes=({"valve": 1}, {"valve": 17}, {"valve": 32}),
        shows_s=2.0,
    ),
    Upset(
        "sprinkler_flow",
        "a sprinkler head is knocked off",
        {"zone": Setting(1, 1, 32, "", "which"), "flow": Setting(2.0, 1.0, 30.0, "L/s", "through the head")},
        leads_to=("sprinkler_pressure_low",),
        sizes=({"zone": 3, "flow": 1.0}, {"zone": 20, "flow": 2.0}, {"zone": 32, "flow": 10.0}),
        shows_s=7.0,
    ),
    _cold("fire_water_cold", "the heating is off in a frost", (4.0, 2.0, -8.0), ("fire_water_freezing",)),
    _cold("fire_water_freezing", "the heating is off in a hard frost", (-0.5, -4.0, -8.0), ("fire_water_cold",)),
    Upset(
        "fire_water_makeup_long",
        "a buried pipe leaks, the float valve makes up for it",
        {"leak": Setting(8.0, 1.5, 24.0, "m3/h", "leak")},
        leads_to=("fire_water_level",),
        sizes=({"leak": 2.0}, {"leak": 8.0}, {"leak": 20.0}),
        shows_s=1800.0,
        at=_WEDNESDAY,
        tick_s=60.0,
    ),
    Upset(
        "fire_water_fill_fails",
        "the town main is shut off while the reservoir is being filled",
        {"level": Setting(90.0, 10.0, 94.0, "%", "where it stands")},
        leads_to=_TANK,
        sizes=({"level": 94.0}, {"level": 85.0}, {"level": 60.0}),
        shows_s=7200.0,
        tick_s=5.0,
    ),
)
