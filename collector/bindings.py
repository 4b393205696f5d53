"""A device's bindings into jobs: which reads bring which equipment points, and how they are decoded. Pure; done once at start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from collector.codec import Decoder, spans_of
from collector.columns import Column
from collector.confirm import Confirm
from collector.debounce import Debounce
from collector.poll_plan import SERIAL_9600, LineCost, Read, Span, line_time_s, most_cells, plan_reads
from plantroom.kinds import PointType
from plantroom.model import Frame
from plantroom.profiles import BusLimits, DevicePoint, JsonPath, Profile
from plantroom.site import Binding, Device

STATES = frozenset({PointType.BOOL, PointType.ENUM, PointType.SET})  # whose change, of a safety point, wants a second reading
MOST_TURN_S = 0.35  # of the line for one device, where it can be parted: a third of the period of what is read each second

Brought = tuple[tuple[Read, ...], set[str]]  # reads taken together, names of the points they bring


@dataclass(frozen=True, slots=True)
class Job:
    """What one slot brings of a device: usually one read, several where one value needs cells of several. Becomes one batch.

    spacing_s: least time between the device's requests, on average. concurrent: how many units its gateway may be asked at once.
    """

    device: str
    unit: int
    reads: tuple[Read, ...]
    decoder: Decoder
    frame: Frame
    period_s: float
    safety: bool
    timeout_s: float
    gap_s: float
    debounce: Debounce | None = field(default=None, compare=False)
    confirm: Confirm | None = field(default=None, compare=False)
    spacing_s: float = 0.0
    concurrent: int = 1
    identify: bool = False

    @property
    def plain(self) -> bool:
        """One read whose answer is the sample, whatever was read before."""
        return len(self.reads) == 1 and self.debounce is None and self.confirm is None


@dataclass(frozen=True, slots=True)
class _Share:
    """One job of a plan: its reads, their decoder, which of the bindings it brings."""

    reads: tuple[Read, ...]
    decoder: Decoder
    bindings: tuple[int, ...]


@dataclass(slots=True)
class Planner:
    """Jobs of devices. Devices of one profile that are bound alike share their plan and its decoders."""

    cost: LineCost = SERIAL_9600
    _plans: dict[object, list[_Share]] = field(default_factory=dict)

    def jobs(self, device: Device, bindings: Iterable[Binding]) -> list[Job]:
        """Raises ValueError, naming device and point, where a point can never be read whole."""
        by_period: dict[float, list[Binding]] = {}
        period = _period_of_source(bound := list(bindings))
        for binding in bound:
            by_period.setdefault(period[binding.source], []).append(binding)
        return [job for each in sorted(by_period) for job in self._group(device, each, by_period[each])]

    def _group(self, device: Device, period_s: float, bindings: Sequence[Binding]) -> list[Job]:
        key = (id(device.profile), tuple((b.source, b.kind_point.name, b.invert, b.span, b.factor, b.offset, b.range) for b in bindings))
        if key not in self._plans:
            self._plans[key] = self._plan(device, bindings)
        return [_job(device, period_s, share, [bindings[i] for i in share.bindings]) for share in self._plans[key]]

    def _plan(self, device: Device, bindings: Sequence[Binding]) -> list[_Share]:
        profile = device.profile
        try:
            wanted = {b.source: wanted_spans(profile.points[b.source], profile.bus) for b in bindings}
            reads = plan_reads((span for spans in wanted.values() for span in spans), profile.bus, self.cost)
        except ValueError as error:
            raise ValueError(f"devices.{device.id} ({profile.name}): {error}") from error
        plan = []
        for together, brought in _turns(reads, wanted, self.cost, profile.bus.gap_s):
            mine = tuple(i for i, b in enumerate(bindings) if b.source in brought)
            columns = [column_of(profile.points[bindings[i].source], bindings[i]) for i in mine]
            plan.append(_Share(together, Decoder(together, columns), mine))
        return plan


def _job(device: Device, period_s: float, share: _Share, bindings: Sequence[Binding]) -> Job:
    points, bus = device.profile.points, device.profile.bus
    patience = {i: b.debounce_s for i, b in enumerate(bindings) if b.debounce_s > 0}
    safe = [b.safety or points[b.source].safety for b in bindings]
    confirmed = [i for i, b in enumerate(bindings) if safe[i] and b.kind_point.type in STATES and not b.debounce_s]
    return Job(
        device.id,
        device.unit,
        share.reads,
        share.decoder,
        Frame(tuple(b.point for b in bindings)),
        period_s,
        any(safe),
        bus.timeout_s,
        bus.gap_s,
        Debounce(patience) if patience else None,
        Confirm(confirmed) if confirmed else None,
        bus.spacing_s,
        bus.concurrent,
        bus.identify,
    )


def plan_profile(profile: Profile, names: Sequence[str], cost: LineCost = SERIAL_9600) -> list[Brought]:
    """The reads that bring the named device points at once, whatever their periods, each with the points it brings."""
    wanted = {name: wanted_spans(profile.points[name], profile.bus) for name in names}
    reads = plan_reads((span for spans in wanted.values() for span in spans), profile.bus, cost)
    return _turns(reads, wanted, cost, profile.bus.gap_s)


def wanted_spans(point: DevicePoint, limits: BusLimits) -> list[Span]:
    """Raises ValueError for a point that stands in no register."""
    if isinstance(point.source, JsonPath):
        raise ValueError(f"{point.name} stands in a payload, not in a register")
    try:
        return spans_of(point.source, limits.max_hole, lambda register: most_cells(register.table, limits))
    except ValueError as error:
        raise ValueError(f"{point.name}: {error}") from error


def device_column(point: DevicePoint) -> Column:
    """A device point as the device means it, without any binding."""
    assert not isinstance(point.source, JsonPath)
    return Column(point.source, invert=point.invert, device_range=point.range)


def column_of(point: DevicePoint, binding: Binding) -> Column:
    assert not isinstance(point.source, JsonPath)
    gain, bias = transform(binding)
    limits, codes = limits_of(binding)
    return Column(point.source, point.invert != binding.invert, gain, bias, point.range, limits, codes)


def transform(binding: Binding) -> tuple[Fraction, Fraction]:
    """(gain, bias) of a binding after its inversion: span first, then the unit's factor and offset; exact."""
    gain, bias = Fraction(1), Fraction(0)
    if binding.span is not None:
        from_low, from_high, to_low, to_high = (Fraction(repr(float(edge))) for edge in binding.span)
        gain = (to_high - to_low) / (from_high - from_low)
        bias = to_low - from_low * gain
    factor, offset = Fraction(repr(float(binding.factor))), Fraction(repr(float(binding.offset)))
    return gain * factor, bias * factor + offset


