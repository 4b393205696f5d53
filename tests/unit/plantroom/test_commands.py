"""`plantroom check`, `apply`, `schema`: exit codes and what they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from plantroom import bundle, commands
from plantroom.bundle import Checked, site_of
from plantroom.cli import BAD_INPUT, DONE
from plantroom.clock import SystemClock
from plantroom.errors import BadInput
from plantroom.journal import Journal

EXAMPLE = Path(__file__).parents[3] / "docs" / "site-example.yaml"


@pytest.fixture(autouse=True)
def no_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "checks", lambda: {"rules": lambda site: Checked(files={"rules/a.yaml": "id: a\n"})})


def test_a_good_file_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.check_site(EXAMPLE, as_json=False) == DONE
    assert "good; 8 equipment (6 monitored), 8 devices" in capsys.readouterr().out
    assert commands.check_site(EXAMPLE, as_json=True) == DONE
    assert json.loads(capsys.readouterr().out) == []


def test_a_bad_one_is_listed_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(EXAMPLE.read_text("utf-8").replace("kind: ahu", "kind: ahuu").replace("unit: 9", "unit: 10"), "utf-8")
    assert commands.check_site(path, as_json=False) == BAD_INPUT
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and said[0].startswith(f"{path}:10: devices.ai-1.unit: unit 10 on bus-1 is 'io-3' already")
    assert commands.check_site(path, as_json=True) == BAD_INPUT
    found = json.loads(capsys.readouterr().out)
    assert [(problem["line"], problem["where"]) for problem in found] == [(10, "devices.ai-1.unit"), (24, "equipment.ahu-1.kind")]
    assert set(found[0]) == {"file", "line", "where", "text"}


def test_apply_makes_it_the_sites_configuration_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.apply_site(EXAMPLE, tmp_path, "li.wei", as_json=True) == DONE
    first = json.loads(capsys.readouterr().out)
    assert (first["site"], first["seq"], first["difference"]) == ("hq", 1, "首次应用")
    assert commands.apply_site(EXAMPLE, tmp_path, "li.wei", as_json=True) == DONE
    again = json.loads(capsys.readouterr().out)
    assert again["seq"] is None and again["hash"] == first["hash"]
    found = site_of(Journal(tmp_path / "hq" / "journal", SystemClock()).reader())
    assert found is not None and found[0] == 1 and found[1].hash == first["hash"]
    commands.apply_site(EXAMPLE, tmp_path, None, as_json=False)
    assert "nothing changed" in capsys.readouterr().out


def test_a_bad_file_is_not_applied(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("site: {}\n", "utf-8")
    with pytest.raises(BadInput):
        commands.apply_site(path, tmp_path / "data", None, as_json=False)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["site", "profile", "kind", "rule", "scenario"])
def test_schemas_are_printed_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands.print_schema(name)
    assert json.loads(capsys.readouterr().out)["$id"].endswith(f"/{name}.json")


def test_an_unknown_schema_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match="there are kind, plan, profile, rule, scenario, site"):
        commands.print_schema("budget")


def test_the_commands_are_registered_under_their_names() -> None:
    app = typer.Typer()
    commands.register(app)
    assert {command.callback.__name__ for command in app.registered_commands if command.callback} == {
        "check", "apply", "schema", "page",
    }  # fmt: skip
