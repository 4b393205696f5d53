"""Rehearsal: CPU seconds for so many machines and hours, scaled to the two aims: 100 machines for a week at 5 s, for a month at 60 s.

`python bench/rehearse.py [--minutes 20] [--hours 4] [--full]`: how long is rehearsed at 5 s and at 60 s; full = the two whole aims.
Each over the full wire and, beside it, with `--wire disturbed`, which must print the same. Start-up (site, rules, frames, the first
minute, in which everything goes over the wire) is counted apart: a long rehearsal has it once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[0] = str(Path(__file__).parents[1])

import structlog  # noqa: E402

from plantroom.site import Site  # noqa: E402
from plantroom.site_file import load_site  # noqa: E402
from simulators.rehearse_commands import SHARED_MEMORY, Rehearsal  # noqa: E402
from simulators.scenario import load_scenario  # noqa: E402
from tests.kit.hundred import site_text  # noqa: E402

AIMS = ((5.0, 7 * 24.0, 600.0), (60.0, 30 * 24.0, 300.0))  # every so many s, so many hours, within so many CPU s
START_BEATS = 14  # by then every job has had a first turn and a slot
SEED = 11
START = "2026-04-01T08:00:00+08:00"


def run(file: Path, site: Site, every_s: float, hours: float, *, direct: bool) -> tuple[float, list[Mapping[str, object]]]:
    """(CPU s, what it prints) of a rehearsal in which nothing is made to fail."""
    where = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="plantroom-bench-", dir=where) as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(f"seed: {SEED}\nstart: {START}\ndays: {hours / 24:.6f}\nevents: []\n")
        lines: list[Mapping[str, object]] = []
        begun = time.process_time()
        lines.append(Rehearsal(file, site, load_scenario(path, site), None, every_s, Path(folder), lines.append, direct=direct).run())
        return time.process_time() - begun, lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="at 5 s")
    parser.add_argument("--hours", type=float, default=4.0, help="at 60 s")
    parser.add_argument("--full", action="store_true", help="the two whole aims")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    same = True
    with TemporaryDirectory(prefix="plantroom-bench-") as folder:
        file = Path(folder) / "site.yaml"
        file.write_text(site_text())
        site = load_site(file)
        run(file, site, AIMS[0][0], AIMS[0][0] / 3600.0, direct=False)  # the first start is twice as dear as any other
        for (every_s, whole_h, aim_s), short_h in zip(AIMS, (given.minutes / 60.0, given.hours), strict=True):
            same &= tell(file, site, every_s, whole_h, aim_s, whole_h if given.full else short_h)
    return 0 if same else 1


def tell(file: Path, site: Site, every_s: float, whole_h: float, aim_s: float, hours: float) -> bool:
    """Whether both ways print the same."""
    machines = sum(equipment.monitored for equipment in site.equipment.values())
    start_h = START_BEATS * every_s / 3600.0
    print(f"every {every_s:g} s: {machines} machines, {hours:g} h each ({machines * hours:g} plant hours)")
    printed: list[list[Mapping[str, object]]] = []
    taken: list[float] = []
    for direct in (False, True):
        start_s, _ = run(file, site, every_s, start_h, direct=direct)
        whole_s, lines = run(file, site, every_s, start_h + hours, direct=direct)
        printed.append(lines)
        cpu_s, plant_h = whole_s - start_s, machines * hours
        taken.append(scaled_s := cpu_s / plant_h * whole_h * 100)
        print(f"  {'disturbed wire' if direct else 'full wire'}: CPU s: start {start_s:.1f}, the rest {cpu_s:.1f} = "
              f"{cpu_s / plant_h * 1000:.2f} ms a plant hour, {cpu_s / (hours * 3600 / every_s) * 1000:.1f} ms a beat, "
              f"{cpu_s / (plant_h * 3600 / every_s) * 1e6:.0f} us a machine and beat")  # fmt: skip
        print(f"    a hundred for {whole_h / 24:g} days: {scaled_s:.0f} CPU s (aim {aim_s:g} s: {scaled_s / aim_s:.1f} times)", flush=True)
    alarms = sum(printed[0][-1]["kpi"]["faults"].values())  # type: ignore[index]
    same = printed[0] == printed[1]
    said = "the same lines" if same else "NOT THE SAME lines"
    print(f"  disturbed in {taken[1] / taken[0]:.2f} of the time; {alarms} false alarms; {said}", flush=True)
    return same


if __name__ == "__main__":
    sys.exit(main())
