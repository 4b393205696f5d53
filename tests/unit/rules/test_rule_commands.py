"""`plantroom rules test`, `rules list` and `backtest` as people and scripts call them."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from plantroom.cli import run
from rules.book import PACKS

SITE = """\
site: {id: lab, name: Lab, zone: UTC, language: en, practice: gb}
connections:
  - {id: bus, modbus_tcp: {host: 127.0.0.1, port: 1502}}
equipment:
  - {id: gen-1, kind: generator, name: G1, profile: smartgen-hgm4000n, connection: bus, unit: 3, rules_off: {low_fuel: "day tank is seen elsewhere"}}
  - {id: gen-2, kind: generator, name: G2}
"""
RULE = PACKS / "generator" / "low_oil_pressure.yaml"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


def lines(text: str) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in text.splitlines()]


def test_rules_test_runs_files_and_folders(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "test", str(RULE)]) == 0
    assert capsys.readouterr().out == "1 rules, 7 tests, 0 failed\n"
    assert run(["rules", "test", str(RULE), "--json"]) == 0
    told = lines(capsys.readouterr().out)
    assert len(told) == 7
    assert told[0] == {"file": str(RULE), "rule": "low_oil_pressure", "test": "raised after two seconds", "passed": True, "misses": []}


def test_rules_test_fails_where_an_expectation_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(RULE.read_text().replace("value: 103", "value: 60"))
    assert run(["rules", "test", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert f"{broken}:17: raised after two seconds: at 20s expected pending, was cleared" in out
    assert out.endswith("1 rules, 7 tests, 5 failed\n")
    assert run(["rules", "test", str(broken), "--json"]) == 1
    assert {"line": 17, "at_s": 22.0, "expected": "active", "was": "cleared"} in lines(capsys.readouterr().out)[0]["misses"]  # type: ignore[operator]


def test_a_file_that_is_no_rule_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.yaml").write_text(RULE.read_text().replace("on_missing: hold", "on_missing: clear"))
    assert run(["rules", "test", str(tmp_path)]) == 2
    assert "r.yaml:11: on_missing: `clear` does not exist" in capsys.readouterr().err
    (tmp_path / "r.yaml").unlink()
    assert run(["rules", "test", str(tmp_path)]) == 2
    assert "no .yaml file in this folder" in capsys.readouterr().err


def test_rules_list_says_what_applies_and_why_not(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "list", str(site), "--json"]) == 0
    told = {(line["equipment"], line["rule"]): line for line in lines(capsys.readouterr().out)}
    assert told["gen-1", "not_in_auto"] == {
        "equipment": "gen-1", "rule": "not_in_auto", "severity": "readiness", "applies": True, "why_not": None, "caveat": None
    }  # fmt: skip
    assert told["gen-1", "low_fuel"]["why_not"] == "switched off for gen-1: day tank is seen elsewhere"
    assert told["gen-2", "not_in_auto"]["why_not"] == "gen-2 has no device: nothing is read from it"
    assert run(["rules", "list", str(site)]) == 0
    out = capsys.readouterr().out
    assert "gen-1  G1  (generator): 5 of 6 rules apply" in out
    assert "  - low_fuel                     normal     switched off for gen-1: day tank is seen elsewhere" in out


def test_backtest_prints_json_lines_of_the_contract(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = tmp_path / "h.csv"
    cells = ["off"] * 80 + ["auto"] * 40
    history.write_text("time,gen-2.control_mode\n" + "".join(f"2026-03-01T00:{n // 60:02d}:{n % 60:02d}Z,{c}\n" for n, c in enumerate(cells)))
    assert run(["backtest", str(site), "--history", str(history), "--json"]) == 0
    raised = {"at": "2026-03-01T00:01:00.000Z", "since": "2026-03-01T00:00:00.000Z", "event": "raised"}
    cleared = {"at": "2026-03-01T00:01:25.000Z", "since": "2026-03-01T00:00:00.000Z", "event": "cleared"}
    whole = {"rule": "not_in_auto", "equipment": "gen-2", "severity": "readiness"}
    assert lines(capsys.readouterr().out) == [raised | whole, cleared | whole]
    assert run(["backtest", str(site), "--history", str(history), "--from", "2026-03-01T00:01:10Z"]) == 0
    assert lines(capsys.readouterr().out) == [cleared | whole]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["backtest", "SITE", "--history", "none.csv"], "none.csv: cannot be read"),
        (["backtest", "SITE", "--history", "none.csv", "--from", "noon"], "'noon' is no instant"),
        (["rules", "list", "none.yaml"], "none.yaml: cannot be read"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_two_and_its_place(site: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([str(site) if word == "SITE" else word for word in arguments]) == 2
    assert says in capsys.readouterr().err
