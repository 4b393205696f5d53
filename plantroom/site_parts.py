"""The plain parts of a site file: zone, web, connections, InfluxDB, parameters, reasons. Each reads one mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from math import isfinite
from zoneinfo import available_timezones

from plantroom import site_serial
from plantroom import yaml_file as y
from plantroom.profiles import Profile
from plantroom.site import Connection, Link, ModbusTcp, Mqtt, StoreTarget, Tls, Web
from plantroom.units import duration_s, known

_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_URL = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?(?:[/?#]\S*)?")
_PLAIN = Mqtt("")  # what is so where the file does not say
_WAYS = ("modbus_tcp", "modbus_rtu", "rtu_over_tcp", "mqtt")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(node: y.Node) -> str:
    name = y.text(node)
    if name not in _zones():
        raise y.Wrong(f"{name!r} is no time zone{y.nearest(name, sorted(_zones()))}", node)
    return name


def host(node: y.Node) -> str:
    name = y.text(node)
    if not _HOST.fullmatch(name):
        raise y.Wrong(f"{name!r} is no host name or address", node)
    return name


port = y.integer(1, 65_535)


def listen(node: y.Node) -> str:
    where = y.text(node)
    name, colon, number = where.rpartition(":")
    if not colon or not name or not number.isdigit() or not 0 <= int(number) <= 65_535:
        raise y.Wrong(f"{where!r} must be ADDRESS:PORT, such as 127.0.0.1:8600", node)
    return where


def url(node: y.Node) -> str:
    where = y.text(node)
    match = _URL.fullmatch(where)
    if match is None or (match.group(1) and not 0 < int(match.group(1)) <= 65_535):
        raise y.Wrong(f"{where!r} is no address; write http://host or https://host", node)
    return where


def web(f: y.Fields) -> Web:
    made = Web(f.may("listen", listen, Web().listen), f.opt("public_url", url))
    f.done()
    return made


def connection(f: y.Fields) -> Connection | None:
    """Exactly one of modbus_tcp, modbus_rtu, rtu_over_tcp and mqtt."""
    ident = f.need("id", y.identifier)
    ways = [way for way in _WAYS if way in f.node.items]
    link: Link | None = None
    if len(ways) != 1:
        f.paper.wrong(f.node.line, f.where, f"needs exactly one of {', '.join(_WAYS[:-1])} and mqtt; has {', '.join(ways) or 'none'}")
    else:
        inner = y.Fields(f.node.items[ways[0]], f.path(ways[0]), f.paper)
        match ways[0]:
            case "modbus_tcp":
                link = _modbus_tcp(inner)
            case "modbus_rtu":
                link = site_serial.modbus_rtu(inner)
            case "rtu_over_tcp":
                link = site_serial.rtu_over_tcp(inner, host, port)
            case _:
                link = mqtt(inner)
        inner.done()
    f.done(_WAYS)
    return Connection(ident, link) if ident is not None and link is not None else None


def _modbus_tcp(f: y.Fields) -> ModbusTcp | None:
    name, node = f.need("host", host), f.child("tls")
    tls = _tls(y.Fields(node, f.path("tls"), f.paper)) if node is not None else None
    number = f.may("port", port, 502 if node is None else 802)
    concurrent = f.opt("concurrent", y.integer(1, 16, "a gateway answers a few units at once, if any"))
    most = f.may("max_requests_per_s", y.rate, 0.0)
    return None if name is None else ModbusTcp(name, number, tls, concurrent, most)


def _tls(f: y.Fields) -> Tls | None:
    ca, cert, key = f.need("ca", pem_file), f.need("cert", pem_file), f.need("key", pem_file)
    name = f.opt("name", host)
    f.done()
    return Tls(ca, cert, key, name) if ca and cert and key else None


def mqtt(f: y.Fields) -> Mqtt | None:
    name, ca, cert, key = f.need("host", host), f.opt("ca", pem_file), f.opt("cert", pem_file), f.opt("key", pem_file)
    tls = f.may("tls", y.flag, bool(ca or cert))
    made = Mqtt(
        name or "",
        f.may("port", port, 8883 if tls else 1883),
        f.opt("user", y.text),
        f.opt("password", y.text),
        tls,
        f.opt("client_id", y.text),
        f.may("version", mqtt_version, _PLAIN.version),
        ca,
        cert,
        key,
        f.may("prefix", _prefix, ""),
        f.may("session_expiry", y.duration, _PLAIN.session_expiry_s),
        f.may("in_flight", y.integer(1, 65_535), _PLAIN.in_flight),
        f.may("max_payload", y.integer(256, 64 << 20, "bytes of one message"), _PLAIN.max_payload),
        float(f.may("max_rate", y.integer(0, 1_000_000), 0)),
        float(f.may("device_rate", y.integer(1, 1_000_000), int(_PLAIN.device_rate))),
        f.may("wildcard", y.flag, False),
    )
    if not tls and (ca or cert or key):
        f.wrong("tls", "is false, but there are certificates: leave it out, or leave them out")
    if (cert is None) != (key is None):
        f.wrong("cert", "and key belong together: the client's certificate and the key to it")
    return None if name is None else made


def mqtt_version(node: y.Node) -> str:
    """3.1.1 is text in YAML, 5 and 5.0 are numbers."""
    word = str(node.value) if isinstance(node, y.Scalar) else ""
    versions = {"3.1.1": "3.1.1", "4": "3.1.1", "5": "5", "5.0": "5"}
    if word not in versions:
        raise y.Wrong(f"{word!r} is no version of MQTT that is spoken here; write 3.1.1 or 5", node)
    return versions[word]


def pem_file(node: y.Node) -> str:
    """An absolute path: the services read the file long after the site file was applied, and from elsewhere."""
    path = y.text(node).removeprefix("file:")
    if not path.startswith("/"):
        raise y.Wrong(f"{path!r} must be the whole path of a PEM file, such as /etc/plantroom/ca.pem", node)
    return path


def _prefix(node: y.Node) -> str:
    prefix = y.text(node)
    if any(letter in prefix for letter in "+#\0"):
        raise y.Wrong(f"{prefix!r} is put before every topic as it stands: no + and no # in it", node)
    return prefix if prefix.endswith("/") else f"{prefix}/"


def influxdb(f: y.Fields) -> StoreTarget | None:
    """api 2: bucket, org, token. api 1: database, user, password."""
    where, api = f.need("url", url), f.may("api", y.integer(1, 2), 2)
    database = f.need("bucket" if api == 2 else "database", y.text)
    if api == 2:
        made = StoreTarget(where or "", 2, database or "", f.need("org", y.text) or "", f.opt("token", y.text))
        if "token" not in f.node.items:
            f.wrong("token", "is missing: an API 2 store wants one, as ${NAME} or file:/path")
    else:
        made = StoreTarget(where or "", 1, database or "", user=f.opt("user", y.text), password=f.opt("password", y.text))
    f.done()
    return made if where is not None and database is not None else None


def parameters(node: y.Node | None, where: str, paper: y.Paper) -> Mapping[str, float | str]:
    """name -> number in the rule's unit, a length of time (12s) or a quantity with its unit (1.1 bar), as written."""
    found: dict[str, float | str] = {}
    for name, item in y.mapping(node, where, paper).items.items():
        value = item.value if isinstance(item, y.Scalar) else None
        if isinstance(value, str):
            found[name] = value
            if not _is_quantity(value):
                said = f"{value!r} is neither a length of time (12s, 10m) nor a quantity with its unit (1.1 bar) nor a number"
                paper.wrong(item.line, f"{where}.{name}", said)
            continue
        try:
            found[name] = y.number(item)
        except y.Wrong as error:
            paper.wrong(item.line, f"{where}.{name}", str(error))
    return found


