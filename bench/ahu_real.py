"""The air handler rules on two measured units with known faults, day by day, beside what open-fdd says of the same days.

`python bench/ahu_real.py [--data DIR] [--set mzvav]`. The data are not part of the project (default: ../shared/data/ahu). Each day is
judged by itself, as after a repair in the night: nothing learned or left open goes from one to the next. A fault day is found when any
fault is raised on it; a normal day with one is false; the component is right when a raised rule names what was broken.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
SETS = ("mzvav", "szcav")
TEMPERATURE = {"supply_temp_high", "supply_temp_low", "cooling_short", "heating_short", "cooling_no_effect"}
NAMES: Mapping[str, set[str]] = {  # what the truth calls broken -> rules that name it
    "heating_valve_leak": {"heating_valve_leak"},
    "cooling_valve_stuck_open": {"cooling_valve_stuck_open"},
    "damper_stuck": {"damper_stuck", "damper_leaking"},
    "supply_temp_high / low": TEMPERATURE,
}
OPEN_FDD = {  # (found of fault days, false of normal days): default parameters, then Guideline 36's own tolerances
    "mzvav": ("2 of 2, 12 of 12 false", "0 of 2, 9 of 12 false"),
    "szcav": ("14 of 14, 1 of 1 false", "13 of 14, 0 of 1 false"),
}


def days(table: Path) -> Iterator[tuple[str, str, list[str]]]:
    """date, head, rows of each day of a table."""
    with gzip.open(table, "rt", encoding="utf-8") as file:
        head = file.readline()
        day: list[str] = []
        for row in file:
            if day and row[:10] != day[0][:10]:
                yield day[0][:10], head, day
                day = []
            day.append(row)
        if day:
            yield day[0][:10], head, day


def raised(site: Path, head: str, rows: list[str]) -> dict[str, str]:
    """rule -> the first time of day it was raised."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "day.csv"
        table.write_text(head + "".join(rows), "utf-8")
        command = [sys.executable, "-m", "plantroom", "backtest", str(site), "--history", str(table)]
        told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parent).stdout
    found: dict[str, str] = {}
    for line in told.splitlines():
        event = json.loads(line)
        if event.get("event") == "raised":
            found.setdefault(event["rule"], event["at"][11:16])
    return found


def score(data: Path, name: str) -> None:
    with (data / f"{name}.truth.csv").open(encoding="utf-8") as file:
        truth = {row["date"]: row for row in csv.DictReader(file)}
    faults = found = right = normal = false = 0
    for date, head, rows in days(data / f"{name}.csv.gz"):
        known = truth[date]
        said = raised(HERE / "ahu_real" / f"{name}.yaml", head, rows)
        words = ", ".join(f"{rule} {at}" for rule, at in said.items()) or "nothing"
        verdict = "left out"
        if known["use"] != "exclude" and known["fault"] == "1":
            named = bool(NAMES[known["nearest_catalogue_id"]] & set(said))
            faults, found, right = faults + 1, found + bool(said), right + named
            verdict = "named" if named else "found" if said else "MISSED"
        elif known["use"] != "exclude":
            normal, false = normal + 1, false + bool(said)
            verdict = "FALSE" if said else "quiet"
        print(
            f"  {date} {verdict:8} {known['fault_name'] or 'normal'}{' (weak label)' if known['use'] == 'score_weak' else ''}: {words}",
            flush=True,
        )
    print(f"{name}: {found} of {faults} fault days found, {right} with the right component, {false} of {normal} normal days false")
    print(f"  open-fdd 4.4.9 on the same days: {OPEN_FDD[name][0]}; with Guideline 36's tolerances {OPEN_FDD[name][1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data" / "ahu")
    parser.add_argument("--set", choices=SETS, action="append")
    given = parser.parse_args()
    for name in given.set or SETS:
        score(given.data, name)


if __name__ == "__main__":
    main()
