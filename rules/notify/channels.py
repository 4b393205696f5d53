"""The module of each type of channel: `rules/notify/<type>.py` of the types in plantroom/site_channels.py, loaded when a site has one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module

from plantroom.site_channels import TYPES
from rules.notify.page import Answer

Send = Callable[..., Awaitable[Answer]]  # (settings, page, *, timeout_s)
Settle = Callable[..., Awaitable[Answer]]  # (settings, to, code, text, now_ns, *, timeout_s)
Limit = tuple[int, float]  # at most so many messages in any so many seconds


def send_of(kind: str) -> Send:
    """Raises KeyError for what is no type of channel."""
    found: Send = import_module(f"rules.notify.{_known(kind)}").send
    return found


def limit_of(kind: str) -> Limit | None:
    """What the provider takes, None where it has not said."""
    found: Limit | None = getattr(import_module(f"rules.notify.{_known(kind)}"), "LIMIT", None)
    return found


def settle_of(kind: str) -> Settle | None:
    """How the button of a card that was sent is taken away, None where its messages cannot be changed."""
    found: Settle | None = getattr(import_module(f"rules.notify.{_known(kind)}"), "settle", None)
    return found


def _known(kind: str) -> str:
    TYPES[kind]
    return kind
