"""What stands in the journal: the header of a record, its kinds, and the telemetry body's bytes.

Telemetry body, little-endian:

    offset  size           content
    0       1                version: 1, or 2 where values are decimals
    1       1                flags: 1 = stamped by the device, 2 = qualities follow, 4 and 8 = how values are stored, 16 * decimals
    2       2                rows, uint16
    4       8                frame id
    12      8 * rows         event times, epoch ns, int64
    ...     2|4|8 * rows * n values, row by row; n = points of the frame
    ...     1 * rows * n     qualities (absent when every sample is good)

Values are stored in the first of these that gives back the very same float64s; what a register holds nearly always fits the first:

    8       int16: value * 10**decimals; 0 where the quality is bad, which reads as NaN
    8 + 4   int32, the same
    4       float32
    0       float64
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from plantroom.clock import Reading
from plantroom.model import Batch, Frame, Values

_HEAD = struct.Struct("<BBH8s")
_VERSIONS = (1, 2)
_STAMPED, _QUALITIES, _NARROW, _DECIMAL = 1, 2, 4, 8
_MOST_DECIMALS = 4
_POWERS = [np.float64(10.0**k) for k in range(16)]
_I8, _F8, _F4 = np.dtype("<i8"), np.dtype("<f8"), np.dtype("<f4")
STORED: Mapping[int, np.dtype[Any]] = {_DECIMAL: np.dtype("<i2"), _DECIMAL | _NARROW: np.dtype("<i4"), _NARROW: _F4, 0: _F8}
_Bad = npt.NDArray[np.bool_] | None  # where the quality is not good; None: nowhere


class Kind(IntEnum):
    """Kinds of record. All but TELEMETRY carry a JSON object and are copied to the chronicle by the engine (ticks excepted)."""

    TELEMETRY = 1
    COMMAND = 2  # a person's deed: {"command_id", "does", "who", ...}
    CONFIG = 3  # an applied site: {"hash", "who", "difference", "files": {path: text}, "root": path}
    ATTEMPT = 4  # one delivery attempt: {"outbox", "channel", "n", "verdict", "answer", "started_ns", "ended_ns"}
    TICK = 5  # time passes, 1/s, written by the engine: {}
    EVENT = 6  # the service about itself: {"event": "service_restarted" | "connection" | "config_rejected" | "journal_gap" ..., ...}
    RECEIPT = 7  # what is told of a page after it was sent: {"outbox", "channel", "state", "text", "work_order", "person"}


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the site's single order.

    seq: position, gapless from 1 over all day files. source: writing service ("collect", "web", "rules", "notify", "supervisor").
    source_seq: the writer's own count from 1 within (source, boot); a hole is a lost record.
    """

    seq: int
    at: Reading
    source: str
    source_seq: int
    kind: Kind
    body: bytes


@dataclass(slots=True)  # one for every polled read, never changed: a frozen one would cost a microsecond more
class Entry:
    """A record to be appended; the header is set at the commit. frame: for telemetry, so that the day file can name its points."""

    kind: Kind
    body: bytes
    frame: Frame | None = None


def encode_batch(batch: Batch, form: int | None = None) -> Entry:
    """Raises ValueError where the shapes do not agree or there are more than 65,535 rows.

    form: the flags of how values are stored, tried before all others; the record says what came of it (`form_of`).
    """
    shape = rows, points = batch.values.shape
    if points != len(batch.frame.points) or batch.quality.shape != shape or batch.at_ns.shape != (rows,):
        raise ValueError(f"batch shapes disagree: {batch.at_ns.shape}, {batch.values.shape}, {batch.quality.shape}")
    quality = batch.quality.tobytes()
    bad = None
    if quality.count(0) == len(quality):
        flags, quality = 0, b""
    else:
        flags, bad = _QUALITIES, batch.quality != 0
    if batch.stamped:
        flags |= _STAMPED
    values = batch.values.astype(np.float64, "C", copy=False)
    with np.errstate(all="ignore"):  # what does not fit a form is found by its not coming back
        form, data = _stored(values, bad, form)
    head = _HEAD.pack(2 if form & _DECIMAL else 1, flags | form, rows, batch.frame.id)
    return Entry(Kind.TELEMETRY, b"".join((head, batch.at_ns.astype(_I8, copy=False).tobytes(), data, quality)), batch.frame)


