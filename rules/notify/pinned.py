"""The way of an HTTP request to its target: the name is resolved once, the connection goes to an address that was looked at, and nowhere
else, and TLS is still verified against the name. docs/channels.md, "Addresses of the house".

A name server that answers differently the second time (rebinding) is asked once. Addresses are tried in turn, because one of two families
may lead nowhere; nothing is sent before a connection stands.
"""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from plantroom.networks import Address, Network, literal, may
from rules.notify.lookup import FIRST_S, addresses_of

MOST_ADDRESSES = 4


class Forbidden(Exception):
    """The target is in no public network and the site file does not list it. named: its name might be another's tomorrow."""

    def __init__(self, host: str, addresses: Sequence[Address], named: bool) -> None:
        self.named = named
        where = f"{host} is" if not named else f"{host} leads to {', '.join(map(str, addresses[:2]))},"
        super().__init__(f"{where} in no public network; if it is the house's own, list it under private in the site file")


class Pinned(httpx.AsyncBaseTransport):
    """Around httpx's own transport, which is given an address instead of a name."""

    def __init__(self, below: httpx.AsyncBaseTransport, allowed: Sequence[Network]) -> None:
        self._below, self._allowed = below, tuple(allowed)
        self._known: dict[tuple[str, int], list[Address]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.raw_host.decode("ascii"), request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await self._addresses(host, port)
        for n, address in enumerate(addresses, 1):
            last = n == len(addresses)
            try:
                return await self._below.handle_async_request(_to(request, host, address, last))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if last:
                    raise
        raise httpx.ConnectError(f"{host} has no address")

    async def aclose(self) -> None:
        await self._below.aclose()

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """Those a page may go to. Raises Forbidden where there are others only, httpx.ConnectError where the name is unknown."""
        if (host, port) not in self._known:
            found = await _resolved(host, port)
            good = [address for address in found if may(address, self._allowed)]
            if found and not good:
                raise Forbidden(host, found, literal(host) is None)
            self._known[host, port] = good[:MOST_ADDRESSES]
        return self._known[host, port]


async def _resolved(host: str, port: int) -> list[Address]:
    try:
        return await addresses_of(host, port)
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error


def _to(request: httpx.Request, host: str, address: Address, last: bool) -> httpx.Request:
    """The same request to an address. Its Host header says the name already; TLS asks for the name."""
    timeouts = dict(request.extensions.get("timeout", {}))
    if not last:
        timeouts["connect"] = min(timeouts.get("connect") or FIRST_S, FIRST_S)
    more = {**request.extensions, "timeout": timeouts, "sni_hostname": host.strip("[]")}
    url = request.url.copy_with(host=str(address))
    return httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=more)
