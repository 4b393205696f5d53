"""How a device model speaks: its registers or its payload, as data. Read from profiles/<maker>-<model>.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CELLS = 65_536  # of each table, numbered from 0


class Table(StrEnum):
    """Modbus tables and the only function codes that exist here: 1, 2, 3, 4."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"

    @property
    def function(self) -> int:
        return {"coil": 1, "discrete": 2, "holding": 3, "input": 4}[self.value]

    @property
    def bits(self) -> bool:
        return self in (Table.COIL, Table.DISCRETE)


class Encoding(StrEnum):
    """How a value stands in registers. BIT: one cell of a bit table, or one bit of a register where `bit` is given."""

    BIT = "bit"
    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"

    @property
    def words(self) -> int:
        return {"bit": 1, "u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}[self.value]


@dataclass(frozen=True, slots=True)
class Register:
    """Where one device point stands on the wire.

    address: zero-based, as on the wire. bit/mask_bits: for BIT in a register `bit` is 0 (least significant) .. 15; `bits` > 1 takes
    that many bits from `bit` upwards (nibbles). low_word_first: order of 16-bit words. scale, offset: value = raw * scale + offset.
    sentinels: raw pattern (unsigned, full width) -> word. values: raw -> code of the kind's enum, {} = the raw number itself;
    a raw number that is not among `values` is bad (decode). alone: never in one request with another point.
    within: (first cell, cells) of the wider number a bit is part of, which is read whole.
    """

    table: Table
    address: int
    encoding: Encoding
    bit: int | None = None
    bits: int = 1
    low_word_first: bool = False
    scale: float = 1.0
    offset: float = 0.0
    sentinels: Mapping[int, str] = field(default_factory=dict)
    values: Mapping[int, int] = field(default_factory=dict)
    alone: bool = False
    within: tuple[int, int] | None = None

    @property
    def count(self) -> int:
        return self.encoding.words

    @property
    def whole(self) -> tuple[int, int]:
        """(first cell, cells) that must come from one answer."""
        return self.within or (self.address, self.count)


@dataclass(frozen=True, slots=True)
class OneHot:
    """One code told by several cells: the code whose cell is set (decoded raw value not 0). Order of `registers` is the file's.

    none: the code when no cell is set; None = then the sample is bad (decode). first_wins: several set cells mean the first one in order;
    otherwise they contradict each other and the sample is bad (decode). A cell that cannot be read makes the sample bad for that reason.
    All cells are of one table and come from one answer.
    """

    registers: Mapping[int, Register]
    none: int | None = None
    first_wins: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """One value out of several registers: sum of (decoded part * factor). Hours in two words, minutes and seconds; bits of a set.

    All parts come from one answer (a torn counter is a wrong counter): the planner reads them in one request. A bad part makes the
    sample bad for that part's reason. A SET point is a Sum of bits with factors 2**bit. Its parts are of one table.
    union: parts of one factor count once, if any of them is not 0 (one alarm told by a bit a phase).
    """

    parts: tuple[tuple[Register, float], ...]
    union: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """What a value means while another register's raw number lies in lowest .. highest: value * factor + offset, in the point's unit."""

    lowest: int
    highest: int
    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Dependent:
    """One value that means something only together with another register: a unit setting, a nominal power, the use of an input.

    by: tells the unit of `value`, or whether there is a value at all; a whole number. The first of `cases` it lies in counts, in none the
    sample is bad (decode); (): any will do that is no sentinel. A bad `by` makes the sample bad for its reason.
    Both come from one answer where they stand close enough, else from two: a setting does not change between them.
    """

    value: Register
    by: Register
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class JsonPath:
    """Where one device point stands in what an MQTT device publishes. values: payload text/number -> code.

    path: dotted keys, [n], [key=value] and ['a key'] in a JSON document; "" = the whole payload is the value, as plain text; in
    Sparkplug the metric's name. topic: of its own, with {device}; "" = the profile's. at: path of a time stamp of its own, "" = the
    document's. unit_path, units: where the payload names the unit, and word -> (gain, bias) into the point's; another word is bad (decode).
    alias: the Sparkplug alias the maker has fixed for the metric; None = as its birth says.
    The keys of `values` are the payload's value as text: "up", "3", "true". A value that is not among them is bad (decode). Without
    `values` numbers and true/false are taken (true = 1). A path that is not in the payload is no sample; null is bad (sentinel).
    """

    path: str
    scale: float = 1.0
    offset: float = 0.0
    values: Mapping[str, float] = field(default_factory=dict)
    topic: str = ""
    at: str = ""
    unit_path: str = ""
    units: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    alias: int | None = None


Wired = Register | OneHot | Sum | Dependent  # what stands in Modbus tables
Source = Wired | JsonPath  # the closed set; nothing else is ever a source


def registers_of(source: Source) -> tuple[Register, ...]:
    """Every register a point needs, in order; () for JSON."""
    if isinstance(source, Register):
        return (source,)
    if isinstance(source, OneHot):
        return tuple(source.registers.values())
    if isinstance(source, Sum):
        return tuple(register for register, _ in source.parts)
    if isinstance(source, Dependent):
        return (source.value, source.by)
    return ()


@dataclass(frozen=True, slots=True)
class DevicePoint:
    """One value a device offers. name: the kind's point name where the profile has a kind, else a device name such as di_7.

    A profile of a kind may also offer points the kind does not know (`extra:`, e.g. a generator controller's mains contactor): an
    equipment takes those only by name (`as:`).
    unit: as delivered after scale. range: plausible, in that unit; outside is bad (out_of_range). period_s: how often it is read.
    invert: a bit that means its opposite (1 - value). group: the profile's group its period is from, "" = none; a site may set a group's
    period. monotonic: a counter, which falls only when it wraps or the device is changed.
    """

    name: str
    source: Source
    unit: str = ""
    range: tuple[float, float] | None = None
    period_s: float = 1.0
    safety: bool = False
    invert: bool = False
    group: str = ""
    monotonic: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One of several alike machines behind a device. label: its number or name among its sort, "2" of car_2. kind: as of a profile.

    points: by the part's own names -> the device's: mode -> car_2.mode.
    """

    label: str
    kind: str | None
    points: Mapping[str, DevicePoint]


@dataclass(frozen=True, slots=True)
class BusLimits:
    """max_registers / max_bits: most cells in one read. max_hole: unwanted cells worth reading through.

    barred: (table, address) cells never touched by a read that does not want them. page: no read crosses a multiple of it.
    gap_s: least pause between requests. timeout_s: longest wait for an answer. spacing_s: least time from request to request on average,
    0 = none. concurrent: units behind its gateway that may be asked at once. identify: it answers function 43/14, and is to be asked.
    """

    max_registers: int = 125
    max_bits: int = 2000
    max_hole: int = 8
    barred: frozenset[tuple[Table, int]] = frozenset()
    gap_s: float = 0.0
    timeout_s: float = 1.0
    page: int = CELLS
    spacing_s: float = 0.0
    concurrent: int = 1
    identify: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Registers that tell the model, read whole and by themselves: `count` from `address`.

    text: what their letters (two a register, high byte first) begin with; else values: their number (high word first) is one of these.
    """

    table: Table
    address: int
    count: int
    text: str = ""
    values: frozenset[int] = frozenset()

    def told_by(self, data: bytes) -> bool:
        """Whether these data bytes of a reply are this model's."""
        if len(data) != 2 * self.count:
            return False
        return data.startswith(self.text.encode("ascii")) if self.text else int.from_bytes(data, "big") in self.values


@dataclass(frozen=True, slots=True)
class Availability:
    """A topic that says whether a device is there. path: where in a JSON payload, "" = the whole payload is the word."""

    topic: str
    online: str = "online"
    offline: str = "offline"
    path: str = ""


@dataclass(frozen=True, slots=True)
class MqttShape:
    """topic: with {device} for the device's id or `topic:` of the site file, + and # for what differs; "" where every point has its own.

    at: path of the device's own time stamp, None = receipt. at_format: s, ms, us, ns or iso. rows: path of a list of documents in the
    payload, each of an instant of its own; "$" = the payload is the list; "" = the payload is one document. seq: path of the device's own
    count of messages. quoted: numbers and true/false may come as text. availability: the device is there while none says that it is not.
    sparkplug: the payloads are Sparkplug B, and {device} is group/node or group/node/device.
    fixed_aliases: Sparkplug aliases never change their meaning, says the maker.
    """

    topic: str
    at: str | None = None
    at_format: str = "ms"
    rows: str = ""
    seq: str = ""
    quoted: bool = False
    availability: tuple[Availability, ...] = ()
    sparkplug: bool = False
    fixed_aliases: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """One device model. kind: the kind whose point names it uses, None for plain I/O. Either bus (Modbus) or mqtt is its way to speak.

    source: {"document", "addressing", ...}. attributes: texts about the model, no samples. path: where the text stands in a site's files.
    identity: all of them hold for a device of this model; () = nothing tells it. parts: what stands behind the device, by name (car_2);
    `points` has theirs too, as car_2.mode. groups: periods in seconds, by name.
    """

    name: str
    model: str
    kind: str | None
    source: Mapping[str, str]
    bus: BusLimits
    points: Mapping[str, DevicePoint]
    mqtt: MqttShape | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()  # what a partial map is known not to cover
    text: str = field(default="", repr=False)  # the file itself: it goes into the config record
    path: str = ""
    identity: tuple[Identity, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)
    groups: Mapping[str, float] = field(default_factory=dict)

    @property
    def own_points(self) -> Mapping[str, DevicePoint]:
        """Those of the device itself, without its parts'."""
        return {name: point for name, point in self.points.items() if "." not in name} if self.parts else self.points
