"""The watcher with its file and its channels, on a clock that is told: what people read, and that it is delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from plantroom.clock import NS, VirtualClock
from plantroom.errors import BadInput
from plantroom.heartbeat import beat
from plantroom.heartbeat.progress import Progress
from plantroom.heartbeat.standing import Aspect, Standing, Trouble
from plantroom.messages import width
from plantroom.signature import HEADER, sign
from rules.notify.page import Answer, Page
from rules.outbox import Verdict
from rules.watch.answers import answers
from rules.watch.receiver import Reply, Request
from rules.watch.watch_file import Watched, load_watch
from rules.watch.watcher import Watcher

WALL = 1_795_262_400 * NS
ENV = {"DUTY": "of-the-channel", "TOWER": "of-the-tower", "CHIEF": "13800138000"}
FILE = """
watch: {zone: Asia/Shanghai, language: zh, public_url: "https://watch.example.com/"}
channels:
  - {id: duty, type: webhook, url: "https://duty.example.com", secret: "${DUTY}"}
  - {id: sms, type: sms, provider: aliyun, access_key: "${DUTY}", access_secret: "${DUTY}", template: SMS_1, signature: 值守}
tell: [{channel: duty}, {channel: sms, to: "${CHIEF}"}]
installations: [{id: tower, name: 总部大厦, secret: "${TOWER}"}]
"""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(WALL)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    path = tmp_path / "watch.yaml"
    path.write_text(FILE, "utf-8")
    return load_watch(path, ENV)


class Channels:
    """What was sent, and what is answered."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, Page]] = []
        self.verdicts: dict[str, Verdict] = {}

    def send_of(self, kind: str) -> Callable[..., object]:
        async def send(settings: object, page: Page, *, timeout_s: float) -> Answer:
            self.pages.append((kind, page))
            return Answer(self.verdicts.get(kind, Verdict.ACCEPTED), "")

        return send


@pytest.fixture
def channels() -> Channels:
    return Channels()


@pytest.fixture
def watcher(watched: Watched, tmp_path: Path, clock: VirtualClock, channels: Channels) -> Watcher:
    return Watcher(watched, tmp_path / "data", clock, channels.send_of)  # type: ignore[arg-type]


def hear(watcher: Watcher, clock: VirtualClock, *troubles: Trouble) -> None:
    seen = Progress(clock.read())
    text = beat.body_of("tower", seen, Standing(seen, troubles=troubles), 20.0, clock.read().wall_ns)
    watcher.hear(text, sign("of-the-tower", text))


def pass_(watcher: Watcher, clock: VirtualClock, seconds: int) -> None:
    async def main() -> None:
        for _ in range(seconds):
            clock.advance(1)
            for letter in watcher.look():
                await watcher._deliver(letter)

    asyncio.run(main())


def lines(page: Page) -> tuple[list[str], list[str]]:
    return page.message["zh"], page.message["en"]


def test_people_are_told_in_two_lines_and_again_and_when_it_is_over(watcher: Watcher, clock: VirtualClock, channels: Channels) -> None:
    hear(watcher, clock)
    pass_(watcher, clock, 260)
    hear(watcher, clock)
    pass_(watcher, clock, 5)
    told = [(page.reason, page.to, *lines(page)) for kind, page in channels.pages if kind == "webhook"]
    assert told == [
        ("raised", None, ["〔战备〕监控失联 总部大厦", "20:00起 先派人到场巡视设备，查服务器和网络 未接单"],
         ["[READINESS] Plantroom is silent, 总部大厦", "since 20:00, first: have somebody look at the plant, check server and network, nobody has it"]),
        ("escalated", None, ["〔战备〕监控失联 总部大厦", "20:00起 先派人到场巡视设备，查服务器和网络 第2次通知 未接单"],
         ["[READINESS] Plantroom is silent, 总部大厦",
          "since 20:00, first: have somebody look at the plant, check server and network, call 2, nobody has it"]),
        ("cleared", None, ["〔战备〕监控已恢复 总部大厦", "20:00至20:04无人看护，查期间故障"],
         ["[READINESS] Plantroom is back, 总部大厦", "unwatched from 20:00 to 20:04, look at what came meanwhile"]),
    ]  # fmt: skip
    assert [page.to for kind, page in channels.pages if kind == "sms"] == ["13800138000"] * 3
    assert len({page.id for _, page in channels.pages}) == 6


@pytest.mark.parametrize("aspect", Aspect)
def test_every_trouble_has_its_words_and_they_fit(watcher: Watcher, clock: VirtualClock, channels: Channels, aspect: Aspect) -> None:
    hear(watcher, clock, Trouble(aspect, 100.0))
    pass_(watcher, clock, 1)
    zh, en = lines(channels.pages[0][1])
    assert zh[0].startswith("〔战备〕") and width(zh[0]) <= 48 and width(en[0]) <= 64 and "总部大厦" in zh[0]


