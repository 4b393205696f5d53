"""Addresses that channels write to, as a site file has them: of mail, the URLs that Apprise is asked to notify, networks of the house."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from plantroom import yaml_file as y

WIDEST = {4: 8, 6: 7}  # prefix of a listed network: half the internet is no list
_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")  # ASCII, one @

_SUBJECT = re.compile(r"mailto:[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+|https://[!-~]+")
_ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?")
_APPRISE = re.compile(r"([A-Za-z0-9]{1,20})://\S*")
NOT_BY_APPRISE: Mapping[str, str] = {  # what reaches no person, what says yes to what was refused, and what would publish beyond our prefix
    **dict.fromkeys(("dbus", "qt", "kde", "glib", "gio", "gnome", "macosx", "windows", "blink1"), "it shows on this machine alone"),
    **dict.fromkeys(("syslog", "rsyslog", "file"), "it is a log, no way to a person"),
    **dict.fromkeys(("mqtt", "mqtts"), "use type mqtt, which keeps to its own topics"),
    "dingtalk": "use type dingtalk_robot: this one takes a refusal for a yes",
    "feishu": "use type feishu_robot: this one takes a refusal for a yes",
    "lark": "use type lark_robot: this one takes a refusal for a yes",
    "wecombot": "use type wecom_robot: this one takes a refusal for a yes",
}


def apprise_fault(url: str) -> str | None:
    """Why Apprise is not asked to notify a URL; the URL itself is never said."""
    match = _APPRISE.fullmatch(url)
    if match is None:
        return "the Apprise URL is none; write one such as pover://user@token"
    scheme = match.group(1).lower()
    return f"{scheme}:// is not sent by Apprise here: {NOT_BY_APPRISE[scheme]}" if scheme in NOT_BY_APPRISE else None


def apprise(node: y.Node) -> str:
    url = y.text(node)
    if fault := apprise_fault(url):
        raise y.Wrong(fault, node)
    return url


def mail(node: y.Node) -> str:
    address = y.text(node)
    if not _ADDRESS.fullmatch(address):
        raise y.Wrong(f"{address!r} is no e-mail address", node)
    return address


def subject(node: y.Node) -> str:
    """Whom a push service writes to: `mailto:ops@example.com` or an https page. localhost is refused by services, so here too."""
    word = y.text(node)
    if not _SUBJECT.fullmatch(word) or "localhost" in word:
        raise y.Wrong(f"{word!r} must be mailto:somebody@example.com or https://example.com", node)
    return word


def origins(node: y.Node) -> tuple[str, ...]:
    """A list of https://host or https://host:port."""
    if not isinstance(node, y.Sequence) or not node.items:
        raise y.Wrong(f"must be a list such as [https://push.example.com], not {y.described(node)}", node)
    found = tuple(map(y.text, node.items))
    for word, item in zip(found, node.items, strict=True):
        if not _ORIGIN.fullmatch(word):
            raise y.Wrong(f"{word!r} must be https://host or https://host:port, without a path", item)
    return found


def mails(node: y.Node) -> tuple[str, ...]:
    """One address or a list of them."""
    if isinstance(node, y.Sequence) and not node.items:
        raise y.Wrong("names nobody; leave it out, and only persons are written to", node)
    return tuple(map(mail, node.items)) if isinstance(node, y.Sequence) else (mail(node),)


def networks(node: y.Node) -> tuple[str, ...]:
    """`10.1.2.3`, `10.1.0.0/16`, `fd00::/8`, or a list of them."""
    items = node.items if isinstance(node, y.Sequence) else (node,)
    if not items:
        raise y.Wrong("lists no address; leave it out", node)
    return tuple(_network(item) for item in items)


def _network(node: y.Node) -> str:
    text = y.text(node)
    try:
        net = ipaddress.ip_network(text)
    except ValueError as wrong:
        raise y.Wrong(f"{text!r} is no address or network such as 10.1.2.3 or 10.1.0.0/16: {wrong}", node) from None
    if net.prefixlen < WIDEST[net.version]:
        raise y.Wrong(f"{text!r} is too wide; at most /{WIDEST[net.version]}", node)
    return str(net)
