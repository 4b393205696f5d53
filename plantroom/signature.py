"""HMAC-SHA-256 over a body, as the webhook channel and the heartbeat send it: `sha256=<hex>`. What has to be fresh stands in the body."""

from __future__ import annotations

import hashlib
import hmac

HEADER = "x-plantroom-signature"


def sign(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def genuine(secret: str, body: bytes, given: str) -> bool:
    """Whether `given` is this body's signature, compared in constant time. Nothing is genuine under an empty secret."""
    return bool(secret) and hmac.compare_digest(sign(secret, body).encode(), given.encode())
