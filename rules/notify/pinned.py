"""The way of an HTTP request to its target: the name is resolved once, the connection goes to an address that was looked at, and nowhere
else, and TLS is still verified against the name. docs/channels.md, "Addresses of the house".

A name server that answers differently the second time (rebinding) is asked once an attempt. Addresses are tried in turn, because one of two
families may lead nowhere; nothing is sent before a connection stands.

Connections outlive an attempt where their owner keeps them (`Connections`): pages of a flood to one provider share a handshake. Each is a
name's: two names may lead to one address, and what was verified for one of them says nothing of the other. Idle ones are closed before a
provider or a router forgets them; where one was forgotten all the same, the request goes out once more on another.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import httpx

from plantroom.networks import Address, Network, literal, may
from rules.notify.lookup import FIRST_S, addresses_of

MOST_ADDRESSES = 4
IDLE_S = 5.0  # servers close what is idle for 5 s (Node.js) to 75 s (nginx), routers forget it from 30 s on
MOST_IDLE = 4  # of one name; as many attempts as a channel makes at once (rules/notify/service.py)
UNSAID = "without sending a response"  # httpcore's words for an end without a byte of an answer


class Forbidden(Exception):
    """The target is in no public network and the site file does not list it. named: its name might be another's tomorrow."""

    def __init__(self, host: str, addresses: Sequence[Address], named: bool) -> None:
        self.named = named
        where = f"{host} is" if not named else f"{host} leads to {', '.join(map(str, addresses[:2]))},"
        super().__init__(f"{where} in no public network; if it is the house's own, list it under private in the site file")


class Connections:
    """The open connections of one owner: a channel's, or of one attempt. By name and by whom its certificate is trusted."""

    def __init__(self) -> None:
        self._ways: dict[tuple[ssl.SSLContext, str, str, int], httpx.AsyncHTTPTransport] = {}

    def way(self, trusted: ssl.SSLContext, url: httpx.URL) -> httpx.AsyncHTTPTransport:
        key = (trusted, url.scheme, url.host, url.port or 0)
        if key not in self._ways:  # few: the hosts of the site file, and the push services there are
            limits = httpx.Limits(max_keepalive_connections=MOST_IDLE, keepalive_expiry=IDLE_S)
            self._ways[key] = httpx.AsyncHTTPTransport(verify=trusted, trust_env=False, limits=limits)
        return self._ways[key]

    async def aclose(self) -> None:
        ways, self._ways = self._ways, {}
        for way in ways.values():
            await way.aclose()


class Pinned(httpx.AsyncBaseTransport):
    """The way of one attempt, around httpx's own transport, which is given an address instead of a name. Closes no connection: their owner
    does."""

    def __init__(self, connections: Connections, trusted: ssl.SSLContext, allowed: Sequence[Network]) -> None:
        self._connections, self._trusted, self._allowed = connections, trusted, tuple(allowed)
        self._known: dict[tuple[str, int], list[Address]] = {}
        self._heard: set[httpx.AsyncHTTPTransport] = set()  # that answered in this attempt: their connections were not idle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.raw_host.decode("ascii"), request.url.port or (443 if request.url.scheme == "https" else 80)
        way, addresses = self._connections.way(self._trusted, request.url), await self._addresses(host, port)
        for n, address in enumerate(addresses, 1):
            last = n == len(addresses)
            try:
                answer = await _sent(way, _to(request, host, address, last), patient=way not in self._heard)
                self._heard.add(way)
                return answer
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if last:
                    raise
        raise httpx.ConnectError(f"{host} has no address")

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """Those a page may go to. Raises Forbidden where there are others only, httpx.ConnectError where the name is unknown."""
        if (host, port) not in self._known:
            found = await _resolved(host, port)
            good = [address for address in found if may(address, self._allowed)]
            if found and not good:
                raise Forbidden(host, found, literal(host) is None)
            self._known[host, port] = good[:MOST_ADDRESSES]
        return self._known[host, port]


async def _sent(way: httpx.AsyncBaseTransport, request: httpx.Request, patient: bool) -> httpx.Response:
    """patient: where an idle connection turns out to be left, the request goes out again, at the latest on a new one. Whoever read it
    before they left has it twice, as after any attempt without an answer."""
    for last in (*(MOST_IDLE * (not patient,)), True):
        fresh = False

        async def told(event: str, info: object) -> None:
            nonlocal fresh
            fresh = fresh or event == "connection.connect_tcp.started"

        request.extensions = {**request.extensions, "trace": told}
        try:
            return await way.handle_async_request(request)
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
