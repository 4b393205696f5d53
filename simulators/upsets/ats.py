"""What can go wrong in a transfer switch."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_FEED = Setting(0.0, 0.0, 1.0, "", "0 = the normal feed, 1 = the second feeder")
_FEEDS = ({"feed": 0.0}, {"feed": 1.0}, {"feed": 0.3})

UPSETS = by_name(
    Upset(
        "ats_not_in_auto",
        "the switch is left in manual, or its transfer is inhibited",
        {"inhibit": Setting(0.0, 0.0, 1.0, "", "1 = inhibited, 0 = in manual")},
        leads_to=("mains_lost_no_transfer",),
        sizes=({"inhibit": 0.0}, {"inhibit": 1.0}, {"inhibit": 0.3}),
        shows_s=2.0,
    ),
    Upset(
        "ats_fail_to_transfer",
        "the normal feed is lost and the mechanism is stuck",
        leads_to=("mains_lost_no_transfer", "dual_source_lost"),
        shows_s=30.0,
    ),
    Upset("ats_both_open", "both ways have tripped", shows_s=2.0),
    Upset("phase_sequence_wrong", "two phases changed after work on a cable", shows_s=2.0),
    Upset(
        "dual_source_lost",
        "one of the two feeds is lost",
        {"feed": _FEED},
        leads_to=("dual_source_lost_fire_load",),
        sizes=_FEEDS,
        shows_s=2.0,
    ),
    Upset(
        "dual_source_lost_fire_load",
        "one of the two feeds of the fire load stays away",
        {"feed": _FEED},
        leads_to=("dual_source_lost",),
        sizes=_FEEDS,
        shows_s=5.0,
        tick_s=5.0,
    ),
    Upset(
        "left_on_standby",
        "the feed was lost for a while and is good again; the switch does not return",
        leads_to=("dual_source_lost",),
        shows_s=100.0,
        tick_s=5.0,
    ),
)
