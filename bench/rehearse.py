"""Rehearsal: CPU seconds for so many machines and hours, scaled to the two aims: 100 machines for a week at 5 s, for a month at 60 s.

`python bench/rehearse.py [--minutes 20] [--hours 4] [--full]`: how long is rehearsed at 5 s and at 60 s; full = the two whole aims.
Start-up (site, rules, frames) is counted apart: a long rehearsal has it once.
"""

from __future__ import annotations

import argparse
import sys
import time
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
SEED = 11
START = "2026-04-01T08:00:00+08:00"


def run(file: Path, site: Site, every_s: float, hours: float) -> tuple[float, int]:
    """(CPU s, faults raised) of a rehearsal in which nothing is made to fail."""
    where = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="plantroom-bench-", dir=where) as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(f"seed: {SEED}\nstart: {START}\ndays: {hours / 24:.6f}\nevents: []\n")
        begun = time.process_time()
        result = Rehearsal(file, site, load_scenario(path, site), None, every_s, Path(folder), lambda line: None).run()
        return time.process_time() - begun, sum(result["kpi"]["faults"].values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="at 5 s")
    parser.add_argument("--hours", type=float, default=4.0, help="at 60 s")
    parser.add_argument("--full", action="store_true", help="the two whole aims")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with TemporaryDirectory(prefix="plantroom-bench-") as folder:
        file = Path(folder) / "site.yaml"
        file.write_text(site_text())
        site = load_site(file)
        run(file, site, AIMS[0][0], AIMS[0][0] / 3600.0)  # the first start is twice as dear as any other: not one to be subtracted
        for (every_s, whole_h, aim_s), short_h in zip(AIMS, (given.minutes / 60.0, given.hours), strict=True):
            tell(file, site, every_s, whole_h, aim_s, whole_h if given.full else short_h)
    return 0


def tell(file: Path, site: Site, every_s: float, whole_h: float, aim_s: float, hours: float) -> None:
    machines = sum(equipment.monitored for equipment in site.equipment.values())
    start_s, _ = run(file, site, every_s, every_s / 3600.0)
    whole_s, faults = run(file, site, every_s, hours)
    cpu_s, plant_h = whole_s - start_s, machines * hours
    scaled_s = cpu_s / plant_h * whole_h * 100
    print(f"every {every_s:g} s: {machines} machines, {hours:g} h each ({plant_h:g} plant hours), {faults} false alarms")
    print(f"  CPU s: start {start_s:.1f}, the rest {cpu_s:.1f} = {cpu_s / plant_h * 1000:.2f} ms a plant hour, "
          f"{cpu_s / (plant_h * 3600 / every_s) * 1e6:.0f} us a machine and beat")  # fmt: skip
    print(f"  100 machines for {whole_h / 24:g} days: {scaled_s:.0f} CPU s (aim {aim_s:g} s: {scaled_s / aim_s:.1f} times)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
