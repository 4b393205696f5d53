"""The sites that ship: each is right, together they have a machine of every kind there is a plant of, and what goes wrong in them is found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plantroom.cli import run
from plantroom.site_file import load_site
from simulators.devices import plants
from simulators.scenario import UpsetEvent, load_scenario

SHIPPED = Path(__file__).parents[2] / "simulators"
SITES = sorted((SHIPPED / "sites").glob("*.yaml"))
ROOMS, MORNING = SHIPPED / "sites" / "plantrooms.yaml", SHIPPED / "scenarios" / "plantrooms.yaml"


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.stem)
def test_a_ready_site_checks_clean(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(path)]) == 0
    said = capsys.readouterr()
    assert "good" in said.out and said.err == ""


def test_every_kind_with_a_plant_stands_in_some_ready_site() -> None:
    there = {machine.kind.name for path in SITES for machine in load_site(path, env={}).equipment.values() if machine.monitored}
    assert set(plants()) - {"*"} <= there


def test_ready_sites_can_be_simulated_side_by_side() -> None:
    """No address twice, but the console's: the broker and every bus of one leave room for the other's."""
    links = [repr(connection.link) for path in SITES for connection in load_site(path, env={}).connections.values()]
    assert len(links) == len(set(links))


def test_a_morning_of_the_plant_rooms_upsets_every_kind_and_all_of_it_is_found() -> None:
    site = load_site(ROOMS, env={})
    upset = {site.equipment[e.what.equipment].kind.name for e in load_scenario(MORNING, site).events if isinstance(e.what, UpsetEvent)}
    assert upset == {machine.kind.name for machine in site.equipment.values() if machine.monitored}
    command = [sys.executable, "-m", "plantroom", "rehearse", str(ROOMS), "--scenario", str(MORNING), "--every", "10"]
    done = subprocess.run(command, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    score = lines[-1]["score"]
    assert (score["missed"], score["false"], score["found"]) == ([], [], score["caused"])
    joined = {line["fault"] for line in lines if line["what"] == "fault.joined"}
    raised = {line["fault"]: (line["equipment"], line["rule"]) for line in lines if line["what"] == "fault.raised"}
    assert {("chiller-1", "chiller_trip"), ("tower-1", "fan_drive_fault")} <= {raised[fault] for fault in joined}  # of the lost phase that feeds them
