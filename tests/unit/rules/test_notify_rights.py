"""What goes out with a page comes back for it: the right, the provider's number, the button that is taken away when it accepts no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from plantroom.clock import NS, VirtualClock
from plantroom.model import Severity
from plantroom.tickets import LIFE_NS, Tickets
from rules.notify import rights, wecom_app
from rules.notify.board import Waiting
from rules.notify.page import Answer
from rules.outbox import Verdict
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
PEOPLE = """
web: {public_url: 'https://plant.example.com'}
channels:
  - {id: wecom, type: wecom_app, corp: ww1, agent: 1, secret: '${S}', buttons: true, callback_token: '${S}', callback_secret: '${S}'}
  - {id: call, type: voice, provider: aliyun, access_key: '${S}', access_secret: '${S}', template: T}
people:
  - {id: li.wei, name: 李伟, contacts: {wecom: LiWei, call: '13800138000'}}
  - {id: smith, name: J. Smith, language: en, contacts: {wecom: smith}}
"""


class House:
    def __init__(self, folder: Path) -> None:
        file = site_file(folder)
        file.write_text(file.read_text() + PEOPLE)
        self.clock = VirtualClock(NOW)
        self.made = Installation(folder / "data", file, self.clock)
        self.made.order("O1-1", "fp-1", "danger")
        self.rights = rights.Rights(folder / "data" / "access.db", self.clock)
        self.settled: list[tuple[str, str, str]] = []
        self.verdict = Verdict.ACCEPTED

    def keep(self, channel: str, person: str, reference: str) -> str:
        row = Waiting("P1-1", "F1-1", "O1-1", channel, person, Severity.DANGER, NOW, NOW, 0)
        right = self.rights.issue(self.made.site, row, "raised")
        assert right is not None
        self.rights.keep(self.made.site, self.made.site.channels[channel], row, right, reference)
        return right

    def settle(self) -> list[tuple[str, str, str]]:
        self.settled.clear()
        asyncio.run(self.rights.settle(self.made.site, self.made.records))
        return list(self.settled)

    async def send(self, settings: object, to: str, code: str, text: str, now_ns: int, *, timeout_s: float) -> Answer:
        self.settled.append((to, code, text))
        return Answer(self.verdict, "")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("S", "s3cret-of-it")
    house = House(tmp_path)
    monkeypatch.setattr(wecom_app, "settle", house.send)
    yield house
    house.rights.close()
    house.made.close()


def test_the_number_of_a_call_leads_to_its_page_and_right_and_no_other(house: House) -> None:
    nonce = house.keep("call", "li.wei", "C-1")
    tickets = Tickets(house.made.data / "access.db")
    sent = tickets.by_reference("hq", "call", "C-1")
    assert sent is not None and (sent.page, sent.person) == ("P1-1", "li.wei") and sent.ticket == tickets.find(nonce)
    assert [tickets.by_reference(*of) for of in (("hq", "call", "C-2"), ("hq", "wecom", "C-1"), ("x", "call", "C-1"))] == [None] * 3
    assert b"C-1" not in (house.made.data / "access.db").read_bytes() + (house.made.data / "access.db-wal").read_bytes()
    tickets.close()


def test_a_button_stays_while_it_accepts_and_says_who_has_it_then(house: House) -> None:
    house.keep("wecom", "li.wei", "K-1")
    house.keep("wecom", "smith", "K-2")
    assert house.settle() == []
    house.made.records.db.execute("UPDATE work_order SET state = 'accepted', accepted_by = 'li.wei' WHERE id = 'O1-1'")
    assert house.settle() == [("LiWei", "K-1", "李伟 已接单"), ("smith", "K-2", "Taken by 李伟")]
    assert house.settle() == [], "once"


@pytest.mark.parametrize(("state", "later_s", "said"), [("closed", 0.0, "已结束"), ("open", LIFE_NS / NS, "按钮已过期")])
def test_a_button_of_what_is_over_or_too_old_says_so(house: House, state: str, later_s: float, said: str) -> None:
    house.keep("wecom", "li.wei", "K-1")
    house.made.records.db.execute("UPDATE work_order SET state = ? WHERE id = 'O1-1'", (state,))
    house.clock.advance(later_s)
    assert house.settle() == [("LiWei", "K-1", said)]


def test_a_provider_that_does_not_answer_is_asked_three_times(house: House) -> None:
    house.keep("wecom", "li.wei", "K-1")
    house.clock.advance(LIFE_NS / NS)
    house.verdict = Verdict.RETRY
    assert [len(house.settle()) for _ in range(5)] == [1, 1, 1, 0, 0]


def waiting(n: int) -> Waiting:
    return Waiting(f"P{n}-1", f"F{n}-1", "O1-1", "call", "li.wei", Severity.DANGER, NOW, NOW, 0)


def test_a_process_stopped_in_the_middle_of_a_write_holds_no_page_up(house: House) -> None:
    """access.db is another's: fifty pages leave without links within a moment, and with links again soon after it is free."""
    house.keep("call", "li.wei", "C-1")
    house.keep("wecom", "li.wei", "K-1")
    house.made.records.db.execute("UPDATE work_order SET state = 'accepted', accepted_by = 'li.wei' WHERE id = 'O1-1'")
    stopped = apsw.Connection(str(house.made.data / "access.db"))
    stopped.execute("BEGIN IMMEDIATE")
    began_s = time.monotonic()
    for n in range(50):
        assert house.rights.issue(house.made.site, waiting(n), "raised") is None
        house.rights.keep(house.made.site, house.made.site.channels["call"], waiting(n), None, f"C-{n}")
    assert time.monotonic() - began_s < 1.0
    sent = []
    house.clock.advance(60)
    for _ in range(3):
        sent.append(len(house.settle()))
        house.clock.advance(60)
    stopped.execute("ROLLBACK")
    stopped.close()
    house.clock.advance(60)
    assert sent == [1, 0, 0] and house.settle() == [], "a button is changed once, though nobody can write down that it was"
    assert house.rights.issue(house.made.site, waiting(99), "raised") is not None


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"no database" * 500), lambda path: path.mkdir()])
def test_an_access_db_that_is_none_takes_the_link_and_nothing_else(house: House, spoil: Callable[[Path], object]) -> None:
    for part in ("-wal", "-shm"):
        (house.made.data / f"access.db{part}").unlink(missing_ok=True)
    spoil(house.made.data / "access.db")
    assert house.rights.issue(house.made.site, waiting(1), "raised") is None
    house.rights.keep(house.made.site, house.made.site.channels["wecom"], waiting(1), "right", "K-1")
    assert house.settle() == []
