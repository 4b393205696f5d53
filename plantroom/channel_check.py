"""What a site's channels leave to be seen to: addresses no page is sent to. Never stops a start.

In `check` it is exit code 1: the file can be applied as it is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from plantroom.errors import Problem
from plantroom.networks import host_of, listed, literal, may
from plantroom.site import Channel, Site


def findings(site: Site) -> list[Problem]:
    """Of every channel, in the order of the file."""
    return [problem for channel in site.channels.values() for problem in _finding(site, channel)]


def _finding(site: Site, channel: Channel) -> Iterator[Problem]:
    host = host_of(str(channel.settings.get("url") or ""))
    address = ipaddress.IPv4Address("127.0.0.1") if host == "localhost" else literal(host)
    if address is not None and not may(address, listed(channel.settings.get("private"))):
        text = f"{host} is in no public network, so no page is sent there; if it is the house's own, write private: [{address}]"
        yield Problem(site.root, 0, f"channels.{channel.id}.url", text)
