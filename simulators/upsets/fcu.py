"""What can go wrong in a fan coil or indoor unit."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_RUN = Setting(1.0, 0.0, 1.0, "", "1 = it is on whatever the hour")
SERVER_ROOM = 1
_JULY = "2026-07-15T09:30:00+08:00"

UPSETS = by_name(
    Upset(
        "indoor_unit_error",
        "the unit stops with an error",
        {"code": Setting(5.0, 1.0, 65534.0, "", "its code"), "run": _RUN},
        leads_to=("room_temp_out_of_band", "server_room_hot"),
        sizes=({"code": 1.0}, {"code": 5.0}, {"code": 16691.0}),
        shows_s=15.0,
        at=_JULY,
    ),
    Upset("indoor_unit_comms_lost", "the bus to the unit is cut; its gateway still answers", shows_s=15.0, at=_JULY),
    Upset(
        "condensate_overflow",
        "the drain is clogged, the pan fills",
        {"run": _RUN},
        leads_to=("room_temp_out_of_band", "server_room_hot"),
        shows_s=240.0,
        at=_JULY,
    ),
    Upset("filter_due", "the filter's hours are up", {"run": _RUN}, shows_s=90.0, at=_JULY, tick_s=5.0),
    Upset(
        "room_temp_out_of_band",
        "more heat than the unit was chosen for",
        {"heat": Setting(4.0, 0.0, 10.0, "kW", "on top")},
        leads_to=("server_room_hot",),
        sizes=({"heat": 2.8}, {"heat": 3.5}, {"heat": 8.0}),
        shows_s=7200.0,
        after_s=300.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "server_room_hot",
        "a rack more than the unit can cool",
        {"heat": Setting(6.0, 0.0, 10.0, "kW", "on top"), "run": _RUN},
        leads_to=("room_temp_out_of_band",),
        sizes=({"heat": 5.0}, {"heat": 7.0}, {"heat": 9.0}),
        shows_s=7200.0,
        after_s=300.0,
        at=_JULY,
        tick_s=5.0,
        make=SERVER_ROOM,
    ),
)
