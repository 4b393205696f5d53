"""One history in different vessels gives the same findings; and what the engine recorded live is what a back-test of its journal finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from plantroom.bundle import site_in
from plantroom.clock import NS
from plantroom.errors import BadInput
from plantroom.journal.columns import frame_id_of, stack
from plantroom.journal.record import Kind
from plantroom.model import Quality
from plantroom.site import Site
from plantroom.site_file import load_site
from rules.backtest import Backtest, Event
from rules.book import pack, rulebook
from rules.histories import open_history
from rules.history import Samples, Span
from rules.history_influx import target_of
from tests.kit.engine import AT_REST, Kit
from tests.kit.telemetry import START_NS, SiteJournal

SITE = """\
site: {id: hq, name: HQ, zone: UTC, language: en, practice: gb}
connections:
  - {id: bus, modbus_tcp: {host: 127.0.0.1, port: 1502}}
equipment:
  - {id: gen-1, kind: generator, name: G1, profile: smartgen-hgm4000n, connection: bus, unit: 3}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.yaml").write_text(SITE)
    return load_site(tmp_path / "site.yaml")


def found(site: Site, where: str) -> list[Event]:
    with closing(open_history(where, site)) as history:
        return list(Backtest(site, pack()).run(history))


@pytest.mark.parametrize(
    "time",
    [
        "time::TIMESTAMP",
        "time::TIMESTAMPTZ",
        "epoch_ns(time::TIMESTAMP)",
        "time::TIMESTAMP_NS",
        "time",
        "replace(time, 'T00', 'T08').replace('Z', '+08:00')",
    ],
)
def test_a_parquet_table_gives_what_its_csv_gives(site: Site, tmp_path: Path, time: str) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    cells = [(start + timedelta(seconds=10 * n), "manual" if 30 < n < 60 else "auto", 50 - n / 10 if n % 7 else None) for n in range(300)]
    csv, parquet = tmp_path / "h.csv", tmp_path / "it's.parquet"
    rows = "".join(f"{at:%Y-%m-%dT%H:%M:%SZ},{mode},{'' if fuel is None else fuel}\n" for at, mode, fuel in cells)
    csv.write_text("time,gen-1.control_mode,gen-1.fuel_level\n" + rows)
    quoted = str(parquet).replace("'", "''")
    with duckdb.connect() as db:
        read = f"read_csv('{csv}', types={{'time': 'VARCHAR'}})"
        db.execute(f"COPY (SELECT * REPLACE ({time} AS time) FROM {read} ORDER BY random()) TO '{quoted}' (FORMAT parquet)")
    expected = found(site, str(csv))
    assert expected
    assert found(site, str(parquet)) == expected


