"""`rehearse --wire disturbed`: the same lines and the same journal, record for record, as over the full wire; and what would show it if not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plantroom.cli import run
from plantroom.site_file import load_site
from simulators.direct_lines_commands import DirectLines
from simulators.gathering import Gathering
from simulators.gauges import Gauges
from simulators.upsets import UPSETS
from simulators.wire import OF_MODBUS, OF_PUBLISHERS
from tests.kit.hundred import site_text
from tests.kit.plant import TOWER
from tests.kit.rehearsals import Rehearsed, rehearsed

SHIPPED = Path(__file__).parents[2] / "simulators"
SCENARIOS = SHIPPED / "scenarios"

# Two machines on a line that is disturbed, one on a line of its own, a debounced contact, two lifts that publish.
HUT = """\
site: {id: hut, name: 小站, zone: Asia/Shanghai, language: zh, practice: gb}
connections:
  - {id: bus-1, modbus_tcp: {host: 127.0.0.1, port: 1502}}
  - {id: bus-2, modbus_tcp: {host: 127.0.0.1, port: 1503}}
  - {id: broker, mqtt: {host: 127.0.0.1, port: 1883}}
channels:
  - {id: duty, type: webhook, url: 'http://127.0.0.1:9/'}
devices:
  - {id: io-1, profile: generic-32di, connection: bus-2, unit: 9}
equipment:
  - {id: gen-1, kind: generator, name: 1号发电机, profile: smartgen-hgm4000n, connection: bus-1, unit: 3}
  - {id: ahu-1, kind: ahu, name: 1号空调, profile: systemair-topvex, connection: bus-1, unit: 4}
  - id: fp-1
    kind: fire_pump
    name: 1号消防泵
    points:
      - {device: fp1-ctl}
      - {device: io-1, take: {di_7: {as: valve_suction_open, debounce: 500ms}}}
  - {id: lift-1, kind: elevator, name: 1号梯, profile: mqtt-json-elevator, connection: broker, topic: l-1}
  - {id: lift-2, kind: elevator, name: 2号梯, profile: mqtt-json-elevator, connection: broker, topic: l-2}
escalation: {night: "00:00-00:00"}
""".replace("devices:\n", "devices:\n  - {id: fp1-ctl, profile: metron-fd4, connection: bus-2, unit: 1}\n")
MINUTES = """\
seed: 31
start: 2026-03-04T10:00:00+08:00
days: %.6f
events:
"""
SHORT = MINUTES % (303.3 / 86_400) + """\
  - {at: 20s, upset: {equipment: gen-1, fault: not_in_auto, for: 90s}}
  - {at: 112s, wire: {connection: bus-1, unit: 3, fault: silence, for: 61s}}
  - {at: 65s, upset: {equipment: fp-1, fault: suction_valve_closed, for: 90s}}
  - {at: 72s, wire: {connection: broker, unit: lift-2, fault: cut, for: 60s}}
  - {at: 95s, person: {who: li.wei, does: accept, equipment: gen-1, rule: not_in_auto}}
  - {at: 160s, wire: {connection: bus-2, unit: 1, fault: stuck, for: 40s}}
  - {at: 180s, upset: {equipment: lift-1, fault: lift_common_fault, for: 60s}}
  - {at: 220s, wire: {connection: bus-1, unit: 4, fault: sentinel, for: 30s}}
