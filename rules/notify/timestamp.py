"""A time stamp over a chronicle's head: RFC 3161 by HTTP (its section 3.4). Believed only once it is shown to be over this head, for this
request, and signed by who the site file says vouches for the server.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from plantroom.anchors import proven, request_for

MOST_BYTES = 64 << 10
HEADERS = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply", "user-agent": "plantroom"}


async def stamp(url: str, head: str, ca: str, *, timeout_s: float) -> bytes:
    """The server's token. Raises ValueError for an answer that proves nothing, OSError or TimeoutError where there is none."""
    roots = await asyncio.to_thread(Path(ca).read_bytes)
    body, nonce = request_for(head)
    try:
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=timeout_s) as client,
            client.stream("POST", url, content=body, headers=HEADERS) as response,
        ):
            token = bytearray()
            async for chunk in response.aiter_bytes():
                token += chunk
                if len(token) > MOST_BYTES:
                    raise ValueError(f"an answer of more than {MOST_BYTES} bytes is no time stamp")
            if response.status_code != 200:
                raise ValueError(f"the server answers {response.status_code}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    proven(bytes(token), head, roots, nonce)
    return bytes(token)
