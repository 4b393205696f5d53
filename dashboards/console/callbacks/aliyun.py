"""Receipts of Alibaba Cloud (阿里云): SmsReport, VoiceReport and VoiceCallReport, pushed as JSON arrays ("HTTP批量推送模式").

They are not signed: what keeps others out is the end of the address, which only the provider's console knows, and that a receipt is
believed only about a message that was sent. Source: help.aliyun.com, SmsReport, VoiceReport, VoiceCallReport, 运营商回执错误码.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from dashboards.console.callbacks.told import Foreign, Heard, Told, What, text_of, words

ACCEPT_KEY = "1"
HEARD = {"200000", "200008"}  # listened to the end; listened, and pressed nothing
NOT_HEARD = {  # busy, not picked up, rejected, off, no such number, hung up before the end ...
    "200001", "200002", "200003", "200004", "200005", "200006", "200007", "200010", "200011", "200104", "200105", "200111", "200112",
    "200113", "200116", "200117", "200118", "200120", "200121",
}  # fmt: skip
TAKEN = b'{"code":0,"msg":"OK"}'


def read(kind: str, body: bytes) -> Heard:
    """kind: of the channel, sms or voice. Raises Foreign."""
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Foreign("JSON") from None
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise Foreign("no array of reports")
    return Heard(tuple(told for one in said for told in (_sms(one) if kind == "sms" else _voice(one))))


def _sms(one: dict[str, Any]) -> Iterator[Told]:
    reference, success = text_of(one.get("biz_id")), one.get("success")
    if reference is not None and isinstance(success, bool):
        what = What.DELIVERED if success else What.UNDELIVERED
        yield Told(what, reference=reference, address=text_of(one.get("phone_number")), text=words(one.get("err_code"), one.get("err_msg")))


def _voice(one: dict[str, Any]) -> Iterator[Told]:
    reference, code, keys = text_of(one.get("call_id")), text_of(one.get("status_code")) or "", text_of(one.get("dtmf")) or ""
    if reference is None:
        return
    callee, text = text_of(one.get("callee")), words(code, one.get("status_msg"))
    if keys and set(keys) == {ACCEPT_KEY}:
        yield Told(What.PRESSED, reference=reference, address=callee)
    if code in HEARD or code in NOT_HEARD:
        yield Told(What.DELIVERED if code in HEARD else What.UNDELIVERED, reference=reference, address=callee, text=text)
