"""What the engine raised live and what a back-test of the same journal raises are the same faults, at the same instants, over a week."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.clock import NS
from plantroom.site_file import load_site
from rules.backtest import Backtest
from rules.book import pack
from rules.histories import open_history
from simulators.rehearse_commands import Rehearsal
from simulators.scenario import load_scenario
from tests.simulation.test_ready_sites import MORNING, ROOMS

EVENTS = MORNING.read_text("utf-8").partition("events:\n")[2].splitlines()
SILENCE = "  - {at: 31m, wire: {connection: cold-plant, fault: silence, for: 4m}}"


def scenario(days: int, length_days: float) -> str:
    """The morning of the plant rooms with a line that falls silent, each day at the same hour."""
    lines = [line.split("#")[0].rstrip() for line in [*EVENTS, SILENCE] if line.strip()]
    every_day = [line.replace("{at: ", f"{{at: {day}d") if day else line for day in range(days) for line in lines]
    return f"seed: 5\nstart: 2026-07-15T10:00:00+08:00\ndays: {length_days}\nevents:\n" + "\n".join(every_day) + "\n"


@pytest.mark.parametrize(
    ("days", "length_days", "every_s", "least"),
    [(1, 0.03, 10.0, 15), pytest.param(7, 7.0, 60.0, 80, marks=pytest.mark.soak)],
    ids=["a morning", "a week"],
)
def test_live_and_back_test_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, length_days: float, every_s: float, least: int
) -> None:
    site = load_site(ROOMS, env={})
    played = tmp_path / "scenario.yaml"
    played.write_text(scenario(days, length_days), "utf-8")
    monkeypatch.setattr(Rehearsal, "_keep", lambda self: None)  # the whole journal is what is read again
    folder = tmp_path / "data" / site.id
    folder.mkdir(parents=True)
    rehearsal = Rehearsal(ROOMS, site, load_scenario(played, site), None, every_s, folder, lambda line: None)
    live: dict[tuple[str, str], list[tuple[int, int | None]]] = {}

    def read() -> None:
        rows = "SELECT equipment, rule, onset_ns, ended_ns FROM fault WHERE kind NOT IN ('monitor', 'connection', 'bank') ORDER BY onset_ns"
        for machine, rule, onset, ended in rehearsal.records.db.execute(rows):
            live.setdefault((machine, rule), []).append((onset, ended))

    result = rehearsal._result
    monkeypatch.setattr(rehearsal, "_result", lambda end_ns: (read(), result(end_ns))[1])
    rehearsal.run()
    last = rehearsal.agenda.now_ns - round(3 * every_s * NS)

    history = open_history(str(folder.parent), rehearsal.site, {})
    past: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
    for event in Backtest(rehearsal.site, pack()).run(history):
        stories = past.setdefault((event.equipment, event.rule), [])
        if event.event == "raised":
            stories.append((event.since_ns, None))
        elif event.event == "cleared":
            stories[-1] = (stories[-1][0], event.at_ns)
    history.close()

    assert sum(map(len, live.values())) >= least
    assert settled(past, last).keys() == settled(live, last).keys()
    for of, stories in settled(live, last).items():
        theirs = settled(past, last)[of]
        assert len(theirs) == len(stories), (of, stories, theirs)
        for (onset, ended), (other_onset, other_ended) in zip(stories, theirs, strict=True):
            assert abs(onset - other_onset) <= every_s * NS, (of, onset, other_onset)
            assert (ended is None) == (other_ended is None), of
            assert ended is None or other_ended is None or abs(ended - other_ended) <= every_s * NS, (of, ended, other_ended)


def settled(
    stories: dict[tuple[str, str], list[tuple[int, int | None]]], last_ns: int
) -> dict[tuple[str, str], list[tuple[int, int | None]]]:
    """Without what began or ended at the very end, where one of the two has not yet seen it."""
    cut = {of: [(on, off if off is None or off < last_ns else None) for on, off in some if on < last_ns] for of, some in stories.items()}
    return {of: some for of, some in cut.items() if some}
