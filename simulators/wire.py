"""What can go wrong between a device and its reader: a good reply in, what is really sent out. Written for Modbus TCP's frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from simulators.upset import Setting, Upset, by_name


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes onto the wire, `after_s` from now. in_order: later replies of the connection wait for it; False: they overtake it."""

    data: bytes
    after_s: float = 0.0
    in_order: bool = True


@dataclass(frozen=True, slots=True)
class Close:
    """The connection is closed without an answer."""


@dataclass(frozen=True, slots=True)
class PlayDead:
    """The connection stays open and says nothing any more, now or ever: the far end has lost it without a word."""


Act = Send | Close | PlayDead

_DELAY = Setting(0.3, 0.0, 600.0, "s", "how much later")
_BLIND = ("decode_error", "sensor_out_of_range", "stale_data")  # what may rightly be said of numbers that are none
_RATE = Setting(1.0, 0.0, 1.0, "", "share of the requests it befalls")


def _fault(name: str, says: str, *, silent: bool = True, **settings: Setting) -> Upset:
    """silent: it leaves a device without one good answer, so that it must be found offline."""
    rule, brings = ("device_offline", ("gateway_offline",)) if silent else ("-", ())
    return Upset(name, says, {"rate": _RATE, **settings}, rule=rule, leads_to=brings)


FAULTS: Mapping[str, Upset] = by_name(
    _fault("silence", "no answer"),
    _fault("slow", "answers late, and what is behind it waits", silent=False, delay_s=_DELAY),
    _fault("exception", "answers with an exception", code=Setting(4, 1, 11, "", "Modbus exception code")),
    _fault("busy", "answers with exception 6, device busy"),
    _fault("garbage", "random bytes instead of an answer"),
    _fault("cut", "closes the connection at the request"),
    _fault("half_open", "the connection stays open and is dead"),
    _fault("late", "answers after later answers, past any time-out", silent=False, delay_s=Setting(1.5, 0.0, 600.0, "s", "how much later")),
    _fault("duplicate", "each answer twice", silent=False),
    _fault("short", "one register (or byte of bits) less than asked, consistently framed"),
    _fault("wrong_unit", "the answer names another unit"),
    _fault("wrong_tid", "the answer carries the transaction number before"),
    _fault("zero_tid", "the answer carries transaction 0"),
    _fault("wrong_function", "the answer is of another function"),
    _fault("crc", "the check of the answer is wrong; a gateway to Modbus TCP then answers exception 11 in its unit's place"),
    _fault("truncated", "the answer's header promises bytes that never come"),
    _fault("drip", "the answer comes byte by byte", silent=False, delay_s=Setting(0.02, 0.0, 10.0, "s", "between bytes")),
    # of the device's image or clock, while the wire is well: simulators/image.py, simulators/mqtt_device.py
    Upset("stuck", "answers, and repeats its last image for ever", rule="-", leads_to=("stale_data", "sensor_flatline")),
    Upset("wild", "every measured register holds nonsense", rule="sensor_out_of_range", leads_to=_BLIND),
    Upset("sentinel", "every sensor that can say so gives nothing", rule="-", leads_to=("sender_fault", *_BLIND)),
    Upset("word_swap", "numbers of two registers have their words the wrong way round", rule="-", leads_to=_BLIND),
    Upset("retained", "its last state with the retain flag, and gone: the broker tells it to whoever comes", rule="device_offline"),
    Upset("clock_skew", "its clock is wrong", {"ahead_s": Setting(300.0, 121.0, 1e9, "s", "ahead of the right time")}, rule="clock_skew"),
)


OF_IMAGE = ("stuck", "wild", "sentinel", "word_swap")  # of what a Modbus device holds, not of its replies
OF_PUBLISHERS = ("silence", "cut", "duplicate", "garbage", "stuck", "retained", "clock_skew")  # what a device on a broker may have
OF_MODBUS = tuple(name for name in FAULTS if name not in ("retained", "clock_skew"))


@dataclass(frozen=True, slots=True)
class WireFault:
    """A fault of FAULTS with its numbers (defaults filled in). Raises KeyError for an unknown name, ValueError for a bad number."""

    name: str
    settings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", FAULTS[self.name].filled(self.settings))


def distort(fault: WireFault, reply: bytes, rng: Random) -> tuple[Act, ...]:
    """What is sent instead of `reply` (a whole ADU: tid, protocol, length, unit, PDU)."""
    if fault.settings["rate"] < 1.0 and rng.random() >= fault.settings["rate"]:
        return (Send(reply),)
    delay = fault.settings.get("delay_s", 0.0)
    match fault.name:
        case "silence":
            return ()
        case "slow":
            return (Send(reply, delay),)
        case "exception":
            return (Send(_exception(reply, int(fault.settings["code"]))),)
        case "busy":
            return (Send(_exception(reply, 6)),)
        case "garbage":
            return (Send(rng.randbytes(rng.randint(1, 40))),)
        case "cut":
            return (Close(),)
        case "half_open":
            return (PlayDead(),)
        case "late":
            return (Send(reply, delay, in_order=False),)
        case "duplicate":
            return (Send(reply), Send(reply))
        case "short":
            return (Send(_shortened(reply)),)
        case "wrong_unit":
            return (Send(reply[:6] + bytes([(reply[6] + 1) % 256]) + reply[7:]),)
        case "wrong_tid":
            return (Send(((int.from_bytes(reply[:2]) - 1) % 65_536).to_bytes(2) + reply[2:]),)
        case "zero_tid":
            return (Send(b"\0\0" + reply[2:]),)
        case "wrong_function":
            return (Send(reply[:7] + bytes([{1: 2, 2: 1, 3: 4, 4: 3}.get(reply[7], 3)]) + reply[8:]),)
        case "crc":
            return (Send(_exception(reply, 11)),)
        case "truncated":
            return (Send(reply[:-1]),)
        case "drip":
            return tuple(Send(reply[i : i + 1], 0.0 if i == 0 else delay) for i in range(len(reply)))
        case _:
            raise KeyError(fault.name)


def _exception(reply: bytes, code: int) -> bytes:
    return reply[:4] + b"\0\3" + reply[6:7] + bytes([reply[7] | 0x80, code])


def _shortened(reply: bytes) -> bytes:
    """The reply with its last register (or byte of bits) gone, and lengths that agree with that. An exception is left as it is."""
    if reply[7] & 0x80:
        return reply
    less = 2 if reply[7] in (3, 4) else 1
    if reply[8] < less:
        return reply
    length = int.from_bytes(reply[4:6]) - less
    return reply[:4] + length.to_bytes(2) + reply[6:8] + bytes([reply[8] - less]) + reply[9:-less]
