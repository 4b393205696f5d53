"""P1 with real processes: what was acknowledged survives kill -9 and a disk that refuses; several writers share one order."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pytest

from plantroom.clock import SystemClock
from plantroom.journal import Journal, Reader, Record
from tests.kit import powercut
from tests.kit.appender import MidnightClock
from tests.kit.journals import entry, holes
from tests.kit.killer import Victim
from tests.kit.trailer import digest

APPENDER, TRAILER = "tests.kit.appender", "tests.kit.trailer"


def ours(records: Iterable[Record], run: str) -> list[int]:
    """The numbers of one run that stand in the journal, in its order."""
    return [int(record.body.split(b":", 2)[1]) for record in records if record.body.startswith(f"{run}:".encode())]


def everything(reader: Reader, after: int = 0) -> list[Record]:
    found: list[Record] = []
    while page := reader.read_after(found[-1].seq if found else after):
        found += page
    return found


def kill_again_and_again(folder: Path, kills: int, seed: int, *options: str) -> list[str]:
    """Runs the appender, kills it at a random instant under load, looks at the journal; returns what is wrong."""
    rng = random.Random(seed)
    wrong: list[str] = []
    last = 0
    with Journal(folder, SystemClock()).reader() as reader:
        for n in range(kills):
            with Victim([APPENDER, str(folder), "collect", f"run{n}", "--keep", *options]) as victim:
                victim.wait_for("ack", times=rng.randint(1, 40))
                time.sleep(rng.random() * 0.01)  # anywhere between two commits, not only right after an acknowledgement
                victim.kill()
                acknowledged = victim.acknowledged()
            records = everything(reader, last)
            last = records[-1].seq if records else last
            there = ours(records, f"run{n}")
            if there != list(range(len(there))):
                wrong.append(f"kill {n}: not what was appended: {there}")
            if lost := sorted(acknowledged - set(there)):
                wrong.append(f"kill {n}: acknowledged and lost: {lost}")
        wrong += holes(everything(reader))
    return wrong


def test_killed_thirty_times_under_load_every_acknowledged_entry_is_there_in_one_order(tmp_path: Path) -> None:
    assert kill_again_and_again(tmp_path / "journal", 30, 1) == []


def test_the_control_acknowledging_before_the_commit_is_caught_losing(tmp_path: Path) -> None:
    wrong = kill_again_and_again(tmp_path / "journal", 6, 2, "--ack-before-commit", "--synchronous", "0")
    assert any("acknowledged and lost" in said for said in wrong)


@pytest.mark.soak
def test_killed_two_thousand_times(tmp_path: Path) -> None:
    assert kill_again_and_again(tmp_path / "journal", 2_000, 3) == []


def test_four_writers_share_one_order_over_midnight_and_two_followers_see_it_once(tmp_path: Path) -> None:
    folder, signs, sources = tmp_path / "journal", tmp_path / "signs", ["collect", "rules", "web", "notify"]
    signs.mkdir()
    folder.mkdir()
    with ExitStack() as running:
        followers = [running.enter_context(Victim([TRAILER, str(folder)])) for _ in range(2)]
        arguments = ["--signs", str(signs), "--keep"]
        writers = [running.enter_context(Victim([APPENDER, str(folder), source, source, *arguments])) for source in sources]
        for sign, acknowledged in (("midnight", 150), ("stop", 400)):
            for writer in writers:
                writer.wait_for("ack", times=acknowledged)
            (signs / sign).touch()
        for writer in writers:
            assert writer.wait() == 0, writer.errors[-2000:]
        journal = Journal(folder, MidnightClock(signs / "midnight"))
        with journal.writer("test") as last:
            last.append([entry("end")])
        for follower in followers:
            assert follower.wait() == 0, follower.errors[-2000:]
        with journal.reader() as reader:
            records = everything(reader)
    assert len(list(folder.glob("*.db"))) == 2
    assert holes(records) == []
    for source, writer in zip(sources, writers, strict=True):
        there = ours(records, source)
        assert sorted(there) == list(range(len(there))) == sorted(writer.acknowledged())
        assert [record.source_seq for record in records if record.source == source] == list(range(1, len(there) + 1))
    assert [follower.lines for follower in followers] == [[f"saw {len(records)} {digest(records)}"]] * 2


def refuse(folder: Path, call: str, error: str, when: str) -> Victim:
    """The appender, with the n-th call of its kind (in each thread) refused by the kernel."""
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
    return Victim([APPENDER, str(folder), "collect", "run", "--most", "2000"], before=strace)


def check_refused(folder: Path, victim: Victim) -> bool:
    """Whether it ended with the refusal; then it acknowledged nothing afterwards. Opened again all is there that was acknowledged."""
    refused = victim.wait() == 1
    said = victim.lines[-1].split(" ", 1)[0]
    assert said == ("failed" if refused else "done"), (victim.lines[-3:], victim.errors[-2000:])
    acknowledged = victim.acknowledged()
    with Journal(folder, SystemClock()).writer("after") as writer, Journal(folder, SystemClock()).reader() as reader:
        writer.append([entry("after")])
        records = everything(reader)
    there = ours(records, "run")
    assert there == list(range(len(there)))
    assert acknowledged <= set(there)
    assert holes(records) == []
    assert not any(b"journal_recovered" in record.body for record in records)
    return refused


@pytest.mark.needs("strace")
@pytest.mark.parametrize("when", [1, 8, 30, 60])  # 8: the last sync before a new day file gets its name
def test_a_sync_that_fails_ends_the_process_and_nothing_is_acknowledged_after_it(tmp_path: Path, when: int) -> None:
    with refuse(tmp_path / "journal", "fdatasync,fsync", "EIO", str(when)) as victim:
        assert check_refused(tmp_path / "journal", victim)
        assert victim.acknowledged() or when < 30  # the first syncs belong to the making of the day file


@pytest.mark.needs("strace")
@pytest.mark.parametrize("when", [8, 40, 150])
def test_a_disk_that_fills_up_ends_the_process_and_nothing_is_acknowledged_after_it(tmp_path: Path, when: int) -> None:
    with refuse(tmp_path / "journal", "pwrite64", "ENOSPC", f"{when}+") as victim:
        assert check_refused(tmp_path / "journal", victim)


@pytest.mark.needs("strace")
def test_a_write_that_fails_once_ends_the_process_just_the_same(tmp_path: Path) -> None:
    with refuse(tmp_path / "journal", "pwrite64", "EIO", "35") as victim:  # within the making of the day file
        assert check_refused(tmp_path / "journal", victim)


@pytest.mark.soak
@pytest.mark.needs("strace")
@pytest.mark.parametrize("call", [("fdatasync,fsync", "EIO", ""), ("pwrite64", "ENOSPC", "+"), ("pwrite64", "EIO", "")])
def test_each_of_the_first_calls_refused(tmp_path: Path, call: tuple[str, str, str]) -> None:
    for when in range(1, 201):
        folder = tmp_path / str(when)
        with refuse(folder, call[0], call[1], f"{when}{call[2]}") as victim:
            check_refused(folder, victim)


def cut_power(folder: Path, images: int, seed: int, *options: str) -> list[str]:
    """Stops the appender at random instants, keeps what is on the disk, looks what is there; returns what is wrong."""
    rng = random.Random(seed)
    wrong: list[str] = []
    disk, kept = folder / "disk.img", folder / "kept.img"
    for n in range(images):
        powercut.make_image(disk)
        appender = [APPENDER, str(folder / "live" / "journal"), "collect", "run", "--keep", *options]
        with powercut.mounted(disk, folder / "live"), Victim(appender) as victim:
            victim.wait_for("ack", times=rng.randint(20, 120))
            acknowledged = victim.acknowledged()
            victim.signal(signal.SIGSTOP)
            time.sleep(0.05)  # what the kernel was just writing ends
            powercut.copy_image(disk, kept)
            victim.kill()
        with powercut.mounted(kept, folder / "after") as after:
            journal = Journal(after / "journal", SystemClock())
            with journal.writer("after") as writer, journal.reader() as reader:
                writer.append([entry("after")])
                records = everything(reader)
        there = ours(records, "run")
        if lost := sorted(acknowledged - set(there)):
            wrong.append(f"image {n}: acknowledged and lost: {len(lost)} of {len(acknowledged)}")
        if there != list(range(len(there))) or holes(records) or any(b"journal_recovered" in record.body for record in records):
            wrong.append(f"image {n}: not what was appended")
    return wrong


@pytest.mark.soak
def test_power_cuts_lose_nothing_that_was_acknowledged_and_the_control_does(tmp_path: Path) -> None:
    if not powercut.possible():
        pytest.fail("needs root and loop devices")
    assert cut_power(tmp_path, int(os.environ.get("POWER_CUTS", "300")), 4) == []
    assert any("acknowledged and lost" in said for said in cut_power(tmp_path, 5, 5, "--synchronous", "1"))
