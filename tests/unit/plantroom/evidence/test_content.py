"""E-1: what a file is, is decided by what stands in it; nothing that anybody could run is kept."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.evidence import content
from plantroom.evidence.content import KINDS, NotTaken, begins, kind_of
from plantroom.words import LANGUAGES, catalogue
from tests.kit.evidence_files import GOOD, REFUSED, WORKBOOK, archive


def kind(tmp_path: Path, said: bytes) -> str:
    path = tmp_path / "as sent.exe"  # its name counts for nothing
    path.write_bytes(said)
    return kind_of(path).name


@pytest.mark.parametrize("name", GOOD)
def test_each_kind_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    assert kind(tmp_path, GOOD[name]) == name and set(GOOD) == set(KINDS)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why_in_both_languages(tmp_path: Path, name: str) -> None:
    code, said = REFUSED[name]
    with pytest.raises(NotTaken) as no:
        kind(tmp_path, said)
    assert no.value.code == code
    assert set(LANGUAGES) <= set(catalogue()[f"evidence.refused.{code}"])


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MOST_UNPACKED", 1 << 20)
    with pytest.raises(NotTaken, match="too_large_unpacked"):
        kind(tmp_path, archive({**WORKBOOK, "xl/bomb.xml": bytes(2 << 20)}))


def test_a_photo_with_a_film_behind_it_is_a_photo(tmp_path: Path) -> None:
    assert kind(tmp_path, GOOD["jpeg"] + GOOD["heic"]) == "jpeg"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_whatever_is_cut_or_changed_is_a_kind_or_a_refusal_never_an_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    said = bytearray(GOOD[name])
    said[data.draw(st.integers(0, len(said) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(bytes(said[: data.draw(st.integers(0, len(said)))]))
    with suppress(NotTaken):
        assert kind_of(path).name in KINDS


@given(st.binary(max_size=64))
def test_the_first_bytes_are_judged_whatever_they_are(head: bytes) -> None:
    try:
        assert begins(head) in {*KINDS, "text"}
    except NotTaken as no:
        assert no.code in ("empty", "type", "not_utf8")
