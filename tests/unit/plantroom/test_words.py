from __future__ import annotations

import re
from pathlib import Path

import pytest

from plantroom.errors import BadInput
from plantroom.model import EquipmentState, Quality, Severity
from plantroom.words import LANGUAGES, UnknownWord, catalogue, has, language, load, placeholders, say


def test_every_text_stands_in_every_language_and_takes_the_same_values() -> None:
    assert len(catalogue()) > 50
    for key, texts in catalogue().items():
        assert set(texts) == set(LANGUAGES), key
        assert len({placeholders(text) for text in texts.values()}) == 1, key


def test_chinese_texts_are_chinese_and_english_ones_are_not() -> None:
    chinese = {key for key, texts in catalogue().items() if any("\u4e00" <= c <= "\u9fff" for c in texts["en"])}
    assert chinese <= {"page.language_other"}, "an English text holds Chinese characters"


def test_chinese_texts_have_full_width_punctuation() -> None:
    """Between Chinese characters; what stands in braces is a value. Latin lists and code keep theirs."""
    half = re.compile(r"[\u4e00-\u9fff\uff09%]\s*[,;:]\s*[\u4e00-\u9fff{]|[\u4e00-\u9fff][,;:()]|[,;()][\u4e00-\u9fff]|}[,;:] *[\u4e00-\u9fff]")
    wrong = {key: texts["zh"] for key, texts in catalogue().items() if half.search(texts["zh"])}
    assert not wrong


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_value_of_the_model_has_a_word(lang: str) -> None:
    keys = [f"severity.{s.value}" for s in Severity]
    keys += [f"quality.{q.word}" for q in Quality]
    keys += [f"equipment_state.{s.value}" for s in EquipmentState]
    assert all(say(key, lang) for key in keys)


def test_an_unknown_key_language_or_missing_value_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownWord, match=r"severity\.dreadful"):
        say("severity.dreadful", "zh")
    with pytest.raises(UnknownWord, match="no language 'fr'"):
        say("severity.danger", "fr")
    assert not has("severity.dreadful")
    assert say("severity.danger", "zh") == "出险"


def test_values_are_filled_in_and_a_missing_one_is_named() -> None:
    needing = next(key for key, texts in catalogue().items() if placeholders(texts["en"]))
    with pytest.raises(UnknownWord, match="needs a value"):
        say(needing, "en")


def test_a_value_is_never_taken_for_a_template() -> None:
    assert say("now.shelved", "en", until="{__class__}") == "shelved until {__class__}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: {zh: 甲}\n", "write {zh"),
        ("a: {zh: '甲 {n}', en: 'A {m}'}\n", "different values"),
        ("a: {zh: '甲 {', en: 'A'}\n", "broken braces"),
        ("a: {zh: '甲 {x.y}', en: 'A {x.y}'}\n", "plain named values"),
        ("a: {zh: 是, en: yes}\nb: {zh: 1, en: 1}\n", "reads as a number"),
        ("a: 5\n", "write {zh"),
    ],
)
def test_a_bad_catalogue_is_refused_with_file_and_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "x.yaml").write_text(text, "utf-8")
    with pytest.raises(BadInput, match=says) as caught:
        load(tmp_path)
    assert caught.value.problems[0].line >= 1


def test_a_key_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("x: {y: {zh: 甲, en: A}}\n", "utf-8")
    with pytest.raises(BadInput, match=r"b\.yaml:1: x\.y: stands twice"):
        load(tmp_path)


def test_the_nearest_language_is_taken() -> None:
    assert [language("zh-CN"), language("en-GB", "zh"), language("fr", "en"), language(None)] == ["zh", "en", "en", "zh"]
