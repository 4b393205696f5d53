"""What a channel is given and what it gives back. Every channel module has `async def send(settings, page, *, timeout_s) -> Answer`.

A channel never raises for what the other side does: silence, refusal and nonsense are answers with a verdict. Nothing it was given as
a secret stands in the answer's text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from plantroom.clock import iso
from rules.outbox import Verdict

ANSWER_CHARACTERS = 200
NO_PERSON = "this channel reaches one person and the page names none; a notice to a group goes by another channel"
_SECRET_NAMES = ("secret", "token", "password", "key", "url")
_SHORTEST_SECRET = 4
_SHORTEST_NUMBER = 5


@dataclass(frozen=True, slots=True)
class Page:
    """One page to one channel. id: outbox id, the idempotency key. message: outbox.message_json. sent_ns: of this attempt, epoch ns.

    to: a person's address on this channel, None = a notice to the group behind it. link: the page a phone opens, put where the provider
    has a place for it, never into the two lines. right: what accepts in this person's name, for buttons that call back. language: of the
    words, zh or en. room: of a duty room, what is known of its screens.
    """

    id: str
    site: str
    reason: str
    severity: str
    message: Mapping[str, Any]
    sent_ns: int
    to: str | None = None
    link: str | None = None
    right: str | None = field(default=None, repr=False)
    language: str = "zh"
    room: object | None = None

    @property
    def lines(self) -> tuple[str, str]:
        """Class, what, machine, place; then since, deadline, first step, who has it. docs/engine.md"""
        first, *rest = (str(line) for line in self.message[self.language])
        return first, " ".join(rest)

    @property
    def text(self) -> str:
        return "\n".join(line for line in self.lines if line)

    def payload(self) -> bytes:
        """The JSON every machine-read channel sends; docs/engine.md has its fields."""
        return orjson.dumps(
            {
                "id": self.id,
                "site": self.site,
                "reason": self.reason,
                "severity": self.severity,
                "fault": self.message.get("fault"),
                "order": self.message.get("order"),
                "text": {"zh": self.message["zh"], "en": self.message["en"]},
                "sent_at": iso(self.sent_ns),
            }
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """text: the provider's own words, shortened. retry_after_s: what it asked for. confirmed: False = taken by what may not know.

    reference: the provider's own name of the message, by which it calls back or lets it be changed; not recorded.
    """

    verdict: Verdict
    text: str
    retry_after_s: float | None = None
    confirmed: bool = True
    reference: str | None = field(default=None, repr=False)

    def record(self, outbox: str, channel: str, n: int, started_ns: int, ended_ns: int) -> bytes:
        """The body of the ATTEMPT record; what is as usual is left out."""
        body: dict[str, object] = {
            "outbox": outbox, "channel": channel, "n": n, "verdict": self.verdict.value, "answer": self.text,
            "started_ns": started_ns, "ended_ns": ended_ns,
        }  # fmt: skip
        if not self.confirmed:
            body["confirmed"] = False
        if self.retry_after_s is not None:
            body["retry_after_s"] = self.retry_after_s
        return orjson.dumps(body)


def answer(settings: Mapping[str, object], verdict: Verdict, text: str, retry_after_s: float | None = None) -> Answer:
    """An answer fit to be recorded: one line, at most 200 characters, without what the settings keep secret."""
    return Answer(verdict, " ".join(without_secrets(settings, text).split())[:ANSWER_CHARACTERS], retry_after_s)


def unfit(settings: Mapping[str, object], page: Page, *needs: str, person: bool = False) -> Answer | None:
    """Why nothing can be sent at all: a setting without a value (a secret may resolve to nothing), a personal channel without a person."""
    empty = [name for name in needs if not settings.get(name)]
    if empty:
        return answer(settings, Verdict.REFUSED, f"the channel's {' and '.join(empty)} has no value; mend it in the site file")
    if person and not page.to:
        return answer(settings, Verdict.REFUSED, NO_PERSON)
    return None


def without_secrets(settings: Mapping[str, object], text: str) -> str:
    for secret in sorted(secrets_of(settings), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def discreet(page: Page, text: str) -> str:
    """An answer's text without what is the person's alone: their address, and the right that went out with the page, which some providers
    repeat and with which anybody could accept in their name. An answer that was cut may end within one of them."""
    text = without_address(page.to, text)
    for whole in filter(None, (page.right, page.to)):
        text = text.replace(whole, "***")
        if len(text) >= ANSWER_CHARACTERS:
            begun = next((n for n in range(len(whole) - 1, _SHORTEST_SECRET - 1, -1) if text.endswith(whole[:n])), 0)
            text = text[: len(text) - begun] + "***" * bool(begun)
    return text[:ANSWER_CHARACTERS]


def without_address(to: str | None, text: str) -> str:
    """Without the address of the person a page went to, as it is and as providers write it: a number with or without its country."""
    if not to:
        return text
    digits = "".join(filter(str.isdigit, to))
    forms = {to, to.rpartition("@")[0]}
    if len(digits) >= _SHORTEST_NUMBER and len(digits) * 2 > len(to):
        forms |= {digits, digits.removeprefix("86")}
    for form in sorted(filter(None, forms), key=len, reverse=True):
        text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(form)}(?![0-9A-Za-z])", "***", text, flags=re.IGNORECASE)
    return text


def secrets_of(settings: Mapping[str, object]) -> set[str]:
    """The values that must not be told: secrets, tokens, passwords, and what an address carries as user, path or query."""
    found: set[str] = set()
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= secrets_of(value)
        elif isinstance(value, str) and any(part in name.lower() for part in _SECRET_NAMES):
            found.add(value)
            found |= _told_by(value) if "://" in value else set(value.split(":"))  # half a token is a secret too
    return {secret for secret in found if len(secret) >= _SHORTEST_SECRET}


def _told_by(url: str) -> set[str]:
    rest = url.partition("://")[2]
    host, _, path = rest.partition("/")
    user = host.rpartition("@")[0]
    query = path.partition("?")[2]
    values = [pair.partition("=")[2] for pair in query.split("&")]
    return {user, *user.split(":"), query, *values, *path.partition("?")[0].split("/")} - {""}
