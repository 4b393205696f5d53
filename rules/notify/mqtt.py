"""Channel `mqtt`: a retained message per fault, under our own prefix only. Delivered means that the broker acknowledged it (QoS 1).

Settings: `host`, `port` (1883), `user`, `password`, `tls` (true or false), `ca` (a PEM file). Topic: `plantroom/<site>/fault/<fault>`, so
that who subscribes later sees every fault as it last stood; an order opened by hand stands under `plantroom/<site>/order/<order>`.

The four packets of MQTT 3.1.1 it takes are written here: a client library connects in a thread and leaves the socket of a broker that
never answers open behind it (aiomqtt 2.5), while an attempt has to end, sockets and all, at its limit.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import sha256

from rules.notify.lookup import connected
from rules.notify.page import Answer, Page, answer
from rules.outbox import Verdict

PREFIX = "plantroom"
KEEPALIVE_S = 30
MOST_ANSWER_BYTES = 4096  # acknowledgements have two to four; more is no broker
REFUSALS = {1: "protocol version", 2: "client id", 3: "the server is not available", 4: "user or password", 5: "not authorised"}
MAY_CHANGE = frozenset({3})  # return codes that another try may not meet
CONNACK, PUBACK = 2, 4


class _Refused(Exception):
    """The broker's CONNACK says no; code as in the specification, 3.2.2.3."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    """One attempt, over within timeout_s whatever the broker does."""
    try:
        async with asyncio.timeout(timeout_s), _connection(settings) as (reader, writer):
            await _publish(reader, writer, settings, page)
        return answer(settings, Verdict.ACCEPTED, f"acknowledged by the broker, {topic(page)}")
    except TimeoutError:
        return answer(settings, Verdict.RETRY, f"no acknowledgement within {timeout_s:g} s")
    except _Refused as no:
        verdict = Verdict.RETRY if no.code in MAY_CHANGE or no.code not in REFUSALS else Verdict.REFUSED
        return answer(settings, verdict, f"the broker refuses the connection, code {no.code}: {REFUSALS.get(no.code, 'unknown')}")
    except asyncio.IncompleteReadError:
        return answer(settings, Verdict.RETRY, "the broker closed the connection without an acknowledgement")
    except ValueError as nonsense:
        return answer(settings, Verdict.RETRY, f"what answers is no MQTT broker: {nonsense}")
    except OSError as error:  # refused, reset, no such host, TLS, a CA file that cannot be read
        return answer(settings, Verdict.RETRY, f"no way to the broker: {error}")


def topic(page: Page) -> str:
    fault, order = page.message.get("fault"), page.message.get("order")
    what, id_ = ("fault", fault["id"]) if fault else ("order", order["id"]) if order else ("page", page.id)
    return "/".join((PREFIX, _level(page.site), what, _level(str(id_))))


def _level(name: str) -> str:
    """A name as one topic level: no separator, no wildcard, or the message would leave our prefix."""
    return "".join("_" if c in "/+#\0" else c for c in name)


@asynccontextmanager
async def _connection(settings: Mapping[str, object]) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port, ca = str(settings["host"]), int(str(settings.get("port", 1883))), settings.get("ca")
    context = ssl.create_default_context(cafile=str(ca) if ca else None) if settings.get("tls") else None
    sock = await connected(host, port)  # TLS asks for the name
    try:
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host if context is not None else None)
    except BaseException:
        sock.close()
        raise
    try:
        yield reader, writer
        writer.close()
        with suppress(OSError):  # acknowledged is acknowledged, however the connection ends
            await writer.wait_closed()
    finally:
        writer.transport.abort()


async def _publish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Mapping[str, object], page: Page) -> None:
    """CONNECT, PUBLISH (QoS 1, retained), DISCONNECT. Raises _Refused, ValueError for what is no MQTT, OSError."""
    writer.write(connect(page, *(str(settings[name]) if settings.get(name) else None for name in ("user", "password"))))
    body = await _expect(reader, CONNACK)
    if body[1]:
        raise _Refused(body[1])
    writer.write(publish(topic(page), page.payload(), packet_id := 1))
    while int.from_bytes((await _expect(reader, PUBACK))[:2], "big") != packet_id:
        continue
    writer.write(b"\xe0\x00")
    await writer.drain()


def connect(page: Page, user: str | None, password: str | None) -> bytes:
    """3.1: a clean session; the client id differs by site and page, so that two attempts never end each other."""
    flags = 2 | (0x80 if user is not None else 0) | (0x40 if user is not None and password is not None else 0)
    client = "pr" + sha256(f"{page.site}/{page.id}".encode()).hexdigest()[:20]
    fields = [client, *(text for text in (user, password if user is not None else None) if text is not None)]
    return _packet(0x10, _text("MQTT") + struct.pack(">BBH", 4, flags, KEEPALIVE_S) + b"".join(map(_text, fields)))


def publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """3.3: QoS 1, retained."""
    return _packet(0x33, _text(topic) + struct.pack(">H", packet_id) + payload)


def _packet(head: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, digit = size >> 7, size & 0x7F
        length.append(digit | (0x80 if size else 0))
        if not size:
            return bytes([head]) + bytes(length) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


async def _expect(reader: asyncio.StreamReader, kind: int) -> bytes:
    """The body of the next packet, which has to be an acknowledgement of this kind."""
    head, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        size |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            break
        if shift > 21:
            raise ValueError("a length of more than four bytes")
    if head >> 4 != kind or not 2 <= size <= MOST_ANSWER_BYTES:
        raise ValueError(f"packet {head:#04x} of {size} bytes where an acknowledgement was due")
    return await reader.readexactly(size)
