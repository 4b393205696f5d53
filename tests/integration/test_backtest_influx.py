"""A back-test over a real InfluxDB, filled in the form our own writer gives it: the same findings as from a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from plantroom.clock import NS, iso
from plantroom.errors import BadInput
from plantroom.site import Site
from plantroom.site_file import load_site
from rules.backtest import Backtest, Event
from rules.book import pack
from rules.histories import open_history
from tests.kit.influxd import Influxd

pytestmark = pytest.mark.needs("influxd")

START = 1_772_323_200 * NS  # 2026-03-01
SITE = """\
site: {id: hq, name: HQ, zone: UTC, language: en, practice: gb}
equipment:
  - {id: gen-1, kind: generator, name: G1}
"""


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with Influxd(tmp_path_factory.mktemp("influxd")) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.yaml").write_text(SITE)
    return load_site(tmp_path / "site.yaml")


def found(site: Site, where: str, env: dict[str, str] | None = None) -> list[Event]:
    with closing(open_history(where, site, env or {})) as history:
        return list(Backtest(site, pack(), only={"not_in_auto", "low_fuel"}).run(history, None, START + 4 * 86_400 * NS))


def test_influxdb_gives_what_a_table_gives(influx: Influxd, site: Site, tmp_path: Path) -> None:
    influx.create("plant")
    lines, rows = [], []
    for n in range(3 * 1440):
        at, mode, fuel = START + n * 60 * NS, 2.0 if n % 1000 > 900 else 1.0, 60.0 - n / 100
        lines.append(f"generator,site=hq,equipment=gen-1 control_mode={mode},fuel_level={fuel} {at}")
        lines.append(f"generator,site=elsewhere,equipment=gen-1 control_mode=2.0 {at}")
        rows.append(f"{iso(at)},{mode:g},{fuel}\n")
    answer = httpx.post(
        f"{influx.url}/write", params={"db": "plant", "precision": "ns"}, content="\n".join(lines), timeout=60, trust_env=False
    )
    assert answer.status_code == 204
    csv = tmp_path / "h.csv"
    csv.write_text("time,gen-1.control_mode,gen-1.fuel_level\n" + "".join(rows))
    expected = found(site, str(csv))
    assert len(expected) > 6
    assert found(site, f"influx:{influx.url}/plant") == expected


def test_a_database_that_is_not_there_is_refused(influx: Influxd, site: Site) -> None:
    with pytest.raises(BadInput, match="database not found"):
        found(site, f"influx:{influx.url}/nothing")
    with pytest.raises(BadInput, match="does not answer"):
        found(site, "influx:http://127.0.0.1:9/plant")
