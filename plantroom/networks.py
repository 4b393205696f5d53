"""Which addresses a page may be sent to: public ones, and those of a house's own networks that the site file lists. Pure.

Whatever writes or answers for a name could otherwise make the service speak to the plant's own gateways, to itself, or to the metadata
server of a cloud (S9). An IPv6 address that only wraps an IPv4 one (mapped, NAT64, 6to4, Teredo) is judged as what it wraps.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WELL_KNOWN = ipaddress.IPv6Network("64:ff9b::/96")  # NAT64, RFC 6052
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NOT_PUBLIC = (
    ipaddress.ip_network("64:ff9b:1::/48"),  # NAT64 of a network's own, RFC 8215
    ipaddress.ip_network("fec0::/10"),  # site-local, as it was
    ipaddress.ip_network("192.88.99.0/24"),  # relays of 6to4
)


def listed(settings: object) -> tuple[Network, ...]:
    """What a channel's `private` names; given as the site file has them."""
    return tuple(ipaddress.ip_network(str(one)) for one in settings) if isinstance(settings, tuple | list) else ()


def literal(host: str) -> Address | None:
    """A host that is an address as everybody writes it; None for a name, and for what only some resolvers take for an address (0x7f.1)."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def may(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Whether a page may go there."""
    nets = tuple(allowed)
    return all(_public(one) or any(one.version == net.version and one in net for net in nets) for one in _meant(address))


def host_of(url: str) -> str:
    """The host of http://user@host:port/path, small, without brackets."""
    rest = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2]
    return (rest.partition("]")[0].strip("[") if rest.startswith("[") else rest.partition(":")[0]).lower()


def _meant(address: Address) -> tuple[Address, ...]:
    """What is reached in the end: an address in another's clothes is both."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _WELL_KNOWN or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return (*address.teredo,)
    return (address,)


def _public(address: Address) -> bool:
    own = any(address.version == net.version and address in net for net in _NOT_PUBLIC)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified or own)
