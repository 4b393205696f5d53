"""The command line: exit codes, bad input with its places, packages that cannot be loaded."""

from __future__ import annotations

from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path

import orjson
import pytest
import typer

from plantroom import cli
from plantroom.cli import ServiceContext
from plantroom.clock import VirtualClock
from plantroom.errors import BadInput, JournalFailed, Problem
from plantroom.records import Chronicle, Records


def register(app: typer.Typer) -> None:
    @app.command()
    def judge(what: str, as_json: bool = typer.Option(False, "--json")) -> None:
        if what == "bad":
            worse = Problem("site.yaml", 14, "devices.x", "unit 300 is outside 0..255")
            raise BadInput([worse, Problem("site.yaml", 3, "", "no such key")])
        if what == "disk":
            raise JournalFailed("2026-11-21.db: disk full")
        if what == "no":
            raise typer.Exit(1)
        cli.print_json({"what": what})


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"tests": f"{__name__}:register", "broken": "no.such.module:x"}
    entries = [EntryPoint(name, value, "plantroom.commands") for name, value in names.items()]
    monkeypatch.setattr(cli, "entry_points", lambda group: entries)
    monkeypatch.setattr(EntryPoint, "load", lambda self: register if self.name == "tests" else __import__("no.such.module"))


def test_a_command_answers_and_the_others_work_though_one_package_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["judge", "good"]) == 0
    said = capsys.readouterr()
    assert orjson.loads(said.out) == {"what": "good"}
    assert "`broken`" in said.err and "no.such.module" not in said.out


def test_bad_input_is_two_and_names_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["judge", "bad"]) == 2
    lines = capsys.readouterr().err.splitlines()[1:]
    assert lines == ["site.yaml:3: no such key", "site.yaml:14: devices.x: unit 300 is outside 0..255"]


def test_bad_input_as_json_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["judge", "bad", "--json"]) == 2
    assert orjson.loads(capsys.readouterr().out)[1] == {
        "file": "site.yaml",
        "line": 14,
        "where": "devices.x",
        "text": "unit 300 is outside 0..255",
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["judge", "no"], 1), (["judge", "disk"], 1), (["judge"], 2), (["nonsense"], 2), (["--help"], 0), (["judge", "--help"], 0)],
)
def test_exit_codes(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == code


def test_the_release_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"plantroom {metadata.version('plantroom')}\n"


def test_an_unknown_service_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["service", "colect", "--data", str(tmp_path)]) == 2
    assert "no such service" in capsys.readouterr().err


def test_a_service_for_a_site_needs_one(tmp_path: Path) -> None:
    context = ServiceContext(tmp_path, None, VirtualClock(0))
    with pytest.raises(BadInput, match="name it"):
        _ = context.site_folder


def test_the_audit_tells_a_good_chronicle_from_a_changed_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = Records.open(tmp_path / "hq" / "records.db")
    chronicle = Chronicle(records.db)
    for n in range(5):
        chronicle.append(n, n, "command", b"{}")
    records.db.execute("INSERT INTO position VALUES (1, 5, 5, 5, 'b')")
    head = f"{chronicle.head[0]}:{chronicle.head[1].hex()}"
    assert cli.run(["audit", "verify", "--data", str(tmp_path), "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out).items() >= {"site": "hq", "ok": True, "rows": 5, "head": head}.items()
    assert cli.run(["audit", "verify", "--data", str(tmp_path), "--head", head]) == 0
    records.db.execute("DROP TRIGGER chronicle_is_append_only_u")
    records.db.execute("UPDATE chronicle SET body = x'00' WHERE n = 3")
    records.close()
    capsys.readouterr()
    assert cli.run(["audit", "verify", "--data", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "chain chronicle 3: row 3 (journal 2) was changed" in out and "schema trigger chronicle_is_append_only_u: is missing" in out


@pytest.mark.parametrize("arguments", [[], ["--head", "nonsense"]])
def test_an_audit_of_nothing_or_with_nonsense_is_bad_input(tmp_path: Path, arguments: list[str]) -> None:
    if arguments:
        Records.open(tmp_path / "hq" / "records.db").close()
    assert cli.run(["audit", "verify", "--data", str(tmp_path), *arguments]) == 2
