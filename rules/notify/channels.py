"""The module of each type of channel: `rules/notify/<type>.py` of the types in plantroom/site_channels.py, loaded when a site has one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import cast

from plantroom.site_channels import TYPES
from rules.notify.limits import Rate
from rules.notify.page import Answer, Page, discreet

Send = Callable[..., Awaitable[Answer]]  # (settings, page, *, timeout_s)
Settle = Callable[..., Awaitable[Answer]]  # (settings, to, code, text, now_ns, *, timeout_s)
Limit = tuple[int, float]  # at most so many messages in any so many seconds


def send_of(kind: str) -> Send:
    """Raises KeyError for what is no type of channel. No answer tells the address it was about, or the right that went out with it."""
    send: Send = import_module(f"rules.notify.{_known(kind)}").send

    async def sent(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
        answer = await send(settings, page, timeout_s=timeout_s)
        return replace(answer, text=discreet(page, answer.text))

    return sent


def limit_of(kind: str) -> Limit | None:
    """What the provider takes, None where it has not said."""
    found: Limit | None = getattr(import_module(f"rules.notify.{_known(kind)}"), "LIMIT", None)
    return found


def rates_of(kind: str, settings: Mapping[str, object]) -> Sequence[Rate]:
    """What the provider takes for one number: as the site file says, else as the provider does; none where it has not said."""
    own = settings.get("per_number")
    found: Callable[[Mapping[str, object]], Sequence[Rate]] | None = getattr(import_module(f"rules.notify.{_known(kind)}"), "rates", None)
    return cast(Sequence[Rate], own) if own else found(settings) if found is not None else ()


def settle_of(kind: str) -> Settle | None:
    """How the button of a card that was sent is taken away, None where its messages cannot be changed."""
    found: Settle | None = getattr(import_module(f"rules.notify.{_known(kind)}"), "settle", None)
    return found


def _known(kind: str) -> str:
    TYPES[kind]
    return kind
