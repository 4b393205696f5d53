"""Rules over a table of history: the same findings as live, in the order of time, and clear words about a bad table."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from plantroom.clock import NS, iso, to_ns
from plantroom.errors import BadInput
from plantroom.model import Batch
from plantroom.site import Site
from plantroom.site_file import load_site
from rules.applies import settings_of
from rules.backtest import Backtest, Event
from rules.book import pack
from rules.condition import State, Transition
from rules.evaluate import KindEvaluator
from rules.history_csv import HistoryFile, instant_ns
from rules.table import Table
from rules.virtual import bound

SITE = """\
site: {id: lab, name: Lab, zone: UTC, language: en, practice: gb}
equipment:
  - {id: gen-1, kind: generator, name: G1, parameters: {low_fuel.limit: 30}}
  - {id: gen-2, kind: generator, name: G2, rules_off: {not_in_auto: "in overhaul until May"}}
  - {id: ahu-1, kind: ahu, name: A1}
"""
NIGHT = datetime(2026, 3, 1, tzinfo=UTC)
Write = Callable[[str], Path]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.yaml").write_text(SITE)
    return load_site(tmp_path / "site.yaml")


@pytest.fixture
def table(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "history.csv"
        path.write_text(text)
        return path

    return write


def at(seconds: float) -> str:
    return iso(to_ns(NIGHT + timedelta(seconds=seconds)))


def told(events: list[Event]) -> list[tuple[str, str, str, str]]:
    return [(iso(e.at_ns)[11:19], e.event, e.rule, e.equipment) for e in events]


def run(site: Site, history: Path, **span: int) -> list[Event]:
    with closing(Table(HistoryFile(history, site.equipment))) as found:
        return list(Backtest(site, pack()).run(found, **span))


def rows(header: str, every_s: float, cells: list[str]) -> str:
    return f"time,{header}\n" + "".join(f"{at(n * every_s)},{cell}\n" for n, cell in enumerate(cells))


def test_a_fault_is_raised_and_cleared_at_its_own_instants(site: Site, table: Write) -> None:
    events = run(site, table(rows("gen-1.control_mode", 10, ["auto"] * 3 + ["manual"] * 12 + ["1"] * 6)))
    assert told(events) == [("00:01:30", "raised", "not_in_auto", "gen-1"), ("00:02:35", "cleared", "not_in_auto", "gen-1")]
    assert [iso(event.since_ns)[11:19] for event in events] == ["00:00:30", "00:00:30"]
    assert events[0].severity == "readiness"


def test_patience_runs_full_between_the_rows_as_it_would_live(site: Site, table: Write) -> None:
    """Rows a minute apart; `for: 30s` of points that come so seldom is one and a half minutes, full half a minute after the row."""
    cells = ["80,1"] * 3 + ["80,0"] * 3 + ["80,1"] * 3
    events = run(site, table(rows("ahu-1.fan_cmd,ahu-1.fan_status", 60, cells)))
    assert told(events) == [("00:04:30", "raised", "fan_fail_to_start", "ahu-1"), ("00:06:10", "cleared", "fan_fail_to_start", "ahu-1")]


def test_a_duration_turns_between_the_rows_too(site: Site, table: Write) -> None:
    """30 min after the fan's start at 00:02 plus 10 min of patience, though rows come every 7 minutes only."""
    cells = ["14,14,0"] + ["25,14,1"] * 9
    events = run(site, table(rows("ahu-1.supply_temp,ahu-1.supply_temp_sp,ahu-1.fan_status", 420, cells)))
    (high,) = (event for event in events if event.rule == "supply_temp_high")
    assert told([high]) == [("00:47:00", "raised", "supply_temp_high", "ahu-1")]
    assert iso(high.since_ns) == "2026-03-01T00:37:00.001Z"


def test_the_last_rows_hold_for_one_more_spacing(site: Site, table: Write) -> None:
    events = run(site, table(rows("ahu-1.fan_cmd,ahu-1.fan_status", 60, ["80,1"] * 3 + ["80,0"] * 2)))
    assert told(events) == [("00:04:30", "raised", "fan_fail_to_start", "ahu-1")]


def test_each_machine_has_its_own_parameters_and_rules_switched_off(site: Site, table: Write) -> None:
    header = "gen-1.fuel_level,gen-2.fuel_level,gen-1.control_mode,gen-2.control_mode"
    events = run(site, table(rows(header, 30, ["27,27,auto,off"] * 8)))
    assert told(events) == [("00:01:00", "raised", "low_fuel", "gen-1")]


