"""The provider over HTTPS: its discovery document, its keys, a code for an id_token. Bounded in size, time and how often it is asked."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

import httpx
import orjson

from dashboards.console.oidc.flow import Flow
from dashboards.console.oidc.settings import Settings, trusted
from dashboards.console.oidc.tokens import Key, UnknownKey, usable_keys, verified
from plantroom.clock import NS, Clock

DISCOVERY = "/.well-known/openid-configuration"
KEPT_S = 3600
AGAIN_S = 30  # between two questions for the same, whoever makes us ask: unknown keys, a provider that is down
TIMEOUT_S = 10
MOST_BYTES = 256 * 1024
AT_ONCE = 4


class ProviderDown(Exception):
    """It did not answer as a provider does; the text says to what, never with which secret."""


class CodeRefused(Exception):
    """It does not take this code (any more)."""


@dataclass(frozen=True, slots=True)
class Metadata:
    authorize: str
    token: str
    keys: str
    end_session: str | None
    by_post: bool  # the client's secret in the body: it does not take HTTP Basic
    says_issuer: bool  # RFC 9207: each answer names it


class Provider:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._tls = _tls(settings.ca)
        self._lock, self._few = asyncio.Lock(), asyncio.Semaphore(AT_ONCE)
        self._metadata: Metadata | None = None
        self._keys: tuple[Key, ...] = ()
        self._asked_s: dict[str, float] = {}  # when each document was last asked for, by a clock that nobody sets
        self._fresh_s: dict[str, float] = {}  # and got

    async def metadata(self) -> Metadata:
        """Raises ProviderDown."""
        async with self._lock:
            if self._metadata is None or self._older("metadata", KEPT_S):
                if not self._may_ask("metadata"):
                    raise ProviderDown("no discovery document a moment ago")
                self._metadata = _read(await self._get(self.settings.issuer.rstrip("/") + DISCOVERY), self.settings.issuer)
                self._fresh_s["metadata"] = self._now_s()
            return self._metadata

    async def found(self) -> tuple[Metadata, tuple[Key, ...]]:
        """What there is, for who sets it up. Raises ProviderDown."""
        metadata = await self.metadata()
        return metadata, await self._keys_of(metadata, renew=False)

    async def claims(self, code: str, flow: Flow) -> Mapping[str, Any]:
        """Of a verified id_token. Raises ProviderDown, CodeRefused, WrongToken."""
        metadata = await self.metadata()
        answer = await self._exchange(metadata, code, flow)
        token = answer.get("id_token")
        try:
            return self._verified(token, await self._keys_of(metadata, renew=False), flow)
        except UnknownKey:
            return self._verified(token, await self._keys_of(metadata, renew=True), flow)

    def _verified(self, token: object, keys: tuple[Key, ...], flow: Flow) -> Mapping[str, Any]:
        now_s = self._clock.read().wall_ns // NS
        return verified(
            token, keys, issuer=self.settings.issuer, client_id=self.settings.client_id, nonce=flow.nonce, now_s=now_s
        )  # fmt: skip

    async def _keys_of(self, metadata: Metadata, renew: bool) -> tuple[Key, ...]:
        async with self._lock:
            if (renew or not self._keys or self._older("keys", KEPT_S)) and self._may_ask("keys"):
                self._keys = usable_keys(await self._get(metadata.keys))
                self._fresh_s["keys"] = self._now_s()
            if not self._keys or self._older("keys", KEPT_S):
                raise ProviderDown("no usable key")
            return self._keys

    def _older(self, what: str, than_s: float) -> bool:
        at_s = self._fresh_s.get(what)
        return at_s is None or self._now_s() - at_s > than_s

    def _may_ask(self, what: str) -> bool:
        now_s, before_s = self._now_s(), self._asked_s.get(what)
        if before_s is not None and now_s - before_s < AGAIN_S:
            return False
        self._asked_s[what] = now_s
        return True

    def _now_s(self) -> float:
        return self._clock.read().boot_ns / NS

    async def _exchange(self, metadata: Metadata, code: str, flow: Flow) -> Mapping[str, Any]:
        settings = self.settings
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": flow.redirect_uri, "code_verifier": flow.verifier}
        headers = {}
        if settings.client_secret is None or metadata.by_post:
            fields["client_id"] = settings.client_id
        if settings.client_secret is not None and metadata.by_post:
            fields["client_secret"] = settings.client_secret
        elif settings.client_secret is not None:  # RFC 6749, 2.3.1: each form-encoded before they are joined
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return await self._ask("POST", metadata.token, fields, headers)

    async def _get(self, address: str) -> Mapping[str, Any]:
        try:
            return await self._ask("GET", address, None, {})
        except CodeRefused as refused:
            raise ProviderDown(str(refused)) from None

    async def _ask(self, method: str, address: str, fields: Mapping[str, str] | None, headers: Mapping[str, str]) -> Mapping[str, Any]:
        """A JSON object. Raises ProviderDown, or CodeRefused for a 400 or 401. Follows no redirect: a secret goes where it is meant for."""
        where = httpx.URL(address).host
        try:
            async with (
                self._few, asyncio.timeout(TIMEOUT_S),
                httpx.AsyncClient(verify=self._tls, follow_redirects=False, trust_env=False, timeout=TIMEOUT_S) as client,
                client.stream(method, address, data=fields, headers={"accept": "application/json", **headers}) as answer,
            ):  # fmt: skip
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise ProviderDown(f"{where} answers more than {MOST_BYTES} bytes")
        except (httpx.HTTPError, TimeoutError, ssl.SSLError) as error:
            raise ProviderDown(f"{where}: {type(error).__name__}") from None
        if answer.status_code in (400, 401):
            raise CodeRefused(f"{where} answers {answer.status_code}")
        if answer.status_code != 200:
            raise ProviderDown(f"{where} answers {answer.status_code}")
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ProviderDown(f"{where} answers no JSON") from None
        if not isinstance(document, dict):
            raise ProviderDown(f"{where} answers no JSON object")
        return document


@lru_cache(maxsize=4)
def _tls(ca: str | None) -> ssl.SSLContext:
    """Verifies certificate and name. Read once: it takes 40 ms. Raises OSError for a file that cannot be read."""
    return ssl.create_default_context(cafile=ca)


def _read(document: Mapping[str, Any], issuer: str) -> Metadata:
    """Raises ProviderDown for another issuer's document, or one without what the code flow needs."""
    if document.get("issuer") != issuer:
        raise ProviderDown("the discovery document is another issuer's; write `issuer` as it stands there")

    def address(key: str) -> str | None:
        said = document.get(key)
        return said if isinstance(said, str) and len(said) < 2_000 and trusted(said) else None

    authorize, token, keys = address("authorization_endpoint"), address("token_endpoint"), address("jwks_uri")
    if authorize is None or token is None or keys is None:
        raise ProviderDown("the discovery document has not all of authorization_endpoint, token_endpoint and jwks_uri as https addresses")
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    by_post = "client_secret_basic" not in methods and "client_secret_post" in methods
    says = document.get("authorization_response_iss_parameter_supported") is True
    return Metadata(authorize, token, keys, address("end_session_endpoint"), by_post, says)
