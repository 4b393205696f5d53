"""Channel `apprise`: whatever the library Apprise can reach and no channel of ours does. Accepted, not confirmed: it reports what it sent,
and of many services only that something answered.

Settings: `secret`, the whole Apprise URL, because all of it may be one; `private`, networks of the house's own it may speak to. A person's
own URL is `page.to`. The library is the extra `plantroom[apprise]`; each attempt is a process that ends with it: its plugins keep no
limit of their own (reliability F26).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress

import orjson

from plantroom.networks import listed
from plantroom.site_addresses import apprise_fault
from plantroom.words import say
from rules.notify.page import Answer, Page, answer, unfit
from rules.outbox import Verdict

WORKER = "rules.notify.apprise_worker"
ENVIRONMENT = {"LANG": "C.UTF-8"}  # no proxy, no secret of the service's
KINDS: Mapping[str, str] = {"danger": "failure", "readiness": "warning", "normal": "warning"}


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, *(() if page.to else ("secret",))):
        return no
    url = page.to or str(settings["secret"])
    hidden = {**settings, "target_url": url}
    if fault := apprise_fault(url):
        return answer(hidden, Verdict.REFUSED, fault)
    title, standing = page.lines
    link = f"\n{say('channel.open', page.language)}: {page.link}" if page.link else ""
    own = [str(net) for net in listed(settings.get("private"))]
    asked = {"url": url, "title": title, "body": standing + link, "kind": KINDS.get(page.severity, "info"), "private": own}
    try:
        async with asyncio.timeout(timeout_s):
            told = orjson.loads(await _work(orjson.dumps(asked)))
    except TimeoutError:
        return answer(hidden, Verdict.RETRY, f"no end within {timeout_s:g} s")
    except (OSError, orjson.JSONDecodeError) as error:
        return answer(hidden, Verdict.RETRY, f"the process of Apprise failed: {type(error).__name__}")
    if told["verdict"] == "sent":
        said = answer(hidden, Verdict.ACCEPTED, f"accepted, not confirmed: {told['service']}")
        return Answer(said.verdict, said.text, confirmed=False)
    return answer(hidden, Verdict.RETRY if told["verdict"] == "failed" else Verdict.REFUSED, told["text"])


async def _work(asked: bytes) -> bytes:
    """What the worker writes; it is gone when this returns or is given up."""
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", WORKER, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, env=ENVIRONMENT
    )  # the URL goes by its input: a list of processes shows arguments
    try:
        told, _ = await worker.communicate(asked)
        return told
    finally:
        with suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()
