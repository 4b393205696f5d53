"""Problems as people read them: one mistake made many times is shown once."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from plantroom.cli import run
from plantroom.errors import Problem, folded


def alike(count: int, first_line: int = 210) -> list[Problem]:
    return [
        Problem("site.yaml", first_line + n, f"equipment.p-{n}.stat", f"p-{n} has no 'stat'; did you mean 'state'?") for n in range(count)
    ]


def test_one_mistake_made_many_times_is_shown_once_with_its_count_and_lines() -> None:
    assert list(folded(alike(3000))) == [
        "site.yaml:210: equipment.p-0.stat: p-0 has no 'stat'; did you mean 'state'?",
        "    and 2,999 more like it (lines 211, 212, 213, ...)",
    ]
    assert list(folded(alike(4)))[1] == "    and 3 more like it (lines 211, 212, 213)"


def test_a_few_are_shown_each_by_itself() -> None:
    assert list(folded(alike(3))) == list(map(str, alike(3)))
    assert list(folded([])) == []


@pytest.mark.parametrize(
    "other",
    [
        Problem("other.yaml", 300, "equipment.p-9.stat", "p-9 has no 'stat'; did you mean 'state'?"),
        Problem("site.yaml", 300, "devices.p-9.stat", "p-9 has no 'stat'; did you mean 'state'?"),
        Problem("site.yaml", 300, "equipment.p-9.knid", "p-9 has no 'stat'; did you mean 'state'?"),
        Problem("site.yaml", 300, "equipment.p-9.stat", "is no text"),
    ],
)
def test_another_file_part_key_or_mistake_is_another_kind(other: Problem) -> None:
    said = list(folded([*alike(50), other, *alike(50, 400)]))
    assert said[1:] == ["    and 99 more like it (lines 211, 212, 213, ...)", str(other)]


def test_names_without_numbers_are_alike_too() -> None:
    names = ["north", "south", "east", "west", "roof"]
    said = list(folded(Problem("site.yaml", 5, f"equipment.{name}.unit", f"{name} shares unit 3 with {name}-b") for name in names))
    assert len(said) == 5 and "north" in said[0], "north-b is another name than north"
    said = list(folded(Problem("site.yaml", 5, f"equipment.{name}.unit", f"{name} has no unit") for name in names))
    assert said[1:] == ["    and 4 more like it (lines 5, 5, 5, ...)"]


def test_check_shows_the_first_of_a_kind_and_all_of_them_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site.yaml"
    machines = "".join(f"  - {{id: p-{n}, kind: pump, name: P{n}, stat: in_service}}\n" for n in range(300))
    site.write_text(f"site: {{id: lab, name: Lab, zone: UTC, language: en, practice: gb}}\nequipment:\n{machines}  - {{id: last, kind: pmp, name: L}}\n")
    assert run(["check", str(site)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"{site}:3: equipment.p-0.stat: is not a key here; did you mean 'state'?"
    assert said[1] == "    and 299 more like it (lines 4, 5, 6, ...)"
    assert f"{site}:303: equipment.last.kind" in said[2] and said[3].startswith("301 problems; each by itself: `plantroom check SITE --all`")
    assert run(["check", str(site), "--all"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 301
    assert run(["check", str(site), "--json"]) == 2
    assert len(orjson.loads(capsys.readouterr().out)) == 301
    assert run(["apply", str(site), "--data", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 4, "wherever a site file is read"
