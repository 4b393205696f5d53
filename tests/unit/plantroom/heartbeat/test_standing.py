"""From what is looked at to what is wrong and for how long; and the control: a process that lives proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plantroom.clock import NS, Reading
from plantroom.heartbeat.progress import Progress
from plantroom.heartbeat.standing import Allowed, Aspect, Standing, judge

WALL, BOOT = 1_795_262_400 * NS, 5_000 * NS


def reading(seconds: float, boot: str = "virtual0") -> Reading:
    return Reading(WALL + round(seconds * NS), BOOT + round(seconds * NS), boot)


def moving(seconds: float) -> Progress:
    """A site on which all goes on, looked at so many seconds after the first time."""
    n = round(seconds)
    return Progress(
        reading(seconds), 1000 + 3 * n, 1, reading(seconds - 1), WALL + (n - 5) * NS, 990 + 3 * n, reading(seconds - 2), 990 + 3 * n,
    )  # fmt: skip


def watched(looks: list[Progress], allowed: Allowed = Allowed()) -> Standing:  # noqa: B008 - frozen
    standing = None
    for look in looks:
        standing = judge(standing, look, allowed)
    assert standing is not None
    return standing


def frozen(aspect: Aspect, seconds: float) -> Progress:
    """One part stopped at 100 s, the others go on."""
    now, then = moving(seconds), moving(100)
    if seconds <= 100:
        return now
    return {
        Aspect.POLLS: replace(now, telemetry=then.telemetry),
        Aspect.JOURNAL: replace(now, seq=then.seq),
        Aspect.RULES: replace(now, position=then.position, position_at=then.position_at),
        Aspect.DELIVERY: replace(now, delivered=then.delivered),
        Aspect.PAGES: replace(now, urgent=1, unheard_ns=then.at.wall_ns),
        Aspect.FILES: Progress(now.at, error="JournalFailed: no"),
    }[aspect]


def test_what_moves_is_good() -> None:
    assert watched([moving(s) for s in range(0, 600, 20)]).good


@pytest.mark.parametrize(
    ("aspect", "last_good", "first_bad"),
    [  # looks every 20 s; the last fact is of 99 (telemetry), 98 (position), 100
        (Aspect.POLLS, 120, 140),
        (Aspect.JOURNAL, 120, 140),
        (Aspect.RULES, 120, 140),
        (Aspect.DELIVERY, 120, 140),
        (Aspect.PAGES, 200, 220),
        (Aspect.FILES, 100, 120),
    ],
)
def test_each_part_that_stops_is_named_with_its_time(aspect: Aspect, last_good: int, first_bad: int) -> None:
    assert watched([frozen(aspect, s) for s in range(0, last_good + 1, 20)]).good
    standing = watched([frozen(aspect, s) for s in range(0, first_bad + 1, 20)])
    assert [trouble.aspect for trouble in standing.troubles] == [aspect]
    assert first_bad - 120 <= standing.troubles[0].for_s <= first_bad - 98
    assert watched([*(frozen(aspect, s) for s in range(0, first_bad + 1, 20)), moving(first_bad + 20), moving(first_bad + 40)]).good


def test_a_day_without_any_page_taken_is_told_where_there_are_test_pages() -> None:
    hour = 3600
    taken = [replace(moving(s), accepted_ns=WALL) for s in (0, 25 * hour, 25 * hour + 20, 26 * hour + 20, 26 * hour + 40)]
    tested = Allowed(push_s=26 * hour)
    assert watched(taken[:3], tested).good
    assert [t.aspect for t in watched(taken, tested).troubles] == [Aspect.PUSH] and watched(taken).good
    assert watched([*taken, replace(moving(26 * hour + 60), accepted_ns=WALL + 26 * hour * NS)], tested).good


def test_a_site_without_devices_is_not_blind_for_want_of_samples() -> None:
    looks = [replace(moving(s), telemetry=None, collected_ns=None) for s in range(0, 200, 20)]
    assert watched(looks, Allowed(polls_s=None)).good
    assert not watched(looks).good


def test_devices_that_speak_when_they_like_are_judged_by_the_collectors_own_count() -> None:
    quiet = [replace(moving(s), telemetry=reading(-3600)) for s in range(0, 200, 20)]
    assert watched(quiet, Allowed(spoken=True)).good
    stopped = [replace(look, collected_ns=WALL) for look in quiet]
    assert [t.aspect for t in watched(stopped, Allowed(spoken=True)).troubles] == [Aspect.POLLS]


def test_what_was_never_there_counts_from_the_first_look() -> None:
    looks = [Progress(reading(s), s, 1) for s in range(0, 41, 20)]
    assert watched(looks[:2]).good
    assert {t.aspect for t in watched(looks).troubles} == {Aspect.POLLS, Aspect.RULES, Aspect.DELIVERY}


def test_a_wall_clock_that_is_set_makes_nothing_old() -> None:
    looks = [moving(s) for s in range(0, 100, 20)]
    day = 86_400 * NS
    set_ = [replace(look, at=replace(look.at, wall_ns=look.at.wall_ns + day)) for look in (moving(s) for s in range(100, 200, 20))]
    assert watched([*looks, *set_]).good


def test_a_look_that_reads_nothing_does_not_make_counts_look_moved() -> None:
    looks = [moving(0), Progress(reading(20), error="OSError: no"), replace(moving(0), at=reading(40), telemetry=reading(39), position_at=reading(39))]
    assert [t.aspect for t in watched(looks).troubles] == [Aspect.JOURNAL]
