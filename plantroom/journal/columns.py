"""Many telemetry bodies of one frame as columns, in a few numpy calls: what followers that store samples work on.

Bodies of one frame come in a handful of layouts (same flags, same number of rows); each layout is read as one structured array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plantroom.journal.record import _DECIMAL, _HEAD, _NARROW, _POWERS, _QUALITIES, _STAMPED, _VERSIONS, STORED
from plantroom.model import Frame, Instants, Qualities, Quality, Values


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of one frame, in the order of the bodies.

    at_ns int64[rows], values float64[rows, points], quality uint8[rows, points] (Batch.ABSENT where a row has no sample of the point).
    A good value is finite: one that is not (no collector should write it) is `decode` here, so that no sum is ever spoiled by it.
    """

    frame: Frame
    at_ns: Instants
    values: Values
    quality: Qualities


def frame_id_of(body: bytes) -> bytes:
    """The frame a telemetry body belongs to. Raises ValueError for bytes that are no telemetry body of this release."""
    if len(body) < _HEAD.size:
        raise ValueError(f"telemetry body of {len(body)} bytes")
    if body[0] not in _VERSIONS:
        raise ValueError(f"telemetry body version {body[0]}; this release reads {_VERSIONS[-1]}")
    return body[4:12]


def rows_of(body: bytes) -> int:
    """How many rows a telemetry body announces."""
    return body[2] | body[3] << 8


def stamped_of(body: bytes) -> bool:
    """Whether its event times come from the device: only such a body can be late."""
    return bool(body[1] & _STAMPED)


def size_of(body: bytes, points: int) -> int:
    """How long a telemetry body of `points` points announces to be, in bytes."""
    return _dtype(body[1], rows_of(body), points).itemsize


def stack(bodies: Sequence[bytes], frame: Frame) -> Columns:
    """All rows of `bodies`, which are of `frame`. Raises ValueError where a body's length is not what its head announces."""
    layouts: dict[bytes, tuple[list[bytes], list[int]]] = {}
    total = 0
    for body in bodies:
        members, starts = layouts.setdefault(body[1:4], ([], []))
        members.append(body)
        starts.append(total)
        total += rows_of(body)
    points = len(frame.points)
    at = np.empty(total, np.int64)
    values = np.empty((total, points))
    quality = np.zeros((total, points), np.uint8)
    for layout, (members, starts) in layouts.items():
        flags, rows = layout[0], layout[1] | layout[2] << 8
        shape = _dtype(flags, rows, points)
        wrong = next((len(body) for body in members if len(body) != shape.itemsize), None)
        if wrong is not None:
            raise ValueError(f"telemetry body of {wrong} bytes where {shape.itemsize} were announced")
        block = np.frombuffer(b"".join(members), shape)
        where = (np.array(starts)[:, None] + np.arange(rows)).reshape(-1)
        at[where] = block["at"].reshape(-1)
        numbers = block["values"].reshape(-1, points)
        if flags & _DECIMAL:
            numbers = numbers / _POWERS[flags >> 4]
        if flags & _QUALITIES:
            quality[where] = codes = block["quality"].reshape(-1, points)
            if flags & _DECIMAL:
                numbers[codes != 0] = np.nan
        values[where] = numbers
    if not np.isfinite(values).all():
        quality[~np.isfinite(values) & (quality == Quality.GOOD)] = Quality.DECODE
    return Columns(frame, at, values, quality)


def _dtype(flags: int, rows: int, points: int) -> np.dtype[np.void]:
    fields: list[tuple[str, str | np.dtype[Any], tuple[int, ...]]] = [
        ("head", f"V{_HEAD.size}", ()),
        ("at", "<i8", (rows,)),
        ("values", STORED[flags & (_DECIMAL | _NARROW)], (rows, points)),
    ]
    if flags & _QUALITIES:
        fields.append(("quality", "u1", (rows, points)))
    return np.dtype(fields)
