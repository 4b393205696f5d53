"""`channels:` of a site file: the types there are, the keys each takes, whom it reaches. The one table of them.

A type's module is rules/notify/<type>.py. A new channel is that file and a row here; tests hold the JSON schema and docs/channels.md to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from plantroom import site_addresses as addresses
from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.model import Severity
from plantroom.references import is_secret
from plantroom.site import Channel, Connection, Mqtt
from plantroom.units import duration_s

PROVIDERS = ("aliyun", "tencent")
VARIABLES = ("text", "standing", "severity", "machine", "place", "order")  # what a template's variable can hold: rules/notify/template.py

Read = Callable[[y.Node], object]
Keys = Mapping[str, Read]


class Reach(StrEnum):
    """Who hears it: a group as one, one person at an address of theirs (a page without one is refused), or either."""

    GROUP = "group"
    PERSON = "person"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Type:
    """needs, may: keys that have to and that can stand there. of: by `provider` the keys of it alone, True = has to be there.

    group: of what reaches either, the key that names the group; without it there is none.
    """

    reach: Reach
    needs: Keys
    may: Keys = field(default_factory=dict)
    of: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    group: str = ""


def _words(node: y.Node) -> tuple[str, ...]:
    """Names of variables, each once."""
    if not isinstance(node, y.Sequence) or not node.items:
        raise y.Wrong(f"must be a list such as [severity, machine, place], not {y.described(node)}", node)
    read = y.one_of(VARIABLES, "a variable")
    names = tuple(read(item) for item in node.items)
    if len(set(names)) < len(names):
        raise y.Wrong("names a variable twice", node)
    return names


def _rates(node: y.Node) -> tuple[tuple[int, float], ...]:
    """`5/1h` or a list of such: at most so many messages in any so long."""
    items = node.items if isinstance(node, y.Sequence) else (node,)
    found = []
    for item in items:
        count, slash, length = y.text(item).partition("/")
        try:
            rate = int(count), duration_s(length)
        except ValueError:
            rate = 0, 0.0
        if not slash or not 0 < rate[0] <= 10_000 or not 0 < rate[1] <= 86_400:
            raise y.Wrong(f"{y.text(item)!r} is no rate for one number; write 1/60s, 5/1h or 20/24h", item)
        found.append(rate)
    if not found:
        raise y.Wrong("names no rate; leave it out, and the provider's usual ones are kept", node)
    return tuple(found)


_OWN: Keys = {"ca": parts.pem_file, "private": addresses.networks}  # of a server that stands in the house
_SERVER: Keys = {"url": parts.url, **_OWN}
_ROBOT = Type(Reach.GROUP, {"token": y.text}, {"secret": y.text, **_SERVER})
_GATEWAY: Keys = {"provider": y.one_of(PROVIDERS, "a provider"), "access_key": y.text, "access_secret": y.text, "template": y.text}
_LENGTH = y.integer(1, 500, "characters of one variable")
_FILLED: Keys = {"variables": _words, "variable_length": _LENGTH, "app": y.text, "region": y.text, **_SERVER}
_RECEIPTS: Keys = {**_FILLED, "callback_token": y.text, "per_number": _rates}

TYPES: Mapping[str, Type] = MappingProxyType(
    {
        "webhook": Type(Reach.GROUP, {"url": parts.url}, {"secret": y.text, "ca": y.text, "private": addresses.networks}),
        "duty_room": Type(Reach.GROUP, {}),
        "mqtt": Type(Reach.GROUP, {}),  # its keys are a connection's: _mqtt
        "wecom_app": Type(
            Reach.PERSON,
            {"corp": y.text, "agent": y.integer(1, 1_000_000_000, "the application's AgentId"), "secret": y.text},
            {"buttons": y.flag, "callback_token": y.text, "callback_secret": y.text, **_SERVER},
        ),
        "wecom_robot": Type(Reach.GROUP, {"token": y.text}, _SERVER),
        "dingtalk_robot": _ROBOT,
        "feishu_robot": _ROBOT,
        "lark_robot": _ROBOT,
        "email": Type(
            Reach.EITHER,
            {"host": parts.host, "from": addresses.mail},
            {
                "to": addresses.mails,
                "port": parts.port,
                "security": y.one_of(("starttls", "tls", "none"), "a kind of security"),
                "user": y.text,
                "password": y.text,
                "ca": parts.pem_file,
                "imap_host": parts.host,  # where receipts (DSN) are read
                "imap_port": parts.port,
                "imap_user": y.text,
                "imap_password": y.text,
                "imap_folder": y.text,
                "imap_ca": parts.pem_file,
            },
            group="to",
        ),
        "sms": Type(Reach.PERSON, {**_GATEWAY, "signature": y.text}, _RECEIPTS, {"aliyun": {}, "tencent": {"app": True, "region": False}}),
        "voice": Type(
            Reach.PERSON,
            _GATEWAY,
            {"caller": y.text, "accepted": y.text, "play_times": y.integer(1, 3), **_RECEIPTS},
            {"aliyun": {"caller": False, "accepted": False}, "tencent": {"app": True, "region": False}},
        ),
        "ntfy": Type(Reach.EITHER, {}, {"topic": y.text, "token": y.text, "user": y.text, "password": y.text, **_SERVER}, group="topic"),
        "bark": Type(Reach.EITHER, {}, {"token": y.text, **_SERVER}, group="token"),
        "gotify": Type(Reach.EITHER, {"url": parts.url}, {"token": y.text, **_OWN}, group="token"),
        "telegram": Type(Reach.EITHER, {"token": y.text}, {"chat": y.text, "callback_token": y.text, **_SERVER}, group="chat"),
        "webpush": Type(Reach.PERSON, {"subject": addresses.subject}, {"services": addresses.origins, **_SERVER}),
        "apprise": Type(Reach.EITHER, {"secret": addresses.apprise}, {"private": addresses.networks}, group="secret"),
    }
)


def tells_group(channel: Channel) -> bool:
    """Whether a page to nobody in particular is heard there."""
    kind = TYPES[channel.type]
    return kind.reach is Reach.GROUP or (kind.reach is Reach.EITHER and bool(channel.settings.get(kind.group)))


def channel(f: y.Fields, connections: Mapping[str, Connection]) -> Channel | None:
    ident = f.need("id", y.identifier)
    kind = f.need("type", y.one_of(TYPES, "a channel"))
    severities = frozenset(_severities(f)) or frozenset(Severity)
    language = f.opt("language", y.one_of(("zh", "en"), "a language"))
    if kind is None:
        return None
    settings = dict(_mqtt(f, connections) if kind == "mqtt" else _settings(f, TYPES[kind]))
    f.done()
    return Channel(ident, kind, settings, severities, language) if ident is not None else None


def _settings(f: y.Fields, kind: Type) -> Mapping[str, object]:
    provider = f.node.items.get("provider")
    own = kind.of.get(str(provider.value), {}) if isinstance(provider, y.Scalar) else {}
    others = {key for keys in kind.of.values() for key in keys} - set(own)
    needed = {*kind.needs, *(key for key, must in own.items() if must)}
    found: dict[str, object] = {}
    for key, read in {**kind.needs, **kind.may}.items():
        if key in others:
            continue  # a key of another provider is none here
        lost = is_secret(key) and key in f.node.items  # an old record may be read where its secrets are gone
        value = f.need(key, read) if key in needed and not lost else f.opt(key, read)
        if value is not None:
            found[key] = value
    return found


def _mqtt(f: y.Fields, connections: Mapping[str, Connection]) -> Mapping[str, object]:
    """A connection's own keys, or `connection` for an MQTT connection of the site."""
    name = f.opt("connection", y.text)
    if name is None:
        link = parts.mqtt(f)
    else:
        found = connections.get(name)
        link = found.link if found is not None and isinstance(found.link, Mqtt) else None
        if link is None:
            known = [c.id for c in connections.values() if isinstance(c.link, Mqtt)]
            f.wrong("connection", f"{name!r} is no MQTT connection{y.nearest(name, known)}")
    ca = f.opt("ca", y.text)
    settings: dict[str, object] = {} if ca is None else {"ca": ca}
    if link is not None:
        settings |= {"host": link.host, "port": link.port, "user": link.user, "password": link.password, "tls": link.tls}
    return settings


def _severities(f: y.Fields) -> list[Severity]:
    read = y.one_of(Severity, "a severity")
    found: list[Severity] = []
    for node in y.entries(f.child("severities"), f.path("severities"), f.paper):
        try:
            found.append(Severity(read(node)))
        except y.Wrong as error:
            f.paper.wrong(node.line, f.path("severities"), str(error))
    return found
