"""What a device kept while it had no network: stored in its place in history, however late it comes; live values stay the newest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from collector.intake import Intake
from collector.mqtt_packets import Publish
from collector.publishers import publishers
from plantroom.clock import NS, SystemClock
from plantroom.history import open_history
from plantroom.journal import Journal
from plantroom.journal.record import encode_batch
from plantroom.kinds import load_kind
from plantroom.profile_file import parse_profile
from plantroom.site import Binding, Device
from rules.book import pack
from rules.evaluate import KindEvaluator
from rules.virtual import machine

PROFILE = """profile: keeper
model: M
kind: generator
source: {document: d}
mqtt: {topic: "t/{device}", at: ts, at_format: s, rows: kept}
points: {fuel_level: {path: level, unit: "%"}}
"""


@pytest.mark.parametrize(("order", "late"), [([0, -3600, -3540, -10], 3), ([-3600, -3540, -10, 0], 0)])
def test_old_data_stands_in_its_place_and_is_never_fresh(tmp_path: Path, order: list[int], late: int) -> None:
    profile, clock, kind = parse_profile(PROFILE, "keeper.yaml"), SystemClock(), load_kind("generator")
    binding = Binding("gen-1.fuel_level", "d", "fuel_level", kind.points["fuel_level"], period_s=10.0)
    at = clock.read()
    it = Intake("b", publishers([(Device("d", profile, "b"), [binding])]), 10_000, 1000.0, at.boot_ns / NS)
    now_s = at.wall_ns // NS
    batches = []
    for offset in order:
        payload = json.dumps({"kept": [{"ts": now_s + offset, "level": 50 + offset / 100}]}).encode()
        batches += it.take(Publish(b"t/d", payload, 1, 1, False, False, len(payload)), at)
    folder = tmp_path / "site"
    with Journal(folder / "journal", clock).writer("collect") as writer:
        writer.append([encode_batch(batch) for batch in batches])
    history = open_history(folder)
    series = history.query(["gen-1.fuel_level"], (now_s - 7200) * NS, (now_s + 1) * NS)["gen-1.fuel_level"]
    history.close()
    assert [round(ns / NS) - now_s for ns in series.at_ns.tolist()] == [-3600, -3540, -10, 0]
    assert series.last.tolist() == pytest.approx([14.0, 14.6, 49.9, 50.0])
    assert all(batch.stamped for batch in batches), "only what the device has stamped can be late"
    evaluator = KindEvaluator(kind, [machine(kind, ["fuel_level"], 10.0, id="gen-1")], pack().for_kind("generator"))
    rows, columns = np.array([0]), np.array([evaluator.columns["fuel_level"]])
    for batch in batches:
        evaluator.step(rows, batch.at_ns, batch.values, batch.quality, columns)
    assert evaluator.late == late, "what is older than the newest is not judged"
