"""A deed entered on a phone without reception: what the phone says about its time, and whether that time counts. Pure.

A browser has two clocks. The wall clock may be wrong and may be set; the monotonic one cannot be set, but lives only as long as its page
and in many browsers stands still while the phone sleeps, so what it measured is the least that has passed. With the server's own instant
of the last contact, and the instant of the receipt, the two hold the claimed instant between bounds that no set clock moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from plantroom.clock import NS, iso, to_ns
from plantroom.errors import Refused

AGREE_NS = 120 * NS
SLEW_NS = 5 * NS  # what a network's time moves a clock back by, now and then
OLDEST_NS = 24 * 3600 * NS  # since the last contact: a phone's clock may drift by itself, and who was away for days says so at the desk
MOST_S = 400 * 86_400
DEEDS = frozenset({"accept", "arrive", "restore", "hold", "comment"})  # that can be entered without reception
_INSTANTS = ("contact_at", "contact_phone_at", "entered_at", "sent_at")
_LENGTHS = ("age_s", "waited_s", "set_back_s")


@dataclass(frozen=True, slots=True)
class Phone:
    """What comes with a deed. Instants epoch ns.

    contact_ns: the server's own instant at the last contact before the deed; contact_phone_ns: the phone's clock then. entered_ns: the
    phone's clock when its person sent the form; sent_ns: when it left the phone. age_ns: how long before the entry the contact was,
    waited_ns: how long the entry waited, both by the monotonic clock: the least that passed.
    set_back_ns: the longest step back of the phone's clock that was seen between contact and sending.
    """

    contact_ns: int
    contact_phone_ns: int
    entered_ns: int
    sent_ns: int
    age_ns: int
    waited_ns: int
    set_back_ns: int

    def record(self) -> dict[str, object]:
        """As a COMMAND record and the API carry it."""
        instants = (self.contact_ns, self.contact_phone_ns, self.entered_ns, self.sent_ns)
        lengths = (self.age_ns, self.waited_ns, self.set_back_ns)
        return {
            **{name: iso(at_ns) for name, at_ns in zip(_INSTANTS, instants, strict=True)},
            **{name: length / NS for name, length in zip(_LENGTHS, lengths, strict=True)},
        }


class Why(StrEnum):
    """Why the claimed instant does not count."""

    CONTACT_AHEAD = "contact_ahead"  # a contact that is yet to come
    TOO_OLD = "too_old"
    PHONE_CLOCK = "phone_clock"  # more than two minutes beside the server's, at the contact or at the receipt
    CLOCK_SET = "clock_set"  # the phone's clock was set meanwhile
    BEFORE_LAST_STEP = "before_last_step"  # earlier than what the order shows: somebody did something since


@dataclass(frozen=True, slots=True)
class Judged:
    """at_ns: the instant of the deed; the receipt where why is one."""

    at_ns: int
    why: Why | None = None

    @property
    def counts(self) -> bool:
        return self.why is None


def read(given: object) -> Phone:
    """The object of a request or a record. Raises Refused, which names the member that is wrong."""
    if not isinstance(given, Mapping):
        raise Refused("phone must be an object; docs/api.md has its members")
    unknown = sorted(str(name) for name in given.keys() - {*_INSTANTS, *_LENGTHS})
    if unknown:
        raise Refused(f"phone has no member {', '.join(unknown)}; it has {', '.join((*_INSTANTS, *_LENGTHS))}")
    instants = [_instant(given.get(name), name) for name in _INSTANTS]
    lengths = [_length(given.get(name), name) for name in _LENGTHS]
    return Phone(*instants, *lengths)


def judge(phone: Phone, received_ns: int, earliest_ns: int = 0) -> Judged:
    """Whether the claimed instant is the deed's. earliest_ns: the last thing known about what it is done to."""

    def apart(one_ns: int, other_ns: int) -> bool:
        return abs(one_ns - other_ns) > AGREE_NS

    since_ns = received_ns - phone.contact_ns
    if since_ns < 0:
        return Judged(received_ns, Why.CONTACT_AHEAD)
    if since_ns > OLDEST_NS:
        return Judged(received_ns, Why.TOO_OLD)
    if apart(phone.contact_phone_ns, phone.contact_ns) or apart(phone.sent_ns, received_ns):
        return Judged(received_ns, Why.PHONE_CLOCK)
    if phone.set_back_ns > SLEW_NS or phone.age_ns + phone.waited_ns > since_ns + AGREE_NS:
        return Judged(received_ns, Why.CLOCK_SET)
    if not _between(phone, phone.contact_ns, received_ns) or not _between(phone, phone.contact_phone_ns, phone.sent_ns):
        return Judged(received_ns, Why.CLOCK_SET)
    at_ns = min(max(phone.entered_ns, phone.contact_ns), received_ns)
    return Judged(received_ns, Why.BEFORE_LAST_STEP) if at_ns < earliest_ns else Judged(at_ns)


def _between(phone: Phone, contact_ns: int, end_ns: int) -> bool:
    """Not earlier than the time that passed since the contact, not later than the time it waited before the end."""
    return contact_ns + phone.age_ns - AGREE_NS <= phone.entered_ns <= end_ns - phone.waited_ns + AGREE_NS


def _instant(value: object, name: str) -> int:
    try:
        at_ns = to_ns(datetime.fromisoformat(value)) if isinstance(value, str) else -1
    except (ValueError, OverflowError):
        at_ns = -1
    if not 0 <= at_ns < 2**62:
        raise Refused(f"phone.{name} must be an instant such as 2026-11-21T03:12:07.120Z")
    return at_ns


def _length(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_S:
        raise Refused(f"phone.{name} must be seconds, 0 to {MOST_S}")
    return round(value * NS)
