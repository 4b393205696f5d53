"""What a provider's callback tells, whoever the provider is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ACCEPT = "accept:"  # what the key of a button begins with; the page's right follows


class What(StrEnum):
    PRESSED = "pressed"  # its person takes it
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


class Foreign(Exception):
    """Not from the provider, or not for us: nothing of it is believed, and the answer says nothing. The text is for the log."""


@dataclass(frozen=True, slots=True)
class Told:
    """By one of the two it is known which page it is about: nonce, the right itself, or reference, the provider's number of the message.

    address: of whoever pressed or was called, as the provider writes it; None where it does not say. task: the page, where the provider
    repeats it. text: the provider's own words.
    """

    what: What
    nonce: str | None = None
    reference: str | None = None
    address: str | None = None
    task: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """told: in the provider's order. asks: an id the answer has to repeat. once: names the request, where one may be sent again."""

    told: tuple[Told, ...] = ()
    asks: str | None = None
    once: str | None = None


def words(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part not in (None, ""))[:200]


def text_of(value: object) -> str | None:
    """A member that has to be a text, or a number that some providers send for one."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
