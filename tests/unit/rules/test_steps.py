"""O-3: the emergency steps of a rule are read with every mistake named, and no urgent rule ships without them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plantroom.errors import BadInput
from plantroom.messages import width
from rules.book import pack, rulebook
from rules.rule import Rule
from rules.rule_file import parse_rule
from rules.steps import FEWEST, MOST, WIDEST

TEXT = """\
id: gone
applies_to: monitor
on_event: gone
steps:
  zh:
    - "通知消防控制室"
    - "派人守泵房，7 分钟看一次"
  en:
    - "Tell the fire control room"
    - "Stay in the pump room"
severity: readiness
says: {zh: 测, en: test}
do: {zh: 看, en: look}
"""
URGENT = [rule for rule in pack().rules if any(severity.urgent for severity in rule.severity.values())]


def problems(text: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        parse_rule(text, "r.yaml")
    return [str(problem) for problem in caught.value.problems]


def without_steps(rules: list[Rule]) -> list[str]:
    """The files of the urgent rules that leave somebody alone after the first step."""
    return [rule.file for rule in rules if not (rule.steps and all(rule.steps.values()))]


def test_the_steps_are_read_in_their_order_and_are_not_needed() -> None:
    rule = parse_rule(TEXT, "r.yaml")
    assert rule.steps == {"zh": ("通知消防控制室", "派人守泵房，7 分钟看一次"), "en": ("Tell the fire control room", "Stay in the pump room")}
    bare = "".join(line for n, line in enumerate(TEXT.splitlines(keepends=True), 1) if not 4 <= n <= 10)
    assert parse_rule(bare, "r.yaml").steps == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('    - "派人守泵房，7 分钟看一次"\n', "", ["r.yaml:6: steps.zh: has 1; write 2 to 6 steps", "r.yaml:5: steps: must be as many in each language, step by step the same (zh has 1, en has 2)"]),
        ('    - "Stay in the pump room"\n', '    - "Stay in the pump room"\n    - "Write it down"\n', ["r.yaml:5: steps: must be as many in each language, step by step the same (zh has 2, en has 3)"]),
        ("通知消防控制室", "通" * 41, ["r.yaml:6: steps.zh[1]: is 2 columns too wide; a step is read at a glance: at most 40 Chinese characters"]),
        ("Stay in the pump room", "x" * 91, ["r.yaml:10: steps.en[2]: is 1 columns too wide; a step is read at a glance: at most 90 characters"]),
        ("Stay in the pump room", "{silence} s", ["r.yaml:10: steps.en[2]: takes no values: it stands on the page as it is written"]),
        ("Stay in the pump room", "  ", ["r.yaml:10: steps.en[2]: is empty"]),
        ('"Stay in the pump room"', "[1]", ["r.yaml:10: steps.en[2]: must be text, not a list"]),
        ('  en:\n    - "Tell the fire control room"\n    - "Stay in the pump room"\n', "", ["r.yaml:5: steps.en: is missing"]),
        ("  en:\n", "  fr:\n", ["r.yaml:8: steps: 'fr' is no language of the rules; must be {zh: [\"...\", \"...\"], en: [\"...\", \"...\"]}", "r.yaml:5: steps.en: is missing"]),
        ('  en:\n    - "Tell the fire control room"\n    - "Stay in the pump room"\n', "  en: Stay\n", ["r.yaml:8: steps.en: must be a list of steps, not 'Stay'"]),
        (TEXT[TEXT.index("steps:") : TEXT.index("severity")], "steps: [a, b]\n", ['r.yaml:4: steps: must be {zh: ["...", "..."], en: ["...", "..."]}']),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_line(old: str, new: str, said: list[str]) -> None:
    assert old in TEXT
    assert sorted(problems(TEXT.replace(old, new))) == sorted(said)


def test_more_than_six_are_a_procedure_and_as_many_as_fit_are_taken() -> None:
    def text(steps: int, zh: str = "通", en: str = "x") -> str:
        listed = {language: "".join(f'    - "{word}"\n' for _ in range(steps)) for language, word in (("zh", zh), ("en", en))}
        return f"{TEXT[: TEXT.index('  zh:')]}  zh:\n{listed['zh']}  en:\n{listed['en']}{TEXT[TEXT.index('severity') :]}"

    assert parse_rule(text(MOST, "通" * 40, "x" * 90), "r.yaml").steps["zh"] == ("通" * 40,) * MOST
    assert len(problems(text(MOST + 1))) == 2
    assert len(parse_rule(text(FEWEST), "r.yaml").steps["en"]) == FEWEST


def test_every_urgent_rule_carries_its_steps() -> None:
    """O-3, of danger and readiness, of one kind among several too; groups and the monitor's own as well."""
    assert len(URGENT) > 100 and {"any", "monitor", "elevator", "fire_pump", "generator"} <= {rule.applies_to[0] for rule in URGENT}
    assert without_steps(URGENT) == []


def test_a_rule_that_lost_them_is_found() -> None:
    """The control, by the file's own text."""
    good = next(rule for rule in URGENT if rule.steps)
    at = good.text.index("\nsteps:") + 1
    end = at + next(n for n, c in enumerate(good.text[at:]) if c == "\n" and good.text[at + n + 1] not in " ") + 1
    lost = rulebook({good.file: good.text[:at] + good.text[end:]}).rules[0]
    assert without_steps([good, lost, replace(good, steps={"zh": good.steps["zh"], "en": ()})]) == [good.file, good.file]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_steps_that_ship_are_plain_words_in_their_language(language: str) -> None:
    for rule in pack().rules:
        for step in rule.steps.get(language, ()):
            assert 0 < width(step) <= WIDEST[language] and "_" not in step and "://" not in step, (rule.file, step)
            assert any("\u4e00" <= c <= "\u9fff" for c in step) is (language == "zh"), (rule.file, step)
            assert not step.endswith(("。", ".")), (rule.file, step)
