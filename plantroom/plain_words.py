"""A rule's words without the values of a moment: `Low oil pressure {oil_pressure:.0f} kPa` -> `Low oil pressure`; words of parameters."""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from plantroom.words import has, say

ANY_UNIT = "?"  # a value without a unit of its own, after which a word of measure may stand
_MEASURES = r"秒|转|℃|s\b"
_TRAILING = re.compile(r"(?:[\s,;:，；：、(（]|\bnow\b|\bis\b|\bat\b|\bfor\b|\bof\b|现|为|已|达|仅|剩|转|℃|超过)+$")


def without_values(text: str, unit_of: Callable[[str], str], instead: str = "") -> str:
    """unit_of: the unit that stands behind a value of that name, "" for none, ANY_UNIT where it is not known. instead: put in its place."""
    plain, unit = "", ""
    for literal, name, _, _ in string.Formatter().parse(text):
        rest = literal
        if unit and (measure := re.match(rf"\s*(?:{re.escape(unit)}|{re.escape(unit.replace('deg', '°'))}|{_MEASURES})", literal)):
            rest = literal[measure.end() :]
        plain += rest + (instead if name else "")
        unit = unit_of(name) if name else ""
    plain = re.sub(r"\s{2,}", " ", plain)
    while (shorter := _TRAILING.sub("", plain)) != plain:
        plain = shorter
    return plain.strip()


def parameter_name(rule: str, name: str, lang: str) -> str:
    """What a rule's parameter is called (words/parameters.yaml); its name where there are no words, as with a site's own rule."""
    for key in (f"parameter_of.{rule}.{name}", f"parameter.{name}"):
        if has(key):
            return say(key, lang)
    return name
