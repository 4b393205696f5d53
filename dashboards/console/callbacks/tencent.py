"""Receipts of Tencent Cloud (腾讯云): SMS states, and of a call its state, its key and why it failed.

They are not signed: what keeps others out is the end of the address, which only the provider's console knows, and that a receipt is
believed only about a message that was sent. Source: cloud.tencent.com, 382/43547 (短信下发状态通知), 1128/37725 to 37727.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from dashboards.console.callbacks.told import Foreign, Heard, Told, What, text_of, words

ACCEPT_KEY = "1"
TAKEN = b'{"result":0,"errmsg":"OK"}'


def read(kind: str, body: bytes) -> Heard:
    """kind: of the channel, sms or voice. Raises Foreign."""
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Foreign("JSON") from None
    if kind == "sms":
        if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
            raise Foreign("no array of reports")
        return Heard(tuple(told for one in said for told in _sms(one)))
    if not isinstance(said, dict):
        raise Foreign("no report of a call")
    return Heard(tuple(_voice(said)))


def _sms(one: dict[str, Any]) -> Iterator[Told]:
    reference, status = text_of(one.get("sid")), one.get("report_status")
    if reference is not None and status in ("SUCCESS", "FAIL"):
        what = What.DELIVERED if status == "SUCCESS" else What.UNDELIVERED
        yield Told(what, reference=reference, address=text_of(one.get("mobile")), text=words(one.get("errmsg"), one.get("description")))


def _voice(said: dict[str, Any]) -> Iterator[Told]:
    for name in ("voicekey_callback", "voiceprompt_callback", "voice_failure_callback"):
        one = said.get(name)
        reference = text_of(one.get("callid")) if isinstance(one, dict) else None
        if reference is None or not isinstance(one, dict):
            continue
        callee, result = text_of(one.get("mobile")), text_of(one.get("result"))
        if name == "voicekey_callback":
            if text_of(one.get("keypress")) == ACCEPT_KEY:
                yield Told(What.PRESSED, reference=reference, address=callee)
        elif name == "voiceprompt_callback" and result == "0":
            yield Told(What.DELIVERED, reference=reference, address=callee, text="result 0")
        elif name == "voiceprompt_callback" and result in ("1", "2"):
            yield Told(What.UNDELIVERED, reference=reference, address=callee, text=f"result {result}")
        elif name == "voice_failure_callback":
            text = words(one.get("failure_code"), one.get("failure_reason"))
            yield Told(What.UNDELIVERED, reference=reference, address=callee, text=text)
