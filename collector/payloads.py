"""An MQTT device's JSON payload into a batch, never an exception: what cannot be used becomes a bad sample and says why. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from collector.bindings import limits_of, transform
from collector.cells import Scale, final_scale
from collector.debounce import Debounce
from plantroom.clock import NS, to_ns
from plantroom.model import Batch, Frame, Quality, all_bad, one_row
from plantroom.profiles import DevicePoint, JsonPath, MqttShape, Profile
from plantroom.site import Binding

MOST_BYTES = 256 << 10
AHEAD_NS = 120 * NS  # a stamp further ahead of its receipt is the device's clock gone wrong
OLDEST_NS = 946_684_800 * NS  # 2000-01-01: an older stamp comes from a clock that was never set
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_ABSENT = object()

Path = tuple[str | int, ...]
Judged = tuple[float, int]  # value, quality; Batch.ABSENT = the payload does not speak of it


@dataclass(frozen=True, slots=True)
class Decoded:
    """batch: None where the payload has nothing of ours. fault: what was wrong with the payload as a whole, "" = nothing."""

    batch: Batch | None
    fault: str = ""


class PayloadDecoder:
    """Payloads of one device. Columns are its bindings, in their order."""

    def __init__(self, profile: Profile, bindings: Sequence[Binding]) -> None:
        assert profile.mqtt is not None, "a profile without mqtt has no payloads"
        self.shape: MqttShape = profile.mqtt
        self.frame = Frame(tuple(b.point for b in bindings))
        self._readers = [_reader(profile.points[b.source], b) for b in bindings]
        self._at_path = None if self.shape.at is None else steps(self.shape.at)
        patience = {i: b.debounce_s for i, b in enumerate(bindings) if b.debounce_s > 0}
        self._debounce = Debounce(patience) if patience else None

    def decode(self, payload: bytes, wall_ns: int, boot_ns: int, *, retained: bool = False) -> Decoded:
        """wall_ns, boot_ns: the receipt. A retained message is the past, whatever it says: all its points are not_fresh."""
        if retained:
            return Decoded(all_bad(self.frame, wall_ns, Quality.NOT_FRESH), "retained")
        document = _parse(payload)
        if isinstance(document, _Fault):
            return Decoded(all_bad(self.frame, wall_ns, Quality.DECODE), document.why)
        at_ns, stamped, fault = self._instant(document, wall_ns)
        if fault:
            return Decoded(all_bad(self.frame, wall_ns, Quality.CLOCK_SKEW), fault)
        judged = [read(document) for read in self._readers]
        quality = np.array([q for _, q in judged], np.uint8)
        if bool((quality == Batch.ABSENT).all()):
            return Decoded(None, "nothing of ours in the payload")
        values = np.array([value for value, _ in judged])
        if self._debounce is not None:
            self._debounce.apply(boot_ns, values, quality)
        return Decoded(one_row(self.frame, at_ns, values, quality, stamped=stamped))

    def silent(self, wall_ns: int) -> Batch:
        """The device is offline or silent: every point of it has no answer."""
        if self._debounce is not None:
            self._debounce.interrupt()
        return all_bad(self.frame, wall_ns, Quality.NO_ANSWER)

    def _instant(self, document: Any, wall_ns: int) -> tuple[int, bool, str]:
        """(event time, whether it is the device's own, what is wrong with its stamp). A payload without the stamp counts as received."""
        if self._at_path is None or (stamp := find(document, self._at_path)) is _ABSENT:
            return wall_ns, False, ""
        at_ns = read_stamp(stamp, self.shape.at_format)
        if at_ns is None:
            return wall_ns, False, f"unreadable time stamp {stamp!r:.40}"
        if at_ns > wall_ns + AHEAD_NS:
            return wall_ns, False, f"time stamp {(at_ns - wall_ns) / NS:.0f} s ahead"
        if at_ns < OLDEST_NS:
            return wall_ns, False, "time stamp of a clock that was never set"
        return at_ns, True, ""


@dataclass(frozen=True, slots=True)
class _Fault:
    why: str


def _parse(payload: bytes) -> Any:
    """The document, or what is wrong with it. NaN, Infinity and endless numbers are no JSON but
    devices write them: so the lenient reader has a try before all is bad."""
    if len(payload) > MOST_BYTES:
        return _Fault(f"payload of {len(payload)} bytes, more than {MOST_BYTES}")
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            document = json.loads(payload)
        except (ValueError, RecursionError):
            return _Fault(f"no JSON: {error}")
    if not isinstance(document, dict | list):
        return _Fault("the payload is neither an object nor an array")
    return document


def steps(path: str) -> Path:
    """`car.doors[0].state` as ("car", "doors", 0, "state")."""
    return tuple(int(index) if index else key for key, index in _STEP.findall(path))


def find(document: Any, path: Iterable[str | int]) -> Any:
    """What stands at the path, or the absent mark."""
    for step in path:
        if isinstance(step, str):
            if not isinstance(document, dict) or step not in document:
                return _ABSENT
            document = document[step]
        elif isinstance(document, list) and step < len(document):
            document = document[step]
        else:
            return _ABSENT
    return document


def read_stamp(stamp: Any, form: str) -> int | None:
    """A device's time stamp as epoch ns; None where it names no instant."""
    if form == "iso":
        if not isinstance(stamp, str):
            return None
        try:
            return to_ns(datetime.fromisoformat(stamp))
        except (ValueError, OverflowError):  # naive ones too
            return None
    unit_ns = {"s": NS, "ms": 1_000_000}[form]
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not math.isfinite(stamp):
        return None
    at_ns = stamp * unit_ns if isinstance(stamp, int) else round(stamp * (unit_ns // 1000)) * 1000  # a float holds microseconds
    return at_ns if 0 <= at_ns < 2**63 else None


def _reader(point: DevicePoint, binding: Binding) -> Callable[[Any], Judged]:
    """From a document to one column's value and quality."""
    source = point.source
    assert isinstance(source, JsonPath), "the site's check binds MQTT devices to payload points"
    path = steps(source.path)
    words: Mapping[str, float] = source.values
    gain, bias = transform(binding)
    final_range, codes = limits_of(binding)
    scaled = (1.0, 0.0) if words else (source.scale, source.offset)
    device, final = Scale.of(scaled[0], b=scaled[1]), final_scale(*scaled, point.invert != binding.invert, gain, bias)

    def read(document: Any) -> Judged:
        found = find(document, path)
        if found is _ABSENT:
            return math.nan, Batch.ABSENT
        number, reason = _number(found, words)
        if reason:
            return math.nan, reason
        value = final(number)
        if not math.isfinite(value):
            return math.nan, Quality.OUT_OF_RANGE
        if codes is not None:
            return (value, Quality.GOOD) if value in codes else (math.nan, Quality.DECODE)
        if not _within(device(number), point.range) or not _within(value, final_range):
            return math.nan, Quality.OUT_OF_RANGE
        return value, Quality.GOOD

    return read


def _number(found: Any, words: Mapping[str, float]) -> Judged:
    if found is None:
        return math.nan, Quality.SENTINEL
    if words:
        code = words.get(_as_text(found))
        return (math.nan, Quality.DECODE) if code is None else (float(code), Quality.GOOD)
    if not isinstance(found, int | float):
        return math.nan, Quality.DECODE
    try:
        number = float(found)
    except OverflowError:
        return math.nan, Quality.OUT_OF_RANGE
    if math.isnan(number):
        return math.nan, Quality.SENTINEL
    return (number, Quality.GOOD) if math.isfinite(number) else (math.nan, Quality.OUT_OF_RANGE)


def _as_text(found: Any) -> str:
    """As the keys of `values` are written: "up", "3", "true"."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return str(found) if isinstance(found, str | int | float) else ""


def _within(value: float, limits: tuple[float, float] | None) -> bool:
    return limits is None or limits[0] <= value <= limits[1]
