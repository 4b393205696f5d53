"""A fleet of devices, a tenth of them mad, with kills of the collector and restarts of the broker: the journal is what the devices said."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from random import Random

import pytest

from tests.kit.fleet_house import Fleet, Verdict, faulty_share, lies
from tests.kit.mosquitto import Mosquitto

pytestmark = pytest.mark.needs("mosquitto")


def live(folder: Path, *, lines: int, units: int, period_s: float, publishers: int, seconds: float, kills: int, restarts: int) -> Verdict:
    """Kills and restarts fall into the first three quarters; memory is looked at over the rest."""
    chance = Random(3)
    kept = tempfile.TemporaryDirectory(prefix="fleet-broker-")  # pytest's folders are closed to mosquitto, which gives up root
    broker = Mosquitto(Path(kept.name))
    broker.start()
    fleet = Fleet(folder, lines, units, period_s, broker.port, publishers)
    try:
        fleet.start()
        fleet.publish()
        began = time.monotonic()
        troubles = sorted((chance.uniform(0.05, 0.7) * seconds, what) for what in ["kill"] * kills + ["broker"] * restarts)
        for at, what in troubles:
            time.sleep(max(0.0, began + at - time.monotonic()))
            if what == "kill":
                fleet.kill()
            else:
                broker.stop()
                time.sleep(chance.uniform(0.2, 1.5))  # devices have something to keep meanwhile
                broker.start()
        time.sleep(max(0.0, began + 0.75 * seconds - time.monotonic()))
        first = fleet.rss_kib()
        time.sleep(max(3.5, began + seconds - time.monotonic()))
        last = fleet.rss_kib()
        fleet.stop()
        truth = fleet.truth()
        for what, lie in lies(truth).items():
            found = fleet.held_against(lie).wrong
            assert any(what in wrong for wrong in found), f"control: {what} was not found in {found}"
        verdict = fleet.held_against(truth)
        verdict.counts["KiB resident at three quarters"], verdict.counts["KiB resident at the end"] = first, last
        return verdict
    finally:
        fleet.close()
        broker.kill()
        kept.cleanup()


def told(verdict: Verdict) -> str:
    return ", ".join(f"{value:,} {name}" for name, value in sorted(verdict.counts.items()))


def test_what_stands_in_the_journal_is_what_the_devices_said(tmp_path: Path) -> None:
    assert faulty_share(8, 10) == 0.1
    verdict = live(tmp_path, lines=8, units=10, period_s=0.5, publishers=5, seconds=6, kills=1, restarts=1)
    print(told(verdict))
    assert not verdict.wrong, verdict.wrong
    assert verdict.counts["devices"] == 80 and verdict.counts["restarts declared"] == 1
    assert verdict.counts["good"] > 400 and verdict.counts["bad"] > 10 and verdict.counts["published"] > 10


@pytest.mark.soak
def test_half_an_hour_of_a_thousand_devices(tmp_path: Path) -> None:
    seconds = float(os.environ.get("PLANTROOM_FLEET_S", "1800"))
    verdict = live(tmp_path, lines=50, units=20, period_s=2.0, publishers=50, seconds=seconds, kills=round(seconds / 200), restarts=round(seconds / 300))
    print(told(verdict))
    assert not verdict.wrong, verdict.wrong
    assert verdict.counts["devices"] == 1000
    assert verdict.counts["KiB resident at the end"] < 1.05 * verdict.counts["KiB resident at three quarters"], told(verdict)