def test_empty_cells_and_nan_are_no_samples_and_their_silence_is_heard(site: Site, table: Write) -> None:
    cells = ["20,50"] * 10 + [",50"] * 5 + ["nan,50"] * 55 + ["20,50"] * 60
    events = run(site, table(rows("gen-1.fuel_level,gen-2.fuel_level", 1, cells)))
    assert told(events) == [
        ("00:00:39", "raised", "device_offline", "gen-1"),  # 30 s after the last answer at :09
        ("00:01:40", "cleared", "device_offline", "gen-1"),
        ("00:01:56", "raised", "low_fuel", "gen-1"),
    ]  # low_fuel: 60 s known below, 14 s before the value went stale and 46 s after the gap


def test_a_thinned_point_holds_up_to_its_heartbeat(site: Site, table: Write) -> None:
    cells = [("manual" if n % 60 == 0 else "") + ",1500" for n in range(300)]
    events = run(site, table(rows("gen-1.control_mode,gen-1.engine_speed", 1, cells)))
    assert told(events) == [("00:01:30", "raised", "not_in_auto", "gen-1")]  # `for` is 60 s: the second look, and half a period


def test_a_recorder_that_was_off_makes_no_machine_silent(site: Site, table: Write) -> None:
    day = rows("gen-1.fuel_level", 60, ["50"] * 10)
    later = "".join(f"{at(86_400 + n * 60)},50\n" for n in range(10))
    assert run(site, table(day + later)) == []
    hole = "".join(f"{at(3_600 + n * 60)},50\n" for n in range(10))
    assert [event.rule for event in run(site, table(day + hole))] == ["device_offline"] * 2


def test_a_fault_is_held_over_a_pause_of_the_recorder(site: Site, table: Write) -> None:
    text = rows("gen-1.fuel_level", 60, ["20"] * 10) + "".join(f"{at(86_400 + n * 60)},80\n" for n in range(10))
    assert [(event.event, iso(event.at_ns)[8:16]) for event in run(site, table(text))] == [("raised", "01T00:01"), ("cleared", "02T00:01")]


def test_a_span_is_warm_when_it_begins(site: Site, table: Write) -> None:
    history = table(rows("gen-1.control_mode", 10, ["off"] * 30 + ["auto"] * 30))
    whole = run(site, history)
    assert len(whole) == 2
    middle = instant_ns(at(200))
    assert run(site, history, start_ns=middle) == whole[1:]
    assert run(site, history, end_ns=middle) == whole[:1]
    assert run(site, history, start_ns=instant_ns(at(60)), end_ns=instant_ns(at(61))) == whole[:1]


def test_a_compressed_table_gives_the_same(site: Site, table: Write, tmp_path: Path) -> None:
    plain = table(rows("gen-1.control_mode", 10, ["off"] * 30))
    packed = tmp_path / "history.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert run(site, packed) == run(site, plain) != []


