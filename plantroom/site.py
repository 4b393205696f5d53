"""A site as applied: connections, devices, equipment and the bindings between them. Built by plantroom.site_file, used by all services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plantroom.anchor import Anchor
from plantroom.certificates import MachineCertificate
from plantroom.errors import Problem
from plantroom.escalation import Chain, Major, defaults
from plantroom.evidence import Limits
from plantroom.kinds import Kind, KindPoint
from plantroom.model import EquipmentState, Severity
from plantroom.night import Night
from plantroom.people import Person
from plantroom.plan import SitePlan
from plantroom.profiles import Profile
from plantroom.roster import Roster
from plantroom.watch import Watch
from plantroom.working_time import WorkingTime


@dataclass(frozen=True, slots=True)
class Tls:
    """Modbus/TCP Security: PEM files, read when the connection is made. name: in the device's certificate, where it is not its address."""

    ca: str
    cert: str
    key: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ModbusTcp:
    """concurrent: how many units the gateway may be asked at once; None = as many as the profiles of all its devices allow.

    max_requests_per_s: of the whole connection, 0 = no cap.
    """

    host: str
    port: int = 502
    tls: Tls | None = None
    concurrent: int | None = None
    max_requests_per_s: float = 0.0

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ModbusRtu:
    """A serial port of this machine. device: its path. parity: N, E or O."""

    device: str
    baud: int
    parity: str = "E"
    stop_bits: int = 1

    @property
    def address(self) -> str:
        return self.device


@dataclass(frozen=True, slots=True)
class RtuOverTcp:
    """A converter that passes the characters of its serial line on as they are. baud: of that line."""

    host: str
    port: int
    baud: int = 9600

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Mqtt:
    """prefix: prepended to topics. password is already resolved from ${ENV} or file:.

    ca, cert, key: PEM files, read when the connection is made; without ca the system's own are trusted. version: 3.1.1 or 5.
    session_expiry_s, in_flight: MQTT 5 only, how long the broker keeps our session, most messages unacknowledged at a time.
    max_payload: bytes; max_rate: messages a second of the connection, 0 = as fast as they come; device_rate: of one device.
    wildcard: one subscription for all devices of a profile, so that devices nobody has named are noticed.
    """

    host: str
    port: int = 1883
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    client_id: str | None = None
    version: str = "3.1.1"
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    prefix: str = ""
    session_expiry_s: float = 7 * 86_400.0
    in_flight: int = 200
    max_payload: int = 256 << 10
    max_rate: float = 0.0
    device_rate: float = 200.0
    wildcard: bool = False

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


Modbus = ModbusTcp | ModbusRtu | RtuOverTcp
Link = Modbus | Mqtt


@dataclass(frozen=True, slots=True)
class Connection:
    """One way to devices: a TCP connection, serial line or MQTT session. id: as in the site file; shorthand equipment share by address."""

    id: str
    link: Link


@dataclass(frozen=True, slots=True)
class Device:
    """What answers on the wire. unit: Modbus unit id. topic: replaces {device} in an MQTT profile's topics (default: the id).

    groups: periods in seconds of groups of the profile, where the site wants others.
    """

    id: str
    profile: Profile
    connection: str
    unit: int = 1
    topic: str | None = None
    groups: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """One equipment point and its only source.

    value of the point = device value, inverted if asked, then (value - from_low) / (from_high - from_low) * (to_high - to_low) + to_low
    when `span` is given, then * factor + offset (unit conversion to the kind's unit). debounce_s: a change counts once it held so long.
    period_s: poll period of this point.
    """

    point: str  # "fp-1.system_pressure"
    device: str
    source: str  # the device point's name, "ai_2"; of a part "car_2.mode"
    kind_point: KindPoint
    invert: bool = False
    span: tuple[float, float, float, float] | None = None  # from_low, from_high, to_low, to_high
    factor: float = 1.0
    offset: float = 0.0
    debounce_s: float = 0.0
    period_s: float = 1.0
    safety: bool = False
    range: tuple[float, float] | None = None  # plausible, in the kind's unit; for 4-20 mA beyond 3.6..21 mA is out_of_range already


DOCUMENTS_OF = ("procedure", "drawing", "certificate", "manual", "takeover")


@dataclass(frozen=True, slots=True)
class Document:
    """at: an http(s) address, or where the paper lies. of: one of DOCUMENTS_OF. version: "" where none is given."""

    name: str
    at: str
    of: str
    version: str = ""

    @property
    def linked(self) -> bool:
        return self.at.startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class PastRecord:
    """Maintenance done before Plantroom kept the records. on: ISO day, month or year, "" = not known."""

    on: str
    what: str


