"""What tells a model: its identification registers, or values that only make sense read its way. Pure.

An identity (profiles' `identity:`) is proof. Values are a hint: they must exist where the profile reads them, be numbers of their ranges
and codes, and not all be zero; a table of small numbers passes many profiles, so a hint is for a person to confirm with `plantroom try`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from collector.bindings import column_of, device_column, plan_profile
from collector.codec import Decoder
from collector.columns import Column
from collector.poll_plan import Read
from plantroom import units
from plantroom.kinds import Kind, load_kind
from plantroom.model import Quality
from plantroom.profiles import DevicePoint, Encoding, Identity, JsonPath, Profile, registers_of
from plantroom.site import Binding

LEAST_FITTING = 3  # values that fit, before they are a hint
LEAST_SOUND = 8  # to one impossible value: a broken sensor does not make another model of it
_SMALLEST, _LARGEST = 1e-9, 1e12  # a float beyond these is no measurement but two words of something else
_EMPTY = {"0000", "FFFF", "0"}


@dataclass(frozen=True, slots=True)
class Hint:
    """A profile whose values fit. fitting: how many of `judged` values say so (bits say nothing either way)."""

    profile: str
    fitting: int
    judged: int


def identity_read(told: Identity) -> Read:
    return Read(told.table, told.address, told.count)


def identified(profile: Profile, answers: dict[Read, bytes | None]) -> bool | None:
    """Whether a device with these answers (None: it refused) is of this model; None while an answer is missing that could say so."""
    missing = False
    for told in profile.identity:
        read = identity_read(told)
        data = answers.get(read, b"")
        if data is None or (data and not told.told_by(data)):
            return False
        missing = missing or not data
    return None if missing else bool(profile.identity)


class Sample:
    """One read of a profile and the points it should bring."""

    def __init__(self, profile: Profile, kind: Kind | None, read: Read, names: Sequence[str]) -> None:
        self.profile, self.read = profile.name, read
        self._points = [profile.points[name] for name in names]
        self._decoder = Decoder([self.read], [_column(point, kind) for point in self._points])
        self._tells = [_tells(point) for point in self._points]

    def hint(self, data: bytes) -> Hint | None:
        """What the reply's data bytes say; None where they are impossible for this model."""
        values, quality = self._decoder.decode(data)
        fitting = judged = wrong = 0
        for point, told, value, code, raw in zip(
            self._points, self._tells, values.tolist(), quality.tolist(), self._decoder.raw_text(data), strict=True
        ):
            odd = code == Quality.GOOD and _floats(point) and value != 0 and not _SMALLEST <= abs(value) <= _LARGEST
            if odd or code in (Quality.DECODE, Quality.OUT_OF_RANGE):
                wrong += 1
            judged += told
            fitting += told and code == Quality.GOOD and not odd and not set(raw.split()) <= _EMPTY
        return None if wrong * LEAST_SOUND > max(judged, len(self._points)) else Hint(self.profile, fitting, judged)


def samples(profiles: Sequence[Profile]) -> list[Sample]:
    """One for each profile: of its reads the one that brings most numbers; none where no read stands for itself."""
    found = [sample_of(profile, load_kind(profile.kind) if profile.kind else None) for profile in profiles]
    return [sample for sample in found if sample is not None]


def sample_of(profile: Profile, kind: Kind | None) -> Sample | None:
    names = [name for name, point in profile.points.items() if not isinstance(point.source, JsonPath)]
    single = [(reads[0], [n for n in names if n in brought]) for reads, brought in plan_profile(profile, names) if len(reads) == 1]
    if not single:
        return None
    read, chosen = max(single, key=lambda share: sum(_tells(profile.points[name]) for name in share[1]))
    return Sample(profile, kind, read, chosen)


def best(hints: Sequence[Hint], most: int = 3) -> list[Hint]:
    """The likeliest first. Those of bits alone only where nothing else fits."""
    numbers = [hint for hint in hints if hint.fitting >= LEAST_FITTING]
    rest = numbers or [hint for hint in hints if not hint.judged]
    return sorted(rest, key=lambda hint: (-hint.fitting / max(1, hint.judged), -hint.fitting, hint.profile))[:most]


def _tells(point: DevicePoint) -> bool:
    """Whether the point is a number; a bit is right whatever stands there."""
    return any(register.encoding is not Encoding.BIT for register in registers_of(point.source))


def _floats(point: DevicePoint) -> bool:
    return all(register.encoding in (Encoding.F32, Encoding.F64) for register in registers_of(point.source))


def _column(point: DevicePoint, kind: Kind | None) -> Column:
    """The point with the ranges and codes of its kind too, as it would be bound. A part's point is called car_2.mode."""
    known = kind.points.get(point.name.rpartition(".")[2]) if kind else None
    if known is None:
        return device_column(point)
    factor, offset = units.scaling(point.unit, known.unit) if units.known(point.unit) else (1.0, 0.0)
    bound = Binding(point.name, "", point.name, known, factor=factor, offset=offset, range=known.range)
    return column_of(point, bound)


def identity_reads(profiles: Sequence[Profile]) -> list[Read]:
    """Every read that could tell a model, each once, in the profiles' order."""
    return list(dict.fromkeys(identity_read(told) for told in chain.from_iterable(p.identity for p in profiles)))
