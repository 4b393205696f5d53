"""Channel `webpush`: the browsers a person named on their account page (RFC 8030, VAPID, RFC 8291). Delivered means 201 of a push service.

Settings: `subject` (mailto: or https:, whom the service writes to when something is wrong), `services` (push services besides the known
ones), `url` (a gateway before all of them), `ca`. `page.to` is the user name. One attempt goes to every browser of the person; one that
took it is enough. 404 and 410 say that the browser is gone: it is not asked again, and the account page says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import apsw
import http_ece
import orjson
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import VapidException

from plantroom.clock import NS
from plantroom.push import Browser, Browsers, allowed, decoded, key
from rules.notify import http, judging
from rules.notify.page import Answer, Page, answer, unfit
from rules.outbox import Verdict

TTL_S = 3600  # a page an hour old is the next call's business; as long as its link is good
TOKEN_S = 12 * 3600  # the longest a service takes is 24 h
HEADERS = {"content-encoding": "aes128gcm", "content-type": "application/octet-stream", "ttl": str(TTL_S), "urgency": "high"}
GONE = (404, 410)
log = structlog.get_logger()
BEST = (Verdict.ACCEPTED, Verdict.RETRY, Verdict.REFUSED)


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, "subject", person=True):
        return no
    data = Path(str(settings["data"]))
    try:
        browsers = Browsers(data / "access.db")
    except (apsw.Error, OSError) as error:
        return answer(settings, Verdict.RETRY, f"access.db cannot be read: {type(error).__name__}")
    try:
        told = [browser for browser in browsers.of(str(page.to)) if browser.gone_ns is None]
        if not told:
            return answer(settings, Verdict.REFUSED, f"no browser of {page.to} is told any more; they add one on their account page")
        body = payload(page, await _token(browsers, page))
        answers = await asyncio.gather(*(_one(settings, page, browsers, data, browser, body, timeout_s) for browser in told))
    finally:
        browsers.close()
    return min(answers, key=lambda each: BEST.index(each.verdict)) if len(answers) == 1 else _together(settings, answers)


def read(reply: judging.Reply) -> judging.Word | None:
    """A push service says 201 and nothing else; any other 2xx is somebody else's."""
    return judging.Word(Verdict.ACCEPTED) if reply.status == 201 else None


async def _token(browsers: Browsers, page: Page) -> str | None:
    """By which the browser says that it has shown it. Where that cannot be kept, because another process holds the file, the page leaves
    all the same, and who waits for the file is a thread of its own."""
    try:
        return await asyncio.to_thread(browsers.sent, page.site, page.id, page.sent_ns)
    except (apsw.Error, OSError) as error:
        log.warning("page.no_shown", page=page.id, error=type(error).__name__)
        return None


def payload(page: Page, token: str | None) -> bytes:
    """What the worker shows: the two lines, what a tap opens, what it reports with."""
    title, standing = page.lines
    order, fault = page.message.get("order") or {}, page.message.get("fault") or {}
    place = f"/faults/{fault['id']}" if fault.get("id") else f"/orders/{order['id']}" if order.get("id") else "/"
    shown = {"title": title, "body": standing, "url": page.link or f"{place}?site={page.site}", "tag": order.get("id") or page.id}
    return orjson.dumps({**shown, "lang": page.language, **({"shown": f"/push/shown/{token}"} if token is not None else {})})


async def _one(
    settings: Mapping[str, object], page: Page, browsers: Browsers, data: Path, browser: Browser, body: bytes, timeout_s: float
) -> Answer:
    services = settings.get("services")
    if not allowed(browser.endpoint, services if isinstance(services, Sequence) else ()):
        return answer(settings, Verdict.REFUSED, "the push service of this browser is none we know; list it under services")
    url = urlsplit(browser.endpoint)
    hidden = {**settings, "endpoint_token": url.path, "endpoint_last_token": url.path.rpartition("/")[2]}  # who knows it can send there
    claims = {"aud": f"https://{url.netloc}", "sub": str(settings["subject"]), "exp": page.sent_ns // NS + TOKEN_S}
    try:
        headers = {**HEADERS, **key(data).sign(claims)}
        ours, theirs, secret = ec.generate_private_key(ec.SECP256R1()), decoded(browser.p256dh), decoded(browser.auth)
        sealed = http_ece.encrypt(body, private_key=ours, dh=theirs, auth_secret=secret)
    except OSError as error:
        return answer(settings, Verdict.RETRY, f"our own key cannot be read: {type(error).__name__}")
    except (ValueError, VapidException, UnsupportedAlgorithm, http_ece.ECEException) as error:
        return answer(settings, Verdict.REFUSED, f"nothing can be sent to this browser: {type(error).__name__}")
    target = http.base(settings, f"https://{url.netloc}") + url.path + (f"?{url.query}" if url.query else "")
    request = http.Request(target, sealed, headers)
    status: list[int] = []

    def word(reply: judging.Reply) -> judging.Word | None:
        status.append(reply.status)
        return read(reply)

    said = await http.send(hidden, request, word, timeout_s=timeout_s)
    if status and status[0] in GONE:
        with suppress(apsw.Error, OSError):  # it is asked once more then; what another browser took stays taken
            await asyncio.to_thread(browsers.gone, browser.id, page.sent_ns)
    return said


def _together(settings: Mapping[str, object], answers: Sequence[Answer]) -> Answer:
    """The best of several; a wait only where nobody took it."""
    best = min(answers, key=lambda each: BEST.index(each.verdict))
    took = sum(each.verdict is Verdict.ACCEPTED for each in answers)
    pause_s = max((each.retry_after_s or 0.0 for each in answers), default=0.0) if not took else 0.0
    return answer(settings, best.verdict, f"{took} of {len(answers)} browsers: {best.text}", pause_s or None)
