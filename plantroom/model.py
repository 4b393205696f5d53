"""Words with one meaning each: severity, quality, frame, batch. Values are plain numbers; a failed read is a sample too."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Qualities = npt.NDArray[np.uint8]
Instants = npt.NDArray[np.int64]


class Severity(StrEnum):
    """Harm if ignored. danger: people or fire now. readiness: protection impaired. normal: function lost. advisory: wear, waste."""

    DANGER = "danger"
    READINESS = "readiness"
    NORMAL = "normal"
    ADVISORY = "advisory"

    @property
    def urgent(self) -> bool:
        return self in (Severity.DANGER, Severity.READINESS)


class Quality(IntEnum):
    """0 is good; every other code is bad and says why. A bad sample's value is NaN and is never used."""

    GOOD = 0
    NO_ANSWER = 1
    EXCEPTION = 2
    DECODE = 3
    SENTINEL = 4
    OUT_OF_RANGE = 5
    STALE = 6
    NOT_FRESH = 7
    CLOCK_SKEW = 8
    UNCONFIRMED = 9

    @property
    def word(self) -> str:
        return self.name.lower()


class EquipmentState(StrEnum):
    COMMISSIONING = "commissioning"
    IN_SERVICE = "in_service"
    OUT_OF_SERVICE = "out_of_service"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Frame:
    """The points of one read or message, in the order of a batch's columns; named by the hash of its content.

    points: `equipment.point` ids. A batch carries only the 8-byte id; the journal stores each frame once a day file.
    """

    points: tuple[str, ...]
    id: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", frame_id(self.points))


@lru_cache(maxsize=65_536)
def frame_id(points: tuple[str, ...]) -> bytes:
    return blake2b("\n".join(points).encode(), digest_size=8).digest()


@dataclass(slots=True)  # one for every request, never changed: a frozen one would cost a microsecond more
class Batch:
    """What was measured together: one read's or one message's samples.

    at_ns:   event time per row, epoch ns, int64[rows], ascending. Read time of a poll; the device's own stamp where it gives one.
    values:  float64[rows, points]; NaN where the sample is bad or absent.
    quality: uint8[rows, points] of Quality codes; ABSENT where this row has no sample of the point.
    stamped: True where at_ns comes from the device: only such a batch can be late.
    A polled batch has one row. What is measured together stays in one record: the engine judges a record's row as one step.
    """

    ABSENT = 255

    frame: Frame
    at_ns: Instants
    values: Values
    quality: Qualities
    stamped: bool = False


def one_row(frame: Frame, at_ns: int, values: Values, quality: Qualities, *, stamped: bool = False) -> Batch:
    """A batch of one instant. values float64[points], quality uint8[points]."""
    return Batch(frame, np.array((at_ns,), np.int64), values[None], quality[None], stamped)


def all_bad(frame: Frame, at_ns: int, reason: Quality) -> Batch:
    """The samples of a read that failed: every point bad for the same reason, never silence."""
    n = len(frame.points)
    return one_row(frame, at_ns, np.full(n, np.nan), np.full(n, int(reason), np.uint8))
