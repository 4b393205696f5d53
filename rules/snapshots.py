"""The engine's memory as files, so that a restart does not read hours of journal: `snapshots/<seq>.snap`.

    offset  size  content
    0       8     b"PRSNAP01"
    8       32    SHA-256 of everything after it
    40      8     length of the header, uint64 little-endian
    48      ...   header, JSON: seq, time, config record, open rows, kinds and the lengths of their blobs
    ...     ...   the config record's body, then the blobs, deflated together

A file is written beside and renamed, so it is whole or not there; one that does not hold is named in the log and passed over.
The newest three are kept, and the first of each UTC day: a rebuild begins at the oldest one.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import orjson

from plantroom.clock import Reading
from plantroom.journal.record import Kind, Record
from rules.ledger import Position
from rules.memory import Memory
from rules.snapshot import BadSnapshot
from rules.walltime import WallTime

MAGIC = b"PRSNAP01"
# Columns that rows of an older release have not.
SINCE = {"put_order": {"hollow_json": None}, "put_item": {"at_eight": None}, "put_page": {"person": None, "answered_ns": None}}
KEPT = 3
DAY_NS = 86_400 * 1_000_000_000
_HEAD = len(MAGIC) + 32 + 8


class Snapshots:
    """A folder of snapshots, one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, memory: Memory) -> Path:
        """Durable when it returns. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(memory.seen.seq)
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            file.write(encode(memory))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync(self._folder)
        return path

    def seqs(self) -> list[int]:
        """Where snapshots stand, oldest first."""
        return sorted(int(path.stem) for path in self._folder.glob("*.snap") if path.stem.isdigit())

    def read(self, seq: int) -> Memory:
        """Raises BadSnapshot for a file that is not whole, OSError for one that cannot be read."""
        return decode(self._path(seq).read_bytes())

    def up_to(self, most_seq: int) -> list[int]:
        """Those at or before most_seq, the newest first."""
        return [seq for seq in reversed(self.seqs()) if seq <= most_seq]

    def torn(self, seq: int) -> bool:
        """Whether the file is not the one that was written, whoever wrote it."""
        try:
            data = self._path(seq).read_bytes()
        except OSError:
            return False
        return not _whole(data)

    def drop(self, seq: int) -> None:
        self._path(seq).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Unlinks what is neither among the newest three nor the first of its day."""
        seqs = self.seqs()
        days: set[int] = set()
        for seq in seqs:
            day = self._path(seq).stat().st_mtime_ns // DAY_NS
            if day in days and seq not in seqs[-KEPT:]:
                self._path(seq).unlink(missing_ok=True)
            days.add(day)

    def drop_before(self, seq: int) -> None:
        """Snapshots the journal no longer follows are of no use."""
        for old in self.seqs()[:-KEPT]:
            if old < seq:
                self._path(old).unlink(missing_ok=True)

    def _path(self, seq: int) -> Path:
        return self._folder / f"{seq:020d}.snap"


def encode(memory: Memory) -> bytes:
    kinds = sorted(memory.blobs)
    config = memory.config
    origin = {"seq": config.seq, "at": asdict(config.at), "source": config.source, "source_seq": config.source_seq}
    header = {
        "seq": memory.seen.seq,
        "at": asdict(memory.seen.at),
        "time": asdict(memory.time),
        "config": {**origin, "bytes": len(config.body)},
        "rows": memory.rows,
        "chronicled": memory.chronicled,
        "kinds": [[kind, len(memory.blobs[kind])] for kind in kinds],
    }
    head = orjson.dumps(header)
    packed = zlib.compress(b"".join((config.body, *(memory.blobs[kind] for kind in kinds))), 1)
    rest = len(head).to_bytes(8, "little") + head + packed
    return MAGIC + sha256(rest).digest() + rest


def decode(data: bytes) -> Memory:
    """Raises BadSnapshot."""
    if data[: len(MAGIC)] != MAGIC:
        raise BadSnapshot("not a snapshot of this release")
    if not _whole(data):
        raise BadSnapshot("its bytes are not those that were written")
    length = int.from_bytes(data[_HEAD - 8 : _HEAD], "little")
    header = orjson.loads(data[_HEAD : _HEAD + length])
    body = zlib.decompress(data[_HEAD + length :])
    given = header["config"]
    config = Record(given["seq"], Reading(**given["at"]), given["source"], given["source_seq"], Kind.CONFIG, body[: given["bytes"]])
    blobs, at = {}, given["bytes"]
    for kind, size in header["kinds"]:
        blobs[kind] = body[at : at + size]
        at += size
    last = header["time"]["last"]
    time = WallTime(**{**header["time"], "last": Reading(**last) if last else None})
    rows = {statement: [{**SINCE.get(statement, {}), **row} for row in found] for statement, found in header["rows"].items()}
    return Memory(Position(header["seq"], Reading(**header["at"])), time, config, blobs, rows, header["chronicled"])


def _whole(data: bytes) -> bool:
    """The sum stands at the same place in every release."""
    return len(data) >= _HEAD and sha256(data[len(MAGIC) + 32 :]).digest() == data[len(MAGIC) : len(MAGIC) + 32]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
