"""An OpenID Connect provider on a real loopback socket: discovery, authorize, token with PKCE and client authentication, keys that change.

It is strict about what a client must do and does to its tokens what a test asks: `spoil` is given header and claims before they are signed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "plantroom", "s3cret/+:é"
Spoil = Callable[[dict[str, Any], dict[str, Any]], object]


@dataclass
class Provider:
    """user: who logs in there. now_s: its clock. spoil: may return a whole token instead. answer: for a path, (status, body)."""

    now_s: Callable[[], int]
    issuer: str = ""
    user: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "preferred_username": "wang.fang", "name": "王芳", "groups": ["house"]})
    keys: list[RSAKey | ECKey] = field(default_factory=list)
    spoil: Spoil = lambda header, claims: None
    answer: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def rotate(self, kind: type[RSAKey] | type[ECKey] = ECKey) -> RSAKey | ECKey:
        """A new key signs from now on, the old one is not shown any more."""
        kid = secrets.token_hex(4)
        self.keys[:] = [RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) if kind is RSAKey else ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})]
        return self.keys[0]

    def discovery(self) -> dict[str, Any]:
        at = self.issuer
        return {
            "issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/keys",
            "end_session_endpoint": f"{at}/logout", "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True, "code_challenge_methods_supported": ["S256"], **self.metadata,
        }  # fmt: skip

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes, the person having said yes."""
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT and asked["code_challenge_method"] == "S256", asked
        assert "openid" in asked["scope"].split() and len(asked["state"]) >= 32 and len(asked["nonce"]) >= 32 and len(asked["code_challenge"]) == 43
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, fields: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(fields.get("code", ""), None)
        pair = base64.b64decode(authorization.removeprefix("Basic ") or "").decode().partition(":")
        made = base64.urlsafe_b64encode(hashlib.sha256(fields.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        wrong = (
            "code" if asked is None
            else "client" if (unquote_plus(pair[0]), unquote_plus(pair[2])) != (CLIENT, SECRET)
            else "redirect_uri" if fields.get("redirect_uri") != asked["redirect_uri"]
            else "verifier" if made != asked["code_challenge"]
            else "grant" if fields.get("grant_type") != "authorization_code" else ""
        )  # fmt: skip
        if wrong or asked is None:
            self.refused.append(wrong)
            return (401, {"error": "invalid_client"}) if wrong == "client" else (400, {"error": "invalid_grant"})
        return 200, {"token_type": "Bearer", "access_token": secrets.token_hex(8), "id_token": self.signed(asked["nonce"])}

    def signed(self, nonce: str) -> str:
        now, key = self.now_s(), self.keys[0]
        header = {"alg": "RS256" if isinstance(key, RSAKey) else "ES256", "kid": key.kid, "typ": "JWT"}
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.user}
        whole = self.spoil(header, claims)
        return whole if isinstance(whole, str) else jwt.encode(header, claims, key, algorithms=[str(header["alg"])])


@contextmanager
def provider(now_s: Callable[[], int], tls: tuple[Path, Path] | None = None) -> Iterator[Provider]:
    """tls: certificate and key for 127.0.0.1."""
    made = Provider(now_s)
    made.rotate()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    made.issuer = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/realms/house"
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler(made: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            path = split.path.removeprefix("/realms/house")
            made.asked[path] += 1
            if path in made.answer:
                self._send(*made.answer[path])
            elif path == "/.well-known/openid-configuration":
                self._send(200, json.dumps(made.discovery()).encode())
            elif path == "/keys":
                self._send(200, json.dumps({"keys": [key.as_dict(private=False) for key in made.keys]}).encode())
            elif path == "/authorize":
                where = made.authorize({name: values[0] for name, values in parse_qs(split.query).items()})
                self._send(302, b"", location=where)
            elif path == "/logout":
                self._send(200, b"out")
            else:
                self._send(404, b"{}")

        def do_POST(self) -> None:
            path = urlsplit(self.path).path.removeprefix("/realms/house")
            made.asked[path] += 1
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            if path in made.answer:
                self._send(*made.answer[path])
                return
            fields = {name: values[0] for name, values in parse_qs(body).items()}
            status, answer = made.token(fields, self.headers.get("authorization", ""))
            self._send(status, json.dumps(answer).encode())

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler
