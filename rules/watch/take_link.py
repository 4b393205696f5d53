"""The link by which somebody takes an alarm over: GET shows a page, POST takes (mail scanners open links: P17). It ends with its alarm.

The token is an HMAC over building and episode under a key of this watcher: 128 bits that nothing has to remember.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from html import escape
from pathlib import Path

from plantroom.words import say
from rules.watch.watching import Seen, State

PATH = "/take/"
MOST_NAME = 40
_KEY_BYTES = 32


def own_key(folder: Path) -> bytes:
    """Made at the first start, readable for this user alone."""
    path = folder / "key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) == _KEY_BYTES:
        return key
    key = secrets.token_bytes(_KEY_BYTES)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - the rights come first
        file.write(key)
    return key


def path_of(key: bytes, site: str, episode: int) -> str:
    return f"{PATH}{site}/{_token(key, site, episode)}"


def opens(key: bytes, path: str, site: str, seen: Seen) -> bool:
    """Whether a path takes over what is wrong with this building now."""
    stands = seen.state in (State.TOLD, State.HELD)
    return hmac.compare_digest(path.encode(), path_of(key, site, seen.episode).encode()) and stands


def _token(key: bytes, site: str, episode: int) -> str:
    return hmac.new(key, f"{site}:{episode}".encode(), hashlib.sha256).hexdigest()[:32]


def name_of(typed: str) -> str:
    """Who takes it, in one line."""
    return "".join(c for c in typed if c.isprintable()).strip()[:MOST_NAME]


def page(lang: str, heading: str, held_by: str) -> str:
    """heading: line 1 of the alarm. held_by: who has it already, or nobody."""
    taken = f"<p>{escape(say('watch.page.taken', lang, who=held_by))}</p>" if held_by else ""
    form = (
        f'<form method="post"><label>{escape(say("watch.page.who", lang))} <input name="who" maxlength="{MOST_NAME}" required></label> '
        f"<button>{escape(say('watch.page.take', lang))}</button></form>"
    )
    return _frame(lang, f"<h1>{escape(heading)}</h1>{taken}{form}")


def plain(lang: str, words: str) -> str:
    return _frame(lang, f"<p>{escape(words)}</p>")


def _frame(lang: str, body: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="{lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="referrer" content="no-referrer"><title>Plantroom</title><body>{body}</body></html>'
    )
