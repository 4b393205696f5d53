"""Expression text -> tokens. Numbers carry their unit: `12s`, `2h11m`, `20 kPa`, `5 %`, `5 K/min`; a bare number takes the other side's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from plantroom import units

LONGEST_TEXT = 2_000
LARGEST_NUMBER = 1e100


class ExpressionError(ValueError):
    """An expression that cannot be used. at: zero-based character of the text; the message says what to write instead."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at = at


class Kind(Enum):
    NUMBER = "a number"
    NAME = "a name"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """text: name or sign as written. value, unit: of a number; unit None = bare (a duration is in "s")."""

    kind: Kind
    text: str
    at: int
    value: float = 0.0
    unit: str | None = None


_SPACE = re.compile(r"\s+")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+(?![A-Za-z0-9_%])", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_UNIT = re.compile(r" ?(%RH|%|[A-Za-z][A-Za-z0-9]*)(?:/([A-Za-z][A-Za-z0-9]*))?(?![A-Za-z0-9_])", re.ASCII)
_WORD = re.compile(r"[^\W\d_]\w*")
_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
_SIGNS = ("<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ",")
RESERVED = ("and", "or", "not", "in")
_LENGTHS = ("ms", "s", "m", "h", "d", "t", "1")  # after a number without a space these are durations; with one they would be guesses
_TIMES = ("s", "sec", "secs", "second", "seconds", "m", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours", "d", "day", "days")
_SPELT_OUT = {"percent": "%", "pct": "%", "celsius": "degC", "kelvin": "K", "volts": "V", "amps": "A"}
_INSTEAD = {
    "=": "write == to compare",
    "!": "write `not`, or != to compare",
    "&": "write `and`",
    "|": "write `or`",
    "^": "there is no power; multiply",
    "?": "there is no `? :`; write two rules or use and / or",
    ".": "points are named without their equipment: oil_pressure",
    "[": "there are no indexes; numbered points are spelled out: car_door_status_1",
    '"': "enum names stand without quotes",
    "'": "enum names stand without quotes",
    "%": "% stands only after a number",
}


def tokens(text: str) -> list[Token]:
    """Raises ExpressionError. The last token is END."""
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(LONGEST_TEXT, f"is {len(text)} characters long; at most {LONGEST_TEXT}: split it into rules")
    found: list[Token] = []
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        token, at = _next(text, at)
        found.append(token)
    found.append(Token(Kind.END, "", len(text)))
    return found


def _next(text: str, at: int) -> tuple[Token, int]:
    if length := _DURATION.match(text, at):
        return _number(length.group(), at, units.duration_s(length.group()), "s"), length.end()
    if number := _NUMBER.match(text, at):
        return _quantity(text, at, number)
    if name := _NAME.match(text, at):
        return Token(Kind.NAME, name.group(), at), name.end()
    for sign in _SIGNS:
        if text.startswith(sign, at):
            return Token(Kind.SIGN, sign, at), at + len(sign)
    if word := _WORD.match(text, at):
        raise ExpressionError(at, f"{word.group()!r} cannot stand here: {_instead_of(word.group())}")
    letter = text[at]
    raise ExpressionError(at, f"{letter!r} cannot stand here: {_INSTEAD.get(letter, 'it has no meaning here')}")


def _instead_of(word: str) -> str:
    if word.lower() in RESERVED:
        return f"write `{word.lower()}`"
    meant = unit_meant(word)
    return f"the unit is written {meant}, as in 20 {meant}" if meant else "names are small letters, digits and _"


def unit_meant(word: str) -> str | None:
    """The unit somebody had in mind who wrote kpa, RPM or sec."""
    if word.lower() in _TIMES:
        return None
    return next((name for name in units.UNITS if name.lower() == word.lower()), _SPELT_OUT.get(word.lower()))


def after_a_number(word: str) -> str | None:
    """What to write for a word that stands where the unit of a number may stand; None where nothing is near."""
    if word.lower() in _TIMES:
        return "a length of time is written without a space and short: 12s, 10m, 2h"
    meant = unit_meant(word)
    return f"the unit is written {meant}" if meant else None


def _quantity(text: str, at: int, number: re.Match[str]) -> tuple[Token, int]:
    value, end = float(number.group()), number.end()
    if found := _UNIT.match(text, end):
        name = found.group(1)
        both = f"{name}/{found.group(2)}" if found.group(2) else name
        if found.group(2) and units.known(both):
            return _number(text[at : found.end()], at, value, both), found.end()
        if units.known(name) and name not in _LENGTHS:
            return _number(text[at : found.end(1)], at, value, name), found.end(1)
    if end < len(text) and (text[end].isalnum() or text[end] == "_"):
        wrong = re.match(r"\w+", text[end:])
        said = wrong.group() if wrong else text[end]
        raise ExpressionError(end, f"{said!r} is no unit; write 12s, 10m, 20 kPa, 5 %, 5 K/min or a bare number")
    return _number(number.group(), at, value, None), end


def _number(text: str, at: int, value: float, unit: str | None) -> Token:
    if not value <= LARGEST_NUMBER:
        raise ExpressionError(at, f"{text} is too large; at most {LARGEST_NUMBER:g}")
    return Token(Kind.NUMBER, text, at, value, unit)
