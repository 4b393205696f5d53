"""A site's own rules, from the file beside its site file to the engine: read, checked, tested, in force, in the config record."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plantroom.bundle import apply, checked, problems_of, site_in
from plantroom.cli import run
from plantroom.clock import NS, VirtualClock
from plantroom.journal import Journal
from plantroom.limits import ClockName, times_of
from plantroom.model import Severity
from rules.book import rulebook
from rules.house import furnish
from tests.kit.engine import Kit, pump, rule_text, site_text
from tests.kit.journals import NOON

JOCKEY = rule_text("jockey_too_often", "jockey_fault", "normal")


def site(folder: Path, rules: str = "rules: {files: [rules]}", **texts: str) -> Path:
    """A site file with rule files beside it; texts: by name, `/` written as `__`."""
    path = folder / "site.yaml"
    path.write_text(site_text(pump(1), pump(2)) + rules + "\n")
    for name, text in texts.items():
        file = folder / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return path


def said(path: Path) -> list[str]:
    return [str(problem).removeprefix(f"{path.parent}/") for problem in problems_of(path)]


def test_a_folder_of_rules_beside_the_site_file_is_in_force(tmp_path: Path) -> None:
    found = checked(site(tmp_path, rules__jockey=JOCKEY, rules__deep__phase=rule_text("phase_gone", "phase_loss", "danger")))
    assert {"rules/site/rules/jockey.yaml", "rules/site/rules/deep/phase.yaml"} <= found.files.keys()
    ids = [rule.id for rule in rulebook(found.files).for_kind("fire_pump")]
    assert {"jockey_too_often", "phase_gone", "phase_loss", "device_offline"} <= set(ids) and len(ids) == len(set(ids))


def test_the_engine_judges_by_them_and_the_record_holds_all_there_is(tmp_path: Path) -> None:
    path = site(tmp_path, "rules: {files: [own.yaml], off: {phase_loss: tried elsewhere}}", own=JOCKEY)
    journal = Journal(tmp_path / "journal", VirtualClock(NOON))
    record = apply(path, journal, "tester")
    assert record is not None
    for file in tmp_path.glob("*.yaml"):
        file.unlink()
    house = furnish(record)
    assert house.rule("fire_pump", "jockey_too_often") is not None and "rules/site/own.yaml" in site_in(record).files
    kit = Kit(tmp_path)
    kit.say(record.body, record.kind)
    kit.tick()
    kit.stay(4, jockey_fault=1, phase_loss=1)
    kit.run()
    assert kit.faults() == [("fp-1", "jockey_too_often", "active")]
    kit.close()


def test_the_rule_of_the_walk_through_is_good_as_it_stands_on_the_page(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "rules.md").read_text("utf-8")
    text = next(block for block in re.findall(r"```yaml\n(.*?)```", page, re.S) if block.startswith("id: fuel_vanishes"))
    assert said(site(tmp_path, rules__fuel_vanishes=text)) == []


def test_a_rule_of_a_shipped_id_must_say_that_it_replaces_it(tmp_path: Path) -> None:
    own = rule_text("phase_loss", "phase_loss", "danger", for_="9s")
    path = site(tmp_path, rules__phase=own)
    assert said(path) == [
        "rules/phase.yaml:2: id: 'phase_loss' for fire_pump ships with Plantroom; choose another id, or write `replaces: true` to use yours instead"
    ]
    (tmp_path / "rules" / "phase.yaml").write_text(own + "replaces: true\n")
    found = rulebook(checked(path).files)
    assert [rule.for_ for rule in found.for_kind("fire_pump") if rule.id == "phase_loss"] == [9.0]
    assert found.get("fire_pump", "phase_loss") in found.for_kind("fire_pump")


def test_a_rule_of_one_kind_replaces_one_of_any_there_alone(tmp_path: Path) -> None:
    own = rule_text("device_offline", "pump_running", "danger") + "replaces: true\n"
    book = rulebook(checked(site(tmp_path, rules__off=own)).files)
    assert [rule.applies_to for rule in book.for_kind("fire_pump") if rule.id == "device_offline"] == [("fire_pump",)]
    assert [rule.applies_to for rule in book.for_kind("elevator") if rule.id == "device_offline"] == [("any",)]


@pytest.mark.parametrize(("rules", "texts", "problem"), [
    ("rules: {files: [rules]}", {}, "site.yaml:40: rules.files: rules: is not there; name a rule file, or a folder of them, beside the site file"),
    ("rules: {files: [../elsewhere]}", {}, "site.yaml:40: rules.files: ../elsewhere: lies outside the site file's folder; rule files stand beside it, so that they are kept together"),
    ("rules: {files: rules}", {}, "site.yaml:40: rules.files: must be a list (lines starting with -), not 'rules'"),
    ("rules: {files: [a.yaml]}", {"a": JOCKEY.replace("jockey_too_often\n", "jockey_too_often\nreplaces: true\n", 1)},
     "a.yaml:3: replaces: no shipped rule 'jockey_too_often' to replace"),
    ("rules: {files: [a.yaml]}", {"a": JOCKEY.replace("when: jockey_fault", "when: jocky_fault")}, "a.yaml:5: when:"),
    ("rules: {files: [a.yaml]}", {"a": JOCKEY.replace("2s: cleared", "2s: active")}, "a.yaml:14: tests: raised: at 2s expected active, was cleared"),
    ("rules: {files: [a.yaml, b.yaml]}", {"a": JOCKEY, "b": JOCKEY}, "b.yaml:2: id: 'jockey_too_often' for fire_pump stands in a.yaml already"),
    ("rules: {files: [a.yaml], parameters: {jockey_too_often: {limit: 3}}}", {"a": JOCKEY},
     "site.yaml:40: rules.parameters.jockey_too_often.limit: 'limit' is no parameter of jockey_too_often"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, rules: str, texts: dict[str, str], problem: str) -> None:
    path = site(tmp_path, rules, **texts)
    line = path.read_text().splitlines().index(rules) + 1
    found = said(path)
    assert len(found) == 1 and found[0].startswith(problem.replace("site.yaml:40", f"site.yaml:{line}")), found


def test_everything_wrong_in_several_files_is_said_at_once(tmp_path: Path) -> None:
    bad = JOCKEY.replace("severity: normal", "severity: loud")
    path = site(tmp_path, "rules: {files: [a.yaml, b.yaml], off: {nobody: why}}", a=bad, b=JOCKEY.replace("2s: cleared", "2s: active"))
    assert [line.split(": ")[0].split(":")[0] for line in said(path)] == ["a.yaml", "b.yaml", "site.yaml"]


def test_every_command_uses_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = site(tmp_path, rules__jockey=JOCKEY)
    history = tmp_path / "h.csv"
    lines = ["time,fp-1.jockey_fault", *(f"2026-03-01T00:00:{second:02d}Z,1" for second in range(0, 40, 2))]
    history.write_text("\n".join(lines) + "\n")
    for command, said in (
        (["rules", "list", str(path)], "+ jockey_too_often"),
        (["backtest", str(path), "--history", str(history)], '"rule":"jockey_too_often"'),
        (["rules", "test", str(tmp_path / "rules")], "1 rules, 1 tests, 0 failed"),
        (["check", str(path)], "good"),
    ):
        assert run(command) == 0 and said in capsys.readouterr().out


def test_the_sites_own_time_limits_are_in_force_and_a_looser_one_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = site(tmp_path, "clocks: {response: {readiness: 10m, normal: 45m}, warn_at: 50 %}")
    times = times_of(checked(path).clocks)
    assert times.limits[ClockName.RESPONSE] == {Severity.DANGER: 900 * NS, Severity.READINESS: 600 * NS, Severity.NORMAL: 2700 * NS}
    kit = Kit(tmp_path)
    kit.configure(path.read_text())
    kit.tick()
    kit.stay(4, phase_loss=1)
    kit.run()
    [(started, warn, due)] = kit.rows("SELECT started_ns, warn_ns, due_ns FROM clock WHERE name = 'response'")
    assert (warn - started, due - started) == (300 * NS, 600 * NS)
    assert kit.one("SELECT body FROM chronicle WHERE kind = 'clocks.loosened'") == b'{"limits":["response normal"]}'
    assert run(["check", str(path)]) == 0 and "响应时限（一般）45 分钟，比标准的 30 分钟宽" in capsys.readouterr().out
    kit.close()


@pytest.mark.parametrize(("clocks", "problem"), [
    ("{response: {danger: 5s}}", "clocks.response.danger: is outside 1m..31d"),
    ("{response: {advisory: 5m}}", "clocks.response.advisory: has no clock: it is an order for the next working day"),
    ("{respond: {danger: 5m}}", "clocks.respond: is not a key here; did you mean 'response'?"),
    ("{warn_at: 5 %}", "clocks.warn_at: is outside 10 % .. 100 % of a limit"),
    ("{warn_at: soon}", "clocks.warn_at: 'soon' is no share; write 80 %"),
    ("{arrival: {normal: 60}}", "clocks.arrival.normal: must be a length of time with its unit"),
])  # fmt: skip
def test_wrong_time_limits_are_said(tmp_path: Path, clocks: str, problem: str) -> None:
    [found] = said(site(tmp_path, f"clocks: {clocks}"))
    assert problem in found
