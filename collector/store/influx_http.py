"""One write request to InfluxDB: where it goes, what it carries, what came back. The only socket of the store followers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from hashlib import blake2b
from types import TracebackType
from typing import Protocol, Self

import httpx

from collector.store.answers import MOST_TEXT, Answer, Verdict, judge
from plantroom.clock import Clock
from plantroom.site import StoreTarget

CONNECT_S, ANSWER_S = 5.0, 30.0
_PATHS = {1: "/write", 2: "/api/v2/write"}


class Endpoint(Protocol):
    """What takes lines. post: lines without their newlines, at least one; any failure to get an answer is `later`."""

    async def post(self, lines: Sequence[bytes]) -> Answer: ...


def follower_name(target: StoreTarget) -> str:
    """A name of its own for each database, so that another one is filled from the journal's beginning."""
    place = "\n".join((target.url.rstrip("/"), str(target.api), target.database, target.org))
    return f"influxdb-{blake2b(place.encode(), digest_size=4).hexdigest()}"


def place(target: StoreTarget) -> str:
    """Where a target is, for people: no account, no secret."""
    url = httpx.URL(target.url)
    return f"{url.scheme}://{url.host}{f':{url.port}' if url.port else ''}{url.path.rstrip('/')} {target.database}"


def parameters(target: StoreTarget) -> dict[str, str]:
    """1: `database` or `database/retention policy`; 2 (also answered by 3): bucket and organisation."""
    if target.api == 2:
        return {"bucket": target.database, "org": target.org, "precision": "ns"}
    database, _, policy = target.database.partition("/")
    return {"db": database, "precision": "ns"} | ({"rp": policy} if policy else {})


class InfluxEndpoint:
    """An HTTP client for one target. Follows no redirect and no proxy setting; says the account's secrets to nobody else."""

    def __init__(self, target: StoreTarget, clock: Clock) -> None:
        """Raises ValueError for an api that is not 1 or 2."""
        if target.api not in _PATHS:
            raise ValueError(f"influxdb.api: {target.api} is unknown; 1 (InfluxDB 1.x) and 2 (2.x, also 3.x) are")
        self._clock = clock
        self._url = target.url.rstrip("/") + _PATHS[target.api]
        self._parameters = parameters(target)
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
        if target.token:
            headers["Authorization"] = f"Token {target.token}"
        auth = httpx.BasicAuth(target.user, target.password or "") if target.user and not target.token else None
        timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
        self._client = httpx.AsyncClient(headers=headers, auth=auth, timeout=timeout, trust_env=False, follow_redirects=False)

    async def post(self, lines: Sequence[bytes]) -> Answer:
        body = _gzip(b"\n".join(lines) + b"\n")
        try:
            response = await self._client.post(self._url, params=self._parameters, content=body)
        except (httpx.TransportError, httpx.InvalidURL) as why:
            return Answer(Verdict.LATER, f"{type(why).__name__}: {why}"[:MOST_TEXT])
        return judge(response.status_code, response.headers, response.content, len(lines), self._clock.read().wall_ns)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.aclose()


def _gzip(body: bytes) -> bytes:
    """Level 1: line protocol shrinks tenfold at a fifth of the usual time."""
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()