def test_rows_at_one_instant_and_zones_other_than_utc_are_read(site: Site, table: Write) -> None:
    text = "time,gen-1.control_mode,gen-1.fuel_level\n" + "".join(
        f"2026-03-01T08:00:{n:02d}+08:00,off,\n2026-03-01 00:00:{n:02d},,50\n" for n in range(60)
    )
    assert run(site, table(text + "2026-03-01T00:01:00Z,off,50\n2026-03-01T00:01:01Z,off,50\n"))[0].rule == "not_in_auto"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "is empty"),
        ("when,gen-1.fuel_level\n", 1, "first column must be `time`"),
        ("time;gen-1.fuel_level\n", 1, "first column must be `time`, and the cells are parted by commas"),
        ("time\n", 1, "names no points"),
        ("time,gen-9.fuel_level\n", 1, "'gen-9' is no equipment of the site; did you mean"),
        ("time,gen-1.fuel\n", 1, "'fuel' is no point of generator"),
        ("time,fuel_level\n", 1, "columns are equipment.point"),
        ("time,gen-1.fuel_level,gen-1.fuel_level\n", 1, "stands twice"),
        ("time,gen-1.fuel_level\n2026-03-01T00:00:00Z,50\nyesterday,50\n", 3, "'yesterday' is no instant"),
        ("time,gen-1.fuel_level\n2026-03-01T00:00:10Z,50\n2026-03-01T00:00:00Z,50\n", 3, "earlier than the row before"),
        ("time,gen-1.fuel_level\n2026-03-01T00:00:10Z,50,60\n", 2, "has 3 cells where the header has 2"),
        ("time,gen-1.fuel_level\n2026-03-01T00:00:10Z,full\n", 2, "'full' is no value of fuel_level; write a number"),
        ("time,gen-1.fuel_level\n2026-03-01T00:00:10Z,inf\n", 2, "leave the cell empty"),
        ("time,gen-1.control_mode\n2026-03-01T00:00:10Z,automatic\n", 2, "did you mean 'auto'"),
        ('time,gen-1.fuel_level\n2026-03-01T00:00:10Z,"50\n', 2, "cannot be read as CSV"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_with_its_line(site: Site, table: Write, text: str, line: int, says: str) -> None:
    history = table(text)
    with pytest.raises(BadInput) as caught:
        run(site, history)
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == (str(history), line)
    assert says in problem.text


def test_a_missing_or_damaged_file_is_refused(site: Site, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        run(site, tmp_path / "none.csv")
    torn = tmp_path / "torn.csv.gz"
    torn.write_bytes(gzip.compress(rows("gen-1.fuel_level", 1, ["50"] * 5000).encode())[:-500])
    with pytest.raises(BadInput, match="cannot be read"):
        run(site, torn)


def test_twenty_bad_cells_are_enough(site: Site, table: Write) -> None:
    with pytest.raises(BadInput) as caught:
        run(site, table(rows("gen-1.fuel_level", 1, ["x"] * 100)))
    assert len(caught.value.problems) == 20


def test_a_table_of_what_was_seen_live_gives_the_same_faults_to_the_tick(site: Site, table: Write) -> None:
    """Rows of 2 s with gaps and bad stretches: stepped with a tick each second as the engine does, and as a table without ticks."""
    random = np.random.default_rng(11)
    columns = ("control_mode", "engine_speed", "oil_pressure", "fuel_level", "mains_ok")
    cells, state = [], {"control_mode": 1.0, "engine_speed": 0.0, "oil_pressure": 0.0, "fuel_level": 50.0, "mains_ok": 1.0}
    choices = {"control_mode": [1, 2], "engine_speed": [0, 1500], "oil_pressure": [80, 300], "fuel_level": [8, 28, 50], "mains_ok": [0, 1]}
    gap = 0
    for _ in range(1200):
        name = str(random.choice(columns))
        if random.random() < 0.02:
            state[name] = float(random.choice(choices[name]))
        gap = int(random.integers(5, 60)) if random.random() < 0.01 else gap - 1
        cells.append([np.nan if gap > 0 else state[name] for name in columns])
    rule_set = pack().for_kind("generator")
    machine = bound(site.equipment["gen-1"], dict.fromkeys(columns, 2.0))
    live = KindEvaluator(machine.kind, [machine], rule_set, settings_of(site))
    place = np.array([live.columns[name] for name in columns])
    moved: list[Transition] = []
    start = to_ns(NIGHT)
    for number, row in enumerate(cells):
        now = start + number * 2 * NS
        values = np.array([row])
        if not np.isnan(values).all():
            quality = np.where(np.isnan(values), Batch.ABSENT, 0).astype(np.uint8)
            moved += live.step(np.array([0]), np.array([now]), values, quality, place)
        for half in (1, 3):
            moved += live.tick(now + half * NS // 2)
    header = ",".join(f"gen-1.{name}" for name in columns)
    text = [",".join("" if cell != cell else f"{cell:g}" for cell in row) for row in cells]
    found = [(e.rule, e.event, e.at_ns) for e in run(site, table(rows(header, 2, text)), end_ns=start + 2399 * NS)]
    seen = [
        (t.rule, "raised" if t.after is State.ACTIVE else "cleared", t.at_ns)
        for t in moved
        if (t.after is State.ACTIVE and t.before is not State.RECOVERING) or (t.after is State.CLEARED and t.before is not State.PENDING)
    ]
    assert {rule for rule, _, _ in found} >= {"low_fuel", "not_in_auto", "low_oil_pressure", "device_offline"}
    for rule in {rule for rule, _, _ in (*found, *seen)}:
        mine, theirs = ([(event, at_ns) for name, event, at_ns in story if name == rule] for story in (found, seen))
        assert [event for event, _ in mine] == [event for event, _ in theirs], rule
        assert all(abs(a - b) <= NS for (_, a), (_, b) in zip(mine, theirs, strict=True)), rule
