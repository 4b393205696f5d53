"""`evidence:` and `anchor:` of a site file: how large files may be, and where the chronicle's head is noted outside. docs/evidence.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from plantroom import site_addresses as addresses
from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.anchor import DAY_S, Anchor
from plantroom.evidence import Limits
from plantroom.evidence.store import MIB
from plantroom.site import Channel
from plantroom.site_watch import within


def limits(f: y.Fields) -> Limits:
    plain = Limits()
    most, quota = (
        f.may("file_mb", y.integer(1, 1_000), plain.most // MIB),
        f.may("quota_gb", y.integer(1, 10_000), plain.quota // (1024 * MIB)),
    )
    made = Limits(most * MIB, quota * 1024 * MIB)
    f.done()
    return made


def anchor(f: y.Fields, channels: Mapping[str, Channel]) -> Anchor:
    to = f.opt("to", _addresses)
    made = Anchor(
        f.may("every", within(300, DAY_S), DAY_S), f.opt("folder", _folder), f.opt("mail", _mail(channels)), to or (),
        f.opt("timestamp", parts.url), f.opt("ca", parts.pem_file),
    )  # fmt: skip
    f.done()
    if not made.ways and not f.paper.problems:
        f.paper.wrong(f.node.line, f.where, "notes the head nowhere: name a `folder`, a `mail` channel, or a `timestamp` server")
    if (made.mail is None) != (not made.to) and not f.paper.problems:
        f.wrong("to", "belongs to `mail`: the channel the head is sent by, and the addresses it goes to")
    if made.ca is not None and made.timestamp is None:
        f.wrong("ca", "belongs to `timestamp`")
    if made.timestamp is not None and made.ca is None:
        f.wrong("ca", "is missing: a stamp is believed only where the server's certificate authority is named (whole path of a PEM file)")
    return made


def _mail(channels: Mapping[str, Channel]) -> Callable[[y.Node], str]:
    def read(node: y.Node) -> str:
        name = y.text(node)
        if name not in channels or channels[name].type != "email":
            raise y.Wrong(f"{name!r} is no channel of type email", node)
        return name

    return read


def _folder(node: y.Node) -> str:
    path = y.text(node)
    if not path.startswith("/"):
        raise y.Wrong(f"{path!r} must be the whole path of a folder, best on another machine's disk", node)
    return path


def _addresses(node: y.Node) -> tuple[str, ...]:
    if not isinstance(node, y.Sequence) or not node.items:
        raise y.Wrong(f"must be a list of e-mail addresses, not {y.described(node)}", node)
    return tuple(addresses.mail(item) for item in node.items)
