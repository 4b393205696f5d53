"""Browser push: what only the browser can read, who says it, where it may go, and browsers that are gone."""

from __future__ import annotations

import asyncio
import stat
import threading
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import apsw
import http_ece
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st
from py_vapid.utils import b64urlencode

from plantroom.clock import NS
from plantroom.errors import Refused
from plantroom.push import KEY_FILE, Browsers, allowed, decoded, key, public_key, subscription
from rules.notify import webpush
from rules.notify.page import Answer, Page
from tests.contract.channel_stub import PAGE, A, Asked, R, Serve, T, provider, request_of, says, server

TO_LI = replace(PAGE, to="li.wei", link="https://plant.example.com/a/n0nce")
AUTH = bytes(range(16))
CREATED, GONE = says("201 Created"), says("410 Gone")


def raw(private: ec.EllipticCurvePrivateKey) -> str:
    return str(b64urlencode(private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))


@pytest.fixture
def browsers(tmp_path: Path) -> Iterator[Browsers]:
    made = Browsers(tmp_path / "access.db")
    yield made
    made.close()


def add(browsers: Browsers, name: str = "one") -> ec.EllipticCurvePrivateKey:
    private = ec.generate_private_key(ec.SECP256R1())
    browsers.add("li.wei", f"https://fcm.googleapis.com/fcm/send/{name}", raw(private), str(b64urlencode(AUTH)), name, 0)
    return private


def send(tmp_path: Path, serve: Serve, page: Page = TO_LI, **more: object) -> Answer:
    async def run() -> Answer:
        async with server(serve) as port:
            settings = {"subject": "mailto:ops@example.com", "data": str(tmp_path), "url": f"http://127.0.0.1:{port}", "private": ("127.0.0.0/8",), **more}
            return await webpush.send(settings, page, timeout_s=5.0)

    return asyncio.run(run())


