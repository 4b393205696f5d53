"""What stands in the journal: the header of a record, its kinds, and the telemetry body's bytes.

Telemetry body, little-endian:

    offset  size           content
    0       1              version, 1
    1       1              flags: 1 = stamped by the device, 2 = qualities follow, 4 = values are float32-exact and stored so
    2       2              rows, uint16
    4       8              frame id
    12      8 * rows       event times, epoch ns, int64
    ...     8|4 * rows * n values, row by row; n = points of the frame
    ...     1 * rows * n   qualities (absent when every sample is good)
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from plantroom.clock import Reading
from plantroom.model import Batch, Frame

_HEAD = struct.Struct("<BBH8s")
_VERSION = 1
_STAMPED, _QUALITIES, _NARROW = 1, 2, 4


class Kind(IntEnum):
    """Kinds of record. All but TELEMETRY carry a JSON object and are copied to the chronicle by the engine (ticks excepted)."""

    TELEMETRY = 1
    COMMAND = 2  # a person's deed: {"command_id", "does", "who", ...}
    CONFIG = 3  # an applied site: {"hash", "who", "difference", "files": {path: text}, "root": path}
    ATTEMPT = 4  # one delivery attempt: {"outbox", "channel", "n", "verdict", "answer", "started_ns", "ended_ns"}
    TICK = 5  # time passes, 1/s, written by the engine: {}
    EVENT = 6  # the service about itself: {"event": "service_restarted" | "connection" | "config_rejected" | "journal_gap" ..., ...}


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


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to be appended; the header is set at the commit. frame: for telemetry, so that the day file can name its points."""

    kind: Kind
    body: bytes
    frame: Frame | None = None


def encode_batch(batch: Batch) -> Entry:
    """Raises ValueError where the shapes do not agree or there are more than 65,535 rows."""
    rows, points = batch.values.shape
    if points != len(batch.frame.points) or batch.quality.shape != (rows, points) or batch.at_ns.shape != (rows,):
        raise ValueError(f"batch shapes disagree: {batch.at_ns.shape}, {batch.values.shape}, {batch.quality.shape}")
    flags = _STAMPED if batch.stamped else 0
    wide = batch.values.astype("<f8", copy=False).tobytes()
    with np.errstate(over="ignore"):  # a value beyond float32 becomes inf there and is kept wide
        narrow = batch.values.astype("<f4")
    data = wide
    if narrow.astype("<f8").tobytes() == wide:  # compared as bytes: NaN equals itself, and it is ten times faster than by value
        flags, data = flags | _NARROW, narrow.tobytes()
    quality = batch.quality.tobytes()
    if quality.count(0) == len(quality):
        quality = b""
    else:
        flags |= _QUALITIES
    body = b"".join((_HEAD.pack(_VERSION, flags, rows, batch.frame.id), batch.at_ns.astype("<i8", copy=False).tobytes(), data, quality))
    return Entry(Kind.TELEMETRY, body, batch.frame)


def decode_batch(body: bytes, frame_of: Callable[[bytes], Frame]) -> Batch:
    """The batch a telemetry body holds. frame_of: frame by id (KeyError where unknown). Raises ValueError for bytes that are no batch."""
    if len(body) < _HEAD.size:
        raise ValueError(f"telemetry body of {len(body)} bytes")
    version, flags, rows, frame_id = _HEAD.unpack_from(body)
    if version != _VERSION:
        raise ValueError(f"telemetry body version {version}; this release reads {_VERSION}")
    frame = frame_of(frame_id)
    n = rows * len(frame.points)
    width = 4 if flags & _NARROW else 8
    size = _HEAD.size + 8 * rows + width * n + (n if flags & _QUALITIES else 0)
    if len(body) != size:
        raise ValueError(f"telemetry body of {len(body)} bytes where {size} were announced")
    shape = (rows, len(frame.points))
    at = np.frombuffer(body, "<i8", rows, _HEAD.size)
    offset = _HEAD.size + 8 * rows
    values = np.frombuffer(body, "<f4" if width == 4 else "<f8", n, offset).astype(np.float64).reshape(shape)
    if flags & _QUALITIES:
        quality = np.frombuffer(body, np.uint8, n, offset + width * n).reshape(shape)
    else:
        quality = np.zeros(shape, np.uint8)
    return Batch(frame, at, values, quality, bool(flags & _STAMPED))
