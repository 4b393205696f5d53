"""The sender's side over virtual time: a watcher that hangs delays nobody; the loss of one is an event, once, and over once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from plantroom.heartbeat import post
from plantroom.heartbeat.outlook import Outlook
from plantroom.watch import Watch, Watcher
from tests.kit.virtual_loop import VirtualLoop

OFFICE, PUBLIC = Watcher("https://office.example.com/heartbeat", secret="s"), Watcher("https://u:p@hc.example.com:99/x?y", "ping")
WATCH = Watch((OFFICE, PUBLIC))


class Wire:
    """Who is reached: `down` refuses at once, `hangs` uses up the time it has."""

    def __init__(self) -> None:
        self.down: set[Watcher] = set()
        self.hangs: set[Watcher] = set()
        self.taken: dict[Watcher, list[float]] = {OFFICE: [], PUBLIC: []}

    async def post(self, watcher: Watcher, request: post.Request, timeout_s: float) -> str | None:
        if watcher in self.hangs:
            await asyncio.sleep(timeout_s)
            return "no answer"
        if watcher in self.down:
            return "ConnectError"
        self.taken[watcher].append(asyncio.get_running_loop().time())
        return None


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr(post, "post", made.post)
    return made


class Story:
    def __init__(self, wire: Wire) -> None:
        self.wire, self.events = wire, list[tuple[float, str]]()

    async def tell(self, event: Mapping[str, object]) -> None:
        self.events.append((asyncio.get_running_loop().time(), f"{event['event']} {event.get('watcher', '')}".strip()))

    def run(self, seconds: int, changes: dict[int, tuple[str, Watcher]]) -> Outlook:
        """A heartbeat every 20 s. changes: by second, what becomes of a watcher: down, hangs, up."""

        async def main() -> Outlook:
            outlook = Outlook(WATCH, 0.0, self.tell)
            tasks = [asyncio.ensure_future(outlook.keep(watcher, 10.0)) for watcher in WATCH.to]
            for second in range(0, seconds, 20):
                if second in changes:
                    how, watcher = changes[second]
                    self.wire.down.discard(watcher)
                    self.wire.hangs.discard(watcher)
                    if how != "up":
                        getattr(self.wire, how).add(watcher)
                outlook.show(b"{}", True, "ok")
                await asyncio.sleep(20)
            for task in tasks:
                task.cancel()
            return outlook

        loop = VirtualLoop()
        try:
            return loop.run_until_complete(main())
        finally:
            loop.close()


def test_a_watcher_that_hangs_delays_no_other(wire: Wire) -> None:
    Story(wire).run(400, {0: ("hangs", OFFICE)})
    assert wire.taken[PUBLIC] == [float(s) for s in range(0, 400, 20)]


@pytest.mark.parametrize("how", ["down", "hangs"])
def test_the_loss_of_a_watcher_is_said_once_and_its_return_once(wire: Wire, how: str) -> None:
    story = Story(wire)
    outlook = story.run(1000, {100: (how, OFFICE), 600: ("up", OFFICE)})
    late = 10.0 if how == "hangs" else 0.0
    assert story.events == [(0.0, "watcher_unreachable_over"), (280 + late, "watcher_unreachable office.example.com"), (600.0, "watcher_unreachable_over")]
    assert outlook.heard.accepted_s == 980.0, "the other one took every heartbeat"


def test_one_that_was_never_reached_is_said_too(wire: Wire) -> None:
    story = Story(wire)
    assert story.run(400, {0: ("down", OFFICE)}).heard.accepted_s is not None
    assert story.events == [(200.0, "watcher_unreachable office.example.com")]


def test_a_watchers_name_tells_nothing_secret() -> None:
    assert (OFFICE.name, PUBLIC.name) == ("office.example.com", "hc.example.com:99")
    assert "p@" not in repr(WATCH) and "/x?y" not in repr(PUBLIC)
