"""The duty room as a channel: what counts as taken, and when it is said that nobody can see it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.clock import NS, VirtualClock
from plantroom.screens import PRESENT_NS, Screen, Screens
from rules.notify import duty_room
from rules.notify.duty_room import AGAIN_S, DARK_S, Darkness, Room
from rules.notify.page import Answer, Page
from rules.outbox import Verdict
from tests.kit.virtual_loop import VirtualLoop


@pytest.fixture
def screens(tmp_path: Path) -> Iterator[Screens]:
    made = Screens(tmp_path / "access.db")
    yield made
    made.close()


def a_screen(screens: Screens, site: str = "tower", label: str = "值班室") -> Screen:
    found = screens.of(screens.make(site, label, "boss", 0))
    assert found is not None
    return found


def ask(screens: Screens, shows_after_s: float | None = None, gone_after_s: float | None = None) -> tuple[Answer, float]:
    """One attempt at a page, and how long it took. A screen says that it is there every five seconds, until it is gone."""

    async def there(loop: VirtualLoop, screen: Screen) -> None:
        while gone_after_s is None or loop.time() < gone_after_s:
            screens.seen(screen, True, loop.read().wall_ns)
            await asyncio.sleep(5)

    async def attempt() -> tuple[Answer, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        tasks = []
        if gone_after_s != 0:
            screen = a_screen(screens)
            tasks.append(asyncio.ensure_future(there(loop, screen)))
            await asyncio.sleep(0)
            if shows_after_s is not None:
                loop.call_later(shows_after_s, lambda: screens.show(screen, ["P1-1"], True, loop.read().wall_ns))
        page = Page("P1-1", "tower", "raised", "danger", {}, 0, room=Room(screens, "tower", loop))
        said = await duty_room.send({}, page, timeout_s=10.0)
        for task in tasks:
            task.cancel()
        return said, loop.time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(attempt())


def test_a_page_is_taken_when_a_connected_screen_has_shown_it(screens: Screens) -> None:
    said, took_s = ask(screens, shows_after_s=3.0)
    assert (said.verdict, said.text) == (Verdict.ACCEPTED, "shown on 值班室") and 3.0 <= took_s < 3.5


def test_a_connected_screen_that_shows_nothing_has_taken_nothing(screens: Screens) -> None:
    said, took_s = ask(screens)
    assert said.verdict is Verdict.RETRY and "has not shown it" in said.text and took_s <= 10.5


def test_where_no_screen_is_connected_it_is_said_at_once(screens: Screens) -> None:
    said, took_s = ask(screens, gone_after_s=0)
    assert (said.verdict, said.text) == (Verdict.RETRY, "no screen is connected") and took_s == 0


def test_a_mute_screen_is_named_so(screens: Screens) -> None:
    screen = a_screen(screens)
    screens.show(screen, ["P1-1"], False, 0)
    screens.show(a_screen(screens, label="其二"), ["P1-1"], True, 1)
    assert Room(screens, "tower", VirtualClock(0)).shown("P1-1") == "shown on 值班室, which is mute", "the first counts"


def test_a_screen_of_another_site_shows_nothing_of_this_one(screens: Screens) -> None:
    other = a_screen(screens, "annex")
    screens.seen(other, True, 0)
    screens.show(other, ["P1-1"], True, 0)
    assert screens.here("tower", 0) == [] and screens.shown("tower", "P1-1") is None


def test_a_screen_is_present_for_a_while_and_a_clock_set_back_keeps_none(screens: Screens) -> None:
    screen = a_screen(screens)
    assert not screens.here("tower", 0), "made is not yet there"
    screens.seen(screen, True, 1000 * NS)
    assert screens.here("tower", 1000 * NS + PRESENT_NS - 1)
    for now_ns in (1000 * NS + PRESENT_NS, 900 * NS):
        assert not screens.here("tower", now_ns)


def test_a_screen_taken_away_is_none_and_its_token_is_kept_by_nobody(screens: Screens, tmp_path: Path) -> None:
    token = screens.make("tower", "值班室", "boss", 0)
    screen = screens.of(token)
    assert screen is not None and screens.of(token[:-1]) is None
    assert token.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    screens.remove("annex", screen.id)
    assert screens.of(token) is not None, "another site's"
    screens.remove("tower", screen.id)
    assert screens.of(token) is None


def told(darkness: Darkness, connected: bool, since_s: int, until_s: int) -> list[tuple[int, str]]:
    return [(s, event) for s in range(since_s, until_s) if (event := darkness.look(connected, s)) is not None]


def test_a_dark_room_is_told_and_told_again_until_a_screen_is_back() -> None:
    darkness = Darkness(0)
    assert told(darkness, True, 0, 100) == [(0, "duty_room_dark_over")], "what an earlier life said is over"
    dark = told(darkness, False, 100, 100 + 2 * round(AGAIN_S))
    assert [event for _, event in dark] == ["duty_room_dark"] * 2
    assert dark[0][0] - 99 == DARK_S and PRESENT_NS / NS + DARK_S <= 30
    assert dark[1][0] - dark[0][0] == AGAIN_S < 600, "before the fault would end by itself"
    assert told(darkness, True, 1000, 1100) == [(1000, "duty_room_dark_over")]
    assert told(darkness, False, 1100, 1110) == [], "a reload is no darkness"
