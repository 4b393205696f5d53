"""Channel `duty_room`: the screen in the duty room. Accepted = a screen that is connected has shown the page; heard is another thing.

It sends nothing: a screen reads the page from the records by itself. What is asked here is whether one has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from plantroom.clock import Clock
from plantroom.screens import Screens
from rules.notify.page import Answer, Page, answer
from rules.outbox import Verdict

LOOK_S = 0.1
DARK_S = 15.0  # and up to as long until a screen that is gone is no longer taken for present
AGAIN_S = 240.0
DARK = "duty_room_dark"


@dataclass(frozen=True, slots=True)
class Room:
    """What a page's attempt may know of a site's screens."""

    screens: Screens
    site: str
    clock: Clock

    def connected(self) -> bool:
        return bool(self.screens.here(self.site, self.clock.read().wall_ns))

    def shown(self, page: str) -> str | None:
        found = self.screens.shown(self.site, page)
        return None if found is None else f"shown on {found.screen}" + ("" if found.sound else ", which is mute")


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    room = page.room
    if not isinstance(room, Room):
        return answer(settings, Verdict.REFUSED, "a duty room is asked by the notify service alone")
    loop = asyncio.get_running_loop()
    until_s = loop.time() + timeout_s
    while True:
        said = room.shown(page.id)
        if said is not None:
            return answer(settings, Verdict.ACCEPTED, said)
        if not room.connected():
            return answer(settings, Verdict.RETRY, "no screen is connected")
        if loop.time() >= until_s:
            return answer(settings, Verdict.RETRY, f"a screen is connected, and has not shown it for {timeout_s:g} s")
        await asyncio.sleep(LOOK_S)


class Darkness:
    """When to say that no screen is there, and that one is again. Pure; instants in s of a clock that is never set."""

    def __init__(self, now_s: float) -> None:
        self._seen_s = now_s
        self._told_s: float | None = None
        self._fresh = True  # an earlier life of this process may have said that it is dark

    def look(self, connected: bool, now_s: float) -> str | None:
        """The event to tell, if any."""
        if connected:
            over = self._fresh or self._told_s is not None
            self._seen_s, self._told_s, self._fresh = now_s, None, False
            return f"{DARK}_over" if over else None
        if now_s - self._seen_s < DARK_S or (self._told_s is not None and now_s - self._told_s < AGAIN_S):
            return None
        self._told_s = now_s
        return DARK