def form_of(body: bytes) -> int:
    """How a body's values are stored."""
    return body[1] & ~(_STAMPED | _QUALITIES)


def _stored(values: Values, bad: _Bad, form: int | None) -> tuple[int, bytes]:
    """(form, bytes) of the values: of `form` where it fits, else of the first that does and holds what `form` holds."""
    wide = values.tobytes()
    if form is not None and (data := _in_form(values, wide, bad, form)) is not None:
        return form, data
    if _in_form(values, wide, bad, _DECIMAL | _NARROW | _MOST_DECIMALS << 4, np.dtype("<i8")) is not None:
        least = form if form is not None and form & _DECIMAL else _DECIMAL
        for narrow in (0, _NARROW) if not least & _NARROW else (_NARROW,):
            for decimals in range(least >> 4, _MOST_DECIMALS + 1):
                form = _DECIMAL | narrow | decimals << 4
                if (data := _in_form(values, wide, bad, form)) is not None:
                    return form, data
    if (data := _in_form(values, wide, bad, _NARROW)) is not None:
        return _NARROW, data
    return 0, wide


def _in_form(values: Values, wide: bytes, bad: _Bad, form: int, stored: np.dtype[Any] | None = None) -> bytes | None:
    """The values' bytes in this form; None where they would not come back as they are. Compared as bytes: NaN equals itself.

    wide: the values as float64. stored: as another number type than the form says, to learn whether they are decimals at all.
    """
    if not form & _DECIMAL:
        if not form:
            return wide
        narrow = values.astype(_F4)
        return narrow.tobytes() if narrow.astype(_F8).tobytes() == wide else None
    power = _POWERS[form >> 4]
    scaled = values * power
    if bad is not None:
        scaled[bad] = 0.0
    np.rint(scaled, scaled)
    whole = scaled.astype(stored or STORED[form & (_DECIMAL | _NARROW)])
    back = whole.astype(_F8)  # dividing whole numbers would do this too, at twice the price
    back /= power
    if bad is not None:
        back[bad] = np.nan
    return whole.tobytes() if back.tobytes() == wide else None


def decode_batch(body: bytes, frame_of: Callable[[bytes], Frame]) -> Batch:
    """The batch a telemetry body holds. frame_of: frame by id (KeyError where unknown). Raises ValueError for bytes that are no batch."""
    if len(body) < _HEAD.size:
        raise ValueError(f"telemetry body of {len(body)} bytes")
    version, flags, rows, frame_id = _HEAD.unpack_from(body)
    if version not in _VERSIONS:
        raise ValueError(f"telemetry body version {version}; this release reads {_VERSIONS[-1]}")
    frame = frame_of(frame_id)
    n, stored = rows * len(frame.points), STORED[flags & (_DECIMAL | _NARROW)]
    size = _HEAD.size + 8 * rows + stored.itemsize * n + (n if flags & _QUALITIES else 0)
    if len(body) != size:
        raise ValueError(f"telemetry body of {len(body)} bytes where {size} were announced")
    shape = (rows, len(frame.points))
    at = np.frombuffer(body, _I8, rows, _HEAD.size)
    offset = _HEAD.size + 8 * rows
    numbers = np.frombuffer(body, stored, n, offset).reshape(shape)
    values = numbers / _POWERS[flags >> 4] if flags & _DECIMAL else numbers.astype(np.float64)
    if flags & _QUALITIES:
        quality = np.frombuffer(body, np.uint8, n, offset + stored.itemsize * n).reshape(shape)
        if flags & _DECIMAL:
            values[quality != 0] = np.nan
    else:
        quality = np.zeros(shape, np.uint8)
    return Batch(frame, at, values, quality, bool(flags & _STAMPED))