"""


@pytest.fixture(scope="module")
def hut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hut")
    (folder / "hut.yaml").write_text(HUT)
    (folder / "short.yaml").write_text(SHORT)
    (folder / "quiet.yaml").write_text(MINUTES % (100 / 86_400) + "  []\n")
    return folder


@pytest.fixture(scope="module")
def full(hut: Path) -> Rehearsed:
    return rehearsed(hut / "hut.yaml", hut / "short.yaml", 5.0, direct=False)


@pytest.fixture(scope="module")
def quiet(hut: Path) -> Rehearsed:
    return rehearsed(hut / "hut.yaml", hut / "quiet.yaml", 5.0, direct=False)


def same(one: Rehearsed, other: Rehearsed) -> None:
    """The first difference, where there is one, is what is shown."""
    for n, (left, right) in enumerate(zip(one.records, other.records, strict=False)):
        assert left == right, f"record {n} of {len(one.records)}"
    assert (one.lines, one.records) == (other.lines, other.records)


def test_without_the_wire_of_what_is_well_everything_comes_out_the_same(hut: Path, full: Rehearsed) -> None:
    found = rehearsed(hut / "hut.yaml", hut / "short.yaml", 5.0, direct=True)
    same(full, found)
    raised = {(line["rule"], line["equipment"]) for line in full.lines if line["what"] == "fault.raised"}
    assert {("not_in_auto", "gen-1"), ("device_offline", "gen-1"), ("device_offline", "lift-2")} <= raised
    assert 0.3 < found.direct < 0.9  # both ways were gone, to and fro


def test_a_word_that_is_rounded_another_way_is_seen(hut: Path, quiet: Rehearsed, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Gauges.rows

    def cut_off(self: Gauges, values: Any) -> Any:
        return rows(self, np.where(values > 1.0, values - 0.4 * np.abs(self._scale), values))

    monkeypatch.setattr(Gauges, "rows", cut_off)
    with pytest.raises(AssertionError, match="record"):
        same(quiet, rehearsed(hut / "hut.yaml", hut / "quiet.yaml", 5.0, direct=True))


def test_samples_that_come_a_beat_late_are_seen(hut: Path, quiet: Rehearsed, monkeypatch: pytest.MonkeyPatch) -> None:
    put, kept = Gathering.put, list[Any]()

    def late(self: Gathering, *samples: Any) -> None:
        kept.append(samples)
        if len(kept) > 8:
            put(self, *kept.pop(0))

    monkeypatch.setattr(Gathering, "put", late)
    with pytest.raises(AssertionError, match="record"):
        same(quiet, rehearsed(hut / "hut.yaml", hut / "quiet.yaml", 5.0, direct=True))


def test_a_line_left_without_its_wire_while_it_is_disturbed_is_seen(hut: Path, full: Rehearsed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DirectLines, "_wake", lambda self, own: None)
    with pytest.raises(AssertionError, match="record"):
        same(full, rehearsed(hut / "hut.yaml", hut / "short.yaml", 5.0, direct=True))


def test_beats_too_short_for_it_are_refused(hut: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rehearse", str(hut / "hut.yaml"), "--scenario", str(hut / "quiet.yaml"), "--wire", "disturbed"]) == 2
    assert "--every" in capsys.readouterr().err


# The long form.


@pytest.mark.soak
@pytest.mark.parametrize(("site", "scenario", "every_s"), [
    (TOWER, "bad_night", 5.0),
    (TOWER, "flood", 5.0),
    (TOWER, "twelve", 5.0),
    (SHIPPED / "sites" / "plantrooms.yaml", "plantrooms", 10.0),
    (SHIPPED / "sites" / "plantrooms.yaml", "plantrooms", 60.0),
])  # fmt: skip
def test_a_ready_scenario_comes_out_the_same(site: Path, scenario: str, every_s: float) -> None:
    full = rehearsed(site, SCENARIOS / f"{scenario}.yaml", every_s, direct=False)
    same(full, rehearsed(site, SCENARIOS / f"{scenario}.yaml", every_s, direct=True))


@pytest.mark.soak
def test_a_quiet_day_of_a_hundred_machines_comes_out_the_same(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(site_text())
    (tmp_path / "day.yaml").write_text(MINUTES % 1.0 + "  []\n")
    full, direct = (rehearsed(tmp_path / "site.yaml", tmp_path / "day.yaml", 60.0, direct=way) for way in (False, True))
    same(full, direct)
    assert direct.direct > 0.99


def of_each_kind(site: Path) -> Iterator[str]:
    """One upset of each kind of machine and of wire, one after the other."""
    loaded, at_s = load_site(site, env={}), 60
    for kind, upsets in UPSETS.items():
        machine = next((e.id for e in loaded.equipment.values() if e.kind.name == kind and e.monitored), None)
        for fault in upsets if machine is not None else ():
            yield f"  - {{at: {at_s}s, upset: {{equipment: {machine}, fault: {fault}, for: 120s}}}}\n"
            at_s += 47
    for connection in loaded.connections:
        published = connection == "broker"
        for fault in OF_PUBLISHERS if published else OF_MODBUS:
            unit = next(d.id if published else d.unit for d in loaded.devices.values() if d.connection == connection)
            yield f"  - {{at: {at_s}s, wire: {{connection: {connection}, unit: {unit}, fault: {fault}, for: 73s}}}}\n"
            at_s += 151


@pytest.mark.soak
@pytest.mark.parametrize("every_s", [5.0, 60.0])
@pytest.mark.parametrize("site", [TOWER, SHIPPED / "sites" / "plantrooms.yaml"], ids=["tower", "plantrooms"])
def test_upsets_of_every_kind_come_out_the_same(site: Path, every_s: float, tmp_path: Path) -> None:
    path = tmp_path / "each.yaml"
    path.write_text(MINUTES.replace("days: %.6f\n", "") + "".join(of_each_kind(site)))
    same(*(rehearsed(site, path, every_s, direct=way) for way in (False, True)))