@dataclass(frozen=True, slots=True)
class Spare:
    """A part kept for machines. count: how many lie there; below `minimum` some are to be ordered. used_by: equipment ids."""

    id: str
    name: str
    place: str
    count: int
    minimum: int
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Equipment:
    """A thing with a nameplate. parameters: rule parameters of this machine, by name: a number in the rule's unit, "12s" or "1.1 bar".

    fed_by: the equipment it cannot run without (a transfer switch, a chiller): a fault there explains one here. bank: machines that stand
    in for each other, such as lifts of one lobby. rescue: of a lift, what one needs to free people (site_rescue.FACTS). way, key: how one
    gets to it, and in. certificates: what it must hold to be used, each `what` once. records: of the time before Plantroom, newest first.

    Equipment `monitor` (kind `monitor`, no bindings) is Plantroom itself and is in every site.
    """

    id: str
    kind: Kind
    name: str
    state: EquipmentState = EquipmentState.IN_SERVICE
    location: str = ""
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    rules_off: Mapping[str, str] = field(default_factory=dict)  # rule id -> reason
    ledger: Mapping[str, object] = field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()
    fed_by: tuple[str, ...] = ()
    bank: str = ""
    rescue: Mapping[str, str] = field(default_factory=dict)
    way: str = ""
    key: str = ""
    documents: tuple[Document, ...] = ()
    certificates: tuple[MachineCertificate, ...] = ()
    records: tuple[PastRecord, ...] = ()

    @property
    def monitored(self) -> bool:
        return bool(self.bindings)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to people. type: of site_channels.TYPES; settings: of that channel module, secrets resolved, never logged."""

    id: str
    type: str
    settings: Mapping[str, object] = field(repr=False)
    severities: frozenset[Severity] = frozenset(Severity)
    language: str | None = None


@dataclass(frozen=True, slots=True)
class StoreTarget:
    """Where history also goes: InfluxDB. api: 1 or 2. token/user/password resolved."""

    url: str
    api: int
    database: str  # v1 database / v2 bucket
    org: str = ""
    token: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Web:
    listen: str = "127.0.0.1:8600"
    public_url: str | None = None


@dataclass(frozen=True, slots=True)
class Clocks:
    """What differs from the service standard: limits in s by clock (response, arrival, restore) and severity; the share of a limit at
    which people are warned."""

    limits: Mapping[str, Mapping[Severity, float]] = field(default_factory=dict)
    warn_share: float | None = None


TEST_MINUTE = 10 * 60  # of the local day


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a site file says, checked.

    files: every text that made it (site, profiles, kinds, rules), by path; hash: over them. lines: 1-based line in the site file of
    `equipment.<id>`, its parameters and rules_off, of `people.<id>`, `roster.teams.<team>`, and of everything under `rules`, `clocks` and
    `escalation` and `plan`, by path, for checks that speak about them. chains: of each severity that pages, defaults filled in.
    test_minute: of the local day, when everybody has a test page; None = never. major: None = no heads are named.
    spares: by id. left: what its ledger sheets leave open, such as rows that name no equipment.
    plan: None = none is kept.
    """

    id: str
    name: str
    zone: str
    language: str
    practice: str
    web: Web
    connections: Mapping[str, Connection]
    devices: Mapping[str, Device]
    equipment: Mapping[str, Equipment]
    channels: Mapping[str, Channel]
    influxdb: StoreTarget | None
    parameters: Mapping[str, Mapping[str, float | str]]  # rule id -> site-wide parameter overrides
    rules_off: Mapping[str, str]
    files: Mapping[str, str] = field(repr=False)
    root: str = "site.yaml"
    hash: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    clocks: Clocks = Clocks()
    calendar: WorkingTime = field(default_factory=WorkingTime)
    people: Mapping[str, Person] = field(default_factory=dict)
    roster: Roster = field(default_factory=Roster)
    chains: Mapping[Severity, Chain] = field(default_factory=lambda: defaults((), {}))
    night: Night = Night()
    test_minute: int | None = TEST_MINUTE
    watch: Watch | None = None
    major: Major | None = None
    spares: Mapping[str, Spare] = field(default_factory=dict)
    left: tuple[Problem, ...] = ()
    evidence: Limits = Limits()
    anchor: Anchor | None = None
    plan: SitePlan | None = None
    _by_device: Mapping[str, tuple[Binding, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[str, list[Binding]] = {}
        for equipment in self.equipment.values():
            for binding in equipment.bindings:
                found.setdefault(binding.device, []).append(binding)
        object.__setattr__(self, "_by_device", {device: tuple(bindings) for device, bindings in found.items()})

    def feeders_of(self, equipment: str) -> tuple[str, ...]:
        """What feeds this machine, and what feeds that, nearest first, each once."""
        found: dict[str, None] = {}
        todo = list(self.equipment[equipment].fed_by) if equipment in self.equipment else []
        while todo:
            feeder = todo.pop(0)
            if feeder not in found and feeder in self.equipment:
                found[feeder] = None
                todo += self.equipment[feeder].fed_by
        return tuple(found)

    def bindings_of_device(self, device: str) -> tuple[Binding, ...]:
        """Every point this device gives, over all equipment, in the order of the site file."""
        return self._by_device.get(device, ())
