"""Item time: every second of a live machine's item is usable, faulted or unknown, once, by the site's local days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.clock import NS
from plantroom.model import Quality
from rules.usable import seconds
from tests.kit.engine import RULES, Kit, pump, rule_text, site_text

ANY = """
id: device_offline
applies_to: any
when: silence > 30s and polls_missed >= 3
on_missing: hold
severity: normal
says: {zh: 失联, en: silent}
do: {zh: 查线路, en: check the line}
tests:
  - {name: raised, kind: fire_pump, every: 1s, pump_running: "0 x3, bad x60", expect: {2s: cleared}}
"""
BROKEN = rule_text("phase_loss", "phase_loss", "readiness", extra="disables: [start_on_demand]")
HOUSE = {**RULES, "rules/packs/fire_pump/phase_loss.yaml": BROKEN, "rules/packs/any/device_offline.yaml": ANY}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    kit.configure(rules=HOUSE)
    kit.tick()
    yield kit
    kit.close()


def item(kit: Kit, machine: str = "fp-1", name: str = "start_on_demand") -> dict[str, float]:
    """Its lengths in s over all days."""
    kit.run()
    columns = "equipment, item, day, usable_ns, faulted_ns, unknown_ns, state, heard, since_ns"
    rows = kit.rows(f"SELECT {columns} FROM item_time WHERE equipment = ? AND item = ?", machine, name)
    now = kit.clock.read().wall_ns
    lengths = [seconds(dict(zip(columns.split(", "), row, strict=True)), now) for row in rows]
    return {key: sum(length[key] for length in lengths) for key in ("usable_s", "faulted_s", "unknown_s")}


def test_a_machine_that_answers_is_usable_from_the_first_tick_on(kit: Kit) -> None:
    kit.stay(100)
    assert item(kit) == {"usable_s": 100.0, "faulted_s": 0.0, "unknown_s": 1.0}


def test_a_machine_that_never_answered_was_never_usable(kit: Kit) -> None:
    kit.ticks(100)
    assert item(kit) == {"usable_s": 0.0, "faulted_s": 0.0, "unknown_s": 101.0}


def test_a_fault_that_disables_it_counts_from_when_it_is_raised_to_its_end(kit: Kit) -> None:
    kit.stay(10)
    kit.stay(20, phase_loss=1)
    kit.stay(50)
    found = item(kit)
    assert sum(found.values()) == 81.0
    assert found["faulted_s"] == 21.0  # 18 s of it, 3 s until it is known to be gone


def test_silence_is_unknown_from_the_last_answer_on_and_mends_no_fault(kit: Kit) -> None:
    kit.stay(10)
    kit.stay(60, bad=Quality.NO_ANSWER)
    found = item(kit)
    assert found["usable_s"] == pytest.approx(9.0, abs=1.1) and found["unknown_s"] == pytest.approx(62.0, abs=1.1)
    kit.stay(5, phase_loss=1)
    kit.stay(60, bad=Quality.NO_ANSWER)
    assert item(kit)["faulted_s"] == pytest.approx(63.0, abs=1.1)


def test_a_day_ends_at_the_sites_midnight(kit: Kit) -> None:
    kit.stay(10)
    for _ in range(16):  # noon UTC is 20:00 in Shanghai
        kit.tick(900.0)
        kit.read()
    kit.stay(3_600)
    kit.run()
    days = kit.rows("SELECT day, since_ns IS NULL, usable_ns + faulted_ns + unknown_ns FROM item_time WHERE equipment = 'fp-1' AND item = 'start_on_demand' ORDER BY day")
    assert [over for _, over, _ in days] == [1, 0] and len(days) == 2
    begun = kit.journal[0].at.wall_ns
    assert days[0][2] + begun == (begun // (86_400 * NS)) * 86_400 * NS + 16 * 3600 * NS  # 24:00 in Shanghai


def test_commissioning_counts_nothing_and_in_service_begins(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.configure(site_text(pump(1, "commissioning"), pump(2)), HOUSE)
    kit.stay(10)
    assert item(kit) == {"usable_s": 0, "faulted_s": 0, "unknown_s": 0}
    kit.configure(site_text(pump(1), pump(2)), HOUSE)
    kit.stay(20)
    assert sum(item(kit).values()) == 20.0
    kit.configure(site_text(pump(1, "out_of_service"), pump(2)), HOUSE)
    kit.stay(20)
    assert sum(item(kit).values()) == 20.0
    kit.close()


def test_the_wall_clock_set_an_hour_neither_adds_nor_takes(kit: Kit) -> None:
    kit.stay(30)
    kit.clock.step_wall(3_600.0)
    kit.stay(30)
    kit.clock.step_wall(-3_600.0)
    kit.stay(30)
    assert sum(item(kit).values()) == pytest.approx(91.0, abs=1.0)


# the head count of 08:00 (K-1)

JUST_BEFORE = 1_795_219_200 * NS - 90 * NS  # 2026-11-21, 07:58:30 in Shanghai


def counted(kit: Kit, machine: str = "fp-1") -> list[str | None]:
    kit.run()
    return [at for (at,) in kit.rows("SELECT at_eight FROM item_time WHERE equipment = ? AND item = 'start_on_demand' ORDER BY day", machine)]


@pytest.fixture
def dawn(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=JUST_BEFORE)
    kit.configure(rules=HOUSE)
    kit.tick()
    yield kit
    kit.close()


def test_the_head_count_is_what_an_item_was_at_eight(dawn: Kit) -> None:
    dawn.stay(80)
    assert counted(dawn) == [None], "not before"
    dawn.stay(30)
    dawn.stay(60, phase_loss=1)
    assert counted(dawn) == ["usable"], "broken after it"


def test_what_was_broken_at_eight_stays_counted_so_when_it_is_mended(dawn: Kit) -> None:
    dawn.stay(60)
    dawn.stay(60, phase_loss=1)
    dawn.stay(120)
    assert item(dawn)["faulted_s"] > 0 and counted(dawn) == ["faulted"]


def test_silence_known_after_eight_that_began_before_counts_as_unknown(dawn: Kit) -> None:
    dawn.stay(75)
    dawn.stay(60, bad=Quality.NO_ANSWER)
    assert counted(dawn) == ["unknown"]


def test_silence_that_began_after_eight_does_not(dawn: Kit) -> None:
    dawn.stay(100)
    dawn.stay(60, bad=Quality.NO_ANSWER)
    assert item(dawn)["unknown_s"] > 30 and counted(dawn) == ["usable"]


def test_a_machine_that_came_into_service_after_eight_is_not_counted_that_day(tmp_path: Path) -> None:
    kit = Kit(tmp_path, wall_ns=JUST_BEFORE)
    kit.configure(site_text(pump(1, "commissioning"), pump(2)), HOUSE)
    kit.stay(120)
    kit.configure(site_text(pump(1), pump(2)), HOUSE)
    kit.stay(20)
    assert counted(kit) == [""]
    kit.close()


def test_days_that_nobody_was_there_for_are_counted_as_they_stood(dawn: Kit) -> None:
    dawn.stay(100)
    for _ in range(3):
        dawn.tick(86_400.0)
    found = counted(dawn)
    assert found[0] == "usable" and len(found) == 4 and None not in found
