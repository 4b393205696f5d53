"""Evidence files of one site: DATA/<site>/evidence/<first two digits>/<SHA-256>. Written once, never changed, never executed, never
deleted but by `audit purge`. The name is the content's hash, so that the chronicle, which holds the hash, holds the file too.

A file arrives piece by piece into `incoming/`; it is there when its name is: fsync, rename, fsync of the folders. What was cut off leaves
nothing but a piece in `incoming/`, which the next day's first arrival clears away.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from plantroom.clock import NS
from plantroom.evidence.content import HEAD, NotTaken, begins, kind_of

MIB = 1 << 20
LEAST_FREE = 512 * MIB  # of the disk: alerting writes to it too
STALE_S = 86_400
CHUNK = 1 * MIB
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Limits:
    """most: bytes of one file. quota: bytes of all of a site's."""

    most: int = 25 * MIB
    quota: int = 20 * 1024 * MIB


@dataclass(frozen=True, slots=True)
class Stored:
    """kind: a name of content.KINDS. new: False where the same file was there already."""

    hash: str
    kind: str
    size: int
    new: bool


def is_hash(text: str) -> bool:
    return _HASH.fullmatch(text) is not None


class EvidenceStore:
    """folder: DATA/<site>. Several processes may read, one (web) writes; several arrivals at once are fine."""

    def __init__(self, folder: Path, limits: Limits = Limits()) -> None:
        self._root, self.limits = folder / "evidence", limits
        self._used: int | None = None

    def has(self, hash_: str) -> bool:
        """Whether the file is there. Reads a directory entry, nothing else."""
        return is_hash(hash_) and self.path(hash_).is_file()

    def path(self, hash_: str) -> Path:
        """Raises ValueError for what is no hash: nothing else becomes part of a path."""
        if not is_hash(hash_):
            raise ValueError(f"{hash_[:80]!r} is no SHA-256")
        return self._root / hash_[:2] / hash_

    def hashes(self) -> Iterator[str]:
        """Of every file that is there, in order."""
        yield from sorted(path.name for path in self._root.glob("??/*") if is_hash(path.name)) if self._root.is_dir() else ()

    def used(self) -> int:
        """Bytes of all files."""
        if self._used is None:
            self._used = sum(self.path(hash_).stat().st_size for hash_ in self.hashes())
        return self._used

    def receive(self, now_ns: int, expected: int | None = None) -> Arrival:
        """A file that begins to arrive. expected: its length where the sender says one. Raises NotTaken at once where it cannot be."""
        if expected is not None:
            self._room(expected)
        incoming = self._root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        self._tidy(incoming, now_ns)
        return Arrival(self, incoming / secrets.token_hex(16))

    def _room(self, size: int) -> None:
        if size > self.limits.most:
            raise NotTaken("too_large")
        if self.used() + size > self.limits.quota:
            raise NotTaken("quota")
        if shutil.disk_usage(self._root if self._root.is_dir() else self._root.parent).free - size < LEAST_FREE:
            raise NotTaken("disk")

    def _keep(self, piece: Path, hash_: str, size: int) -> bool:
        """The piece under its name, durable. False where the file was there already."""
        path = self.path(hash_)
        if path.is_file() and path.stat().st_size == size:
            piece.unlink()
            return False
        path.parent.mkdir(exist_ok=True)
        piece.chmod(0o440)
        piece.replace(path)
        for folder in (path.parent, self._root):
            _sync_folder(folder)
        self._used = self.used() if self._used is None else self._used + size
        return True

    def _tidy(self, incoming: Path, now_ns: int) -> None:
        for piece in incoming.iterdir():
            try:
                if now_ns / NS - piece.stat().st_mtime > STALE_S:
                    piece.unlink()
            except FileNotFoundError:
                continue


class Arrival:
    """One file on its way in. Give it every piece, then `done`; `drop` where anything went wrong: nothing of it stays."""

    def __init__(self, store: EvidenceStore, piece: Path) -> None:
        self._store, self._piece, self._digest, self._size, self._head = store, piece, sha256(), 0, b""
        self._file = piece.open("xb")

    def write(self, data: bytes) -> None:
        """Raises NotTaken as soon as it is known that the file cannot be taken: too long, or of no kind that is."""
        self._size += len(data)
        if self._size > self._store.limits.most:
            raise NotTaken("too_large")
        if len(self._head) < HEAD:
            before, self._head = len(self._head), (self._head + data)[:HEAD]
            if before < HEAD <= len(self._head):
                begins(self._head)
        self._digest.update(data)
        self._file.write(data)

    def done(self) -> Stored:
        """The file under its hash, durable when this returns. Blocking. Raises NotTaken, OSError; nothing of it stays then."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if not self._size:
                raise NotTaken("empty")
            self._store._room(self._size)
            kind = kind_of(self._piece)
            hash_ = self._digest.hexdigest()
            return Stored(hash_, kind.name, self._size, self._store._keep(self._piece, hash_, self._size))
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        self._file.close()
        self._piece.unlink(missing_ok=True)


def hash_of(path: Path) -> str:
    """SHA-256 of a file, a piece at a time. Raises OSError."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
