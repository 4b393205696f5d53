"""K-1 to K-4 of a scripted team over the whole system, against a table worked out by hand; the same after killing the engine again and again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plantroom.clock import NS
from plantroom.kpi.period import period
from plantroom.kpi.reading import read
from plantroom.records import Records
from plantroom.site_file import load_site
from simulators.rehearse_commands import Rehearsal
from simulators.scenario import load_scenario

FOLDER = Path(__file__).parents[2] / "simulators" / "scenarios" / "service"
ZONE = ZoneInfo("Asia/Shanghai")
MINUTE_NS = 60 * NS
EVERY_S = 120.0


def rehearsed(folder: Path, extra: str = "") -> Records:
    folder.mkdir(exist_ok=True)
    scenario = folder / "team.yaml"
    scenario.write_text((FOLDER / "team.yaml").read_text("utf-8") + extra, "utf-8")
    site = load_site(FOLDER / "site.yaml")
    Rehearsal(FOLDER / "site.yaml", site, load_scenario(scenario, site), None, EVERY_S, folder, lambda line: None, direct=True).run()
    return Records.open(folder / "records.db", readonly=True)


def table(records: Records, month: str) -> dict[str, tuple[float, float]]:
    """(numerator, denominator) of each rate that counts anything."""
    position = records.row("position")
    assert position is not None
    found = read(records, load_site(FOLDER / "site.yaml"), period(month, ZONE), position["wall_ns"]).figures
    rates = {
        figure["id"]: (figure["numerator"], figure["denominator"])
        for figure in found["figures"]
        if figure["unit"] == "orders" and figure["denominator"]
    }
    apart = {f"apart.{reason}": (float(count), 0.0) for reason, count in found["apart"].items() if count and reason != "monitor"}
    return {**rates, **apart, "hollow": (found["hollow"], 0)} if found["hollow"] else {**rates, **apart}


# by hand from team.yaml; (kept, all)
NOVEMBER = {
    "R-2": (3.0, 5.0),  # A, both rounds of D; B came a quarter of an hour late, C's acceptance was hollow
    "R-1": (1.0, 1.0),  # F
    "arrival.readiness": (5.0, 6.0),  # A, B, C's second, both of D; C's first never came
    "arrival.normal": (1.0, 1.0),  # F
    "K-2": (3.0, 4.0),  # A, B, C; the first repair of D did not last
    "K-3": (3.0, 3.0),  # A, B, C
    "apart.self_cleared": (1.0, 0.0),  # E
    "hollow": (1.0, 0.0),  # C
}
DECEMBER = {"K-2": (1.0, 2.0), "K-3": (1.0, 2.0)}  # the second round of D, due on the first at six; F, due at noon, never done


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    return rehearsed(tmp_path_factory.mktemp("team"))


def test_the_figures_are_those_worked_out_by_hand(records: Records) -> None:
    """K-2, K-3, K-4, R-1, R-2."""
    assert table(records, "2026-11") == NOVEMBER
    assert table(records, "2026-12") == DECEMBER
    assert table(records, "2026-10") == {}


def test_a_limit_is_missed_at_its_very_second(records: Records) -> None:
    minutes = {("response", "readiness"): 15, ("response", "normal"): 30, ("arrival", "readiness"): 30, ("arrival", "normal"): 60}
    missed = 0
    rows = records.db.execute(
        "SELECT c.name, o.severity, c.started_ns, c.due_ns, c.breached_ns, c.stopped_ns FROM clock c JOIN work_order o ON o.id = c.work_order"
    )
    for name, severity, started_ns, due_ns, breached_ns, stopped_ns in rows:
        assert due_ns == started_ns + minutes.get((name, severity), 24 * 60) * MINUTE_NS
        assert breached_ns in (None, due_ns)
        assert (breached_ns is None) == (stopped_ns is not None and stopped_ns <= due_ns), (name, severity)
        missed += breached_ns is not None
    assert missed == 2  # B's response, F's repair; C's arrival was begun anew by who came


def test_item_time_adds_up_to_every_second_of_every_day(records: Records) -> None:
    """K-1: the pump was out while its phase was gone, twice an hour; each day has its seconds once."""
    found = read(records, load_site(FOLDER / "site.yaml"), period("2026-11-29..2026-11-30", ZONE), records.row("position")["wall_ns"])  # type: ignore[index]
    sums = {(one.equipment, one.item): one for one in found.items}
    assert all(abs(one.whole_ns - 2 * 86_400 * NS) <= 240 * NS for one in sums.values())
    pump = [one.faulted_ns / NS / 60 for (machine, _), one in sums.items() if machine == "fp-1" and one.faulted_ns]
    assert pump and all(abs(minutes - 120) <= 12 for minutes in pump), pump
    days = [row for row in found.days if row.system == "fire"]
    assert [row.heads_usable == row.heads for row in days] == [True, True] and all(row.heads for row in days)


@pytest.mark.soak
def test_killing_the_engine_again_and_again_changes_no_figure(records: Records, tmp_path: Path) -> None:
    kills = "".join(
        f"  - {{at: {minute}m, monitor: {{service: rules, fault: kill}}}}\n"
        for minute in (60, 121, 133, 301, 361, 377, 607, 637, 1203, 1299, 1801, 1990, 2161, 2181, 3601)
    )
    with closing(rehearsed(tmp_path / "killed", kills)) as killed:
        assert (table(killed, "2026-11"), table(killed, "2026-12")) == (NOVEMBER, DECEMBER)
        wanted, got = (
            sorted(
                one.db.execute(
                    "SELECT o.equipment, c.name, c.round, c.started_ns, c.due_ns, c.stopped_ns, c.breached_ns FROM clock c JOIN work_order o ON o.id = c.work_order"
                )
            )
            for one in (records, killed)
        )
        assert got == wanted
        one, other = (
            read(each, load_site(FOLDER / "site.yaml"), period("2026-11", ZONE), records.row("position")["wall_ns"]).figures
            for each in (records, killed)
        )  # type: ignore[index]
        assert [figure for figure in one["figures"] if figure["clause"] == "K-1"] == [
            figure for figure in other["figures"] if figure["clause"] == "K-1"
        ]


def test_a_late_step_would_be_seen(tmp_path: Path) -> None:
    """The control: the same team, A accepted after the limit."""
    text = (FOLDER / "team.yaml").read_text("utf-8")
    assert "{at: 125m," in text
    (tmp_path / "late").mkdir()
    scenario = tmp_path / "late" / "team.yaml"
    scenario.write_text(
        text.replace("{at: 125m,", "{at: 150m,").replace("{at: 140m,", "{at: 155m,").replace("days: 2.6", "days: 0.2"), "utf-8"
    )
    site = load_site(FOLDER / "site.yaml")
    Rehearsal(
        FOLDER / "site.yaml", site, load_scenario(scenario, site), None, EVERY_S, tmp_path / "late", lambda line: None, direct=True
    ).run()
    with closing(Records.open(tmp_path / "late" / "records.db", readonly=True)) as late:
        assert table(late, "2026-11")["R-2"] == (0.0, 1.0)
