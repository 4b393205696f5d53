"""What can go wrong in a transfer switch."""

from __future__ import annotations

from simulators.upset import Upset, by_name

UPSETS = by_name(
    Upset("ats_not_in_auto", "the switch is left in manual", leads_to=("mains_lost_no_transfer",)),
    Upset("ats_fail_to_transfer", "the mechanism is stuck", leads_to=("mains_lost_no_transfer",)),
)
