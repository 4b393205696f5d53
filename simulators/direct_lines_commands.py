"""Lines that nothing disturbs, without requests: what each of their jobs would bring in a beat, all devices of a profile at once.

What stays: the slots of the collector's own schedule, the registers with their rounding and word order, the collector's decoder. What goes:
frames, the session's turns, the repetition of a safety point's change (which would say the same, as the plant has not moved meanwhile).

    wire --a beat ends and nothing disturbs it--> direct --a fault of wire or image, or somebody looks between two beats--> wire

Imports the collector, so it belongs to the composition roots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import lcm
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from collector.bindings import Job
from collector.debounce import Debounce
from collector.slots import BEAT_S
from plantroom.clock import NS
from simulators.agenda import Agenda
from simulators.device_image import DeviceImage
from simulators.encode import FUNCTION
from simulators.fleet import Fleet
from simulators.gathering import Gathering
from simulators.pace import Turn, in_time
from simulators.virtual_commands import LATENCY_S, VirtualLine
from simulators.world import World

_CARE_S = 1e-6  # more than the few ns by which a request comes later than it is due

Rows = npt.NDArray[np.intp]


class _Seat(NamedTuple):
    """What brings a job of a line: a device's row of a share of a group."""

    task: int
    job: Job
    group: _Group
    row: int
    share: _Share


@dataclass(slots=True, eq=False)
class _Line:
    """images: by device. able: its slots allow it; None: not looked at yet. direct: it sleeps."""

    line: VirtualLine
    images: dict[str, DeviceImage]
    seats: list[_Seat] = field(default_factory=list)
    able: bool | None = None
    direct: bool = False

    @property
    def well(self) -> bool:
        return not self.line.disturbed and not any(image.fault for image in self.images.values())


@dataclass(slots=True, eq=False)
class _Share:
    """A job that all devices of a group have. jobs: each one's own. every: beats from one reading to the next. places: of its points, a row
    a device. turn: beats in which it is read, modulo `every`."""

    jobs: Sequence[Job]
    every: int
    places: Rows
    turn: npt.NDArray[np.int64]

    @property
    def job(self) -> Job:
        """For what they have in common."""
        return self.jobs[0]

    def debounced(self, rows: Rows) -> Iterator[tuple[int, Debounce]]:
        """(position among these rows, its debounce) of those that have one."""
        if self.job.debounce is not None:
            for n, row in enumerate(rows.tolist()):
                if (own := self.jobs[row].debounce) is not None:
                    yield n, own


class _Group:
    """Devices of one profile that are bound alike."""

    def __init__(self, fleet: Fleet, shares: Sequence[_Share], gathering: Gathering) -> None:
        self.fleet, self.shares, self._gathering = fleet, shares, gathering
        self.direct = np.zeros(len(shares[0].turn), np.bool_)
        self._every = lcm(*(share.every for share in shares))
        self._due: dict[int, tuple[Rows, list[tuple[_Share, Rows, Rows]]]] = {}  # by beat modulo `every`, until another line is direct
        self.last = np.full(gathering.size, np.nan)  # good values that were read

    def read(self, beat: int, boot_ns: int) -> None:
        """What the slots of this beat bring, which began at boot_ns."""
        turn = beat % self._every
        if turn not in self._due:
            self._due[turn] = self._due_at(turn)
        rows, due = self._due[turn]
        if rows.size:
            self.fleet.renew(rows)
        for share, some, places in due:
            data = [self.fleet.read(some, FUNCTION[read.table], read.address, read.count) for read in share.job.reads]
            values, quality = share.job.decoder.decode_rows(data[0] if len(data) == 1 else np.concatenate(data, axis=1))
            for row, debounce in share.debounced(some):
                debounce.apply(boot_ns, values[row], quality[row])
            self._gathering.put(places, values, quality)
            self.last[places] = np.where(quality == 0, values, self.last[places])

    def changed(self) -> None:
        """Other devices are direct than before."""
        self._due.clear()

    def _due_at(self, turn: int) -> tuple[Rows, list[tuple[_Share, Rows, Rows]]]:
        """The devices that are read, and per share which of them and where its samples go."""
        due = [self.direct & ((turn - share.turn) % share.every == 0) for share in self.shares]
        some = [np.flatnonzero(its) for its in due]
        found = [(share, its, share.places[its]) for share, its in zip(self.shares, some, strict=True) if its.size]
        return np.flatnonzero(np.logical_or.reduce(due)), found


