from __future__ import annotations

import numpy as np

from collector.store.ledger import Count
from collector.store.lines import LineEncoder, field_key, fields_of, samples_in
from plantroom.clock import NS
from plantroom.journal.columns import Columns
from plantroom.model import Batch, Frame, Quality
from tests.kit.telemetry import START_NS

KINDS = {"fp-1": "fire_pump", "gen-1": "generator"}
DAY = "2025-11-21"


def columns(points: tuple[str, ...], values: list[list[float]], quality: list[list[int]] | None = None) -> Columns:
    rows = len(values)
    codes = np.array(quality if quality is not None else [[0] * len(points)] * rows, np.uint8).reshape(rows, len(points))
    numbers = np.array(values, float).reshape(rows, len(points))
    return Columns(Frame(points), START_NS + np.arange(rows, dtype=np.int64) * NS, numbers, codes)


def lines(text: bytes) -> list[str]:
    return text.decode().splitlines()


def samples(text: bytes) -> list[str]:
    return [line for line in lines(text) if not line.startswith("quality,")]


def test_a_line_is_one_equipment_at_one_instant() -> None:
    given = columns(("fp-1.pressure", "gen-1.speed", "fp-1.running"), [[0.82, 1500, 1], [0.8, 1499.5, 0]])
    encoded = LineEncoder("hq", KINDS).encode(given)
    assert sorted(samples(encoded.text)) == [
        f"fire_pump,site=hq,equipment=fp-1 pressure=0.8,running=0.0 {START_NS + NS}",
        f"fire_pump,site=hq,equipment=fp-1 pressure=0.82,running=1.0 {START_NS}",
        f"generator,site=hq,equipment=gen-1 speed=1499.5 {START_NS + NS}",
        f"generator,site=hq,equipment=gen-1 speed=1500.0 {START_NS}",
    ]
    assert encoded.counts == {DAY: Count(6, 6)}
    assert encoded.lines == len(lines(encoded.text)) == 7, "three points said their quality for the first time"


def test_only_good_values_are_fields() -> None:
    given = columns(("fp-1.a", "fp-1.b"), [[1, 2], [np.nan, 4], [np.nan, np.nan]], [[0, 0], [Quality.NO_ANSWER, 0], [1, Batch.ABSENT]])
    encoded = LineEncoder("hq", KINDS).encode(given)
    assert sorted(line.split()[1] for line in samples(encoded.text)) == ["a=1.0,b=2.0", "b=4.0"]
    assert encoded.counts == {DAY: Count(6, 3, 2, 1)}


def test_a_quality_is_told_when_it_changes() -> None:
    encoder = LineEncoder("hq", KINDS)
    said = []
    for codes in ([[0], [1], [1]], [[1], [0]], [[0], [255], [0]], [[255]], [[6]]):
        text = encoder.encode(columns(("fp-1.a",), [[np.nan if code else 1.0] for (code,) in codes], codes)).text
        said.append([line.split()[1] for line in lines(text) if line.startswith("quality,site=hq,equipment=fp-1,point=a ")])
    assert said == [
        ['code=0.0,word="good"', 'code=1.0,word="no_answer"'],
        ['code=0.0,word="good"'],
        [],
        [],
        ['code=6.0,word="stale"'],
    ]


def test_names_with_commas_spaces_and_equals_signs_are_escaped() -> None:
    encoder = LineEncoder("总部, 一期", {"泵 1,2=a": "fire pump,x"})
    text = encoder.encode(columns(("泵 1,2=a.出口 压力=p", ), [[1.5]])).text
    expected = rf"fire\ pump\,x,site=总部\,\ 一期,equipment=泵\ 1\,2\=a 出口\ 压力\=p=1.5 {START_NS}"
    assert samples(text) == [expected]


def test_equipment_no_site_file_names_is_counted_and_told() -> None:
    encoded = LineEncoder("hq", KINDS).encode(columns(("fp-1.a", "gone-1.b", "gone-1.c"), [[1, 2, np.nan]], [[0, 0, 1]]))
    assert encoded.unknown == {"gone-1": 1}
    assert encoded.counts == {DAY: Count(3, 1, 1, 0, 0, 1)}
    assert all("gone" not in line for line in lines(encoded.text))


def test_an_equipment_that_no_tag_can_hold_is_not_half_written() -> None:
    for name in ("a\nb", "a\\", ""):
        encoded = LineEncoder("hq", {name: "pump"}).encode(columns((f"{name}.x",), [[1.0]]))
        assert encoded.text == b""
        assert encoded.counts[DAY].dead == 1
    assert field_key("a\nb\\") == b"a_b_"


def test_an_instant_before_the_epoch_or_beyond_2200_is_written_whole() -> None:
    at = np.array([-1, 7_258_118_400 * NS + 123], np.int64)
    given = Columns(Frame(("fp-1.a",)), at, np.ones((2, 1)), np.zeros((2, 1), np.uint8))
    assert [int(line.split()[-1]) for line in samples(LineEncoder("hq", KINDS).encode(given).text)] == at.tolist()


def test_a_message_that_varies_at_will_is_remembered_in_bounds() -> None:
    encoder = LineEncoder("hq", {f"fp-{n}": "fire_pump" for n in range(6000)})
    for n in range(6000):
        encoder.encode(columns((f"fp-{n}.a",), [[1.0]]))
    assert len(encoder._shapes) <= 4096


def test_no_rows_are_no_lines() -> None:
    encoded = LineEncoder("hq", KINDS).encode(columns(("fp-1.a",), []))
    assert (encoded.text, encoded.lines, encoded.counts) == (b"", 0, {})


def test_our_own_lines_come_apart_where_escapes_are() -> None:
    line = rf"fire\ pump,site=a\,b x\,\ y=1.0,z\=z=-2.5e-07 {START_NS}".encode()
    assert fields_of(line) == (rb"fire\ pump,site=a\,b", [rb"x\,\ y=1.0", rb"z\=z=-2.5e-07"], str(START_NS).encode())
    assert samples_in(line) == (DAY, 2)
    assert samples_in(f'quality,site=hq,point=a code=1.0,word="no_answer" {START_NS}'.encode()) == (DAY, 0)