def _is_quantity(text: str) -> bool:
    number, space, unit = text.strip().partition(" ")
    try:
        if not space:
            duration_s(text)
            return True
        return isfinite(float(number)) and known(unit.strip())
    except ValueError:
        return False


def periods(f: y.Fields, profile: Profile | None) -> Mapping[str, float]:
    """`groups: {alarms: 10s}` of a device: how often a group of its profile is read, where that is not the profile's own period."""
    found: dict[str, float] = {}
    for name, node in y.mapping(f.child("groups"), f.path("groups"), f.paper).items.items():
        if profile is not None and name not in profile.groups:
            f.paper.wrong(node.line, f"{f.path('groups')}.{name}", f"{profile.name} has no group {name!r}{y.nearest(name, profile.groups)}")
            continue
        try:
            found[name] = y.duration(node)
        except y.Wrong as error:
            f.paper.wrong(node.line, f"{f.path('groups')}.{name}", str(error))
    return found


def reasons(node: y.Node | None, where: str, paper: y.Paper) -> Mapping[str, str]:
    """rule id -> why it is off; a reason must be given."""
    found: dict[str, str] = {}
    for name, item in y.mapping(node, where, paper).items.items():
        if isinstance(item, y.Scalar) and isinstance(item.value, str) and item.value.strip():
            found[name] = item.value
        else:
            paper.wrong(item.line, f"{where}.{name}", "must say why the rule is off, in words")
    return found
