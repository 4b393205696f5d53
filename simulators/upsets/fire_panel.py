"""What can go wrong in a fire alarm panel, and the fire it is for."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_CONFIRM = Setting(20.0, 0.0, 170.0, "s", "from the first detector to the second, or to the button that confirms")
_FIRE = ("confirmed_fire",)


def _points(default: float, low: float, what: str) -> Setting:
    return Setting(default, low, 250.0, "", what)


UPSETS = by_name(
    Upset(
        "panel_mains_lost",
        "the breaker of its supply has tripped; it lives on the battery for eight hours",
        leads_to=("panel_battery_fault", "panel_fault"),
        shows_s=12.0,
    ),
    Upset("panel_battery_fault", "the battery's fuse is gone", leads_to=("panel_fault",), shows_s=12.0),
    Upset(
        "confirmed_fire",
        "a fire: one detector, then a second one",
        {"confirm_s": _CONFIRM},
        sizes=({"confirm_s": 100.0}, {"confirm_s": 20.0}, {"confirm_s": 0.0}),
        shows_s=102.0,
    ),
    Upset("panel_in_manual", "the outputs are left in manual after a test", shows_s=2.0),
    Upset(
        "panel_manual_in_fire",
        "a fire while the outputs stand in manual",
        {"confirm_s": _CONFIRM},
        leads_to=(*_FIRE, "panel_in_manual"),
        sizes=({"confirm_s": 100.0}, {"confirm_s": 20.0}, {"confirm_s": 0.0}),
        shows_s=102.0,
    ),
    Upset(
        "panel_linkage_failed",
        "a fire, and a line of the outputs is dead",
        {"confirm_s": _CONFIRM, "feedback": Setting(0.0, 0.0, 1.0, "", "0 = the sounders are dead, 1 = nothing else answers")},
        leads_to=_FIRE,
        sizes=({"confirm_s": 60.0, "feedback": 1.0}, {"feedback": 0.0}, {"feedback": 1.0}),
        shows_s=62.0,
    ),
    Upset("fire_alarm_unanswered", "a detector is in alarm and nobody goes", shows_s=2.0),
    Upset(
        "panel_isolation_left",
        "points isolated for a job are not released",
        {"points": _points(1.0, 1.0, "how many")},
        leads_to=("panel_isolation_many",),
        sizes=({"points": 1.0}, {"points": 4.0}, {"points": 12.0}),
        tick_s=60.0,
    ),
    Upset(
        "panel_isolation_many",
        "a floor is isolated",
        {"points": _points(30.0, 21.0, "how many")},
        leads_to=("panel_isolation_left",),
        sizes=({"points": 21.0}, {"points": 40.0}, {"points": 200.0}),
        shows_s=61.0,
    ),
    Upset(
        "panel_fault",
        "a detector does not answer",
        {"points": _points(1.0, 1.0, "how many")},
        sizes=({"points": 1.0}, {"points": 3.0}, {"points": 8.0}),
        shows_s=12.0,
    ),
    Upset(
        "panel_faults_many",
        "a loop is broken",
        {"points": _points(32.0, 11.0, "detectors behind the break")},
        leads_to=("panel_fault",),
        sizes=({"points": 11.0}, {"points": 32.0}, {"points": 240.0}),
        shows_s=12.0,
    ),
    Upset("panel_supervisory", "a supervised valve or level has left its place", shows_s=2.0),
)
