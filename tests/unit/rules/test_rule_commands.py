"""`plantroom rules test`, `rules list` and `backtest` as people and scripts call them."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from plantroom.cli import run
from plantroom.kinds import load_kind

SITE = """\
site: {id: lab, name: Lab, zone: UTC, language: en, practice: gb}
connections:
  - {id: bus, modbus_tcp: {host: 127.0.0.1, port: 1502}}
equipment:
  - {id: gen-1, kind: generator, name: G1, profile: smartgen-hgm4000n, connection: bus, unit: 3, rules_off: {low_fuel: "day tank is seen elsewhere"}}
  - {id: gen-3, kind: generator, name: G3, profile: smartgen-hgm4000n, connection: bus, unit: 4}
  - {id: gen-2, kind: generator, name: G2}
"""
RULE = """\
id: oil_low
applies_to: generator
needs: [oil_pressure, engine_speed]
when: engine_speed > 300 and oil_pressure < limit
parameters:
  limit: {value: 103, unit: kPa, range: [50, 300], source: "a test"}
for: 2s
clear_after: 10s
on_missing: hold
severity: readiness
inhibited_by: [emergency_stop_active]
says: {zh: "机油压力低 {oil_pressure:.0f} kPa", en: "Low oil pressure {oil_pressure:.0f} kPa"}
do: {zh: 停机, en: Stop it}
tests:
  - {name: raised after two seconds, every: 1s, engine_speed: "1500 x30", oil_pressure: "300 x20, 80 x10", expect: {20s: pending, 22s: active}}
  - {name: quiet just above, every: 1s, engine_speed: "1500 x30", oil_pressure: "104 x30", expect: {29s: cleared}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


def lines(text: str) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in text.splitlines()]


def test_rules_test_runs_files_and_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "oil_low.yaml"
    file.write_text(RULE)
    assert run(["rules", "test", str(file)]) == 0
    assert capsys.readouterr().out == "1 rules, 2 tests, 0 failed\n"
    assert run(["rules", "test", str(file), "--json"]) == 0
    told = lines(capsys.readouterr().out)
    assert len(told) == 2
    assert told[0] == {"file": str(file), "rule": "oil_low", "test": "raised after two seconds", "passed": True, "misses": []}


def test_rules_test_fails_where_an_expectation_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(RULE.replace("value: 103", "value: 60"))
    assert run(["rules", "test", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert f"{broken}:15: raised after two seconds: at 20s expected pending, was cleared" in out
    assert out.endswith("1 rules, 2 tests, 1 failed\n")
    assert run(["rules", "test", str(broken), "--json"]) == 1
    assert {"line": 15, "at_s": 22.0, "expected": "active", "was": "cleared"} in lines(capsys.readouterr().out)[0]["misses"]  # type: ignore[operator]


def test_a_file_that_is_no_rule_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.yaml").write_text(RULE.replace("on_missing: hold", "on_missing: clear"))
    assert run(["rules", "test", str(tmp_path)]) == 2
    assert "r.yaml:9: on_missing: `clear` does not exist" in capsys.readouterr().err
    (tmp_path / "r.yaml").unlink()
    assert run(["rules", "test", str(tmp_path)]) == 2
    assert "no .yaml file in this folder" in capsys.readouterr().err


def test_rules_list_says_what_applies_and_why_not(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "list", str(site), "--json"]) == 0
    found = lines(capsys.readouterr().out)
    told = {(line["equipment"], line["rule"]): line for line in found if "severity" in line}
    assert told["gen-1", "not_in_auto"] == {
        "equipment": "gen-1", "rule": "not_in_auto", "severity": "readiness", "applies": True, "why_not": None, "caveat": None,
        "detects": {"zh": "发电机不在自动位", "en": "Generator not in automatic"}, "why": None, "inhibited_by": [],
    }  # fmt: skip
    assert told["gen-1", "low_fuel"]["why_not"] == "switched off for gen-1: day tank is seen elsewhere"
    assert told["gen-2", "not_in_auto"]["why_not"] == "gen-2 has no device: nothing is read from it"
    assert told["gen-1", "low_fuel"]["why"]["zh"] == "在 gen-1 上停用：day tank is seen elsewhere"  # type: ignore[index]
    leak = told["gen-1", "fuel_leak"]["why"]
    assert leak == {"code": "points", "zh": "没有测点 储油间漏油(fuel_leak)", "en": "no source for fuel_leak"}
    whole = {line["equipment"]: line for line in found if "can" in line}
    assert whole["gen-2"]["can"] == 0
    assert whole["gen-2"]["unwatched"] == list(load_kind("generator").items)
    (line_down, _) = (line for line in found if line.get("group") == "@bus")
    assert (line_down["rule"], line_down["members"], line_down["applies"]) == ("gateway_offline", ["gen-1", "gen-3"], True)


def test_rules_list_speaks_to_people_in_their_language(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "list", str(site)]) == 0
    out = capsys.readouterr().out
    assert "gen-1  G1  (Standby generator):" in out
    assert "  - low_fuel  Normal  Generator low on fuel  -- switched off for gen-1: day tank is seen elsewhere" in out
    assert "  + decode_error  Advisory" in out and "part of device_offline while that stands" in out
    assert "Group @bus: gen-1, gen-3" in out and "gateway_offline" in out
    assert run(["rules", "list", str(site), "--lang", "zh"]) == 0
    out = capsys.readouterr().out
    assert "没有测点 储油间漏油(fuel_leak)" in out
    assert "项目须给出 油箱容积（fuel_hours_low.tank_volume）、额定油耗（fuel_hours_low.rated_consumption）" in out


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
