"""Golden texts of alerts, by kind: tests/cases/messages/<kind>.yaml. `python -m tests.kit.golden` adds those of rules that have none.

The values in a new text are those with which the rule's own first test raises it. What is added has to be read, as the person woken by it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

from plantroom.clock import to_ns
from plantroom.limits import ClockName
from plantroom.messages import Alert, compose
from plantroom.words import LANGUAGES, say
from rules import clocks, rule_test
from rules.book import pack
from rules.condition import State, Transition
from rules.evaluate import KindEvaluator
from rules.rule import Rule

CASES = Path(__file__).parents[1] / "cases" / "messages"
ZONE = ZoneInfo("Asia/Shanghai")
MACHINES: Mapping[str, tuple[str, str]] = {
    "elevator": ("3号客梯", "B座12-13层间 轿内有人"),
    "fire_pump": ("1号消防泵", "B2层水泵房"),
    "fire_pump_set": ("喷淋泵组", "B2层水泵房"),
    "fire_water": ("消防水池", "B2层水泵房"),
    "fire_panel": ("火灾报警主机", "消防控制室"),
    "smoke_fan": ("3号排烟风机", "屋面"),
    "generator": ("1号发电机", "B1层发电机房"),
    "ats": ("1号双电源", "B1层配电室"),
    "ahu": ("12层空调机组", "12层东机房"),
    "vav": ("12层东末端", "12层东区"),
    "fcu": ("1208室内机", "12层"),
    "chiller": ("2号冷水机组", "B2层制冷机房"),
    "tower": ("2号冷却塔", "屋面"),
    "pump": ("3号冷冻水泵", "B2层制冷机房"),
    "sump": ("B2集水坑", "B2层车库"),
    "room": ("B1配电室", "B1层"),
    "meter": ("进线电表", "B1层配电室"),
    "monitor": ("监控系统", ""),
    "connection": ("线路bus-1", ""),
    "bank": ("A座低区梯群", ""),
}
FIELDS: Mapping[str, object] = {"count": 12, "of": 14, "certificate": "压力表检定"}


def at(hour: int, minute: int, day: int = 21) -> int:
    return to_ns(datetime(2026, 11, day, hour, minute, tzinfo=ZONE))


def kind_of(rule: Rule) -> str:
    return rule.applies_to[0]


def golden() -> dict[tuple[str, str], Any]:
    """(kind, rule id) -> {zh, en, values}."""
    reader = YAML(typ="safe")
    return {(path.stem, id_): text for path in sorted(CASES.glob("*.yaml")) for id_, text in (reader.load(path.read_text("utf-8")) or {}).items()}


def alert_of(rule: Rule, given: Mapping[str, object]) -> Alert:
    """The rule's fault on a usual machine, raised at 14:03."""
    kind = kind_of(rule) if kind_of(rule) != "any" else "generator"
    severity = rule.severity_for(kind)
    clock = clocks.start("O1-1", ClockName.RESPONSE, 1, severity, at(14, 3))
    values: dict[str, Any] = {name: parameter.value for name, parameter in rule.parameters.items() if parameter.value is not None}
    values |= given
    name, place = MACHINES[kind]
    names = {lang: say("alert.monitor", lang) for lang in LANGUAGES} if kind == "monitor" else dict.fromkeys(LANGUAGES, name)
    return Alert(
        severity=severity, reason="raised", what={lang: rule.say(lang, values) for lang in LANGUAGES}, machine=names,
        step={lang: rule.first_step(lang, values) for lang in LANGUAGES}, since_ns=at(14, 3), now_ns=at(14, 3), place=place,
        clock="response" if clock else None, due_ns=clock.due_ns if clock else None, zone=ZONE,
    )  # fmt: skip


def raised_with(rule: Rule) -> dict[str, float]:
    """The points' values with which the first of the rule's own tests raises it."""
    found: list[Transition] = []
    plain = KindEvaluator._transition

    def noted(self: KindEvaluator, change: Any) -> Transition:
        transition = plain(self, change)
        if transition.after is State.ACTIVE:
            found.append(transition)
        return transition

    KindEvaluator._transition = noted  # type: ignore[method-assign]
    try:
        for test in rule.tests:
            rule_test.run_test(rule, test)
            if found:
                break
    finally:
        KindEvaluator._transition = plain  # type: ignore[method-assign]
    values = found[0].values if found else {}
    return {name: round(value, 3) for name, value in values.items() if value == value and f"{{{name}" in str((rule.says, rule.do))}


def add_missing() -> list[tuple[str, str]]:
    """Writes what is not there yet, takes out what has no rule any more; the keys added."""
    known = golden()
    wanted = {(kind_of(rule), rule.id): rule for rule in pack().rules}
    added = sorted(wanted.keys() - known.keys())
    for key in added:
        rule = wanted[key]
        values: dict[str, object] = {name: FIELDS.get(name, "3") for name in rule.fields if f"{{{name}" in str((rule.says, rule.do))} if rule.when is None else dict(raised_with(rule))
        known[key] = ({"values": values} if values else {}) | dict(compose(alert_of(rule, values)))
    for kind in sorted({kind for kind, _ in known} | {path.stem for path in CASES.glob("*.yaml")}):
        texts = {id_: known[kind, id_] for k, id_ in sorted(known) if k == kind and (k, id_) in wanted}
        _write(CASES / f"{kind}.yaml", texts)
    return added


def _write(path: Path, texts: Mapping[str, Any]) -> None:
    if not texts:
        path.unlink(missing_ok=True)
        return
    writer = YAML()
    writer.width = 4096
    out = StringIO()
    writer.dump({id_: {k: text[k] for k in ("values", *LANGUAGES) if k in text} for id_, text in texts.items()}, out)
    path.write_text(f"# The alerts of {path.stem} as people read them: raised at 14:03 on a usual machine.\n{out.getvalue()}", "utf-8")


if __name__ == "__main__":
    for kind, id_ in add_missing():
        sys.stdout.write(f"{kind} {id_}\n")
