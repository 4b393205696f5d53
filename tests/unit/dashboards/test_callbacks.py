"""S8, P17: what providers call back with. A press accepts for its page's fault, person and level, once, within the hour; a receipt is a line of
the page's story; whatever is forged, replayed, late or somebody else's does nothing."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random

import httpx
import orjson
import pytest
from fastapi import FastAPI

from dashboards.console.callbacks import aliyun, routes, tencent, wecom
from dashboards.console.callbacks.told import Foreign, What
from plantroom.clock import NS, VirtualClock
from plantroom.journal import Kind
from plantroom.tickets import LIFE_NS
from tests.kit.callbacks import WeCom, aliyun_call, aliyun_sms, card_event, tencent_call, tencent_sms
from tests.kit.console_client import client, served
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
KEY = base64.b64encode(bytes(range(32))).decode()[:43]
TOKEN, SECRETS = "c4llback-token", {"CB_TOKEN": "c4llback-token", "CB_KEY": KEY, "CB_S": "s3cret-of-it"}
GATEWAY = "access_key: '${CB_S}', access_secret: '${CB_S}', template: T1, callback_token: '${CB_TOKEN}'"
PEOPLE = f"""
channels:
  - {{id: wecom, type: wecom_app, corp: ww1, agent: 1000002, secret: '${{CB_S}}', buttons: true, callback_token: '${{CB_TOKEN}}', callback_secret: '${{CB_KEY}}'}}
  - {{id: bot, type: telegram, token: '${{CB_S}}', callback_token: '${{CB_TOKEN}}'}}
  - {{id: call, type: voice, provider: aliyun, {GATEWAY}, caller: '0571', accepted: T2}}
  - {{id: ring, type: voice, provider: tencent, app: a1, {GATEWAY}}}
  - {{id: sms, type: sms, provider: aliyun, signature: s, {GATEWAY}}}
  - {{id: text, type: sms, provider: tencent, app: a1, signature: s, {GATEWAY}}}
  - {{id: deaf, type: telegram, token: '${{CB_S}}'}}
people:
  - {{id: li.wei, name: 李伟, roles: [technician], contacts: {{wecom: LiWei, bot: '5151', deaf: '5151', call: '+86 138-0013-8000', ring: '13800138000', sms: '13800138000', text: '13800138000'}}}}
  - {{id: smith, name: J. Smith, roles: [technician], contacts: {{wecom: smith, bot: '6161', call: '13900139000'}}}}
