"""A scenario for every upset by itself: its machine runs well, the upset comes at the instant that suits it, lasts until it must be found,
and is repaired."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from plantroom.clock import to_ns
from plantroom.errors import BadInput, Problem
from plantroom.site import Site
from plantroom.yaml_file import nearest
from simulators.scenario import Event, Scenario, UpsetEvent
from simulators.upset import DEVICE_OFFLINE, Upset
from simulators.upsets import UPSETS

PATIENCE_S = 4.5 * 3600.0  # the longest a rule of the packs waits for what is not a drift
AFTER_S = 1800.0


def of_upsets(site: Site, names: Sequence[str]) -> Scenario:
    """names: `gen-1.fail_to_start`; all begin when each has run well for long enough. Raises BadInput for what is not there."""
    problems, found = [], list[tuple[str, Upset]]()
    for name in names:
        equipment, _, fault = name.partition(".")
        machine = site.equipment.get(equipment)
        known = {**UPSETS.get(machine.kind.name, {}), DEVICE_OFFLINE.name: DEVICE_OFFLINE} if machine is not None else {}
        if machine is None or not machine.monitored:
            problems.append(Problem("--upset", 0, name, f"{equipment!r} is no monitored equipment{nearest(equipment, site.equipment)}"))
        elif fault not in known:
            problems.append(Problem("--upset", 0, name, f"a {machine.kind.name} has no upset {fault!r}{nearest(fault, known)}"))
        else:
            found.append((equipment, known[fault]))
    if problems:
        raise BadInput(problems)
    begin_s = max(upset.after_s for _, upset in found)
    lasts_s = max(upset.shows_s for _, upset in found) + PATIENCE_S
    events = tuple(Event(begin_s, 0, UpsetEvent(equipment, upset.name, lasts_s)) for equipment, upset in found)
    start = to_ns(datetime.fromisoformat(found[0][1].at))
    return Scenario(1, start, begin_s + lasts_s + AFTER_S, events, "--upset")
