"""When there is to be a noise in the plant room."""

from __future__ import annotations

import pytest

from plantroom.clock import Reading
from plantroom.heartbeat.progress import Progress
from plantroom.heartbeat.siren import Heard, Reason, Wish, wish
from plantroom.heartbeat.standing import Aspect, Standing, Trouble
from plantroom.watch import Watch, Watcher

ON, OFF, KEEP = Wish.ON, Wish.OFF, Wish.KEEP
WATCHED, ALONE = Watch((Watcher("https://w.example.com"),), hook="/bin/siren"), Watch(hook="/bin/siren")
GOOD = Standing(Progress(Reading(0, 0, "a")))


def bad(aspect: Aspect, for_s: float) -> Standing:
    return Standing(GOOD.progress, troubles=(Trouble(aspect, for_s),))


@pytest.mark.parametrize(
    ("standing", "heard", "watch", "now_s", "wanted"),
    [
        (None, Heard(0), WATCHED, 5, (KEEP, Reason.OVER)),
        (GOOD, Heard(0), WATCHED, 100, (KEEP, Reason.OVER)),  # nothing is known yet: what sounds goes on, what does not is not begun
        (GOOD, Heard(0), WATCHED, 191, (ON, Reason.NOBODY_OUTSIDE)),
        (GOOD, Heard(0, 100), WATCHED, 290, (OFF, Reason.OVER)),
        (GOOD, Heard(0, 100), WATCHED, 291, (ON, Reason.NOBODY_OUTSIDE)),
        (None, Heard(0), WATCHED, 191, (ON, Reason.NOBODY_OUTSIDE)),  # looking hangs: no heartbeat leaves
        (bad(Aspect.PAGES, 101), Heard(0, 100), WATCHED, 101, (ON, Reason.PAGE_UNHEARD)),  # even while watchers are told
        (bad(Aspect.POLLS, 500), Heard(0, 100), WATCHED, 101, (OFF, Reason.OVER)),  # outside they know
        (bad(Aspect.POLLS, 99), Heard(0), ALONE, 101, (KEEP, Reason.OVER)),
        (bad(Aspect.POLLS, 101), Heard(0), ALONE, 101, (ON, Reason.BLIND)),  # nobody else is there to be told
        (GOOD, Heard(0), ALONE, 9999, (OFF, Reason.OVER)),
    ],
)
def test_the_hooks_table(standing: Standing | None, heard: Heard, watch: Watch, now_s: float, wanted: tuple[Wish, Reason]) -> None:
    assert wish(standing, heard, watch, now_s) == wanted
