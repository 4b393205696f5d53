"""Five years of 200 machines: the figures' page and the yearly report. Bar: each within 5 s.

The records are written through the real schema: a fault every two hours with its order and clocks, and for each functional item of each
machine a row a day. Measured is what people wait for: the page over HTTP from the real process, `plantroom report` as a command, its
start included. The files are opened and what they say is compared with the API. There is no peer: nobody else computes these figures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))
import httpx
from openpyxl import load_workbook
from pypdf import PdfReader

from bench.console import YEARS, five_years, site_text, web
from dashboards.console.access import Access
from dashboards.console.roles import Role
from plantroom.clock import NS, SystemClock, at_utc
from tests.kit.console_client import PASSWORD
from tests.kit.console_site import Installation

BAR_S = 5.0
DAY_NS = 86_400 * NS


def item_rows(house: Installation, machines: int) -> int:
    """A row an item and day: two in a hundred have an hour's fault, one in a hundred an hour unknown. Restore clocks beside."""
    chance = Random(7)
    today = at_utc(house.now).date()
    rows = []
    for back in range(YEARS * 365, 0, -1):
        day = (today - timedelta(days=back)).isoformat()
        for n in range(machines):
            for item in house.site.equipment[f"gen-{n}"].kind.items:
                roll = chance.random()
                faulted, unknown = (3600 * NS if roll < 0.02 else 0), (3600 * NS if 0.02 <= roll < 0.03 else 0)
                at_eight = "faulted" if roll < 0.001 else "usable"
                rows.append((f"gen-{n}", item, day, DAY_NS - faulted - unknown, faulted, unknown, "usable", 1, None, at_eight))
    with house.records.transaction():
        house.records.db.executemany("INSERT INTO item_time VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        house.records.db.execute(
            "INSERT INTO clock SELECT work_order, 'restore', round, started_ns, started_ns + 69120000000000, started_ns + 86400000000000,"
            " NULL, NULL, started_ns + 7200000000000 FROM clock WHERE name = 'response'"
        )
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="plantroom-bench-") as name:
        folder = Path(name)
        site = folder / "site.yaml"
        site.write_text(site_text(options.machines))
        house = Installation(folder / "data", site, SystemClock())
        faults, items = five_years(house, options.machines), item_rows(house, options.machines)
        house.engine_at(1)
        size = (folder / "data" / "hq" / "records.db").stat().st_size
        year = str(date.today().year - 1)  # noqa: DTZ011 (any whole year of the five)
        print(f"{options.machines} machines, {faults} faults, {items} item days, {size / 2**20:.0f} MiB; load {os.getloadavg()[0]:.1f}")
        access = Access(folder / "data" / "access.db", SystemClock())
        access.add("bench", Role.ADMIN, PASSWORD, None)
        access.close()
        with web(folder / "data") as (_, base), httpx.Client(base_url=base, headers={"origin": base}, timeout=60) as client:
            assert client.post("/login", data={"name": "bench", "password": PASSWORD, "back": "/"}).status_code == 303
            time.sleep(3)
            for path in (f"/kpi?period={year}-06", f"/kpi?period={year}", f"/kpi?period={year}&figure=R-2", f"/api/v1/kpi?period={year}"):
                begun = time.perf_counter()
                answer = client.get(path)
                took = time.perf_counter() - begun
                assert answer.status_code == 200, answer.text
                print(f"  {path:<40} {took:6.2f} s  {len(answer.content) / 1024:7.0f} KiB  {'' if took < BAR_S else 'over the bar'}")
            told = client.get(f"/api/v1/kpi?period={year}").json()["sites"][0]
        for out in ("F.pdf", "F.xlsx"):
            begun = time.perf_counter()
            command = [
                str(Path(sys.executable).parent / "plantroom"),
                "report",
                str(site),
                "--data",
                str(folder / "data"),
                "--period",
                year,
            ]
            subprocess.run([*command, "--out", str(folder / out)], check=True, stdout=subprocess.DEVNULL)
            took = time.perf_counter() - begun
            print(f"  plantroom report --period {year} {out:<8} {took:6.2f} s  {(folder / out).stat().st_size / 1024:7.0f} KiB  "
                  f"{'' if took < BAR_S else 'over the bar'}")  # fmt: skip
        rate = next(figure for figure in told["figures"] if figure["id"] == "R-2")
        rows = {row[0]: row for row in load_workbook(folder / "F.xlsx", read_only=True)["指标"].iter_rows(values_only=True)}
        text = "".join(page.extract_text() for page in PdfReader(folder / "F.pdf").pages)
        same = abs(float(str(rows["紧急故障响应率"][1])) - rate["value"]) < 1e-9 and f"{rate['value'] * 100:.1f} %" in text
        print(f"  the workbook, the pages and the API say the same: {'yes' if same else 'NO'}")
        house.close()


if __name__ == "__main__":
    main()
