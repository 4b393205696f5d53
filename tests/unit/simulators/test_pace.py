"""A line that is in time with everything due at once and at its dearest is in time whatever really comes."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from simulators.pace import Turn, in_time

BEAT_S, WITHIN_S = 5.0, 0.125
TURNS = st.lists(
    st.builds(Turn, st.integers(0, 400).map(lambda n: n * WITHIN_S), st.sampled_from((5.0, 10.0, 60.0)), st.floats(0.001, 0.05)), min_size=1, max_size=40
)  # fmt: skip


@given(TURNS, st.randoms(use_true_random=False))
def test_every_turn_of_a_line_in_time_ends_within_its_slot(turns: list[Turn], chance: Random) -> None:
    """A minute of it, in any order and never dearer than was said."""
    if not in_time(turns, BEAT_S, WITHIN_S):
        return
    due = sorted((turn.due_s + n * turn.period_s, i) for i, turn in enumerate(turns) for n in range(round(60 / turn.period_s)))
    waiting: list[tuple[float, int]] = []
    now_s = 0.0
    while due or waiting:
        now_s = max(now_s, due[0][0]) if not waiting else now_s
        while due and due[0][0] <= now_s:
            waiting.append(due.pop(0))
        due_s, i = waiting.pop(chance.randrange(len(waiting)))
        now_s += turns[i].cost_s * chance.random()
        assert now_s < due_s + WITHIN_S


def test_what_is_too_much_at_once_or_off_the_grid_is_not_in_time() -> None:
    easy = Turn(1.0, 5.0, 0.02)
    assert in_time([easy] * 6, BEAT_S, WITHIN_S)
    assert not in_time([easy] * 7, BEAT_S, WITHIN_S)  # 0.14 s of work at one instant
    assert not in_time([easy, easy._replace(period_s=7.0)], BEAT_S, WITHIN_S)
    assert not in_time([easy._replace(due_s=1.1)], BEAT_S, WITHIN_S)
    assert not in_time([easy], 5.1, WITHIN_S)
