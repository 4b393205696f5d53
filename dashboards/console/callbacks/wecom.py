"""WeCom's (企业微信) callbacks: the check of the address, and the press of a card's button. Signed and encrypted.

Signature: SHA-1 over token, timestamp, nonce and cipher text, sorted. Cipher: AES-256-CBC, the IV the key's first half, padded to 32;
inside stand 16 random bytes, a length, the message and the corp's id.
Source: developer.work.weixin.qq.com, 加解密方案说明 and 模板卡片事件推送.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from base64 import b64decode
from collections.abc import Mapping
from xml.etree.ElementTree import ParseError

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from dashboards.console.callbacks.told import ACCEPT, Foreign, Heard, Told, What
from plantroom.clock import NS

WINDOW_NS = 300 * NS  # either way: a request that was caught is worth nothing after it
PAD = 32
HEAD = 20  # random bytes and the length


def echo(settings: Mapping[str, object], query: Mapping[str, str], now_ns: int) -> bytes:
    """What the address has to answer to be believed. Raises Foreign."""
    return _opened(settings, query, query.get("echostr", ""), now_ns)


def read(settings: Mapping[str, object], query: Mapping[str, str], body: bytes, now_ns: int) -> Heard:
    """Raises Foreign. An event of another kind tells nothing."""
    event = _fields(_opened(settings, query, _fields(body).get("Encrypt", ""), now_ns))
    once = query.get("msg_signature", "")
    if event.get("Event") != "template_card_event" or event.get("AgentID") != str(settings.get("agent")):
        return Heard(once=once)
    key, task = event.get("EventKey", ""), event.get("TaskId", "")
    if not key.startswith(ACCEPT):
        return Heard(once=once)
    return Heard((Told(What.PRESSED, key.removeprefix(ACCEPT), address=event.get("FromUserName"), task=task.partition("@")[0]),), once=once)


def signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    return hashlib.sha1("".join(sorted((token, timestamp, nonce, encrypted))).encode(), usedforsecurity=False).hexdigest()


def _opened(settings: Mapping[str, object], query: Mapping[str, str], encrypted: str, now_ns: int) -> bytes:
    """The message inside. The signature is looked at first: what is not signed is not decrypted."""
    stamp, token, key = query.get("timestamp", ""), settings.get("callback_token"), settings.get("callback_secret")
    if not token or not key:
        raise Foreign("the channel has no callback_token or no callback_secret")
    wanted = signature(str(token), stamp, query.get("nonce", ""), encrypted)
    if not hmac.compare_digest(wanted.encode(), query.get("msg_signature", "").encode()):
        raise Foreign("signature")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12 and abs(int(stamp) * NS - now_ns) <= WINDOW_NS):
        raise Foreign("too old, or from the future")
    message, corp = _decrypted(str(key), encrypted)
    if not hmac.compare_digest(corp, str(settings.get("corp")).encode()):
        raise Foreign("another corp's")
    return message


def _decrypted(key: str, encrypted: str) -> tuple[bytes, bytes]:
    try:
        secret, sealed = b64decode(key + "=", validate=True), b64decode(encrypted, validate=True)
        opened = Cipher(algorithms.AES256(secret), modes.CBC(secret[:16])).decryptor()
        plain = opened.update(sealed) + opened.finalize()
    except (ValueError, binascii.Error):
        raise Foreign("cipher") from None
    pad = plain[-1] if plain else 0
    if not 1 <= pad <= PAD or plain[-pad:] != bytes([pad]) * pad or len(plain) < HEAD + pad:
        raise Foreign("padding")
    inner = plain[16:-pad]
    size: int = struct.unpack(">I", inner[:4])[0]
    if 4 + size > len(inner):
        raise Foreign("length")
    return inner[4 : 4 + size], inner[4 + size :]


def _fields(xml: bytes) -> dict[str, str]:
    """A flat document's elements. No document type, no entity: there is nothing to expand or fetch."""
    try:
        root = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise Foreign("XML") from None
    return {element.tag: (element.text or "").strip() for element in root}
