"""`${ENV}`, `${ENV:-default}` and `file:/path` in a site file: resolved on load, never stored resolved; secrets only so.

A key that names a secret (password, token, ...) must hold exactly one reference, without default but the empty one (`${NAME:-}`: there
may be none); no problem text ever repeats such a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from plantroom import yaml_file as y

_SECRET = re.compile(r"(?:.*_)?(?:password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key|credential)s?")
_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_WHOLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-)?\}")
_IN_URL = re.compile(
    r"[a-z][a-z0-9+.-]*://[^/\s]*:(?!\$\{)[^/@\s]+@|[?&](?:access_?token|token|api_?key|key|secret|sign|password)=(?!\$\{)[^&\s]"
)


def is_secret(key: str) -> bool:
    return bool(_SECRET.fullmatch(key.lower()))


def resolved(node: y.Node, where: str, paper: y.Paper, env: Mapping[str, str], *, strict: bool) -> y.Node:
    """The tree with every reference replaced.

    strict: an unset variable or unreadable file behind a secret is a problem; else that secret is null (an old config record, recomputed
    where its secrets no longer exist). Unset variables elsewhere are problems either way, unless they have a default.
    """
    if isinstance(node, y.Scalar):
        return _text(node, where, paper, env)
    if isinstance(node, y.Sequence):
        places = [_place(item, where, n) for n, item in enumerate(node.items)]
        pairs = zip(node.items, places, strict=True)
        return replace(node, items=tuple(resolved(item, at, paper, env, strict=strict) for item, at in pairs))
    items: dict[str, y.Node] = {}
    for key, item in node.items.items():
        inside = f"{where}.{key}" if where else key
        if is_secret(key):
            items[key] = _secret(item, inside, paper, env, strict)
        else:
            items[key] = resolved(item, inside, paper, env, strict=strict)
    return replace(node, items=items)


def _place(item: y.Node, where: str, index: int) -> str:
    ident = item.items.get("id") if isinstance(item, y.Map) else None
    return f"{where}.{ident.value}" if isinstance(ident, y.Scalar) and ident.value else f"{where}[{index}]"


def _text(node: y.Scalar, where: str, paper: y.Paper, env: Mapping[str, str]) -> y.Scalar:
    if not isinstance(node.value, str):
        return node
    if _IN_URL.search(node.value):
        paper.wrong(node.line, where, "holds a secret written in clear inside an address; put it into the environment: ${NAME}")
        return replace(node, value="", bad=True)
    if "${" not in node.value:
        return node
    before = len(paper.problems)

    def one(match: re.Match[str]) -> str:
        name, default = match.groups()
        if name in env:
            return env[name]
        if default is None:
            paper.wrong(node.line, where, f"the environment variable {name} is not set; set it, or give a default: ${{{name}:-value}}")
        return default or ""

    value = _ENV.sub(one, node.value)
    if "${" in _ENV.sub("", node.value):
        paper.wrong(node.line, where, "has a ${ that is no reference; write ${NAME} or ${NAME:-default}")
    if len(paper.problems) > before:
        return replace(node, value="", bad=True)
    typed = not node.quoted or _ENV.fullmatch(node.value)  # quotes around a lone reference only keep YAML's braces quiet
    return y.Scalar(node.line, y.plain_value(value) if typed else value, node.quoted, value)


def _secret(node: y.Node, where: str, paper: y.Paper, env: Mapping[str, str], strict: bool) -> y.Scalar:
    nothing = y.Scalar(node.line, None)
    if isinstance(node, y.Scalar) and node.value is None:
        return nothing
    value = node.value if isinstance(node, y.Scalar) and isinstance(node.value, str) else ""
    if match := _WHOLE.fullmatch(value):
        name = match.group(1)
        if env.get(name):
            return y.Scalar(node.line, env[name], quoted=True)
        if strict and not match.group(2):
            paper.wrong(node.line, where, f"the environment variable {name} is not set (or empty); set it before starting Plantroom")
        return nothing
    if value.startswith("file:"):
        return _file(node, Path(value.removeprefix("file:")), where, paper, strict)
    said = "a secret written in clear; write ${NAME} (environment) or file:/path/to/secret, and change the secret: it is known now"
    paper.wrong(node.line, where, said)
    return nothing


def _file(node: y.Node, path: Path, where: str, paper: y.Paper, strict: bool) -> y.Scalar:
    nothing = y.Scalar(node.line, None)
    if not path.is_absolute():
        paper.wrong(node.line, where, f"{path} is not absolute; write file:/path from the root, services do not run in this folder")
        return nothing
    try:
        secret = path.read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        if strict:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            paper.wrong(node.line, where, f"{path} cannot be read: {reason}; create it, readable for the user Plantroom runs as")
        return nothing
    if not secret and strict:
        paper.wrong(node.line, where, f"{path} is empty; write the secret into it")
    return y.Scalar(node.line, secret or None, quoted=True)