def test_only_the_browser_reads_it_and_the_service_sees_who_sent_it(tmp_path: Path, browsers: Browsers) -> None:
    private, seen = add(browsers), list[Asked]()
    assert send(tmp_path, provider(CREATED, b"", seen=seen)).verdict is A
    [asked] = seen
    assert asked.target == "/fcm/send/one"
    assert (asked.headers["content-encoding"], asked.headers["ttl"], asked.headers["urgency"]) == ("aes128gcm", "3600", "high")
    assert b"n0nce" not in asked.body and len(asked.body) < 4096
    told = orjson.loads(http_ece.decrypt(asked.body, private_key=private, auth_secret=AUTH))
    first, second = PAGE.message["zh"]
    shown = told.pop("shown")
    assert told == {"title": first, "body": second, "url": "https://plant.example.com/a/n0nce", "tag": "O12-1", "lang": "zh"}
    with pytest.raises(http_ece.ECEException):
        http_ece.decrypt(asked.body, private_key=ec.generate_private_key(ec.SECP256R1()), auth_secret=AUTH)
    vapid = asked.headers["authorization"]
    assert vapid.startswith("vapid t=") and vapid.endswith(f",k={public_key(tmp_path)}")
    signed, _, signature = vapid.partition("t=")[2].partition(",")[0].rpartition(".")
    r, s = (int.from_bytes(half, "big") for half in (decoded(signature)[:32], decoded(signature)[32:]))
    key(tmp_path).public_key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(SHA256()))
    claims = orjson.loads(urlsafe_b64decode(vapid.partition("t=")[2].split(".")[1] + "=="))
    assert claims == {"aud": "https://fcm.googleapis.com", "sub": "mailto:ops@example.com", "exp": PAGE.sent_ns // NS + 12 * 3600}
    token = shown.removeprefix("/push/shown/")
    assert browsers.sent_with(token) == ("tower", "P12-1", False)
    browsers.shown(token, 7)
    assert browsers.sent_with(token) == ("tower", "P12-1", True)
    assert browsers.sent_with("made-up") is None


def test_without_a_link_the_fault_is_opened(tmp_path: Path, browsers: Browsers) -> None:
    assert orjson.loads(webpush.payload(replace(TO_LI, link=None), "t"))["url"] == "/faults/F12-1?site=tower"
    by_hand = replace(TO_LI, link=None, message={**PAGE.message, "fault": None})
    assert orjson.loads(webpush.payload(by_hand, "t"))["url"] == "/orders/O12-1?site=tower"


def test_one_browser_that_took_it_is_enough_and_a_gone_one_is_not_asked_again(tmp_path: Path, browsers: Browsers) -> None:
    add(browsers, "old")
    add(browsers, "new")
    seen: list[Asked] = []

    async def by_target(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await request_of(reader)
        seen.append(asked)
        await (GONE if asked.target.endswith("old") else CREATED)(writer, b"")

    said = send(tmp_path, by_target)
    assert said.verdict is A and said.text.startswith("1 of 2 browsers")
    assert [(one.label, one.gone_ns is None) for one in sorted(browsers.of("li.wei"), key=lambda one: one.label)] == [("new", True), ("old", False)]
    seen.clear()
    assert send(tmp_path, by_target).verdict is A and [asked.target for asked in seen] == ["/fcm/send/new"]


def test_nobodys_browser_is_a_dead_contact(tmp_path: Path, browsers: Browsers) -> None:
    add(browsers)
    assert send(tmp_path, provider(GONE, b"")).verdict is R
    said = send(tmp_path, provider(CREATED, b""))
    assert said.verdict is R and "no browser of li.wei" in said.text
    add(browsers)  # turned on anew
    assert send(tmp_path, provider(CREATED, b"")).verdict is A


def test_a_busy_service_is_tried_again_when_it_says_so(tmp_path: Path, browsers: Browsers) -> None:
    add(browsers, "one")
    add(browsers, "two")
    said = send(tmp_path, provider(says("429 Too Many Requests", b"", "Retry-After: 7"), b""))
    assert (said.verdict, said.retry_after_s) == (T, 7.0)


def test_the_endpoint_is_told_nobody(tmp_path: Path, browsers: Browsers) -> None:
    add(browsers, "t0ken-of-the-browser")
    assert "t0ken" not in send(tmp_path, provider(says("400 Bad Request", b"no such thing /fcm/send/t0ken-of-the-browser t0ken-of-the-browser"), b"")).text


def test_a_service_nobody_knows_is_not_asked(tmp_path: Path, browsers: Browsers) -> None:
    """As one in an access.db of an older list would be."""
    browsers.add("li.wei", "https://169.254.169.254/latest", raw(ec.generate_private_key(ec.SECP256R1())), str(b64urlencode(AUTH)), "evil", 0)
    seen: list[Asked] = []
    assert send(tmp_path, provider(CREATED, b"", seen=seen)).verdict is R and seen == []
    assert send(tmp_path, provider(CREATED, b"", seen=seen), services=("https://169.254.169.254",)).verdict is A, "the control: listed, it is"


@pytest.mark.parametrize(
    ("endpoint", "services", "fine"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", (), True), ("https://updates.push.services.mozilla.com/wpush/v2/x", (), True), ("https://web.push.apple.com/x", (), True),
        ("https://wns2-par02p.notify.windows.com/w/?token=x", (), True), ("https://FCM.googleapis.com:443/x", (), True), ("http://fcm.googleapis.com/x", (), False),
        ("https://fcm.googleapis.com:8443/x", (), False), ("https://fcm.googleapis.com.evil.example/x", (), False), ("https://evilnotify.windows.com/x", (), False),
        ("https://u@fcm.googleapis.com/x", (), False), ("https://evil.example/@fcm.googleapis.com", (), False), ("https://evil.example#fcm.googleapis.com", (), False),
        ("https://127.0.0.1/x", (), False), ("https://[::1]/x", (), False), ("https://[::1", (), False), ("https://h:99999/x", (), False), ("https://fcm.googleapis.com\\@evil.example/", (), False),
        ("https://fcm.googleapis.com\r\n/x", (), False), ("https://push.example.com/x", ("https://push.example.com",), True), ("https://push.example.com:8443/x", ("https://push.example.com",), False),
        ("https://push.example.com:8443/x", ("https://push.example.com:8443/",), True), ("", (), False), ("https:///x", (), False),
    ],
)  # fmt: skip
def test_where_a_push_may_go(endpoint: str, services: Sequence[str], fine: bool) -> None:
    assert allowed(endpoint, services) is fine


@example(".PUSH.APPLE.COM")
@given(st.text(max_size=60))
def test_no_other_text_is_an_address_of_a_service(text: str) -> None:
    assert not allowed(text) and not allowed("https://" + text, ()) or "fcm.googleapis.com" in text.lower()


GOOD = {"endpoint": "https://fcm.googleapis.com/fcm/send/x", "keys": {"p256dh": raw(ec.generate_private_key(ec.SECP256R1())), "auth": str(b64urlencode(AUTH))}}


@pytest.mark.parametrize(
    "wrong",
    [None, [], {}, {**GOOD, "keys": None}, {**GOOD, "keys": {}}, {**GOOD, "endpoint": 5}, {**GOOD, "endpoint": "https://evil.example/"}, {**GOOD, "endpoint": GOOD["endpoint"] + "x" * 1000},  # type: ignore[operator]
     {**GOOD, "keys": {**GOOD["keys"], "auth": "AA"}}, {**GOOD, "keys": {**GOOD["keys"], "p256dh": "BBBB"}}, {**GOOD, "keys": {**GOOD["keys"], "auth": "\u5bc6"}}],  # type: ignore[dict-item]
)  # fmt: skip
def test_what_is_no_subscription_is_refused(wrong: object) -> None:
    assert subscription(GOOD)[0] == GOOD["endpoint"]
    with pytest.raises(Refused):
        subscription(wrong)


def test_the_key_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    """By web and notify at the same time."""
    found: list[str] = []
    together = [threading.Thread(target=lambda: found.append(public_key(tmp_path))) for _ in range(4)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    assert len(set(found)) == 1 and public_key(tmp_path) == found[0]
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE], "nothing is left behind"
    assert key(tmp_path).public_key is not None


def test_a_person_keeps_a_few_browsers_and_a_browser_tells_one_person(browsers: Browsers) -> None:
    for n in range(12):
        browsers.add("li.wei", f"https://fcm.googleapis.com/{n}", "p", "a", str(n), n)
    assert [one.label for one in browsers.of("li.wei")] == [str(n) for n in range(2, 12)]
    ident = browsers.add("wang.fang", "https://fcm.googleapis.com/11", "p", "a", "hers", 20)
    assert len(browsers.of("li.wei")) == 9
    browsers.remove("li.wei", ident)
    assert len(browsers.of("wang.fang")) == 1, "nobody turns another one's off"


def test_a_file_that_another_process_holds_locked_stops_no_page(tmp_path: Path, browsers: Browsers) -> None:
    """The page leaves without what it would report with; a browser that is gone takes nothing from one that took it."""
    private, seen = add(browsers), list[Asked]()
    stopped = apsw.Connection(str(tmp_path / "access.db"))
    stopped.execute("BEGIN IMMEDIATE")
    assert send(tmp_path, provider(CREATED, b"", seen=seen)).verdict is A
    told = orjson.loads(http_ece.decrypt(seen[0].body, private_key=private, auth_secret=AUTH))
    assert "shown" not in told and told["title"] == PAGE.message["zh"][0]
    assert "410" in send(tmp_path, provider(GONE, b"")).text
    stopped.execute("ROLLBACK")
    stopped.close()
