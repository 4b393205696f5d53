"""E-1, P12: files by their hash, durable when they are there, bounded while they come; what was cut off leaves nothing."""

from __future__ import annotations

import os
import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest

from plantroom.clock import NS
from plantroom.evidence import EvidenceStore, Limits, NotTaken
from plantroom.evidence import store as store_module
from plantroom.evidence.store import MIB, hash_of
from tests.kit.evidence_files import GOOD, jpeg

NOW = 1_796_000_000 * NS


def put(store: EvidenceStore, content: bytes, expected: int | None = None) -> str:
    arrival = store.receive(NOW, expected)
    try:
        for at in range(0, len(content), 1000):
            arrival.write(content[at : at + 1000])
    except NotTaken:
        arrival.drop()
        raise
    return arrival.done().hash


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_lies_under_its_hash_once_and_cannot_be_written_or_run(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    hash_ = put(store, GOOD["jpeg"])
    assert hash_ == sha256(GOOD["jpeg"]).hexdigest() and store.has(hash_) and not store.has("0" * 64) and not store.has("../records.db")
    assert files(tmp_path) == [f"evidence/{hash_[:2]}/{hash_}"]
    assert store.path(hash_).stat().st_mode & 0o777 == 0o440 and hash_of(store.path(hash_)) == hash_
    arrival = store.receive(NOW)
    arrival.write(GOOD["jpeg"])
    assert not arrival.done().new and len(files(tmp_path)) == 1 and store.used() == len(GOOD["jpeg"])
    assert list(store.hashes()) == [hash_]


@pytest.mark.parametrize("name", ["../x", "a" * 63, "A" * 64, "a" * 64 + "/..", "", "a" * 64 + "\n"])
def test_nothing_but_a_hash_becomes_part_of_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        EvidenceStore(tmp_path).path(name)


def test_what_is_too_long_is_refused_by_its_word_and_while_it_comes(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path, Limits(most=5_000))
    with pytest.raises(NotTaken, match="too_large"):
        store.receive(NOW, 1 << 30)
    with pytest.raises(NotTaken, match="too_large"):
        put(store, jpeg(6_000))
    assert files(tmp_path) == [] and put(store, jpeg(4_900))


def test_the_quota_and_a_disk_that_fills_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EvidenceStore(tmp_path, Limits(most=5_000, quota=8_000))
    put(store, jpeg(4_000))
    with pytest.raises(NotTaken, match="quota"):
        put(store, jpeg(4_001))
    assert len(files(tmp_path)) == 1
    assert EvidenceStore(tmp_path).used() > 4_000, "counted anew after a restart"
    monkeypatch.setattr(store_module, "LEAST_FREE", 1 << 60)
    with pytest.raises(NotTaken, match="disk"):
        EvidenceStore(tmp_path).receive(NOW, 10)


def test_a_program_is_refused_at_its_first_bytes(tmp_path: Path) -> None:
    arrival = EvidenceStore(tmp_path).receive(NOW)
    with pytest.raises(NotTaken, match="type"):
        arrival.write(b"\x7fELF" + bytes(5_000))
    arrival.drop()
    assert files(tmp_path) == []


def test_the_name_comes_after_the_bytes_are_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: done.append("dir" if Path(f"/proc/self/fd/{handle}").is_dir() else "file") or fsync(handle)
    )
    monkeypatch.setattr(Path, "replace", lambda self, to: done.append("rename") or replace(self, to))
    put(EvidenceStore(tmp_path), GOOD["png"])
    assert done == ["file", "rename", "dir", "dir"]


def test_what_was_cut_off_is_cleared_away_a_day_later(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    arrival = store.receive(NOW)
    arrival.write(b"half")
    arrival._file.close()  # the process died here
    [piece] = (tmp_path / "evidence" / "incoming").iterdir()
    os.utime(piece, (NOW / NS, NOW / NS))
    store.receive(NOW + 3600 * NS).drop()
    assert piece.exists() and list(store.hashes()) == []
    store.receive(NOW + 90_000 * NS).drop()
    assert not piece.exists()


def test_memory_is_bounded_whatever_the_file(tmp_path: Path) -> None:
    store, piece = EvidenceStore(tmp_path), bytes(256 * 1024)
    tracemalloc.start()
    arrival = store.receive(NOW)
    arrival.write(jpeg(0)[:-2])
    for _ in range(80):
        arrival.write(piece)
    arrival.write(b"\xff\xd9")
    assert arrival.done().size > 20 * MIB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * MIB, peak
