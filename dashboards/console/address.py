"""Whom a request comes from, for what is counted by address."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request


def address_of(request: Request) -> str | None:
    """The peer's address; of IPv6 its /64, which is one household. A proxy on this machine says by X-Forwarded-For whom it speaks for:
    the last entry is its own. None for this machine itself: everybody behind a proxy that says nothing."""
    peer = _ip(request.client.host if request.client is not None else "")
    if peer is not None and peer.is_loopback:
        peer = _ip(request.headers.get("x-forwarded-for", "").rpartition(",")[2])
    if peer is None or peer.is_loopback:
        return None
    if isinstance(peer, ipaddress.IPv6Address):
        return str(peer.ipv4_mapped or ipaddress.ip_network((peer, 64), strict=False))
    return str(peer)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
