"""What a healthy tower of a hundred machines asks of people, over the real wires and the whole service, against the standard's budget:
nothing urgent, at most one normal fault in 1,000 equipment-days, at most two pages about normal faults in a night shift.

`make test` has part of an evening of a fifth of them, and as control one that is not healthy; the long form has a month
of which what nothing disturbs is read without its wire. Beats of a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plantroom.clock import at_utc
from plantroom.model import Severity
from plantroom.records import Records
from plantroom.site_file import load_site
from simulators.rehearse_commands import Rehearsal
from simulators.scenario import load_scenario
from tests.kit.hundred import site_text

ZONE = ZoneInfo("Asia/Shanghai")
CHANNEL = "channels:\n  - {id: duty, type: webhook, url: 'http://127.0.0.1:9/'}\n"
MACHINES = 100
FAULTS = "SELECT severity, rule, equipment FROM fault WHERE parent IS NULL AND kind != 'monitor' AND severity != 'advisory'"
MOST_A_NIGHT, DAYS_A_FAULT = 2, 1_000  # pages about normal faults in a shift from 20:00 to 08:00; equipment-days a false normal fault


@dataclass(frozen=True, slots=True)
class Asked:
    """faults: (severity, rule, equipment) of those that people were told of. nights: pages about what is not urgent, by the shift's first day."""

    faults: Sequence[tuple[str, str, str]]
    nights: Counter[str]

    @property
    def urgent(self) -> list[tuple[str, str, str]]:
        return [fault for fault in self.faults if Severity(fault[0]).urgent]

    @property
    def normal(self) -> list[tuple[str, str, str]]:
        return [fault for fault in self.faults if fault[0] == Severity.NORMAL]


def rehearsed(folder: Path, days: float, start: str, events: str = "[]", share: float = 1.0, *, direct: bool = False) -> Asked:
    site_file, scenario = folder / "site.yaml", folder / "scenario.yaml"
    site_file.write_text(site_text(share) + CHANNEL)
    scenario.write_text(f"seed: 5\nstart: {start}\ndays: {days}\nevents: {events}\n")
    site = load_site(site_file)
    Rehearsal(site_file, site, load_scenario(scenario, site), None, 60.0, folder, lambda line: None, direct=direct).run()
    with closing(Records.open(folder / "records.db", readonly=True)) as records:
        faults = list(records.db.execute(FAULTS))
        asked = list(records.db.execute("SELECT created_ns, severity FROM outbox WHERE reason != 'test' AND id GLOB 'P*'"))
    nights = Counter(shift for at_ns, severity in asked if not Severity(severity).urgent and (shift := night_of(at_ns)) is not None)
    return Asked(faults, nights)


def night_of(at_ns: int) -> str | None:
    """The day on which the night shift began, 20:00 to 08:00; None by day."""
    local: datetime = at_utc(at_ns).astimezone(ZONE)
    return None if 8 <= local.hour < 20 else f"{(local - timedelta(hours=8)).date()}"


def judge(asked: Asked, days: float) -> str:
    allowed = days * MACHINES / DAYS_A_FAULT
    print(f"\n{MACHINES} machines, {days:g} days: {len(asked.urgent)} urgent, {len(asked.normal)} normal faults ({allowed:g} allowed), "
          f"most pages in a night {max(asked.nights.values(), default=0)}: {Counter(rule for _, rule, _ in asked.faults)}")  # fmt: skip
    if asked.urgent:
        return f"urgent: {asked.urgent}"
    if len(asked.normal) > max(1.0, allowed):
        return f"normal: {asked.normal}"
    return f"nights: {asked.nights}" if max(asked.nights.values(), default=0) > MOST_A_NIGHT else ""


def test_a_healthy_evening_stays_inside_the_page_budget(tmp_path: Path) -> None:
    assert judge(rehearsed(tmp_path, 0.03, "2026-04-01T19:40:00+08:00", share=0.2), 0.03) == ""


def test_what_is_not_healthy_does_not(tmp_path: Path) -> None:
    """The control: the same judge, a pump out of auto and a handful of lifts that stop at night."""
    lifts = ", ".join(f"{{at: {n}m, upset: {{equipment: lift-{n}, fault: lift_common_fault, for: 10m}}}}" for n in range(5, 30, 5))
    asked = rehearsed(
        tmp_path,
        0.022,
        "2026-04-01T20:10:00+08:00",
        f"[{{at: 2m, upset: {{equipment: fire-pump-1, fault: phase_loss}}}}, {lifts}]",
        share=0.5,
    )
    assert asked.urgent
    assert len(asked.normal) >= 5
    assert judge(asked, 0.022) != ""


@pytest.mark.soak
def test_a_healthy_month_stays_inside_the_page_budget(tmp_path: Path) -> None:
    assert judge(rehearsed(tmp_path, 30.0, "2026-04-01T00:00:00+08:00", direct=True), 30.0) == ""
