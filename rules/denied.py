"""What judging a command needs, whichever module judges it: the refusal, what a command was done to, its arguments read or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plantroom.words import LANGUAGES, say
from rules.command import Command, instant
from rules.rows import Fault, Order


class Denied(Exception):
    """The command is refused; raised before anything has changed, caught where commands are applied.

    values: by name and language, of the text `refused.<code>`.
    """

    def __init__(self, code: str, values: Mapping[str, Mapping[str, str]] | None = None) -> None:
        super().__init__(code)
        self.code, self.values = code, values or {}


@dataclass(frozen=True, slots=True)
class Done:
    """What a command was done to. state: of what is neither order nor fault, for the person who waits for the answer."""

    order: Order | None = None
    fault: Fault | None = None
    state: Mapping[str, Any] = field(default_factory=dict)


def words_of(command: Command, name: str) -> str:
    """Raises Denied where there are none."""
    text = command.text(name)
    if not text:
        raise Denied("argument", {"name": same(name), "wanted": wanted("text")})
    return text


def instant_of(command: Command, name: str, now_ns: int) -> int:
    """Raises Denied."""
    at_ns = instant(command.args.get(name), now_ns)
    if at_ns is None:
        raise Denied("argument", {"name": same(name), "wanted": wanted("instant")})
    return at_ns


def same(text: str) -> Mapping[str, str]:
    """A value that is no word of a language."""
    return dict.fromkeys(LANGUAGES, text)


def wanted(what: str) -> Mapping[str, str]:
    return {lang: say(f"command.wanted.{what}", lang) for lang in LANGUAGES}
