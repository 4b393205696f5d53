"""The two lines of an alert: one golden text for each shipped rule, width-checked, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantroom.messages import COLUMNS, Alert, compose, cut, width
from plantroom.model import Severity
from plantroom.words import LANGUAGES
from rules.book import pack
from rules.rule import Rule
from tests.kit.golden import ZONE, alert_of, at, golden, kind_of

GOLDEN: Mapping[tuple[str, str], Any] = golden()


ENTRAPMENT = Alert(
    severity=Severity.DANGER, reason="raised", what={"zh": "困人", "en": "People trapped"}, machine={"zh": "3号客梯", "en": "Lift 3"},
    step={"zh": "去12层电梯厅", "en": "go to the lobby on 12"}, since_ns=at(14, 3), now_ns=at(14, 3), place="B座12-13层间 轿内有人",
    clock="response", due_ns=at(14, 18), zone=ZONE,
)  # fmt: skip


def named(rule: Rule) -> str:
    return f"{kind_of(rule)}-{rule.id}"


def golden_alert(rule: Rule) -> Alert:
    return alert_of(rule, GOLDEN[kind_of(rule), rule.id].get("values", {}))


def test_every_shipped_rule_has_its_golden_text_and_nothing_else_stands_there() -> None:
    assert sorted(GOLDEN) == sorted((kind_of(rule), rule.id) for rule in pack().rules), "python -m tests.kit.golden, then read what it wrote"


@pytest.mark.parametrize("rule", pack().rules, ids=named)
def test_a_rules_alert_reads_as_agreed(rule: Rule) -> None:
    said = compose(golden_alert(rule))
    assert said == {lang: GOLDEN[kind_of(rule), rule.id][lang] for lang in LANGUAGES}


@pytest.mark.parametrize("rule", pack().rules, ids=named)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_rules_alert_fits_and_shows_class_what_and_machine_whole(rule: Rule, lang: str) -> None:
    alert = golden_alert(rule)
    first, second = compose(alert)[lang]
    assert width(first) <= COLUMNS[lang]
    assert alert.what[lang] in first and alert.machine[lang] in first, "only the place may be cut"
    assert not any(sign in first + second for sign in ("%", "http", "_", "{", "}"))


def test_the_standards_own_example() -> None:
    assert compose(ENTRAPMENT)["zh"] == ["〔出险〕困人 3号客梯 B座12-13层间 轿内有人", "14:03起 14:18前响应 先去12层电梯厅 未接单"]


@pytest.mark.parametrize(
    ("change", "zh", "en"),
    [
        ({"reason": "warning", "now_ns": at(14, 15)}, "14:03起 14:18前响应，即将超时 先去12层电梯厅 未接单",
         "since 14:03, respond by 14:18, time is short, first: go to the lobby on 12, nobody has it"),
        ({"reason": "breach", "now_ns": at(14, 18)}, "14:03起 14:18响应已超时 先去12层电梯厅 未接单",
         "since 14:03, response was due 14:18, first: go to the lobby on 12, nobody has it"),
        ({"reason": "warning", "state": "accepted", "holder": "李伟", "clock": "arrival", "due_ns": at(14, 25)},
         "14:03起 14:25前到场，即将超时 先去12层电梯厅 李伟已接单",
         "since 14:03, be there by 14:25, time is short, first: go to the lobby on 12, 李伟 has it"),
        ({"reason": "returned"}, "14:03再次发生 14:18前响应 先去12层电梯厅 未接单",
         "again at 14:03, respond by 14:18, first: go to the lobby on 12, nobody has it"),
        ({"reason": "cleared", "ended_ns": at(14, 9)}, "14:03起 14:09已自行恢复，仍需到场确认 未接单",
         "since 14:03, went away by itself at 14:09, still go and look, nobody has it"),
        ({"reason": "cleared", "ended_ns": at(14, 9), "severity": Severity.NORMAL, "state": "closed"}, "14:03起 14:09已自行恢复 已关闭",
         "since 14:03, went away by itself at 14:09, closed"),
        ({"reason": "cleared", "ended_ns": at(14, 40), "state": "arrived", "holder": "李伟"}, "14:03起 14:40已恢复 李伟已到场",
         "since 14:03, good again at 14:40, 李伟 is there"),
        ({"reason": "cleared", "ended_ns": at(14, 9), "ended": "withdrawn"}, "14:03起 14:09已撤销 未接单",
         "since 14:03, withdrawn at 14:09, nobody has it"),
        ({"clock": "restore", "due_ns": at(14, 3, 22), "state": "arrived", "holder": "李伟"}, "14:03起 11-22 14:03前修复 李伟已到场",
         "since 14:03, restore by 11-22 14:03, 李伟 is there"),
        ({"clock": None, "due_ns": None}, "14:03起 先去12层电梯厅 未接单", "since 14:03, first: go to the lobby on 12, nobody has it"),
    ],
)  # fmt: skip
def test_the_second_line_says_since_when_until_when_what_first_and_who(change: dict[str, Any], zh: str, en: str) -> None:
    said = compose(replace(ENTRAPMENT, **change))
    assert (said["zh"][1], said["en"][1]) == (zh, en)


@pytest.mark.parametrize(
    ("mode", "zh", "en"),
    [("commissioning", "【调试】", "[COMMISSIONING]"), ("exercise", "【演练】", "[EXERCISE]"), ("test", "【测试】", "[TEST]")],
)
def test_what_is_not_meant_for_real_says_so_first(mode: str, zh: str, en: str) -> None:
    said = compose(replace(ENTRAPMENT, mode=mode))
    assert said["zh"][0].startswith(zh) and said["en"][0].startswith(en) and width(said["zh"][0]) <= COLUMNS["zh"]


def test_a_fault_without_data_says_so() -> None:
    assert "困人（无数据）" in compose(replace(ENTRAPMENT, no_data=True))["zh"][0]


def test_the_place_gives_way_first_then_the_end_of_what_never_class_or_machine() -> None:
    narrow = replace(ENTRAPMENT, what={"zh": "运转但打不上压", "en": "x"}, place="B座地下二层消防水泵房东侧第三排")
    first = compose(narrow)["zh"][0]
    assert first == "〔出险〕运转但打不上压 3号客梯 B座地下二层消防…" and width(first) <= 48
    narrower = replace(ENTRAPMENT, what={"zh": "消防泵" * 8, "en": "x"})
    first = compose(narrower)["zh"][0]
    assert first.startswith("〔出险〕消防泵") and first.endswith("… 3号客梯") and width(first) <= 48


def test_names_from_a_ledger_or_a_payload_bring_no_line_breaks_to_a_phone() -> None:
    said = compose(replace(ENTRAPMENT, machine={"zh": "3号\n客梯\u202e", "en": "Lift\t3"}))
    assert all("\n" not in line and "\u202e" not in line for lines in said.values() for line in lines)


TEXT = st.text(max_size=60)


@given(what=TEXT, place=TEXT, machine=st.text(max_size=12), no_data=st.booleans())
def test_line_one_never_runs_over(what: str, place: str, machine: str, no_data: bool) -> None:
    words, name = dict.fromkeys(LANGUAGES, what), dict.fromkeys(LANGUAGES, machine)
    for lang, lines in compose(replace(ENTRAPMENT, what=words, place=place, machine=name, no_data=no_data)).items():
        assert width(lines[0]) <= COLUMNS[lang]


@given(TEXT, st.integers(0, 40))
def test_a_cut_text_fits_and_is_its_own_beginning(text: str, columns: int) -> None:
    short = cut(text, columns)
    assert width(short) <= columns
    assert text == short or text.startswith(short.removesuffix("…"))
