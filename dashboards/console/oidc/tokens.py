"""An id_token verified as OpenID Connect Core 3.1.3.7 demands, and more narrowly: RS256 and ES256 alone, a key for one of them alone. Pure.

The algorithm is the key's, never the token's: an RSA key verifies RS256 and nothing else, so `none` and an HMAC under a public key fail.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
LEEWAY_S = 60
OLDEST_S = 3600  # a token made longer ago is no answer to a login that takes ten minutes at most
LONGEST = 16 * 1024
LONGEST_HEADER = 8 * 1024  # some carry a chain of certificates, which means nothing to us
LONGEST_SUBJECT = 255
LEAST_RSA_BITS = 2048
MOST_KEYS = 50

Key = RSAKey | ECKey


class WrongToken(ValueError):
    """reason: a word for the log; a token itself never stands there."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class UnknownKey(WrongToken):
    """Signed with a key that the set does not have: it may have changed."""


def usable_keys(document: object) -> tuple[Key, ...]:
    """Of a JWKS those that may verify an id_token; what we cannot read is left out, as RFC 7517 has it."""
    entries = document.get("keys") if isinstance(document, Mapping) else None
    found = []
    for entry in entries[:MOST_KEYS] if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or str(entry.get("kty")) not in ALGORITHMS or entry.get("use", "sig") != "sig":
            continue
        if entry.get("alg", ALGORITHMS[entry["kty"]]) != ALGORITHMS[entry["kty"]] or entry.get("crv", "P-256") != "P-256":
            continue
        if entry["kty"] == "RSA" and len(str(entry.get("n", ""))) * 6 < LEAST_RSA_BITS:
            continue
        try:
            key = JWKRegistry.import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey):
            found.append(key)
    return tuple(found)


def verified(text: object, keys: Sequence[Key], *, issuer: str, client_id: str, nonce: str, now_s: int) -> Mapping[str, Any]:
    """Its claims. Raises WrongToken; UnknownKey where the keys may be out of date."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise WrongToken("form")
    registry = jws.JWSRegistry(algorithms=list(ALGORITHMS.values()), strict_check_header=False)
    registry.max_header_length = LONGEST_HEADER
    try:
        header = jws.extract_compact(text.encode(), registry=registry).headers()
    except (JoseError, ValueError, TypeError):
        raise WrongToken("form") from None
    if header.get("alg") not in ALGORITHMS.values():
        raise WrongToken("algorithm")
    key = _key(header, keys)
    try:
        claims = jwt.decode(text, key, algorithms=[ALGORITHMS[key.key_type]], registry=registry).claims
    except (JoseError, ValueError, TypeError):
        raise WrongToken("signature") from None
    for reason, fine in _demands(claims, issuer, client_id, nonce, now_s):
        if not fine:
            raise WrongToken(reason)
    return claims


def _key(header: Mapping[str, Any], keys: Sequence[Key]) -> Key:
    fitting = [key for key in keys if ALGORITHMS[key.key_type] == header["alg"]]
    kid = header.get("kid")
    named = fitting if kid is None else [key for key in fitting if key.kid == kid]
    if len(named) != 1:  # none, or no saying which: a token without a name for its key needs a set of one
        raise UnknownKey("key")
    return named[0]


def _demands(claims: Mapping[str, Any], issuer: str, client_id: str, nonce: str, now_s: int) -> Sequence[tuple[str, bool]]:
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    party, subject, given = claims.get("azp"), claims.get("sub"), claims.get("nonce")
    expires, issued, begins = (_instant(claims.get(name)) for name in ("exp", "iat", "nbf"))
    return (
        ("issuer", claims.get("iss") == issuer),
        ("audience", client_id in audiences),
        ("party", party == client_id if party is not None else len(audiences) == 1),
        ("expired", expires is not None and now_s < expires + LEEWAY_S),
        ("issued", issued is not None and now_s - OLDEST_S <= issued <= now_s + LEEWAY_S),
        ("not_yet", "nbf" not in claims or (begins is not None and begins <= now_s + LEEWAY_S)),
        ("nonce", isinstance(given, str) and hmac.compare_digest(given.encode(), nonce.encode())),
        ("subject", isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT),
    )


def _instant(value: object) -> float | None:
    """Seconds since 1970 as JSON has them; a number no clock shows is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11 else None
