"""Passwords and tokens as they may be stored: Argon2id for what people choose, SHA-256 for 256 random bits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import cache

import argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

# Argon2id (RFC 9106) with the costs of OWASP's Password Storage Cheat Sheet: 19 MiB, twice over, one lane. 36 ms of a core a try, measured;
# its equal of 46 MiB once over took 99 ms, RFC 9106's 64 MiB three times over 277 ms.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=16, type=argon2.Type.ID)
LEAST_LENGTH = 10
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for another when read aloud


def hashed(password: str) -> str:
    """`$argon2id$v=19$m=...`, a new salt each time."""
    return _HASHER.hash(password)


def matches(password: str, stored: str) -> bool:
    """Compares in constant time. Raises ValueError where `stored` is no hash of ours."""
    if stored.startswith("scrypt$"):
        return _scrypt_matches(password, stored)
    try:
        return _HASHER.verify(stored, password)
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError) as wrong:
        raise ValueError(f"a password hash of another kind: {stored[:8]!r}") from wrong


def outdated(stored: str) -> bool:
    """Made in an earlier way or with other costs: to be made anew while the password is at hand."""
    return stored.startswith("scrypt$") or _HASHER.check_needs_rehash(stored)


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


def _scrypt_matches(password: str, stored: str) -> bool:
    """As hashes were made before: `scrypt$14$8$1$salt$hash`."""
    _, log_n, r, p, salt, digest = stored.split("$")
    made = hashlib.scrypt(
        password.encode(), salt=base64.b64decode(salt), n=1 << int(log_n), r=int(r), p=int(p), maxmem=64 << 20, dklen=32
    )  # fmt: skip
    return hmac.compare_digest(made, base64.b64decode(digest))
