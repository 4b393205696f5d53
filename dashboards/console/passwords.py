"""Passwords and tokens as they may be stored: scrypt for what people choose, SHA-256 for 256 random bits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import cache

LOG_N, R, P = 14, 8, 1  # 16 MiB and about 50 ms a try
LEAST_LENGTH = 10
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for another when read aloud


def hashed(password: str) -> str:
    """`scrypt$14$8$1$salt$hash`, a new salt each time."""
    salt = secrets.token_bytes(16)
    return f"scrypt${LOG_N}${R}${P}${_text(salt)}${_text(_scrypt(password, salt, LOG_N, R, P))}"


def matches(password: str, stored: str) -> bool:
    """Compares in constant time. Raises ValueError where `stored` is no hash of ours."""
    name, log_n, r, p, salt, digest = stored.split("$")
    if name != "scrypt":
        raise ValueError(f"a password hash of kind {name!r}")
    return hmac.compare_digest(_scrypt(password, base64.b64decode(salt), int(log_n), int(r), int(p)), base64.b64decode(digest))


@cache
def nobody() -> str:
    """A hash no password has; compared where the name is unknown, so that the answer takes as long."""
    return hashed(new_token())


def new_password() -> str:
    """20 characters in groups of five, 99 bits: to be read from a terminal and typed once."""
    letters = [secrets.choice(_READABLE) for _ in range(20)]
    return "-".join("".join(letters[i : i + 5]) for i in range(0, 20, 5))


def new_token() -> str:
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def form_token(session_token: str) -> str:
    """What a session's forms carry; a page of another origin can neither read nor compute it."""
    return hmac.new(session_token.encode(), b"plantroom form", hashlib.sha256).hexdigest()


def weak(password: str, name: str) -> bool:
    """Too short, one repeated character, or the name itself. Length is what counts; no rules about digits and signs."""
    return len(password) < LEAST_LENGTH or len(set(password)) < 4 or name.lower() in password.lower()


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=64 << 20, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
