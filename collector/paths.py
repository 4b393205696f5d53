"""A path into a JSON document, `car.doors[0].state`, compiled into a function that finds what stands there. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_STEP = re.compile(r"\['([^'\]]+)'\]|\[(\d+)\]|\[([^=\[\]'.]+)=([^\[\]]+)\]|([^.\[\]]+)")

Step = str | int | tuple[str, str]  # a key, an index, the list's entry whose key has a value
Finder = Callable[[Any], Any]


class _Absent:
    def __repr__(self) -> str:
        return "nothing there"


NOTHING: Final = _Absent()


def steps(path: str) -> tuple[Step, ...]:
    """`e[n=temp].v[0]` as ("e", ("n", "temp"), "v", 0)."""
    found: list[Step] = []
    for quoted, index, key, value, plain in _STEP.findall(path):
        found.append(int(index) if index else (key, value) if key else quoted or plain)
    return tuple(found)


def finder(path: str) -> Finder:
    """From a document to what stands at the path, or NOTHING."""
    keys = steps(path)
    if len(keys) == 1 and isinstance(keys[0], str):
        return _of_key(keys[0])
    if len(keys) == 2 and isinstance(keys[0], str) and isinstance(keys[1], str):
        return _of_two_keys(keys[0], keys[1])
    return lambda document: _walk(document, keys)


def _of_key(key: str) -> Finder:
    def find(document: Any) -> Any:
        return document.get(key, NOTHING) if isinstance(document, dict) else NOTHING

    return find


def _of_two_keys(first: str, second: str) -> Finder:
    def find(document: Any) -> Any:
        inner = document.get(first) if isinstance(document, dict) else None
        return inner.get(second, NOTHING) if isinstance(inner, dict) else NOTHING

    return find


def _walk(document: Any, keys: tuple[Step, ...]) -> Any:
    for step in keys:
        if isinstance(step, str):
            if not isinstance(document, dict) or step not in document:
                return NOTHING
            document = document[step]
        elif not isinstance(document, list):
            return NOTHING
        elif isinstance(step, int):
            if step >= len(document):
                return NOTHING
            document = document[step]
        else:
            key, value = step
            document = next((entry for entry in document if isinstance(entry, dict) and _says(entry.get(key), value)), NOTHING)
    return document


def _says(found: Any, value: str) -> bool:
    """Numbers of a length no key has are not turned into text: Python refuses from 4,300 digits on."""
    if isinstance(found, int) and not isinstance(found, bool):
        return -(2**63) < found < 2**64 and str(found) == value
    return isinstance(found, str) and found == value
