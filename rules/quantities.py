"""A parameter's value as people write it -> a number in the parameter's unit."""

from __future__ import annotations

from plantroom import units
from rules.lexer import LARGEST_NUMBER


def quantity(written: float | str, unit: str) -> float:
    """`250`, `12s`, `1.1 bar` in `unit` (a bare number is in it already). Raises ValueError saying what to write."""
    if isinstance(written, bool):
        raise ValueError("must be a number, not a yes/no")
    value = float(written) if isinstance(written, (int, float)) else _read(written.strip(), unit)
    if not abs(value) <= LARGEST_NUMBER:
        raise ValueError(f"{written} is no usable number")
    return value


def _read(text: str, unit: str) -> float:
    try:
        return units.convert(units.duration_s(text), "s", unit)
    except ValueError as error:
        if "cannot become" in str(error):
            raise
    number, _, written = text.partition(" ")
    try:
        value = float(number)
    except ValueError:
        example = "12s" if unit == "s" else f"20 {unit}".rstrip()
        raise ValueError(f"{text!r} is no quantity; write a number, as in {example}") from None
    try:
        return units.convert(value, written.strip() or unit, unit)
    except KeyError:
        raise ValueError(f"{written.strip()!r} is no unit; write a number of {unit or 'no unit'}") from None
    except ValueError as error:
        raise ValueError(f"{text!r} is no quantity: {error}") from None
