"""Which single component fails in which way, when, and what is promised then: the matrix of P4, P5 and P7 as literal tables.

Twelve components, chosen as what a fault passes on its way from the device to a person (gateway, broker, collect, disk, rules, notify,
channel), what keeps those alive or watches them (supervisor, watcher), and what lives beside them and must not be able to hold them up
(history, InfluxDB, web). A second channel, a second device and a name server would be the first ones again: a channel that cannot be
resolved is one that is cut off (tests/contract has the answers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Component(StrEnum):
    SUPERVISOR = "supervisor"  # `plantroom run`; the services die with it, the test starts it again as systemd would
    COLLECT = "collect"
    RULES = "rules"
    NOTIFY = "notify"
    HISTORY = "history"
    WEB = "web"
    DISK = "disk"  # of the data folder: journal, records with the outbox, access.db
    GATEWAY = "gateway"  # the Modbus gateway with the devices behind it
    BROKER = "broker"  # mosquitto, for devices that publish
    CHANNEL = "channel"  # one of the two providers
    WATCHER = "watcher"  # `plantroom watch`
    INFLUXDB = "influxdb"


class Failure(StrEnum):
    KILL = "kill"  # SIGKILL; of a disk: every call is EIO
    FREEZE = "freeze"  # SIGSTOP, later SIGCONT; of a disk: every write waits
    DISK_FULL = "disk full"  # the disk it writes to; of a service: it is killed as well, so that it has to start on the full disk
    CUT_OFF = "cut off"  # from all it speaks to over the network


class Instant(StrEnum):
    """When it fails, within the way of one urgent fault."""

    BEFORE = "before"  # the component fails first
    RAISING = "raising"  # between the device's register and the commit of the fault
    COMMITTED = "committed"  # between the commit and the first send
    SENT = "sent"  # the provider has the page and has not answered yet
    ACCEPTED = "accepted"  # the provider has answered, the acceptance may not be recorded yet
    STEP = "step"  # about when the next level is called


class Counts(StrEnum):
    """From when on the time to a person counts."""

    FLIP = "flip"  # the device's register: nothing may hold it up
    MEND = "mend"  # the end of the failure, where nothing can pass while it lasts


@dataclass(frozen=True, slots=True)
class Cell:
    """lasts_s: how long it lasts before it is mended; None: until people were told of it, which has its limit. own: by a page of the monitor
    itself will do, about what it does not hear or cannot write; else it has to be the watcher outside, or the hook here."""

    counts: Counts
    lasts_s: float | None
    why: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Nonsense:
    why: str


C, F, FLIP, MEND = Component, Failure, Counts.FLIP, Counts.MEND
BESIDE = "nothing an alarm passes"
SILENT = "devices that are not heard are a fault, paged as any other"
FULL = "what is given back is eaten too: as long as anything can be written the monitor's own page, then the watcher"
BLIND = "nothing passes: people are told that the monitor does not work"

MATRIX: Mapping[tuple[Component, Failure], Cell | Nonsense] = {
    (C.SUPERVISOR, F.KILL): Cell(MEND, None, BLIND),
    (C.SUPERVISOR, F.FREEZE): Cell(FLIP, None, "its services go on, its heartbeat does not"),
    (C.SUPERVISOR, F.DISK_FULL): Cell(MEND, None, FULL, own=True),
    (C.SUPERVISOR, F.CUT_OFF): Cell(FLIP, None, "its heartbeats do not arrive"),
    (C.COLLECT, F.KILL): Cell(FLIP, 0, "started again"),
    (C.COLLECT, F.FREEZE): Cell(MEND, None, BLIND),
    (C.COLLECT, F.DISK_FULL): Cell(MEND, None, FULL, own=True),
    (C.COLLECT, F.CUT_OFF): Cell(MEND, None, SILENT, own=True),
    (C.RULES, F.KILL): Cell(FLIP, 0, "started again"),
    (C.RULES, F.FREEZE): Cell(MEND, None, BLIND),
    (C.RULES, F.DISK_FULL): Cell(MEND, None, FULL, own=True),
    (C.RULES, F.CUT_OFF): Nonsense("it opens no connection"),
    (C.NOTIFY, F.KILL): Cell(FLIP, 0, "started again"),
    (C.NOTIFY, F.FREEZE): Cell(MEND, None, BLIND),
    (C.NOTIFY, F.DISK_FULL): Cell(MEND, None, FULL, own=True),
    (C.NOTIFY, F.CUT_OFF): Cell(MEND, None, "no channel takes a page: the hook sounds, and people outside are told"),
    (C.HISTORY, F.KILL): Cell(FLIP, 0, BESIDE),
    (C.HISTORY, F.FREEZE): Cell(FLIP, 3, BESIDE),
    (C.HISTORY, F.DISK_FULL): Cell(MEND, None, FULL, own=True),
    (C.HISTORY, F.CUT_OFF): Cell(FLIP, 3, BESIDE),
    (C.WEB, F.KILL): Cell(FLIP, 0, BESIDE),
    (C.WEB, F.FREEZE): Cell(FLIP, 3, BESIDE),
    (C.WEB, F.DISK_FULL): Cell(MEND, None, FULL, own=True),
    (C.WEB, F.CUT_OFF): Nonsense("people come to it, it goes to nobody: what is cut off is their browser"),
    (C.DISK, F.KILL): Cell(MEND, None, BLIND),
    (C.DISK, F.FREEZE): Cell(MEND, None, BLIND),
    (C.DISK, F.DISK_FULL): Cell(MEND, None, FULL, own=True),
    (C.DISK, F.CUT_OFF): Nonsense("it has to be a local one: SQLite's WAL works on no network file system, and the records refuse to open there"),
    (C.GATEWAY, F.KILL): Cell(MEND, None, SILENT, own=True),
    (C.GATEWAY, F.FREEZE): Cell(MEND, None, SILENT, own=True),
    (C.GATEWAY, F.DISK_FULL): Nonsense("it keeps no files"),
    (C.GATEWAY, F.CUT_OFF): Cell(MEND, None, SILENT, own=True),
    (C.BROKER, F.KILL): Cell(MEND, None, SILENT, own=True),
    (C.BROKER, F.FREEZE): Cell(MEND, None, SILENT, own=True),
    (C.BROKER, F.DISK_FULL): Cell(FLIP, 3, "it cannot save its sessions; what it passes on goes through memory"),
    (C.BROKER, F.CUT_OFF): Cell(MEND, None, SILENT, own=True),
    (C.CHANNEL, F.KILL): Cell(FLIP, 3, "the other one takes it"),
    (C.CHANNEL, F.FREEZE): Cell(FLIP, 3, "the other one takes it"),
    (C.CHANNEL, F.DISK_FULL): Cell(FLIP, 3, "it answers 507; the other one takes it"),
    (C.CHANNEL, F.CUT_OFF): Cell(FLIP, 3, "the other one takes it"),
    (C.WATCHER, F.KILL): Cell(FLIP, None, "the hook sounds, and it is a fault here"),
    (C.WATCHER, F.FREEZE): Cell(FLIP, None, "the hook sounds, and it is a fault here"),
    (C.WATCHER, F.DISK_FULL): Cell(FLIP, 3, "it keeps nothing; it hears and tells all the same"),
    (C.WATCHER, F.CUT_OFF): Cell(FLIP, None, "the hook sounds, and it is a fault here"),
    (C.INFLUXDB, F.KILL): Cell(FLIP, 3, BESIDE),
    (C.INFLUXDB, F.FREEZE): Cell(FLIP, 3, BESIDE),
    (C.INFLUXDB, F.DISK_FULL): Cell(FLIP, 3, BESIDE),
    (C.INFLUXDB, F.CUT_OFF): Cell(FLIP, 3, BESIDE),
}
