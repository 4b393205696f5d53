"""The day files in a journal's folder, in their order, and the locks beside them.

Names sort by (day, part): `2026-11-21.db`, then `2026-11-21-02.db` where a day needed more than one file. The order of the names is
the order of the records: a new file is always named after the newest one, whatever the wall clock says. A mended file
(`2026-11-21.m1.db`) takes the place of the damaged one of the same (day, part); no name is ever used twice.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from plantroom.clock import at_utc

LOCK = "lock"
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-(\d{2,}))?(?:\.m(\d+))?\.db")
_COUNT_BYTES = 8


@dataclass(frozen=True, slots=True, order=True)
class DayFile:
    """One file of the journal. day: ISO date; part: from 1; mend: how often it was salvaged. Ordered as its records are."""

    day: str
    part: int = 1
    mend: int = 0

    @property
    def name(self) -> str:
        part = "" if self.part == 1 else f"-{self.part:02d}"
        mend = f".m{self.mend}" if self.mend else ""
        return f"{self.day}{part}{mend}.db"

    @property
    def mended(self) -> DayFile:
        return replace(self, mend=self.mend + 1)


def day_of(wall_ns: int) -> str:
    return at_utc(wall_ns).date().isoformat()


def live(names: Iterable[str]) -> tuple[DayFile, ...]:
    """The files that count among the names of a folder, oldest first: the most mended one of each (day, part)."""
    found = sorted(DayFile(m[1], int(m[2] or 1), int(m[3] or 0)) for name in names if (m := _NAME.fullmatch(name)))
    return tuple({(file.day, file.part): file for file in found}.values())


def next_file(newest: DayFile | None, today: str) -> DayFile:
    """The file after the newest one: today's where that is later, else one more part of the newest day."""
    if newest is None or today > newest.day:
        return DayFile(today)
    return DayFile(newest.day, newest.part + 1)


def roll_due(created: str, today: str) -> bool:
    """True where the next record belongs into a new file. created: the UTC day on which the newest was begun.

    A wall clock set back by a day or less goes on in the newest file (else every step around midnight would begin one).
    """
    if today <= created:
        return (date.fromisoformat(created) - date.fromisoformat(today)).days > 1
    return True


class FileLock:
    """An flock on a file of its own; one holder over all processes and all objects of this process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def take(self, *, shared: bool = False) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def try_take(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def give_back(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    @contextmanager
    def held(self) -> Iterator[None]:
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class OrderLock(FileLock):
    """The journal's `lock`: held while appending. Its content counts the changes of the list of files, odd while one is under way."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / LOCK)

    @contextmanager
    def changing_files(self) -> Iterator[None]:
        """Around a rename or an unlink of day files, lock held: whoever listed the folder before lists it again."""
        now = int.from_bytes(os.pread(self._fd, _COUNT_BYTES, 0), "little")
        self._write((now | 1) if now % 2 == 0 else now + 2)  # a died change left it odd
        try:
            yield
        finally:
            self._write((now | 1) + 1 if now % 2 == 0 else now + 3)

    def _write(self, count: int) -> None:
        os.pwrite(self._fd, count.to_bytes(_COUNT_BYTES, "little"), 0)


class Shelf:
    """The list of day files; listed again when the lock's count says that it changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = -1
        self._count = -1
        self._files: tuple[DayFile, ...] = ()

    def files(self) -> tuple[DayFile, ...]:
        """Oldest first; empty where there is no journal yet."""
        count = self._changes()
        if count < 0 or count != self._count:
            try:
                self._files = live(path.name for path in self.folder.iterdir())
            except FileNotFoundError:
                return ()
            self._count = count if count % 2 == 0 else -1
        return self._files

    def forget(self) -> None:
        """Lists again next time; for who found a file gone."""
        self._count = -1

    def path(self, file: DayFile) -> Path:
        return self.folder / file.name

    def size(self, file: DayFile) -> int:
        """Bytes of a file and its WAL; 0 for what is gone."""
        total, path = 0, f"{self.folder}/{file.name}"
        for name in (path, f"{path}-wal"):
            try:
                total += os.stat(name).st_size  # noqa: PTH116 - asked at every append: no Path is made
            except FileNotFoundError:
                continue
        return total

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _changes(self) -> int:
        """The lock's count; -1 while there is no lock file or it cannot be read as one."""
        if self._lock < 0:
            try:
                self._lock = os.open(self.folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return -1
        return int.from_bytes(os.pread(self._lock, _COUNT_BYTES, 0), "little")


def sync_folder(folder: Path) -> None:
    """Makes a rename or an unlink in the folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
