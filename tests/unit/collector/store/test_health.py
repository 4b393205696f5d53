from __future__ import annotations

from itertools import product

from collector.store.health import PATIENCE_S, TABLE, Doctor, Health, Outcome


def test_every_state_answers_every_outcome() -> None:
    assert set(TABLE) == set(product(Health, Outcome))


def test_a_hiccup_is_not_worth_telling() -> None:
    doctor = Doctor()
    assert [doctor.failed(0.0), doctor.failed(PATIENCE_S - 1), doctor.stored()] == [None, None, None]
    assert doctor.health is Health.WELL


def test_a_run_of_failures_is_told_once_and_its_end_once() -> None:
    doctor = Doctor()
    told = [doctor.failed(float(second)) for second in range(0, 3600, 10)]
    assert [event for event in told if event] == ["store_down"]
    assert [doctor.stored(), doctor.stored()] == ["store_ok", None]


def test_a_new_run_begins_anew() -> None:
    doctor = Doctor()
    doctor.failed(0.0)
    doctor.stored()
    assert doctor.failed(PATIENCE_S + 1) is None


def test_a_refusal_is_told_at_once_and_only_once() -> None:
    doctor = Doctor()
    assert [doctor.refused(), doctor.refused(), doctor.stored()] == ["store_refused", None, "store_ok"]


def test_a_refusal_after_an_outage_is_news() -> None:
    doctor = Doctor(Health.DOWN)
    assert [doctor.refused(), doctor.refused()] == ["store_refused", None]


def test_what_was_told_before_a_restart_is_taken_back_after_it() -> None:
    for told in (Health.DOWN, Health.REFUSED):
        assert Doctor(told).stored() == "store_ok"


def test_every_told_trouble_ends_with_store_ok_and_nothing_else_does() -> None:
    for (health, outcome), (after, event) in TABLE.items():
        if outcome is Outcome.STORED:
            assert after is Health.WELL
            assert (event == "store_ok") == (health in (Health.DOWN, Health.REFUSED))
        else:
            assert event in (None, {"overdue": "store_down", "refused": "store_refused"}.get(outcome))