def limits_of(binding: Binding) -> tuple[tuple[float, float] | None, frozenset[int] | None]:
    """(plausible final values, the only codes that mean something). A boolean is 0 or 1 and nothing else."""
    kind_point = binding.kind_point
    if kind_point.type is PointType.ENUM:
        return None, frozenset(kind_point.codes.values())
    return binding.range or ((0.0, 1.0) if kind_point.type is PointType.BOOL else None), None


def _period_of_source(bindings: Iterable[Binding]) -> Mapping[str, float]:
    """A device point read for several equipment is read at the shortest of their periods."""
    periods: dict[str, float] = {}
    for b in bindings:
        periods[b.source] = min(b.period_s, periods.get(b.source, b.period_s))
    return periods


def _turns(reads: Sequence[Read], wanted: Mapping[str, Sequence[Span]], cost: LineCost, gap_s: float) -> list[Brought]:
    """Reads by turn of the line, in the reads' order, each turn with the points it brings.

    Reads that one point needs share a turn, so that its parts belong together. Where many points need the same one (the flags that say
    which machines are there), a turn ends at MOST_TURN_S and the next one reads it again: others wait for a turn, and an answer that is
    lost takes all of its points with it.
    """
    needs = {name: [_bringer(span, reads) for span in spans] for name, spans in wanted.items()}
    turns: list[tuple[set[int], set[str]]] = []
    for name in sorted(needs, key=lambda each: needs[each]):
        own = set(needs[name])
        found = next((turn for turn in turns if own <= turn[0]), None) or next(
            (turn for turn in turns if own & turn[0] and line_time_s([reads[i] for i in own | turn[0]], cost, gap_s) <= MOST_TURN_S), None
        )
        if found is None:
            turns.append((own, {name}))
        else:
            found[0].update(own)
            found[1].add(name)
    return [(tuple(reads[i] for i in sorted(its)), names) for its, names in sorted(turns, key=lambda turn: min(turn[0]))]


def _bringer(span: Span, reads: Sequence[Read]) -> int:
    """The first read that brings the span whole; the planner made sure that there is one."""
    return next(i for i, read in enumerate(reads) if read.covers(span))