def test_a_channel_that_refuses_is_tried_again_and_holds_up_no_other(watcher: Watcher, clock: VirtualClock, channels: Channels) -> None:
    channels.verdicts["webhook"] = Verdict.RETRY
    pass_(watcher, clock, 100)
    assert [kind for kind, _ in channels.pages].count("sms") == 1
    attempts = [page for kind, page in channels.pages if kind == "webhook"]
    assert len(attempts) == 4 and len({page.id for page in attempts}) == 1  # at 71, 73, 78, 88
    channels.verdicts.clear()
    pass_(watcher, clock, 40)
    assert watcher.roll.letters == ()


def test_one_that_is_killed_goes_on_with_what_it_had_decided(
    watched: Watched, watcher: Watcher, clock: VirtualClock, channels: Channels, tmp_path: Path
) -> None:
    channels.verdicts = {"webhook": Verdict.RETRY}
    pass_(watcher, clock, 75)
    again = Watcher(watched, tmp_path / "data", clock, channels.send_of)  # type: ignore[arg-type]
    channels.verdicts = {}
    before = {page.id for _, page in channels.pages}
    pass_(again, clock, 60)
    assert {page.id for _, page in channels.pages} == before, "the same letters, no new alarm"
    assert again.roll.letters == ()


def test_a_disk_that_refuses_does_not_keep_people_from_being_told(watcher: Watcher, clock: VirtualClock, channels: Channels, tmp_path: Path) -> None:
    pass_(watcher, clock, 1)
    assert watcher.well()
    (tmp_path / "data" / "watch.new").mkdir()
    pass_(watcher, clock, 80)
    assert channels.pages and not watcher.well()


def ask(watcher: Watcher, method: str, path: str, body: bytes = b"") -> Reply:
    return answers(watcher)(Request(method, path, {HEADER: ""}, body))


def test_the_link_takes_an_alarm_by_post_alone(watcher: Watcher, clock: VirtualClock, channels: Channels) -> None:
    pass_(watcher, clock, 75)
    link = channels.pages[0][1].link
    assert link is not None and link.startswith("https://watch.example.com/take/tower/")
    path = link.removeprefix("https://watch.example.com")
    for _ in range(3):  # scanners and previews
        assert ask(watcher, "GET", path).status == 200
        assert ask(watcher, "HEAD", path).status == 200
    assert watcher.roll.seen["tower"].held_by == ""
    assert ask(watcher, "POST", path, b"who=").status == 200, "nobody's name takes nothing"
    assert watcher.roll.seen["tower"].held_by == ""
    taken = ask(watcher, "POST", path, "who=李伟<script>".encode())
    assert "李伟&lt;script&gt;".encode() in taken.body and watcher.roll.seen["tower"].held_by == "李伟<script>"
    channels.pages.clear()
    pass_(watcher, clock, 1000)
    assert channels.pages == []


def test_a_link_ends_with_its_alarm_and_opens_no_other(watcher: Watcher, clock: VirtualClock, channels: Channels) -> None:
    pass_(watcher, clock, 75)
    path = str(channels.pages[0][1].link).removeprefix("https://watch.example.com")
    for wrong in (path[:-1], path + "0", path.replace("tower", "harbour"), "/take/tower/", "/take/", "/take/tower/" + "0" * 32):
        assert ask(watcher, "POST", wrong, b"who=x").status == 404
    hear(watcher, clock)
    pass_(watcher, clock, 2)
    assert ask(watcher, "GET", path).status == 404
    pass_(watcher, clock, 300)
    assert watcher.roll.seen["tower"].episode == 2 and ask(watcher, "POST", path, b"who=x").status == 404


def test_the_key_is_for_this_user_alone_and_stays(watcher: Watcher, watched: Watched, clock: VirtualClock, tmp_path: Path) -> None:
    assert (tmp_path / "data" / "key").stat().st_mode & 0o777 == 0o600
    assert Watcher(watched, tmp_path / "data", clock).key == watcher.key


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("tell: [{channel: duty}", "tell: [{channel: dtuy}", "did you mean 'duty'"),
        (', to: "${CHIEF}"', "", "reaches one person"),
        ("{channel: duty}", "{channel: duty, to: x}", "tells a group"),
        ('secret: "${TOWER}"', "secret: hunter2", "written in clear"),
        ('secret: "${TOWER}"', 'secret: "${NOT_SET}"', "NOT_SET is not set"),
        ("installations: [{id: tower", "installations: [{id: tower, name: a, secret: '${TOWER}'}, {id: tower", "is taken"),
        ("installations: [", "installations: [] #[", "is empty"),
        ("watch: {", "limits: {late: soon}\nwatch: {", "is no duration"),
        ("watch: {", "limits: {again: 0s}\nwatch: {", "must be 1 to 3600 s"),
        ("watch: {", "watch: {cert: /a.pem, ", "belong together"),
        ("watch: {", "watch: {lisen: x, ", "did you mean 'listen'"),
        (FILE, "- a", "must be a mapping"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "watch.yaml"
    path.write_text(FILE.replace(old, new), "utf-8")
    with pytest.raises(BadInput, match=says):
        load_watch(path, ENV)
