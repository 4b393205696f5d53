"""A provider's limit is kept, and what is urgent does not wait behind what is not. On a virtual clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plantroom.clock import NS, VirtualClock
from plantroom.model import Severity
from rules.notify.board import Board, Waiting
from rules.notify.pace import Pace
from rules.outbox import Verdict

START = 1_795_262_400 * NS
ROBOT = (20, 60.0)


def rows(count: int, severity: Severity, first: int = 0) -> list[Waiting]:
    return [Waiting(f"P{n}-1", f"F{n}-1", f"O{n}-1", "group", None, severity, START + n, START, 0) for n in range(first, first + count)]


def drained(board: Board, clock: VirtualClock) -> list[tuple[str, float]]:
    """What leaves and how many seconds after the start, each accepted at once."""
    left = []
    while (due_ns := board.next_due_ns("group")) is not None:
        now_ns = clock.read().wall_ns
        clock.advance(max(due_ns - now_ns, 0) / NS)
        now_ns = clock.read().wall_ns
        row = board.next("group", now_ns)
        assert row is not None, "it is due when it said it would be"
        left.append((row.severity.value, (now_ns - START) / NS))
        board.ended(row, Verdict.ACCEPTED, now_ns)
    return left


def test_a_flood_leaves_as_fast_as_the_robot_takes_it_and_loses_nothing() -> None:
    board, clock = Board({"group": Pace(*ROBOT)}), VirtualClock(START)
    board.update(rows(50, Severity.NORMAL))
    times = [at for _, at in drained(board, clock)]
    assert len(times) == 50 and times == [0.0] * 15 + [60.0] * 15 + [120.0] * 15 + [180.0] * 5, "a quarter stays free for what is urgent"


def test_danger_in_a_flood_does_not_wait() -> None:
    board, clock = Board({"group": Pace(*ROBOT)}), VirtualClock(START)
    flood = rows(40, Severity.NORMAL)
    board.update(flood)
    for _ in range(15):
        row = board.next("group", START)
        assert row is not None
        board.ended(row, Verdict.ACCEPTED, START)
    assert board.next("group", START) is None and board.next_due_ns("group") == START + 60 * NS
    board.update([*flood, *rows(5, Severity.DANGER, 100)])
    assert board.next_due_ns("group") == START
    left = drained(board, clock)
    assert left[:5] == [("danger", 0.0)] * 5 and len(left) == 30


def test_even_danger_keeps_the_limit() -> None:
    board, clock = Board({"group": Pace(*ROBOT)}), VirtualClock(START)
    board.update(rows(45, Severity.DANGER))
    assert [at for _, at in drained(board, clock)] == [0.0] * 20 + [60.0] * 20 + [120.0] * 5


def test_a_robot_that_says_too_often_is_left_alone_but_for_what_is_urgent() -> None:
    board = Board({"group": Pace(*ROBOT)})
    board.update([*rows(3, Severity.NORMAL), *rows(1, Severity.DANGER, 10)])
    danger = board.next("group", START)
    assert danger is not None
    board.ended(danger, Verdict.ACCEPTED, START)
    normal = board.next("group", START)
    assert normal is not None
    board.ended(normal, Verdict.RETRY, START, retry_after_s=120)
    assert board.next("group", START + 119 * NS) is None and board.next_due_ns("group") == START + 120 * NS
    board.update([*rows(3, Severity.NORMAL), *rows(1, Severity.DANGER, 11)])
    assert (urgent := board.next("group", START + NS)) is not None and urgent.severity is Severity.DANGER
    assert board.next("group", START - 86_400 * NS) is None and board.next_due_ns("group") == START, "a clock set back: due, no longer held"


def test_a_channel_without_a_limit_waits_for_nothing() -> None:
    board, clock = Board({"other": Pace(*ROBOT)}), VirtualClock(START)
    board.update(rows(45, Severity.NORMAL))
    assert {at for _, at in drained(board, clock)} == {0.0}


def test_a_clock_set_back_by_a_day_does_not_silence_a_channel_for_one() -> None:
    board = Board({"group": Pace(*ROBOT)})
    board.update(rows(40, Severity.DANGER))
    for _ in range(20):
        assert board.next("group", START + 86_400 * NS) is not None
    assert board.next("group", START) is not None


@given(st.integers(4, 30), st.floats(1, 600), st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=120))
def test_never_more_than_the_limit_in_any_window(messages: int, seconds: float, asks: list[tuple[float, bool]]) -> None:
    pace, now_ns, left = Pace(messages, seconds), START, []
    for pause_s, urgent in asks:
        now_ns += round(pause_s * NS)
        pace.at(now_ns)
        if pace.free_ns(urgent) <= now_ns:
            pace.took(now_ns)
            left.append(now_ns)
    for n, at in enumerate(left):
        assert sum(1 for other in left[n:] if other - at < round(seconds * NS)) <= messages
