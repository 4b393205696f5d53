"""Channel `mqtt`: a retained message per fault, under our own prefix only. Delivered means that the broker acknowledged it (QoS 1).

Settings: `host`, `port` (1883), `user`, `password`, `tls` (true or false), `ca` (a PEM file). Topic: `plantroom/<site>/fault/<fault>`, so
that who subscribes later sees every fault as it last stood; an order opened by hand stands under `plantroom/<site>/order/<order>`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import cast

import aiomqtt

from rules.notify.page import Answer, Page, answer
from rules.outbox import Verdict

PREFIX = "plantroom"
KEEPALIVE_S = 10  # also the longest a connection that never got its CONNACK lives on
# MQTT 3.1.1 return codes, which paho tells in MQTT 5's numbers.
REFUSALS = {132: "protocol version", 133: "client id", 134: "user or password", 135: "not authorised"}


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    """One attempt, over within timeout_s whatever the broker does."""
    try:
        async with asyncio.timeout(timeout_s), _client(settings, page, timeout_s) as client:
            await client.publish(topic(page), page.payload(), qos=1, retain=True)
        return answer(settings, Verdict.ACCEPTED, f"acknowledged by the broker, {topic(page)}")
    except TimeoutError:
        return answer(settings, Verdict.RETRY, f"no acknowledgement within {timeout_s:g} s")
    except aiomqtt.MqttCodeError as error:
        why = REFUSALS.get(cast(int, getattr(error.rc, "value", error.rc)))
        return answer(settings, Verdict.REFUSED if why else Verdict.RETRY, f"the broker refuses: {why or error}")
    except aiomqtt.MqttError as error:
        return answer(settings, Verdict.RETRY, f"no way to the broker: {error}")
    except OSError as error:  # a CA file that cannot be read
        return answer(settings, Verdict.RETRY, f"{type(error).__name__}: {error}")


def topic(page: Page) -> str:
    fault, order = page.message.get("fault"), page.message.get("order")
    what, id_ = ("fault", fault["id"]) if fault else ("order", order["id"]) if order else ("page", page.id)
    return "/".join((PREFIX, _level(page.site), what, _level(str(id_))))


def _level(name: str) -> str:
    """A name as one topic level: no separator, no wildcard, or the message would leave our prefix."""
    return "".join("_" if c in "/+#\0" else c for c in name)


def _client(settings: Mapping[str, object], page: Page, timeout_s: float) -> aiomqtt.Client:
    ca = settings.get("ca")
    context = ssl.create_default_context(cafile=str(ca) if ca else None) if settings.get("tls") else None
    text = {name: str(settings[name]) if settings.get(name) else None for name in ("user", "password")}
    return aiomqtt.Client(
        str(settings["host"]),
        int(cast(int, settings.get("port", 1883))),
        username=text["user"],
        password=text["password"],
        identifier=f"plantroom-{page.id}",
        tls_context=context,
        keepalive=KEEPALIVE_S,
        timeout=timeout_s,
    )
