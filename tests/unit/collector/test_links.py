"""What a connection's settings come to: way, framing, cost, times; and the options of `try` that say the same."""

from __future__ import annotations

import pytest

from collector import mbap, rtu
from collector.connect import Tcp
from collector.links import cost_of, exchange_of, is_serial, on_this_line, way_of
from collector.patience import Task
from collector.poll_plan import SERIAL_9600, LineCost, Read
from collector.schedule import Schedule, Turn
from collector.serial_line import SerialPort
from collector.try_commands import link_of
from plantroom.errors import BadInput
from plantroom.profiles import Table
from plantroom.site import Modbus, ModbusRtu, ModbusTcp, RtuOverTcp
from tests.unit.collector.lines import bound, jobs_of, profile, register

PORT, CONVERTER, GATEWAY = ModbusRtu("/dev/ttyS0", 9600, "E", 1), RtuOverTcp("10.0.0.5", 4001, 1200), ModbusTcp("10.0.0.6")
JOBS = jobs_of(profile([register(f"w{at}", at) for at in range(100)], timeout_s=0.5), [bound("e", f"w{at}") for at in range(100)], 3)


def test_each_connection_has_its_way_and_its_framing() -> None:
    assert way_of(PORT) == SerialPort("/dev/ttyS0", 9600, "E", 1)
    assert way_of(CONVERTER) == Tcp("10.0.0.5", 4001) and way_of(GATEWAY) == Tcp("10.0.0.6", 502)
    assert isinstance(exchange_of(PORT, JOBS), rtu.Exchange) and isinstance(exchange_of(CONVERTER, JOBS), rtu.Exchange)
    assert isinstance(exchange_of(GATEWAY, JOBS), mbap.Exchange)
    assert [is_serial(link) for link in (PORT, CONVERTER, GATEWAY)] == [True, True, False]


@pytest.mark.parametrize(("link", "more_s"), [(GATEWAY, 0.0), (PORT, 213 * 11 / 9600), (CONVERTER, 213 * 11 / 1200)])
def test_on_a_slow_line_the_characters_take_their_time_on_top_of_the_units_own(link: Modbus, more_s: float) -> None:
    (job,) = on_this_line(link, JOBS)
    assert job.timeout_s == pytest.approx(0.5 + more_s)


def test_a_reads_cost_at_the_lines_own_rate() -> None:
    read = Read(Table.HOLDING, 0, 10)
    assert cost_of(PORT).of(read) / 1e9 == pytest.approx((13 + 20 + 7) * 11 / 9600 + 0.005, rel=1e-6)
    assert LineCost.serial(38_400, bits_a_character=11).of(read) / 1e9 == pytest.approx(33 * 11 / 38_400 + 2 * 0.00175 + 0.005, rel=1e-6)
    assert cost_of(GATEWAY) == SERIAL_9600


def test_a_serial_line_waits_for_each_answer_as_long_as_it_must_be_quiet_anyhow() -> None:
    tasks = [Task(unit, 2.0, timeout_s=0.5) for unit in (1, 2, 3)]
    schedule = Schedule(tasks, 0.0, waits_out=True)
    now_s, patience = 0.0, []
    for _ in range(60):
        turn = schedule.next(now_s)
        if not isinstance(turn, Turn):
            now_s = turn
            continue
        patience.append(turn.patience_s)
        if tasks[turn.task].unit == 2:
            now_s += turn.patience_s
            schedule.failed(turn.task, now_s)
        else:
            now_s += 0.02
            schedule.answered(turn.task, now_s, 0.02)
    assert set(patience) == {0.5}


def test_ten_dead_units_of_thirty_cost_the_live_ones_on_a_serial_line_no_slot() -> None:
    """A second of the line for each look at a dead unit, and a tenth of its time for all of them."""
    tasks = [Task(unit, 5.0, timeout_s=1.0) for unit in range(1, 31)]
    schedule = Schedule(tasks, 0.0, waits_out=True)
    now_s, missed, reads = 0.0, 0, dict.fromkeys(range(30), 0)
    while now_s < 300.0:
        turn = schedule.next(now_s)
        if not isinstance(turn, Turn):
            now_s = turn
        elif tasks[turn.task].unit % 3 == 0:
            now_s += turn.patience_s
            schedule.failed(turn.task, now_s)
        else:
            now_s += 0.075
            missed += turn.missed if now_s > 30.0 else 0
            reads[turn.task] += 1
            schedule.answered(turn.task, now_s, 0.075)
    live = [count for task, count in reads.items() if tasks[task].unit % 3]
    assert missed == 0 and min(live) >= 58 and len(live) == 20


def test_the_options_of_try_are_a_connection() -> None:
    assert link_of("h", 502, False, None, 9600, "E", None) == ModbusTcp("h", 502)
    assert link_of("h", 4001, True, None, 19_200, "E", None) == RtuOverTcp("h", 4001, 19_200)
    assert link_of(None, 502, False, "/dev/ttyUSB0", 9600, "n", 1) == ModbusRtu("/dev/ttyUSB0", 9600, "N", 1)
    assert link_of(None, 502, False, "/dev/ttyUSB0", 9600, "N", None) == ModbusRtu("/dev/ttyUSB0", 9600, "N", 2)


@pytest.mark.parametrize(
    ("host", "over", "serial", "baud", "parity", "said"),
    [
        (None, False, None, 9600, "E", "--host, --serial"),
        ("h", False, "/dev/ttyS0", 9600, "E", "--host, --serial"),
        (None, True, "/dev/ttyS0", 9600, "E", "--rtu-over-tcp"),
        ("h", True, None, 960, "E", "--baud"),
        (None, False, "/dev/ttyS0", 9600, "X", "--parity"),
    ],
)
def test_options_that_do_not_fit_are_named(host: str | None, over: bool, serial: str | None, baud: int, parity: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        link_of(host, 502, over, serial, baud, parity, None)
    assert [problem.where for problem in caught.value.problems] == [said]
