from __future__ import annotations

from itertools import product

from collector.store.health import PATIENCE_S, TABLE, Doctor, Health, Outcome


def test_every_state_answers_every_outcome() -> None:
    assert set(TABLE) == set(product(Health, Outcome))


def test_a_hiccup_is_not_worth_telling() -> None:
    doctor = Doctor()
    assert [doctor.failed(0.0), doctor.failed(PATIENCE_S - 1), doctor.stored()] == [(), (), ()]
    assert doctor.health is Health.WELL


def test_a_run_of_failures_is_told_once_and_its_end_once() -> None:
    doctor = Doctor()
    told = [doctor.failed(float(second)) for second in range(0, 3600, 10)]
    assert [events for events in told if events] == [("store_down",)]
    assert [doctor.stored(), doctor.stored()] == [("store_down_over",), ()]


def test_a_new_run_begins_anew() -> None:
    doctor = Doctor()
    doctor.failed(0.0)
    doctor.stored()
    assert doctor.failed(PATIENCE_S + 1) == ()


def test_a_refusal_is_told_at_once_and_only_once() -> None:
    doctor = Doctor()
    assert [doctor.refused(), doctor.refused(), doctor.stored()] == [("store_refused",), (), ("store_refused_over",)]


def test_a_refusal_after_an_outage_is_news() -> None:
    doctor = Doctor(Health.DOWN)
    assert [doctor.refused(), doctor.refused()] == [("store_down_over", "store_refused"), ()]


def test_what_was_told_before_a_restart_is_taken_back_after_it() -> None:
    assert Doctor(Health.DOWN).stored() == ("store_down_over",)
    assert Doctor(Health.REFUSED).stored() == ("store_refused_over",)


def test_what_is_told_as_begun_is_told_as_over_before_anything_else_is() -> None:
    """In every state at most one trouble is open, and it is the state's own."""
    own = {Health.DOWN: "store_down", Health.REFUSED: "store_refused"}
    for (health, _), (after, events) in TABLE.items():
        open_now = {own[health]} if health in own else set()
        for event in events:
            if event.endswith("_over"):
                open_now.remove(event.removesuffix("_over"))
            else:
                open_now.add(event)
        assert open_now == ({own[after]} if after in own else set())
