"""What holds for the whole site and every rule may ask: `site_fire`, `working_hours`. Told to all machines with each tick, and only then.

A machine is judged by its own samples; were another one's samples to reach it at once, the result would depend on how records are
grouped. A tick is a record of its own, so what is known at it is the same live, after a restart and in a rebuild; the price is up to a
second.
"""

from __future__ import annotations

from collections.abc import Mapping

from rules.conditions import ACTIVE, RECOVERING
from rules.evaluate import KindEvaluator
from rules.house import House

PANEL, CONFIRMED = "fire_panel", "confirmed_fire"


def facts_of(house: House, evaluators: Mapping[str, KindEvaluator], now_ns: int) -> Mapping[str, bool]:
    """site_fire: some panel's confirmed fire stands, a silent panel's included. working_hours: by the site's calendar."""
    return {"site_fire": _fire(evaluators.get(PANEL)), "working_hours": house.site.calendar.is_on(now_ns, house.zone)}


def _fire(panels: KindEvaluator | None) -> bool:
    if panels is None:
        return False
    numbers = [n for n, rule in enumerate(panels.rules) if rule.id == CONFIRMED]
    states = panels.held.state[numbers]
    return bool(((states == ACTIVE) | (states == RECOVERING)).any())
