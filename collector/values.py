"""One value of a payload, as the device wrote it, into one column of a batch: number or word, scaled, bound, judged. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from collector.bindings import limits_of, transform
from collector.cells import Scale, final_scale
from plantroom.kinds import PointType
from plantroom.model import Batch, Quality
from plantroom.profiles import DevicePoint, JsonPath
from plantroom.site import Binding

Judged = tuple[float, int]  # value, quality; Batch.ABSENT = the payload does not speak of it
Judge = Callable[[Any], Judged]
ABSENT: Judged = (math.nan, Batch.ABSENT)
SENTINEL: Judged = (math.nan, int(Quality.SENTINEL))
DECODE: Judged = (math.nan, int(Quality.DECODE))
OUT_OF_RANGE: Judged = (math.nan, int(Quality.OUT_OF_RANGE))
GOOD = int(Quality.GOOD)
# what yes/no is called where the profile names no words; nothing that could mean either (open, closed, 1st) is among them
YES_NO: Mapping[str, float] = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0, "yes": 1.0, "no": 0.0, "1": 1.0, "0": 0.0}
_LARGEST = float.fromhex("0x1.fffffffffffffp+1023")
_WHOLE = 2**53  # whole numbers below it are floats as they are
_LONGEST = 64  # characters of a number as text, of a word


def judge_of(point: DevicePoint, binding: Binding, *, quoted: bool, gain: float = 1.0, bias: float = 0.0) -> Judge:
    """From what stands in the payload to one column's value and quality.

    quoted: numbers and true/false may come as text. gain, bias: of the unit the payload names, into the unit the point is in.
    """
    source = point.source
    assert isinstance(source, JsonPath), "the site's check binds MQTT devices to payload points"
    words: Mapping[str, float] = source.values
    scaled = (1.0, 0.0) if words else (source.scale * gain, source.offset * gain + bias)
    bound_gain, bound_bias = transform(binding)
    device = Scale.of(*scaled)
    final = final_scale(*scaled, point.invert != binding.invert, bound_gain, bound_bias)
    final_range, codes = limits_of(binding)
    low, high = final_range or (-_LARGEST, _LARGEST)
    device_low, device_high = point.range or (-_LARGEST, _LARGEST)
    n, c, d = final.n, final.c, final.d
    dn, dc, dd = device.n, device.c, device.d

    def judged(number: float) -> Judged:
        value = final(number)
        if not math.isfinite(value):
            return OUT_OF_RANGE
        if codes is not None:
            return (value, GOOD) if value in codes else DECODE
        if not low <= value <= high or not device_low <= device(number) <= device_high:
            return OUT_OF_RANGE
        return value, GOOD

    if words:
        told = {word: judged(float(code)) for word, code in words.items()}
        return lambda found: told.get(found if type(found) is str else as_text(found), SENTINEL if found is None else DECODE)
    number_of = _as_number(quoted, yes_no=binding.kind_point.type is PointType.BOOL)

    yes, no = judged(1.0), judged(0.0)

    def judge(found: Any) -> Judged:
        if found is True:
            return yes
        if found is False:
            return no
        if codes is None and (type(found) is float or (type(found) is int and -_WHOLE < found < _WHOLE)):  # nearly all there is
            value = (found * n + c) / d
            if low <= value <= high and device_low <= (found * dn + dc) / dd <= device_high:
                return value, GOOD
        number, reason = number_of(found)
        return (number, reason) if reason else judged(number)

    return judge


def _as_number(quoted: bool, *, yes_no: bool) -> Judge:
    def number_of(found: Any) -> Judged:
        if isinstance(found, float):
            if math.isfinite(found):
                return found, GOOD
            return SENTINEL if math.isnan(found) else OUT_OF_RANGE
        if isinstance(found, int):  # true and false are 1 and 0
            return (float(found), GOOD) if abs(found) < 2**1023 else OUT_OF_RANGE
        if found is None:
            return SENTINEL
        if isinstance(found, str) and quoted:
            return _quoted(found.strip(), yes_no)
        if isinstance(found, str) and yes_no:
            code = YES_NO.get(found.strip().lower()[:_LONGEST])
            return DECODE if code is None else (code, GOOD)
        return DECODE

    return number_of


def _quoted(text: str, yes_no: bool) -> Judged:
    """A number as text. `1_000`, `0x10` and the like are no numbers here; nan and inf are what they are as numbers."""
    word = text.lower() if len(text) <= _LONGEST else ""
    if yes_no and word in YES_NO:
        return YES_NO[word], GOOD
    if word in ("", "null", "nan", "none", "unknown", "unavailable"):  # the last two: Home Assistant's
        return SENTINEL if len(text) <= _LONGEST else DECODE
    if "_" in word or not word.isascii():
        return DECODE
    try:
        number = float(word)
    except ValueError:
        return DECODE
    return (number, GOOD) if math.isfinite(number) else OUT_OF_RANGE


def as_text(found: Any) -> str:
    """As the keys of `values` are written: "up", "3", "true"."""
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float):
        return str(int(found)) if found.is_integer() else str(found)
    return str(found) if isinstance(found, int) and abs(found) < 2**64 else ""
