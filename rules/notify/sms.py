"""Channel `sms`: an approved template to one telephone, through Alibaba Cloud or Tencent Cloud. Delivered means the gateway took it.

Settings: `provider` (aliyun, tencent), `access_key`, `access_secret`, `signature` (签名), `template`, `variables` (of template.VARIABLES,
in the template's order; severity, machine, place), `variable_length`, `url`, `ca`; of tencent also `app` (SdkAppId) and `region`.
`page.to` is the number. The handset's receipt comes back by a callback, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from rules.notify import aliyun, http, template, tencent
from rules.notify.page import Answer, Page, answer, unfit
from rules.outbox import Verdict

SERVER = "https://dysmsapi.aliyuncs.com"
DEFAULT = ("severity", "machine", "place")
LENGTHS = {"aliyun": 35, "tencent": 6}  # of one variable, as both publish it; longer ones are agreed with the provider
RATES = {  # of one number, as both have it where nobody has asked for more; aliyun's are a notice's: a code has 1 a minute, 5 an hour
    "aliyun": ((50, 86_400.0),),
    "tencent": ((1, 30.0), (5, 3_600.0), (10, 86_400.0)),
}
NO_NUMBER = "the address of this person is no telephone number"


def rates(settings: Mapping[str, object]) -> Sequence[tuple[int, float]]:
    return RATES.get(str(settings.get("provider")), ())


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    own = ("app",) if settings.get("provider") == "tencent" else ()
    if no := unfit(settings, page, "provider", "access_key", "access_secret", "signature", "template", *own, person=True):
        return no
    to = template.number(str(page.to))
    if to is None:
        return answer(settings, Verdict.REFUSED, NO_NUMBER)
    names = cast(Sequence[str], settings.get("variables") or DEFAULT)
    values = template.filled(page, names, int(str(settings.get("variable_length") or LENGTHS[str(settings["provider"])])))
    made, read = (_tencent, read_tencent) if own else (_aliyun, read_aliyun)
    return await http.send(settings, made(settings, page, to, values), read, timeout_s=timeout_s)


def _aliyun(settings: Mapping[str, object], page: Page, to: str, values: Mapping[str, str]) -> http.Request:
    asked = {
        "PhoneNumbers": to.removeprefix("+86").removeprefix("+"),
        "SignName": str(settings["signature"]),
        "TemplateCode": str(settings["template"]),
        "TemplateParam": orjson.dumps(values).decode(),
        "OutId": page.id,
    }
    return aliyun.request(settings, page, SERVER, "SendSms", asked)


def _tencent(settings: Mapping[str, object], page: Page, to: str, values: Mapping[str, str]) -> http.Request:
    asked = {
        "PhoneNumberSet": [to if to.startswith("+") else f"+86{to}"],
        "SmsSdkAppId": str(settings["app"]),
        "SignName": str(settings["signature"]),
        "TemplateId": str(settings["template"]),
        "TemplateParamSet": list(values.values()),
        "SessionContext": page.id,
    }
    return tencent.request(settings, page, "sms", "SendSms", "2021-01-11", asked)


def _status(response: Mapping[str, Any]) -> tencent.Sent | None:
    """Of the one number that was asked for."""
    statuses = response.get("SendStatusSet")
    one = statuses[0] if isinstance(statuses, list) and len(statuses) == 1 else None
    if not isinstance(one, dict) or not isinstance(one.get("Code"), str):
        return None
    return one["Code"], str(one.get("SerialNo") or "") or None


read_aliyun = aliyun.reader("BizId")
read_tencent = tencent.reader(_status)
