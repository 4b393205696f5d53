"""The way of an HTTP request to its target: the name is resolved once, the connection goes to an address that was looked at, and nowhere
else, and TLS is still verified against the name. docs/channels.md, "Addresses of the house".

A name server that answers differently the second time (rebinding) is asked once. Addresses are tried in turn, because one of two families
may lead nowhere; nothing is sent before a connection stands.

Connections outlive an attempt (http.py). One that the provider left meanwhile, without saying so, is no answer: the request goes out again.
"""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from plantroom.networks import Address, Network, literal, may
from rules.notify.lookup import FIRST_S, addresses_of

MOST_ADDRESSES = 4
MOST_IDLE = 4  # connections to one host that wait for the next page: so many may all be left
UNSAID = "without sending a response"  # httpcore's words for an end without a byte of an answer


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
        self._heard = False  # in this attempt: then its connections were not idle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.raw_host.decode("ascii"), request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await self._addresses(host, port)
        for n, address in enumerate(addresses, 1):
            last = n == len(addresses)
            try:
                answer = await _sent(self._below, _to(request, host, address, last), patient=not self._heard)
                self._heard = True
                return answer
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


async def _sent(below: httpx.AsyncBaseTransport, request: httpx.Request, patient: bool) -> httpx.Response:
    """patient: where an idle connection turns out to be left, the request goes out again, at the latest on a new one. Whoever read it
    before they left has it twice, as after any attempt without an answer."""
    for last in (*(MOST_IDLE * (not patient,)), True):
        fresh = False

        async def told(event: str, info: object) -> None:
            nonlocal fresh
            fresh = fresh or event == "connection.connect_tcp.started"

        request.extensions = {**request.extensions, "trace": told}
        try:
            return await below.handle_async_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            if fresh or last or not _left(error):
                raise
    raise AssertionError("unreachable")


def _left(error: httpx.TransportError) -> bool:
    """Not a word came: what is no HTTP is an answer, too."""
    return not isinstance(error, httpx.RemoteProtocolError) or UNSAID in str(error)


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
