"""Names, order and the count of changes of the day files."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.journal.shelf import DayFile, FileLock, OrderLock, Shelf, live, next_file, roll_due


def test_names_sort_as_their_records_do() -> None:
    names = ["2026-11-22.db", "2026-11-21-02.db", "2026-11-21.db", "2026-11-21-10.db", "2026-11-21.db-wal",
             "2026-11-20.db.torn", "records.db"]
    assert [file.name for file in live(names)] == ["2026-11-21.db", "2026-11-21-02.db", "2026-11-21-10.db", "2026-11-22.db"]


def test_a_mended_file_stands_for_the_damaged_one() -> None:
    found = live(["2026-11-21.db", "2026-11-21.m1.db", "2026-11-21-02.db"])
    assert [file.name for file in found] == ["2026-11-21.m1.db", "2026-11-21-02.db"]


@pytest.mark.parametrize("file", [DayFile("2026-11-21"), DayFile("2026-11-21", 2), DayFile("2026-11-21", 12, 3)])
def test_every_name_is_read_back(file: DayFile) -> None:
    assert live([file.name]) == (file,)


def test_the_next_file_is_named_after_the_newest_whatever_the_clock_says() -> None:
    newest = DayFile("2026-11-21", 3)
    assert next_file(newest, "2026-11-22") == DayFile("2026-11-22")
    assert next_file(newest, "2026-11-21") == DayFile("2026-11-21", 4)
    assert next_file(newest, "1970-01-01") == DayFile("2026-11-21", 4)
    assert next_file(None, "2026-11-21") == DayFile("2026-11-21")


@pytest.mark.parametrize(
    ("created", "today", "due"),
    [
        ("2026-11-21", "2026-11-21", False),
        ("2026-11-21", "2026-11-22", True),
        ("2026-11-21", "2026-11-20", False),  # a step around midnight
        ("2026-11-21", "2026-11-19", True),  # a clock that was days ahead came back
    ],
)
def test_a_new_day_begins_a_file_a_small_step_back_does_not(created: str, today: str, due: bool) -> None:
    assert roll_due(created, today) is due


def test_a_listing_is_reused_until_the_lock_says_that_the_files_changed(tmp_path: Path) -> None:
    lock, shelf = OrderLock(tmp_path), Shelf(tmp_path)
    with lock.changing_files():
        (tmp_path / "2026-11-21.db").touch()
    assert [file.name for file in shelf.files()] == ["2026-11-21.db"]
    (tmp_path / "2026-11-22.db").touch()  # not announced: the listing stands
    assert len(shelf.files()) == 1
    with lock.changing_files():
        assert len(shelf.files()) == 2  # while it changes nothing is believed
        (tmp_path / "2026-11-23.db").touch()
    assert len(shelf.files()) == 3


def test_a_change_that_died_half_way_leaves_nobody_with_an_old_list(tmp_path: Path) -> None:
    lock, shelf = OrderLock(tmp_path), Shelf(tmp_path)
    shelf.files()
    change = lock.changing_files()
    change.__enter__()  # and never left: the process died
    (tmp_path / "2026-11-21.db").touch()
    assert len(shelf.files()) == 1
    with lock.changing_files():
        (tmp_path / "2026-11-22.db").touch()
    assert len(shelf.files()) == 2
    (tmp_path / "2026-11-23.db").touch()
    assert len(shelf.files()) == 2  # even again: cached again


def test_one_holder_at_a_time_even_inside_one_process(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.try_take()
    assert not other.try_take()
    one.close()
    assert other.try_take()


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert Shelf(tmp_path / "missing").files() == ()
