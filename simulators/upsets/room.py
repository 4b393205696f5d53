"""What can go wrong in a plant room."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

PANTRY = 1
_HEAT = ("room_hot", "room_overheated", "gen_room_ventilation")
_FLOW = Setting(0.2, 0.01, 50.0, "L/s", "leak")
_FLOWS = ({"flow": 0.05}, {"flow": 0.2}, {"flow": 10.0})


def _gain(default: float) -> dict[str, Setting]:
    return {"gain": Setting(default, 5.0, 150.0, "K", "what its machines would warm it with the air standing still")}


def _gains(*gains: float) -> tuple[dict[str, float], ...]:
    return tuple({"gain": gain} for gain in gains)


UPSETS = by_name(
    Upset(
        "room_water",
        "a pipe leaks onto the floor",
        {"flow": _FLOW},
        leads_to=("room_wet",),  # the same where the site says that water harms nobody there
        sizes=_FLOWS,
        shows_s=42.0,
    ),
    Upset(
        "room_wet",
        "a pipe leaks onto the floor of a room where water harms nobody (vital_room: 0)",
        {"flow": _FLOW},
        leads_to=("room_water",),  # the same where it does
        sizes=_FLOWS,
        shows_s=42.0,
        make=PANTRY,
    ),
    Upset(
        "room_smoke",
        "a terminal smoulders",
        {"grows": Setting(6.0, 0.5, 600.0, "%/m in a minute", "how fast smoke thickens")},
        sizes=({"grows": 1.5}, {"grows": 6.0}, {"grows": 200.0}),
        shows_s=122.0,
    ),
    Upset(
        "fuel_store_leak",
        "the day tank's pipe drips into its bund",
        {"flow": Setting(5.0, 0.5, 500.0, "L/min", "leak")},
        sizes=({"flow": 2.5}, {"flow": 10.0}, {"flow": 200.0}),
        shows_s=122.0,
    ),
    Upset(
        "gas_alarm",
        "a gas fitting leaks",
        {"gas": Setting(50.0, 26.0, 100.0, "% of the lower explosive limit", "reached")},
        leads_to=("gas_trace",),
        sizes=({"gas": 30.0}, {"gas": 50.0}, {"gas": 100.0}),
        shows_s=300.0,
    ),
    Upset(
        "gas_trace",
        "a flange weeps",
        {"gas": Setting(15.0, 12.0, 24.0, "% of the lower explosive limit", "reached")},
        sizes=({"gas": 13.0}, {"gas": 16.0}, {"gas": 20.0}),
        shows_s=420.0,
    ),
    Upset(
        "room_hot",
        "the air conditioner is off, the fan alone does not keep up",
        _gain(30.0),
        leads_to=_HEAT,
        sizes=_gains(27.0, 30.0, 60.0),
        shows_s=3.6 * 3600.0,
        tick_s=5.0,
    ),
    Upset(
        "room_overheated",
        "the air conditioner is off under full load",
        _gain(45.0),
        leads_to=_HEAT,
        sizes=_gains(38.0, 50.0, 90.0),
        shows_s=3.6 * 3600.0,
        tick_s=5.0,
    ),
    Upset(
        "gen_room_ventilation",
        "the fan does not start though the room is hot",
        _gain(22.0),
        leads_to=_HEAT,
        sizes=_gains(16.0, 22.0, 60.0),
        shows_s=3.0 * 3600.0,
        tick_s=5.0,
    ),
    Upset(
        "room_cold",
        "the louvre stands open in a frost, the heating is off",
        {"air": Setting(0.0, -30.0, 4.5, "degC", "of the air that comes in")},
        sizes=({"air": 3.0}, {"air": 0.0}, {"air": -10.0}),
        shows_s=3 * 3600.0,
        at="2026-01-21T02:00:00+08:00",
        tick_s=5.0,
    ),
    Upset(
        "room_humid",
        "water seeps through a wall",
        {"humidity": Setting(96.0, 91.0, 100.0, "%RH", "reached")},
        sizes=({"humidity": 93.0}, {"humidity": 96.0}, {"humidity": 100.0}),
        shows_s=4.0 * 3600.0,
        tick_s=60.0,
    ),
    Upset("room_power_lost", "the room's feeder has tripped", leads_to=("room_hot",), shows_s=2.0),
    Upset("room_aircon_fault", "the air conditioner trips on high pressure", leads_to=("room_hot",), shows_s=12.0),
    Upset("room_door_open", "the door is wedged open", shows_s=2.0),
)
