"""What a site's channels leave to be seen to: addresses no page is sent to, buttons nobody hears, groups that are not told. Never stops a
start.

In `check` it is exit code 1: the file can be applied as it is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from plantroom.errors import Problem
from plantroom.escalation import EVERYONE
from plantroom.networks import host_of, listed, literal, may
from plantroom.site import Channel, Site
from plantroom.site_channels import tells_group


def findings(site: Site) -> list[Problem]:
    """Of every channel, in the order of the file."""
    looks = (_unlisted, _unheard, _taken_out)
    return [problem for channel in site.channels.values() for look in looks for problem in look(site, channel)]


def _unheard(site: Site, channel: Channel) -> Iterator[Problem]:
    """What a provider calls back with has to find us, and a button without it is not shown."""
    lacks = [name for name in ("callback_token", "callback_secret") if not channel.settings.get(name)]
    if channel.settings.get("buttons") and lacks:
        yield _of(site, channel, "buttons", f"no button is shown without {' and '.join(lacks)}: nobody would hear that it is pressed")
    elif channel.settings.get("callback_token") and site.web.public_url is None:
        yield _of(site, channel, "callback_token", "the provider calls back under web.public_url, which is not set")


def _taken_out(site: Site, channel: Channel) -> Iterator[Problem]:
    """A channel on which somebody has an address is theirs; `everyone` does not tell its group any more."""
    own = [person.id for person in site.people.values() if channel.id in person.contacts]
    wanted = any(EVERYONE in step.tell for chain in site.chains.values() for step in chain.steps)
    if own and wanted and tells_group(channel):
        text = "so it tells persons and is left out of everyone: a channel of its own tells the group"
        yield _of(site, channel, "", f"{', '.join(own[:3])} has an address on it, {text}")


def _of(site: Site, channel: Channel, key: str, text: str) -> Problem:
    where = f"channels.{channel.id}"
    return Problem(site.root, site.lines.get(where, 0), f"{where}.{key}" if key else where, text)


def _unlisted(site: Site, channel: Channel) -> Iterator[Problem]:
    host = host_of(str(channel.settings.get("url") or ""))
    address = ipaddress.IPv4Address("127.0.0.1") if host == "localhost" else literal(host)
    if address is not None and not may(address, listed(channel.settings.get("private"))):
        text = f"{host} is in no public network, so no page is sent there; if it is the house's own, write private: [{address}]"
        yield _of(site, channel, "url", text)
