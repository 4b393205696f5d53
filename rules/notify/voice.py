"""Channel `voice`: a call that reads an approved template, through Alibaba Cloud or Tencent Cloud. Delivered means the gateway will call.

Settings: `provider` (aliyun, tencent), `access_key`, `access_secret`, `template`, `variables` (text), `variable_length`, `play_times` (2),
`url`, `ca`; of aliyun `caller` (a bought number) and `accepted` (the template that is read when key 1 was pressed: it makes the call one
that asks); of tencent `app` and `region`, and the key stands in the template. `page.to` is the number. Which key was pressed comes back by
a callback, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from rules.notify import aliyun, http, template, tencent
from rules.notify.page import Answer, Page, answer, unfit
from rules.notify.sms import NO_NUMBER
from rules.outbox import Verdict

SERVER = "https://dyvmsapi.aliyuncs.com"
DEFAULT = ("text",)
RATES = {"aliyun": ((1, 60.0), (5, 3_600.0), (20, 86_400.0))}  # calls to one number
ACCEPT_KEY = "1"
WAIT_MS = 5000  # for the key, after the text


def rates(settings: Mapping[str, object]) -> Sequence[tuple[int, float]]:
    return RATES.get(str(settings.get("provider")), ())


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    own = ("app",) if settings.get("provider") == "tencent" else ("caller",) if settings.get("accepted") else ()
    if no := unfit(settings, page, "provider", "access_key", "access_secret", "template", *own, person=True):
        return no
    to = template.number(str(page.to))
    if to is None:
        return answer(settings, Verdict.REFUSED, NO_NUMBER)
    names, length = cast(Sequence[str], settings.get("variables") or DEFAULT), settings.get("variable_length")
    values = template.spoken(page, names, int(str(length)) if length else None)
    made, read = (_tencent, read_tencent) if settings["provider"] == "tencent" else (_aliyun, read_aliyun)
    return await http.send(settings, made(settings, page, to, values), read, timeout_s=timeout_s)


def _aliyun(settings: Mapping[str, object], page: Page, to: str, values: Mapping[str, str]) -> http.Request:
    code, words = str(settings["template"]), orjson.dumps(values).decode()
    asked = {"CalledNumber": to.removeprefix("+86").removeprefix("+"), "OutId": page.id, "PlayTimes": _times(settings)}
    if caller := settings.get("caller"):
        asked["CalledShowNumber"] = str(caller)
    if not settings.get("accepted"):
        return aliyun.request(settings, page, SERVER, "SingleCallByTts", {**asked, "TtsCode": code, "TtsParam": words})
    asked |= {"StartCode": code, "StartTtsParams": words, "Timeout": str(WAIT_MS)}
    asked |= {"MenuKeyMap.1.Key": ACCEPT_KEY, "MenuKeyMap.1.Code": str(settings["accepted"])}
    return aliyun.request(settings, page, SERVER, "IvrCall", asked)


def _tencent(settings: Mapping[str, object], page: Page, to: str, values: Mapping[str, str]) -> http.Request:
    asked = {
        "CalledNumber": to if to.startswith("+") else f"+86{to}",
        "VoiceSdkAppid": str(settings["app"]),
        "TemplateId": str(settings["template"]),
        "TemplateParamSet": list(values.values()),
        "PlayTimes": int(_times(settings)),
        "SessionContext": page.id,
    }
    return tencent.request(settings, page, "vms", "SendTtsVoice", "2020-09-02", asked)


def _times(settings: Mapping[str, object]) -> str:
    return str(settings.get("play_times") or 2)


def _status(response: Mapping[str, Any]) -> tencent.Sent | None:
    """A call has no code of its own: its number is the yes."""
    status = response.get("SendStatus")
    return ("Ok", str(status["CallId"])) if isinstance(status, dict) and status.get("CallId") else None


read_aliyun = aliyun.reader("CallId")
read_tencent = tencent.reader(_status)
