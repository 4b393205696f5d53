from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.history.parts import Part, counting, day_of, days_in, found, name_of, sealed_upto
from tests.kit.telemetry import START_NS

DAY = 86_400_000_000_000


def part(first: int, last: int, day: str = "2025-11-21") -> Part:
    return Part(day, first, last, Path(f"day={day}") / name_of(first, last))


def ranges(parts: list[Part]) -> list[tuple[str, int, int]]:
    return [(one.day, one.first, one.last) for one in parts]


def lay(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_part_beyond_the_marker_does_not_count() -> None:
    assert ranges(counting([part(1, 10), part(11, 20)], 10)) == [("2025-11-21", 1, 10)]


def test_a_merged_part_stands_for_those_it_was_made_of() -> None:
    assert ranges(counting([part(1, 10), part(11, 20), part(1, 20), part(21, 30)], 30)) == [("2025-11-21", 1, 20), ("2025-11-21", 21, 30)]


def test_parts_of_other_days_with_the_same_range_all_count() -> None:
    both = [part(11, 20), part(11, 20, "2025-11-20")]
    assert len(counting(both, 20)) == 2


def test_only_the_days_of_a_range_are_looked_at(tmp_path: Path) -> None:
    lay(tmp_path, "day=2025-11-20/part-1-5.parquet", "day=2025-11-21/part-1-5.parquet", "day=2025-11-22/part-6-9.parquet")
    assert [one.day for one in found(tmp_path, START_NS, START_NS + DAY)] == ["2025-11-21"]
    assert [one.day for one in found(tmp_path, START_NS - 1, START_NS + DAY + 1)] == ["2025-11-20", "2025-11-21", "2025-11-22"]
    assert len(found(tmp_path)) == 3


def test_temporary_files_and_strangers_are_no_parts(tmp_path: Path) -> None:
    lay(tmp_path, "day=2025-11-21/.part-1-5.parquet.tmp", "day=2025-11-21/notes.txt", "export/part-1-5.parquet")
    assert found(tmp_path) == []
    assert days_in(tmp_path) == ["2025-11-21"]


def test_the_marker_says_how_far_the_seals_reach(tmp_path: Path) -> None:
    assert sealed_upto(tmp_path / "none") == 0
    lay(tmp_path, "day=2025-11-21/part-1-5.parquet", "day=2025-11-21/part-6-9.parquet")
    assert sealed_upto(tmp_path) == 9, "without a marker the parts' own names hold"
    (tmp_path / "sealed.json").write_text('{"last": 5}')
    assert sealed_upto(tmp_path) == 5


def test_a_damaged_marker_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "sealed.json").write_text("{")
    with pytest.raises(ValueError, match=r"sealed\.json: not a marker .* delete it"):
        sealed_upto(tmp_path)


def test_a_day_is_utc() -> None:
    assert (day_of(START_NS - 1), day_of(START_NS)) == ("2025-11-20", "2025-11-21")