"""  # noqa: E501
WECOM = WeCom(TOKEN, KEY, "ww1")
CHANNELS = ("wecom", "bot", "call", "ring", "sms", "text")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("dashboards.console.commanding.WAIT_S", 0.0)  # no engine answers here: recorded is all there is to see
    file = site_file(tmp_path)
    file.write_text(file.read_text() + PEOPLE)
    made = Installation(tmp_path / "data", file, VirtualClock(NOW))
    made.fault("F1-1", "fp-1", "danger", order="O1-1")
    made.order("O1-1", "fp-1", "danger", fault="F1-1")
    for n, channel in enumerate(CHANNELS, 1):
        made.page(f"P1-{n}", "F1-1", "O1-1", channel, "ok", person="li.wei")
    made.engine_at(1)
    yield made
    made.close()


def told(house: Installation, kind: Kind) -> list[dict[str, object]]:
    reader = house.journal.reader()
    found = [orjson.loads(record.body) for record in reader.read_after(0, 100_000) if record.kind is kind]
    reader.close()
    return found


def with_app(house: Installation, scenario: Callable[[FastAPI, httpx.AsyncClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app, client(app) as provider:
            await scenario(app, provider)

    asyncio.run(run())


def right(app: FastAPI, channel: str = "wecom", person: str = "li.wei") -> str:
    return str(app.state.tickets.issue("hq", f"P1-{CHANNELS.index(channel) + 1}", "O1-1", person, app.state.clock.read().wall_ns))


def bound(app: FastAPI, channel: str, reference: str = "R-1", person: str = "li.wei") -> str:
    nonce, page = right(app, channel, person), f"P1-{CHANNELS.index(channel) + 1}"
    app.state.tickets.bind("hq", channel, reference, page, person, nonce, app.state.clock.read().wall_ns)
    return nonce


async def press_card(app: FastAPI, provider: httpx.AsyncClient, nonce: str, who: str = "LiWei", page: str = "P1-1", **more: str) -> httpx.Response:
    query, body = WECOM.post(card_event(nonce, who, page, **more), app.state.clock.read().wall_ns, nonce=str(Random(nonce + who).random()))
    return await provider.post("/callback/hq/wecom", params=query, content=body)


async def press_bot(provider: httpx.AsyncClient, nonce: str, who: int = 5151, token: str = TOKEN, channel: str = "bot") -> httpx.Response:
    update = {"update_id": 1, "callback_query": {"id": "77", "from": {"id": who, "is_bot": False}, "data": f"accept:{nonce}"}}
    return await provider.post(f"/callback/hq/{channel}", json=update, headers={"x-telegram-bot-api-secret-token": token})


async def push(provider: httpx.AsyncClient, channel: str, body: object, token: str = TOKEN) -> httpx.Response:
    return await provider.post(f"/callback/hq/{channel}/{token}", json=body)


def test_wecom_is_shown_that_the_address_is_ours(house: Installation) -> None:
    async def go(app: FastAPI, provider: httpx.AsyncClient) -> None:
        sealed = WECOM.seal(b"1616140317555161061")
        query = WECOM.query(sealed, NOW)
        answer = await provider.get("/callback/hq/wecom", params={**query, "echostr": sealed})
        assert (answer.status_code, answer.content) == (200, b"1616140317555161061")
        forged = {**query, "echostr": WECOM.seal(b"another")}
        assert (await provider.get("/callback/hq/wecom", params=forged)).status_code == 404
        assert (await provider.get("/callback/hq/bot", params={**query, "echostr": sealed})).status_code == 404

    with_app(house, go)


def test_a_press_accepts_in_the_name_of_the_person_paged(house: Installation) -> None:
    async def go(app: FastAPI, provider: httpx.AsyncClient) -> None:
        answer = await press_card(app, provider, right(app))
        assert (answer.status_code, answer.content) == (200, b"")
        [said] = told(house, Kind.COMMAND)
        assert (said["does"], said["target"], said["who"], said["name"], said["args"]) == ("accept", "O1-1", "li.wei", "李伟", {"page": "P1-1"})
        answer = await press_bot(provider, right(app, "bot"))
        assert answer.json() == {"method": "answerCallbackQuery", "callback_query_id": "77", "text": "已记录，正在处理。", "show_alert": True}
        bound(app, "call", "C-1")
        assert (await push(provider, "call", [aliyun_call("C-1", "200000", dtmf="1")])).json() == {"code": 0, "msg": "OK"}
        bound(app, "ring", "C-2")
        assert (await push(provider, "ring", tencent_call("voicekey_callback", "C-2", keypress="1"))).json() == {"result": 0, "errmsg": "OK"}
        assert [said["args"] for said in told(house, Kind.COMMAND)] == [{"page": f"P1-{n}"} for n in (1, 2, 3, 4)]

    with_app(house, go)


def test_a_press_counts_once_however_often_it_comes(house: Installation) -> None:
    async def go(app: FastAPI, provider: httpx.AsyncClient) -> None:
        nonce = right(app)
        query, body = WECOM.post(card_event(nonce, "LiWei", "P1-1"), NOW)
        for _ in range(3):  # the provider sends again what was not answered in time
            assert (await provider.post("/callback/hq/wecom", params=query, content=body)).status_code == 200
        await asyncio.gather(*(press_card(app, provider, nonce) for _ in range(5)))
        bound(app, "call")
        for _ in range(3):
            await push(provider, "call", [aliyun_call("R-1", "300000", dtmf="1", callee=None)] * 3)
        assert [said["args"] for said in told(house, Kind.COMMAND)] == [{"page": "P1-1"}, {"page": "P1-3"}]
        assert "已使用过" in (await provider.get(f"/a/{nonce}")).text, "the link of the same page is spent with it"

    with_app(house, go)


Attack = Callable[[FastAPI, httpx.AsyncClient, str], Awaitable[httpx.Response]]


async def _another_corp(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    sealed = WECOM.seal(card_event(nonce, "LiWei", "P1-1").encode(), corp="ww2")
    return await provider.post("/callback/hq/wecom", params=WECOM.query(sealed, NOW), content=f"<xml><Encrypt>{sealed}</Encrypt></xml>")


async def _another_key(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    other = WeCom(TOKEN, base64.b64encode(bytes(32)).decode()[:43], "ww1")
    query, body = other.post(card_event(nonce, "LiWei", "P1-1"), NOW)
    return await provider.post("/callback/hq/wecom", params=query, content=body)


async def _another_token(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    query, body = WeCom("another", KEY, "ww1").post(card_event(nonce, "LiWei", "P1-1"), NOW)
    return await provider.post("/callback/hq/wecom", params=query, content=body)


async def _old(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    query, body = WECOM.post(card_event(nonce, "LiWei", "P1-1"), NOW - 301 * NS)
    return await provider.post("/callback/hq/wecom", params=query, content=body)


async def _restamped(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    query, body = WECOM.post(card_event(nonce, "LiWei", "P1-1"), NOW - 301 * NS)
    return await provider.post("/callback/hq/wecom", params={**query, "timestamp": str(NOW // NS)}, content=body)


async def _not_sealed(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    event = card_event(nonce, "LiWei", "P1-1")
    return await provider.post("/callback/hq/wecom", params=WECOM.query(event, NOW), content=f"<xml><Encrypt><![CDATA[{event}]]></Encrypt></xml>")


async def _entities(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    bomb = '<!DOCTYPE xml [<!ENTITY a "accept:"><!ENTITY f SYSTEM "file:///etc/passwd">]>' + card_event(nonce, "LiWei", "P1-1").replace("accept:", "&a;")
    query, body = WECOM.post(bomb, NOW)
    return await provider.post("/callback/hq/wecom", params=query, content=body)


async def _late(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    app.state.clock.advance(LIFE_NS / NS)
    return await press_card(app, provider, nonce)


async def _unheard(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    return await press_bot(provider, nonce, channel="deaf", token="")


async def _cancelled(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    """Out of a call: another key, two keys, none."""
    bound(app, "call"), bound(app, "ring")
    for keys in ("2", "21", "", "#"):
        await push(provider, "call", [aliyun_call("R-1", "300000", dtmf=keys)])
    return await push(provider, "ring", tencent_call("voicekey_callback", "R-1", keypress="2"))


async def _somebody_elses_call(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    bound(app, "call")
    return await push(provider, "call", [aliyun_call("R-1", "300000", dtmf="1", callee="13900139000")])


async def _unknown_call(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    bound(app, "call", "R-7")
    await push(provider, "ring", tencent_call("voicekey_callback", "R-7", keypress="1"))  # that number is another channel's
    return await push(provider, "call", [aliyun_call("R-8", "300000", dtmf="1")])


async def _wrong_address(app: FastAPI, provider: httpx.AsyncClient, nonce: str) -> httpx.Response:
    bound(app, "call")
    return await push(provider, "call", [aliyun_call("R-1", "300000", dtmf="1")], token="another")


ATTACKS: dict[str, Attack] = {
    "another corp's": _another_corp, "another key": _another_key, "another token": _another_token, "five minutes old": _old,
    "old, with a new stamp": _restamped, "not sealed": _not_sealed, "entities": _entities, "after an hour": _late,
    "somebody else pressed": lambda app, provider, nonce: press_card(app, provider, nonce, who="smith"),
    "nobody pressed": lambda app, provider, nonce: press_card(app, provider, nonce, who=""),
    "on another page's card": lambda app, provider, nonce: press_card(app, provider, nonce, page="P1-2"),
    "of another application": lambda app, provider, nonce: press_card(app, provider, nonce, agent="1000003"),
    "another event": lambda app, provider, nonce: press_card(app, provider, nonce, event="click"),
    "a right of another channel": lambda app, provider, nonce: press_bot(provider, nonce),
    "telegram: somebody else": lambda app, provider, nonce: press_bot(provider, right(app, "bot"), who=6161),
    "telegram: another token": lambda app, provider, nonce: press_bot(provider, right(app, "bot"), token="another"),
    "telegram: no token": lambda app, provider, nonce: press_bot(provider, right(app, "bot"), token=""),
    "telegram: without a callback": _unheard, "call: no, or another key": _cancelled, "call: somebody else's": _somebody_elses_call,
    "call: never made": _unknown_call, "call: another address": _wrong_address,
}  # fmt: skip


def test_what_is_forged_late_or_anothers_does_nothing(house: Installation) -> None:
    async def go(app: FastAPI, provider: httpx.AsyncClient) -> None:
        for name, attack in sorted(ATTACKS.items(), key=lambda each: each[1] is _late):  # the hour passes last
            nonce = right(app)
            answer = await attack(app, provider, nonce)
            assert answer.status_code in (200, 404) and told(house, Kind.COMMAND) == [] == told(house, Kind.RECEIPT), name
            assert app.state.tickets.find(nonce).spent_ns is None, name

    with_app(house, go)


REMOVED: dict[str, tuple[object, str, object]] = {  # the protection that is taken away: the attack that comes through then
    "another token": (hmac, "compare_digest", lambda one, other: True),
    "five minutes old": (wecom, "WINDOW_NS", 3600 * NS),
    "somebody else pressed": (routes, "_theirs", lambda *of: True),
    "call: somebody else's": (routes, "_theirs", lambda *of: True),
    "telegram: another token": (hmac, "compare_digest", lambda one, other: True),
    "call: another address": (hmac, "compare_digest", lambda one, other: True),
    "after an hour": (routes.Ticket, "good", lambda self, now_ns: True),
}


def test_the_controls_without_its_protection_each_attack_accepts(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go(app: FastAPI, provider: httpx.AsyncClient) -> None:
        for n, (name, (where, what, instead)) in enumerate(REMOVED.items(), 1):
            with monkeypatch.context() as removed:
                removed.setattr(where, what, instead)
                await ATTACKS[name](app, provider, right(app))
            assert len(told(house, Kind.COMMAND)) == n, name

    with_app(house, go)


def test_receipts_are_lines_of_their_pages_and_never_tell_a_number(house: Installation) -> None:
    async def go(app: FastAPI, provider: httpx.AsyncClient) -> None:
        for channel in ("sms", "text", "call", "ring"):
            bound(app, channel)
        await push(provider, "sms", [aliyun_sms("R-1", True), aliyun_sms("R-9", True), aliyun_sms("R-1", False, "13900139000")])
        await push(provider, "sms", [aliyun_sms("R-1", False)])
        await push(provider, "text", [tencent_sms("R-1", True)])
        await push(provider, "call", [aliyun_call("R-1", "200003"), aliyun_call("R-1", "200103"), aliyun_call("R-1", "200000")])
        await push(provider, "ring", tencent_call("voiceprompt_callback", "R-1", result="1"))
        await push(provider, "ring", tencent_call("voice_failure_callback", "R-1", failure_code=8, failure_reason="空号"))
        await push(provider, "ring", tencent_call("voiceprompt_callback", "R-1", result="0"))
        got = [(said["outbox"], said["state"]) for said in told(house, Kind.RECEIPT)]
        assert got == [
            ("P1-5", "delivered"), ("P1-5", "undelivered"), ("P1-6", "delivered"), ("P1-3", "undelivered"), ("P1-3", "delivered"),
            ("P1-4", "undelivered"), ("P1-4", "undelivered"), ("P1-4", "delivered"),
        ]  # fmt: skip
        assert "13800138000" not in repr(told(house, Kind.RECEIPT)) and told(house, Kind.COMMAND) == []

    with_app(house, go)


def test_nonsense_is_answered_and_does_nothing(house: Installation) -> None:
    async def go(app: FastAPI, provider: httpx.AsyncClient) -> None:
        chance = Random(9)
        query, body = WECOM.post(card_event("x", "LiWei", "P1-1"), NOW)
        bodies = [b"", b"null", b"[1]", b"[[]]", b"{", b"\xff", b"<xml/>", b"[" * 5000, b'[{"biz_id":{},"success":1}]', b'{"callback_query":{"data":1}}', b'[{"dtmf":"1"}]',
                  b'{"voicekey_callback":[]}', b'{"callback_query":{"id":"7","data":"accept:","from":{"id":null}}}', body, body[: len(body) // 2]]  # fmt: skip
        paths = [f"/callback/hq/{channel}" for channel in (*CHANNELS, "deaf", "none")] + [f"/callback/hq/{channel}/{TOKEN}" for channel in CHANNELS]
        for _ in range(300):
            flipped = {**query, chance.choice(list(query)): chance.choice(["", "1", "\x00", "9" * 400, "ü"])}
            answer = await provider.post(chance.choice([*paths, "/callback/no/sms/x"]), params=flipped, content=chance.choice(bodies),
                                         headers={"x-telegram-bot-api-secret-token": TOKEN})  # fmt: skip
            assert answer.status_code in (200, 404, 429)
        too_long = await provider.post("/callback/hq/wecom", params=query, content=b"x" * 70_000)
        assert too_long.status_code == 413
        assert told(house, Kind.COMMAND) == [] == told(house, Kind.RECEIPT)

    with_app(house, go)


def test_a_providers_rate_is_bounded_and_no_other_channel_pays_for_it(house: Installation) -> None:
    async def go(app: FastAPI, provider: httpx.AsyncClient) -> None:
        statuses = [(await push(provider, "sms", [])).status_code for _ in range(routes.MOST_A_SECOND + 3)]
        assert statuses == [200] * routes.MOST_A_SECOND + [429] * 3
        assert (await press_card(app, provider, right(app))).status_code == 200 and len(told(house, Kind.COMMAND)) == 1
        app.state.clock.advance(1.0)
        assert (await push(provider, "sms", [])).status_code == 200

    with_app(house, go)


@pytest.mark.parametrize("status", sorted(aliyun.HEARD | aliyun.NOT_HEARD | {"200101", "300000", "999999"}))
def test_a_call_is_delivered_only_where_it_was_heard(status: str) -> None:
    heard = [one.what for one in aliyun.read("voice", orjson.dumps([aliyun_call("C", status)])).told]
    assert heard == ([What.DELIVERED] if status in ("200000", "200008") else [What.UNDELIVERED] if status in aliyun.NOT_HEARD else [])


def test_a_body_of_another_make_is_foreign() -> None:
    for read, kind, body in ((aliyun.read, "sms", b"{}"), (aliyun.read, "voice", b"nothing"), (tencent.read, "sms", b"{}"), (tencent.read, "voice", b"[]")):
        with pytest.raises(Foreign):
            read(kind, body)
