"""Somebody sets the wall clock of a running installation by an hour, forwards and back: it blinds nothing and breaches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from plantroom.clock import NS
from tests.integration.test_whole_house import check_journal, check_rebuild
from tests.kit import stepped_clock
from tests.kit.house import House

HOUR_S = 3_600


@pytest.fixture
def wall(tmp_path: Path) -> Path:
    """The file that says how many seconds the services' wall clock is off."""
    path = tmp_path / "wall"
    path.write_text("0")
    return path


@pytest.fixture
def house(tmp_path: Path, wall: Path) -> Iterator[House]:
    environment = {"PYTHONPATH": str(Path(stepped_clock.__path__[0])), "STEPPED_CLOCK": str(wall)}
    with closing(House(tmp_path, pumps=10, environment=environment)) as house:
        house.start()
        yield house


def test_an_hour_forwards_and_back_blinds_nothing_and_breaches_nothing(house: House, wall: Path) -> None:
    house.wait_for(lambda: house.rows("SELECT 1 FROM position WHERE seq > 30"), 30, "the engine runs")
    losing_phase(house, 0)
    due_ns = response_due_ns(house, 0)
    for pump, off_s in ((1, HOUR_S), (2, 0)):
        moved_s = off_s - int(wall.read_text())
        before_ns = response_due_ns(house, 0)
        set_to(wall, off_s)
        house.wait_for(lambda steps=pump: told(house) == steps, 10, "the step is told")
        assert abs(response_due_ns(house, 0) - before_ns - moved_s * NS) < NS // 2, "the running clock moved with the wall"
        losing_phase(house, pump)  # it still sees
    assert abs(response_due_ns(house, 0) - due_ns) < NS
    assert not house.rows("SELECT 1 FROM clock WHERE breached_ns IS NOT NULL OR warned_ns IS NOT NULL"), "no clock ran out, none came near"
    others = house.rows("SELECT equipment, rule FROM fault WHERE rule NOT IN ('phase_loss', 'clock_step')")
    assert not others, "nothing else was raised: no machine seemed silent, nothing seemed late"
    house.stop()
    check_journal(house, least=10)
    check_rebuild(house)


def set_to(wall: Path, off_s: int) -> None:
    new = wall.with_suffix(".new")
    new.write_text(str(off_s))
    new.replace(wall)


def told(house: House) -> int:
    return len(house.rows("SELECT 1 FROM chronicle WHERE kind = 'time.step'"))


def losing_phase(house: House, pump: int) -> None:
    house.inputs.phase_loss(pump, 1)
    house.wait_for(lambda: response_due_ns(house, pump), 10, f"pump {pump}: the fault is raised and its clock runs")
    house.wait_for(lambda: any(f"fp-{pump}" in str(body) for _, _, body in house.receiver.pages), 10, f"pump {pump}: somebody is told")


def response_due_ns(house: House, pump: int) -> int:
    """0 where there is no such clock."""
    sql = """SELECT c.due_ns FROM clock c JOIN work_order o ON o.id = c.work_order JOIN fault f ON f.id = o.fault
             WHERE c.name = 'response' AND f.rule = 'phase_loss' AND f.equipment = ?"""
    found = house.rows(sql, f"fp-{pump}")
    return int(str(found[0][0])) if found else 0
