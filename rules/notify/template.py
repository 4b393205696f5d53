"""What fills an approved template of an SMS or a call: named variables, each within its provider's length. Pure.

A gateway sends only sentences that were approved before; what changes from page to page stands in variables.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from plantroom.messages import CUT
from plantroom.words import say
from rules.notify.page import Page

VARIABLES = ("text", "standing", "severity", "machine", "place", "order")
SPOKEN_S = 8.0  # longer, and it is hung up before the end
SYLLABLE_S, LETTER_S, PAUSE_S = 0.25, 0.07, 0.2  # about four characters or two and a half English words a second
_BRACKETS = re.compile(r"[〔〕【】\[\]()（）]+")
_NUMBER = re.compile(r"\+?[0-9]{5,15}")


def number(text: str) -> str | None:
    """A telephone number without what people write between its digits; None for what is none."""
    bare = re.sub(r"[ ()-]", "", text)
    return bare if _NUMBER.fullmatch(bare) else None


def filled(page: Page, names: Sequence[str], length: int | None) -> dict[str, str]:
    """The values of the variables, each of at most so many characters (None: as long as it is), by name in their order."""
    known = _known(page)
    return {name: _within(known[name], length) for name in names}


def spoken(page: Page, names: Sequence[str], length: int | None, most_s: float = SPOKEN_S) -> dict[str, str]:
    """The same for a voice: no brackets, and all together no longer than most_s, the end given up first."""
    values, left_s = {}, most_s
    for name, value in filled(page, names, None).items():
        values[name] = said = _sayable(" ".join(_BRACKETS.sub(" ", value).split())[:length], left_s)
        left_s -= spoken_s(said)
    return values


def spoken_s(text: str) -> float:
    return sum(map(_letter_s, text))


def _letter_s(letter: str) -> float:
    if letter.isdigit() or unicodedata.east_asian_width(letter) in "WF" and letter.isalnum():
        return SYLLABLE_S
    return LETTER_S if letter.isalnum() or letter == " " else PAUSE_S


def _sayable(text: str, most_s: float) -> str:
    used_s = 0.0
    for n, letter in enumerate(text):
        used_s += _letter_s(letter)
        if used_s > most_s:
            return text[:n].rstrip()
    return text


def _known(page: Page) -> Mapping[str, str]:
    fault, order = page.message.get("fault") or {}, page.message.get("order") or {}
    text, standing = page.lines
    severity = say(f"severity.{page.severity}", page.language)
    values = (text, standing, severity, fault.get("name") or "", fault.get("place") or "", order.get("id") or "")
    return {name: " ".join(str(value).split()) or "-" for name, value in zip(VARIABLES, values, strict=True)}  # empty ones are refused


def _within(text: str, length: int | None) -> str:
    return text if length is None or len(text) <= length else text[: length - 1].rstrip() + CUT
