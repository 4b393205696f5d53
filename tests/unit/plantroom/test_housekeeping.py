"""Alarm figures over fault rows: each by its definition, at its edges, and floods against a plain count at every instant."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.housekeeping import APART, Alarm, Figure, Housekeeping, floods_of, housekeeping, lines, peak
from plantroom.words import LANGUAGES

START = 1_795_262_400 * NS
DAY = 86_400 * NS
MINUTE = 60 * NS


def alarm(at_s: float, lasts_s: float | None = 3_600, rule: str = "low_fuel", machine: str = "gen-1", **more: object) -> Alarm:
    begin = START + round(at_s * NS)
    end = None if lasts_s is None else begin + round(lasts_s * NS)
    return Alarm(
        **{
            "equipment": machine,
            "rule": rule,
            "kind": "generator",
            "severity": "normal",
            "mode": "live",
            "raised_ns": begin,
            "ended_ns": end,
            **more,
        }
    )  # type: ignore[arg-type]


def figure(found: Housekeeping, name: str) -> Figure:
    return next(one for one in found["figures"] if one["name"] == name)


def test_what_is_no_alarm_is_counted_apart() -> None:
    rows = [
        alarm(0), alarm(1, parent="F1-1"), alarm(2, presented=False), alarm(3, severity="advisory"), alarm(4, mode="exercise"),
        alarm(5, mode="commissioning"), alarm(6, kind="monitor"), alarm(-1),
    ]  # fmt: skip
    found = housekeeping(rows, START, START + DAY)
    assert found["alarms"] == 1
    assert found["apart"] == dict(zip(APART, (2, 1, 1, 1, 1), strict=True))


def test_rates_are_of_ten_minutes() -> None:
    rows = [alarm(60 * n, machine=f"gen-{n}") for n in range(12)]
    found = housekeeping(rows, START, START + DAY)
    assert figure(found, "rate_mean")["value"] == round(12 / 144, 4)
    assert figure(found, "rate_mean")["met"] is True
    assert (figure(found, "rate_peak")["value"], figure(found, "rate_peak")["met"]) == (10, True)
    assert peak([row.raised_ns for row in [alarm(50 * n) for n in range(13)]]) == 12


def test_a_flood_begins_with_the_eleventh_and_ends_below_five() -> None:
    at = [START + n * 30 * NS for n in range(11)]
    begin, end = at[10], at[6] + 10 * MINUTE  # the seventh grows old: four are left
    assert floods_of(at, START + DAY) == [(begin, at[10 - 4] + 10 * MINUTE)] == [(begin, end)]
    assert floods_of(at[:10], START + DAY) == []
    found = housekeeping([alarm(30 * n, machine=f"gen-{n}") for n in range(11)], START, START + DAY)
    assert figure(found, "floods")["value"] == 7.0, "one a day is seven a week"
    assert figure(found, "flood_share")["value"] == round((end - begin) / DAY, 4)


@example([*[0] * 6, 449, *[450] * 4, 1049])  # the next one comes at the very instant at which the fifth last grows old
@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 3_600), max_size=80))
def test_floods_are_those_a_count_at_every_instant_finds(seconds: list[int]) -> None:
    at = sorted(START + second * NS for second in seconds)
    found: list[tuple[int, int]] = []
    began: int | None = None
    for second in range(3_600 + 700):
        now = START + second * NS
        recent = sum(now - 10 * MINUTE < one <= now for one in at)
        if began is None and recent > 10:
            began = now
        elif began is not None and recent < 5:
            found.append((began, now))
            began = None
    assert floods_of(at, START + DAY) == found


def test_chattering_fleeting_stale_and_standing() -> None:
    rows = [alarm(10 * n, 5, "flap", "lift-1") for n in range(7)]
    rows += [alarm(100, 59.9), alarm(200, 60), alarm(-5 * 86_400, None, "old"), alarm(-30 * 3_600, 20 * 3_600, "gone")]
    found = housekeeping(rows, START, START + 7 * DAY)
    assert [one["name"] for one in found["chattering"]] == ["lift-1.flap"]
    assert found["chattering"][0]["count"] == 2, "seven in a row are twice three"
    assert figure(found, "fleeting")["value"] == 8.0
    assert (figure(found, "stale")["value"], figure(found, "stale_most")["value"]) == (1.0, 1.0)
    assert figure(found, "standing")["value"] == 1.0


def test_the_most_frequent_come_first_with_their_share() -> None:
    rows = [alarm(3_600 * n, rule="a") for n in range(6)] + [
        alarm(3_600 * n + 9, rule="b", machine="gen-2", severity="danger") for n in range(2)
    ]
    found = housekeeping(rows, START, START + DAY)
    assert found["rules"] == [{"name": "a", "count": 6, "share": 0.75}, {"name": "b", "count": 2, "share": 0.25}]
    assert found["priorities"] == {"danger": 0.25, "readiness": 0.0, "normal": 0.75}
    assert figure(found, "high")["met"] is False
    assert figure(found, "top_ten")["met"] is None, "a Pareto of a few alarms says nothing"


def test_nothing_at_all_is_fine_and_told_in_both_languages() -> None:
    found = housekeeping([], START, START + DAY)
    assert all(one["met"] is not False for one in found["figures"])
    for lang in LANGUAGES:
        assert all("{" not in line for line in lines(found, lang))
