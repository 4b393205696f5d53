"""Channel `email`: a mail by SMTP. Delivered means that the server took the message for at least one address (the reply to DATA).

Settings: `host`, `port`, `security` (starttls, tls, none), `user`, `password`, `from`, `to` (the addresses of a group), `ca`. `page.to` is
a person's address. Receipts (DSN, RFC 3461) are asked for where the server offers them: they go to `from`, and name an id of the
envelope that nobody can guess, by which rules/notify/bounces.py knows them. aiosmtplib speaks the protocol: smtplib
blocks a thread, and what trickles keeps it beyond any limit.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import cast

import aiosmtplib

from plantroom.clock import at_utc
from plantroom.words import say
from rules.notify.http import trusted
from rules.notify.lookup import connected
from rules.notify.page import Answer, Page, answer, unfit
from rules.outbox import Verdict

PORTS: Mapping[str, int] = {"starttls": 587, "tls": 465, "none": 25}
ENVID_BYTES = 16
GOODBYE_S = 0.5  # the message is taken by then: nobody waits for a server's farewell
_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")  # ASCII without a second @, a space or a line end


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    """One attempt, over within timeout_s whatever the server does."""
    if no := unfit(settings, page, "host", "from", *(() if page.to else ("to",))):
        return no
    to = [page.to] if page.to else list(cast(Sequence[str], settings["to"]))
    if strange := [address for address in to if not _ADDRESS.fullmatch(address)]:
        return answer(settings, Verdict.REFUSED, f"{len(strange)} of {len(to)} addresses are no e-mail addresses")
    end_s = asyncio.get_running_loop().time() + timeout_s
    try:
        async with asyncio.timeout_at(end_s):
            sock = await connected(str(settings["host"]), int(str(settings.get("port") or PORTS[security(settings)])))
        client = _client(settings, sock, timeout_s)
        try:
            async with asyncio.timeout_at(end_s):
                said = await _deliver(client, settings, page, to)
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=GOODBYE_S)
            return said
        finally:
            await _end(client, sock)
    except TimeoutError:
        return answer(settings, Verdict.RETRY, f"no end within {timeout_s:g} s")
    except aiosmtplib.SMTPResponseException as error:
        return answer(settings, verdict(error.code), f"{error.code} {error.message}")
    except (aiosmtplib.SMTPException, OSError) as error:
        return answer(settings, Verdict.RETRY, f"{type(error).__name__}: {error}")


async def _end(client: aiosmtplib.SMTP, sock: socket.socket) -> None:
    """The socket is closed when this returns; a farewell by TLS could be waited for for ever."""
    abort = getattr(client.transport, "abort", None)
    client.close()
    if abort is not None:
        abort()
        await asyncio.sleep(0)
    else:
        sock.close()


def security(settings: Mapping[str, object]) -> str:
    return str(settings.get("security") or "starttls")


def verdict(code: int) -> Verdict:
    """5xx is for good, 4xx and what is no reply at all for now. RFC 5321, 4.2.1."""
    return Verdict.REFUSED if 500 <= code < 600 else Verdict.RETRY


async def _deliver(client: aiosmtplib.SMTP, settings: Mapping[str, object], page: Page, to: Sequence[str]) -> Answer:
    await client.connect()
    await client.ehlo()
    if security(settings) == "starttls":
        if not client.supports_extension("starttls"):  # and no password goes over an open line
            return answer(settings, Verdict.REFUSED, "the server offers no STARTTLS; mend security in the site file")
        await client.starttls()
        await client.ehlo()
    if settings.get("user"):
        if not client.supports_extension("auth"):
            return answer(settings, Verdict.REFUSED, "the server offers no login; mend user in the site file")
        await client.login(str(settings["user"]), str(settings.get("password") or ""))
    envid = secrets.token_hex(ENVID_BYTES) if client.supports_extension("dsn") else None
    await client.mail(str(settings["from"]), options=[] if envid is None else ["RET=HDRS", f"ENVID={envid}"])
    refused: list[aiosmtplib.SMTPRecipientRefused] = []
    for address in to:
        try:
            await client.rcpt(address, options=[] if envid is None else ["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{xtext(address)}"])
        except aiosmtplib.SMTPRecipientRefused as no:
            refused.append(no)
    others = "; ".join(f"{no.recipient}: {no.code} {no.message}" for no in refused)
    if len(refused) == len(to):
        passing = any(verdict(no.code) is Verdict.RETRY for no in refused)
        return answer(settings, Verdict.RETRY if passing else Verdict.REFUSED, others)
    reply = await client.data(message(settings, page, to).as_bytes())
    taken = answer(settings, Verdict.ACCEPTED, f"{reply.code} {reply.message}" + (f"; not taken for {others}" if others else ""))
    return replace(taken, reference=envid)


def xtext(address: str) -> str:
    """As ORCPT wants it: RFC 3461, 4. addresses here are printable ASCII."""
    return "".join(f"+{ord(c):02X}" if c in "+=" else c for c in address)


def message(settings: Mapping[str, object], page: Page, to: Sequence[str]) -> EmailMessage:
    """The two lines, and the link below them. A page sent twice has one Message-ID; mails about one fault make one thread."""
    mail = EmailMessage(WIRE)
    mail["From"], mail["To"] = str(settings["from"]), ", ".join(to)
    mail["Subject"] = " ".join(page.lines[0].split())
    mail["Date"] = format_datetime(at_utc(page.sent_ns))
    about = (page.message.get("fault") or page.message.get("order") or {}).get("id", page.id)
    mail["Message-ID"], mail["References"] = f"<{page.id}@{page.site}.plantroom>", f"<{about}@{page.site}.plantroom>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    if page.severity in ("danger", "readiness"):
        mail["Importance"], mail["X-Priority"] = "high", "1"
    link = f"\n\n{say('channel.open', page.language)}: {page.link}" if page.link else ""
    mail.set_content(f"{page.text}{link}\n", cte="base64")
    return mail


def _client(settings: Mapping[str, object], sock: socket.socket, timeout_s: float) -> aiosmtplib.SMTP:
    ca = settings.get("ca")
    return aiosmtplib.SMTP(
        hostname=str(settings["host"]),
        sock=sock,
        local_hostname=str(settings["from"]).rpartition("@")[2],  # else it looks up the machine's own name, and blocks
        timeout=timeout_s,
        use_tls=security(settings) == "tls",
        start_tls=False,  # where it is asked for it has to be: _deliver
        tls_context=None if security(settings) == "none" else trusted(str(ca) if ca else None),
    )
