"""One way to the provider and back: state, nonce and PKCE's verifier, kept in a cookie of the browser that set out. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

import orjson

LIFE_S = 600
MOST_USED = 10_000


@dataclass(frozen=True, slots=True)
class Flow:
    """back: a path of ours. redirect_uri: where the provider sends the browser, the same for both of its endpoints."""

    state: str
    nonce: str
    verifier: str
    back: str
    redirect_uri: str
    began_s: int


def begin(back: str, redirect_uri: str, now_s: int) -> Flow:
    return Flow(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), back, redirect_uri, now_s)


def challenge(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def sealed(flow: Flow, key: bytes) -> str:
    """For the cookie: what it says and our signature."""
    body = base64.urlsafe_b64encode(orjson.dumps(asdict(flow))).rstrip(b"=")
    return f"{body.decode()}.{_signed(body, key)}"


def opened(text: str, key: bytes, now_s: int) -> Flow | None:
    """None for what we did not seal, or longer ago than ten minutes."""
    body, _, signature = text.encode("utf-8", "replace").partition(b".")
    if not hmac.compare_digest(_signed(body, key).encode(), signature):
        return None
    flow = Flow(**orjson.loads(base64.urlsafe_b64decode(body + b"==")))
    return flow if 0 <= now_s - flow.began_s <= LIFE_S else None


def authorize_url(endpoint: str, client_id: str, scopes: tuple[str, ...], flow: Flow) -> str:
    asked = {
        "response_type": "code", "client_id": client_id, "redirect_uri": flow.redirect_uri, "scope": " ".join(scopes), "state": flow.state,
        "nonce": flow.nonce, "code_challenge": challenge(flow.verifier), "code_challenge_method": "S256",
    }  # fmt: skip
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


class Used:
    """States that came back once. A cookie can be replayed; the newest ten thousand are known, which is more than come in its life."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def take(self, state: str) -> bool:
        """False where it was taken before."""
        if state in self._seen:
            return False
        self._seen[state] = None
        if len(self._seen) > MOST_USED:
            self._seen.popitem(last=False)
        return True


def _signed(body: bytes, key: bytes) -> str:
    return hmac.new(key, b"oidc flow\0" + body, hashlib.sha256).hexdigest()