def test_a_parquet_table_that_cannot_be_used_is_refused(site: Site, tmp_path: Path) -> None:
    def made(select: str) -> str:
        path = tmp_path / "bad.parquet"
        with duckdb.connect() as db:
            db.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        return str(path)

    for select, says in (
        ("SELECT 1 AS a", "first column must be `time`"),
        ("SELECT 1.5 AS time, 2 AS \"gen-1.fuel_level\"", "write timestamps"),
        ("SELECT 1 AS time, 2 AS \"gen-9.fuel_level\"", "is no equipment"),
        ("SELECT 1 AS time, 'full' AS \"gen-1.fuel_level\"", "is no value of fuel_level"),
        ("SELECT NULL::BIGINT AS time, 2 AS \"gen-1.fuel_level\"", "without an instant"),
        ("SELECT 1 AS time, 'inf'::DOUBLE AS \"gen-1.fuel_level\"", "infinite"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=says):
            found(site, made(select))
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(BadInput, match="cannot be read"):
        found(site, str(tmp_path / "torn.parquet"))
    with pytest.raises(BadInput, match="No such file"):
        found(site, str(tmp_path / "none.parquet"))


def test_the_own_history_is_read_sealed_or_not_with_its_bad_samples(site: Site, tmp_path: Path) -> None:
    with SiteJournal(tmp_path / "data" / "hq") as journal:
        for second in range(400):
            silent = 200 <= second < 260
            mode = Quality.NO_ANSWER if silent else float(1 if second < 30 or second > 130 else 2)
            journal.put({"gen-1.control_mode": mode, "gen-1.engine_speed": mode if silent else 0.0}, START_NS + second * NS)
        live = found(site, str(tmp_path / "data"))
        assert [(e.rule, e.event) for e in live if e.rule in ("not_in_auto", "device_offline")] == [
            ("not_in_auto", "raised"), ("not_in_auto", "cleared"), ("device_offline", "raised"), ("device_offline", "cleared"),
        ]  # fmt: skip
        store = journal.parquet()
        store.take(journal.records()[:250])
        store.seal()
        assert found(site, str(tmp_path / "data" / "hq")) == live, "part sealed, part in the journal"
    with pytest.raises(BadInput, match="holds no history of hq"):
        found(site, str(tmp_path))


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "names no `influxdb`"),
        ("http://host:8086", "write influx:http://host:8086/database"),
        ("ftp://host/db", "write influx:"),
        ("http://host/db?secret=x", "write influx:"),
        ("http://host/db?token=${NOT_THERE}", "NOT_THERE is not set"),
    ],
)
def test_an_address_of_influxdb_that_says_too_little_is_refused(site: Site, address: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        target_of(address, site, {})


def test_secrets_come_from_the_environment(site: Site) -> None:
    target = target_of("https://me:${P}@host:8086/plant", site, {"P": "open"})
    assert (target.url, target.database, target.user, target.password, target.api) == ("https://host:8086", "plant", "me", "open", 1)
    assert target_of("http://host/b?token=${T}", site, {"T": "t"}).token == "t"
    assert "open" not in repr(target)


# --- live and back-test


@dataclass
class Recorded:
    """The journal of an engine's kit as a History."""

    points: Mapping[str, tuple[str, ...]]
    machines: Mapping[str, Samples]
    devices: bool = True

    def close(self) -> None:
        pass

    def spans(self, start_ns: int | None, end_ns: int | None) -> Iterator[Span]:
        at = [samples.at_ns for samples in self.machines.values()]
        yield Span(min(int(one[0]) for one in at), max(int(one[-1]) for one in at) + NS, self.machines)


def recorded(kit: Kit) -> Recorded:
    rows: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = {}
    for record in kit.journal:
        if record.kind is Kind.TELEMETRY:
            frame = kit.frames[frame_id_of(record.body)]
            read = stack([record.body], frame)
            rows.setdefault(frame.points[0].partition(".")[0], []).append((int(read.at_ns[0]), read.values[0], read.quality[0]))
    names = tuple(AT_REST)
    machines = {
        machine: Samples(names, np.array([at for at, _, _ in some]), np.array([v for _, v, _ in some]), np.array([q for _, _, q in some]))
        for machine, some in rows.items()
    }
    return Recorded(dict.fromkeys(machines, names), machines)


@pytest.mark.parametrize("seed", [3, 8])
def test_a_back_test_of_a_journal_finds_the_faults_the_engine_recorded(tmp_path: Path, seed: int) -> None:
    """Two pumps with flapping inputs and failed reads for twenty minutes, live with a tick each second."""
    random = np.random.default_rng(seed)
    kit = Kit(tmp_path)
    config = kit.configure()
    state = {1: {}, 2: {}}  # type: dict[int, dict[str, float]]
    silent = dict.fromkeys(state, 0)
    for _ in range(1_200):
        for pump, values in state.items():
            for point in ("phase_loss", "pump_running", "jockey_fault"):
                if random.random() < 0.02:
                    values[point] = 1.0 - values.get(point, 0.0)
            silent[pump] = int(random.integers(3, 40)) if random.random() < 0.003 else silent[pump] - 1
            kit.read(None, pump, Quality.NO_ANSWER if silent[pump] > 0 else None, **values)
        kit.tick()
    kit.run()
    live = {
        (rule, machine, onset): ended
        for machine, rule, onset, ended in kit.rows("SELECT equipment, rule, onset_ns, ended_ns FROM fault WHERE kind <> 'monitor'")
    }
    site = site_in(config)
    events = list(Backtest(site, rulebook(site.files)).run(recorded(kit)))
    last = kit.clock.read().wall_ns - 2 * NS
    past: dict[tuple[str, str, int], int | None] = {
        (e.rule, e.equipment, e.since_ns): None for e in events if e.event == "raised" and e.at_ns < last
    }
    past |= {(e.rule, e.equipment, e.since_ns): e.at_ns for e in events if e.event == "cleared"}
    kit.close()
    assert len(past) > 20
    assert {key for key in past if key[2] < last - 3 * NS} == {key for key in live if key[2] < last - 3 * NS}
    for key, ended in past.items():
        theirs = live.get(key)
        if ended is not None and theirs is not None:
            assert abs(ended - theirs) <= NS, key