class DirectLines:
    """beat_s: of the rehearsal, whose plant moves once a beat. read: beats of lines that were direct, of `possible` ones."""

    def __init__(self, agenda: Agenda, world: World, gathering: Gathering, beat_s: float) -> None:
        self._agenda, self._world, self._gathering, self._beat_s = agenda, world, gathering, beat_s
        self._lines: list[_Line] = []
        self._groups: list[_Group] = []
        self.read = self.possible = 0

    def add(self, line: VirtualLine, images: Iterable[DeviceImage]) -> None:
        """images: of the devices on it."""
        own = {image.device.id: image for image in images}
        jobs = line.session.jobs
        units = [own[id].device.unit for id in dict.fromkeys(job.device for job in jobs)]
        told_apart = len(set(units)) == len(units)
        if told_apart and all(job.period_s % self._beat_s == 0.0 and _settles_at_once(job) for job in jobs):
            self._lines.append(_Line(line, own))

    def made(self) -> None:
        """All lines are known: devices that are alike are put together."""
        alike: dict[object, list[tuple[_Line, list[tuple[int, Job]]]]] = {}
        for own in self._lines:
            by_device: dict[str, list[tuple[int, Job]]] = {}
            for task, job in enumerate(own.line.session.jobs):
                by_device.setdefault(job.device, []).append((task, job))
            for device, jobs in by_device.items():
                shape = tuple((id(job.decoder), job.period_s) for _, job in jobs)
                key = id(own.images[device].device.profile), self._world.readout(device).names, shape
                alike.setdefault(key, []).append((own, jobs))
        for members in alike.values():
            self._put_together(members)

    def _put_together(self, members: Sequence[tuple[_Line, Sequence[tuple[int, Job]]]]) -> None:
        devices = [jobs[0][1].device for _, jobs in members]
        images = [own.images[device] for (own, _), device in zip(members, devices, strict=True)]
        fleet = Fleet(images, [self._world.readout(device) for device in devices])
        shares = [
            _Share(
                [job for _, job in those],
                round(those[0][1].period_s / self._beat_s),
                np.array([self._gathering.places(job.frame) for _, job in those]),
                np.zeros(len(those), np.int64),
            )
            for those in zip(*(jobs for _, jobs in members), strict=True)
        ]
        group = _Group(fleet, shares, self._gathering)
        self._groups.append(group)
        answered = all(fleet.answers(FUNCTION[read.table], read.address, read.count) for share in shares for read in share.job.reads)
        for row, (own, jobs) in enumerate(members):
            own.able = own.able if answered else False
            own.seats += [_Seat(task, job, group, row, share) for (task, job), share in zip(jobs, shares, strict=True)]

    def between(self, *, looked_into: bool) -> None:
        """A beat has ended: what is read until the next one. looked_into: somebody takes what came before that."""
        beat = round((self._agenda.now_ns - self._agenda.start_ns) / (self._beat_s * NS))
        for own in self._lines:
            if own.direct and (looked_into or not own.well):
                self._wake(own)
            elif not own.direct and not looked_into and own.able is not False and own.well and own.line.steady:
                self._sleep(own, beat)
            self.possible += 1
            self.read += own.direct
        for group in self._groups:
            group.read(beat, self._agenda.read().boot_ns)

    def _sleep(self, own: _Line, beat: int) -> None:
        slots_s = own.line.session.slots_s()
        if own.able is None:
            own.able = in_time([_turn(seat.job, slots_s[seat.task], own) for seat in own.seats], self._beat_s, BEAT_S)
        boot_s = self._agenda.boot_s
        if not own.able or any(slots_s[task] >= boot_s + job.period_s for task, job, *_ in own.seats):
            return  # after a first turn off its grid a job may leave a slot out
        own.direct = True
        own.line.sleep()
        for task, _, group, row, share in own.seats:
            share.turn[row] = beat + int((slots_s[task] - boot_s) // self._beat_s)
            group.direct[row] = True
            group.changed()
            group.last[share.places[row]] = np.nan

    def _wake(self, own: _Line) -> None:
        own.direct = False
        for _, job, group, row, share in own.seats:
            if group.direct[row]:
                group.direct[row] = False
                group.changed()
                group.fleet.forget(row)
            if job.confirm is not None:
                job.confirm.believe(group.last[share.places[row]])
        own.line.wake()


def _settles_at_once(job: Job) -> bool:
    """Whether a debounced change counts at the next reading, whenever that comes within its beat."""
    return job.debounce is None or job.debounce.longest_s <= job.period_s - BEAT_S


def _turn(job: Job, due_s: float, own: _Line) -> Turn:
    pause_s = max(seat.job.gap_s for seat in own.seats)
    requests = len(job.reads) * (1 if job.confirm is None else 2)
    return Turn(due_s, job.period_s, requests * (LATENCY_S + pause_s + _CARE_S))
