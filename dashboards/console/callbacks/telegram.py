"""Telegram's updates: the press of a message's button. The header repeats the `secret_token` the webhook was set with.

Source: core.telegram.org/bots/api, setWebhook, CallbackQuery and "Making requests when getting updates".
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from dashboards.console.callbacks.told import ACCEPT, Foreign, Heard, Told, What, text_of

HEADER = "x-telegram-bot-api-secret-token"


def read(settings: Mapping[str, object], headers: Mapping[str, str], body: bytes) -> Heard:
    """Raises Foreign. An update of another kind tells nothing."""
    token = settings.get("callback_token")
    if not token or not hmac.compare_digest(str(token).encode(), headers.get(HEADER, "").encode()):
        raise Foreign("secret token")
    try:
        update: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Foreign("JSON") from None
    query = update.get("callback_query") if isinstance(update, dict) else None
    if not isinstance(query, dict):
        return Heard()
    data, who, asks = query.get("data"), query.get("from"), text_of(query.get("id"))
    if not isinstance(data, str) or not data.startswith(ACCEPT) or not isinstance(who, dict):
        return Heard(asks=asks)
    return Heard((Told(What.PRESSED, data.removeprefix(ACCEPT), address=text_of(who.get("id")) or ""),), asks)


def answer(asks: str, text: str) -> bytes:
    """Ends the button's waiting, with a word to whoever pressed it."""
    return orjson.dumps({"method": "answerCallbackQuery", "callback_query_id": asks, "text": text[:200], "show_alert": True})
