"""`oidc.yaml` in the folder of the installation -> Settings, with every problem in one pass."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dashboards.console.reach import written
from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.errors import BadInput, Refused
from plantroom.references import resolved
from plantroom.roles import Role

FILE = "oidc.yaml"
OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Given:
    """Who has `group` among their groups is `role` at `sites` (as `Access.add` takes them)."""

    group: str
    role: Role
    sites: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Settings:
    """names: what the button on the login page says, by language. name_claim ...: claims, `realm_access.roles` = one inside another."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    names: Mapping[str, str]
    scopes: tuple[str, ...]
    name_claim: str
    shown_claim: str
    groups_claim: str
    roles: tuple[Given, ...]
    ca: str | None


def load_settings(path: Path, env: Mapping[str, str] | None = None) -> Settings:
    """Raises BadInput with every problem found. env: what ${NAME} means; the process's environment by default."""
    paper = y.Paper(str(path))
    node = y.parse(y.read_text(path), paper)
    if not isinstance(node, y.Map):
        paper.wrong(0, "", "must be a mapping with the key oidc (docs/console.md)")
        raise BadInput(paper.problems)
    _private(node, paper)
    top = y.Fields(resolved(node, "", paper, os.environ if env is None else env, strict=True), "", paper)
    made = top.need("oidc", lambda inner: _settings(y.Fields(inner, "oidc", paper)))
    top.done()
    if paper.problems or made is None:
        raise BadInput(paper.problems)
    return made


def _private(node: y.Map, paper: y.Paper) -> None:
    """A secret in a file that others may read is none."""
    inner = node.items.get("oidc")
    said = inner.items.get("client_secret") if isinstance(inner, y.Map) else None
    if not (isinstance(said, y.Scalar) and isinstance(said.value, str) and said.value.startswith("file:")):
        return
    path = Path(said.value.removeprefix("file:"))
    if path.is_file() and path.stat().st_mode & OTHERS:
        paper.wrong(said.line, "oidc.client_secret", f"others may read {path}; chmod 600 {path}")


def _settings(f: y.Fields) -> Settings:
    issuer, client_id = f.need("issuer", issuer_address), f.need("client_id", y.text)
    secret, names = f.opt("client_secret", y.text), f.opt("name", y.says)
    claims = y.Fields(f.child("claims") or y.Map(f.node.line, {}, {}), "oidc.claims", f.paper)
    name, shown = claims.may("name", y.text, "preferred_username"), claims.may("shown", y.text, "name")
    groups = claims.may("groups", y.text, "groups")
    claims.done()
    scopes = tuple(y.text(one) for one in y.entries(f.child("scopes"), "oidc.scopes", f.paper)) or ("openid", "profile", "email")
    if "openid" not in scopes:
        f.wrong("scopes", "must hold openid: without it there is no id_token")
    given = [_given(y.Fields(one, f"oidc.roles[{n}]", f.paper)) for n, one in enumerate(y.entries(f.child("roles"), "oidc.roles", f.paper))]
    if not given:
        f.wrong("roles", "is missing: without a group that has a role nobody comes in; - {group: ..., role: ...}")
    ca = f.opt("ca", _authority)
    f.done()
    said = names or {"zh": "企业账号", "en": "your company account"}
    return Settings(issuer or "", client_id or "", secret, said, scopes, name, shown, groups, tuple(filter(None, given)), ca)


def _given(f: y.Fields) -> Given | None:
    group, role = f.need("group", y.text), f.need("role", y.one_of([role.value for role in Role], "a role"))
    sites_node = f.child("sites")
    sites = None if sites_node is None else tuple(y.text(one) for one in y.entries(sites_node, f.path("sites"), f.paper))
    f.done()
    try:
        written(sites)
    except Refused as refused:
        f.wrong("sites", str(refused))
    return Given(group, Role(role), sites) if group is not None and role is not None else None


def _authority(node: y.Node) -> str:
    path = parts.pem_file(node)
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        said = f"{path} cannot be used: {error.strerror or error}; write the PEM file of the authority that signed for the provider"
        raise y.Wrong(said, node) from None
    return path


def issuer_address(node: y.Node) -> str:
    said = y.text(node)
    if not trusted(said) or urlsplit(said).query or urlsplit(said).fragment:
        raise y.Wrong(f"{said!r} is no issuer; write https://host/path as the provider's discovery document has it", node)
    return said


def trusted(address: str) -> bool:
    """HTTPS; plain HTTP on this machine alone."""
    try:
        split = urlsplit(address)
        host, _ = split.hostname or "", split.port
    except ValueError:
        return False
    if not host or split.username is not None:
        return False
    if split.scheme == "https":
        return True
    try:
        return split.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
