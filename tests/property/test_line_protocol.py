"""What the encoder writes, another reader reads back as the same numbers: every good sample once, nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store.lines import LineEncoder, fields_of, samples_in
from plantroom.journal.columns import Columns
from plantroom.model import Batch, Frame
from tests.kit.line_parser import parse

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\\."), min_size=1, max_size=8)
VALUES = st.floats(allow_nan=False, allow_infinity=False, width=64)
CODES = st.sampled_from([0, 0, 0, 1, 3, 9, Batch.ABSENT])


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, dict[str, str], list[Columns]]:
    site = draw(NAMES)
    kinds = draw(st.dictionaries(NAMES, NAMES.filter(lambda kind: kind != "quality"), min_size=1, max_size=3))
    points = [f"{equipment}.{point}" for equipment in kinds for point in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))]
    frames = [Frame(tuple(draw(st.permutations(points)))) for _ in range(draw(st.integers(1, 2)))]
    blocks = []
    at = draw(st.integers(0, 2**62))
    for frame in frames:
        rows = draw(st.integers(0, 6))
        shape = (rows, len(points))
        quality = np.array(draw(st.lists(CODES, min_size=rows * len(points), max_size=rows * len(points))), np.uint8).reshape(shape)
        values = np.array(draw(st.lists(VALUES, min_size=rows * len(points), max_size=rows * len(points))), float).reshape(shape)
        blocks.append(Columns(frame, at + np.arange(rows, dtype=np.int64) * 7, np.where(quality == 0, values, np.nan), quality))
        at += 1000
    return site, kinds, blocks


@given(batches())
@settings(max_examples=300, deadline=None)
def test_every_good_sample_is_read_back_once_and_exactly(given_batches: tuple[str, dict[str, str], list[Columns]]) -> None:
    site, kinds, blocks = given_batches
    encoder = LineEncoder(site, kinds)
    expected: dict[tuple[str, str, str, int], float] = {}
    found: dict[tuple[str, str, str, int], float] = {}
    samples = 0
    for block in blocks:
        encoded = encoder.encode(block)
        for row, column in zip(*np.nonzero(block.quality == 0), strict=True):
            equipment, _, point = block.frame.points[column].partition(".")
            expected[kinds[equipment], equipment, point, int(block.at_ns[row])] = float(block.values[row, column])
        points = parse(encoded.text)
        assert len(points) == encoded.lines
        for point in points:
            assert point.tags["site"] == site
            if point.measurement == "quality":
                continue
            for name, value in point.fields.items():
                key = (point.measurement, point.tags["equipment"], name, point.at_ns)
                assert key not in found, "a sample stands in one line only"
                assert isinstance(value, float)
                found[key] = value
        samples += sum(samples_in(line)[1] for line in encoded.text.splitlines())
        assert sum(count.stored for count in encoded.counts.values()) == np.count_nonzero(block.quality == 0)
        assert all(count.difference == 0 for count in encoded.counts.values())
    assert found == expected
    assert samples == len(expected)


@given(batches())
@settings(max_examples=100, deadline=None)
def test_how_rows_are_grouped_into_blocks_changes_no_line(given_batches: tuple[str, dict[str, str], list[Columns]]) -> None:
    site, kinds, blocks = given_batches
    whole, single = LineEncoder(site, kinds), LineEncoder(site, kinds)
    one = b"".join(whole.encode(block).text for block in blocks)
    many = b"".join(
        single.encode(Columns(block.frame, block.at_ns[row : row + 1], block.values[row : row + 1], block.quality[row : row + 1])).text
        for block in blocks
        for row in range(len(block.at_ns))
    )
    assert sorted(one.splitlines()) == sorted(many.splitlines())


@given(batches())
@settings(max_examples=100, deadline=None)
def test_a_line_taken_apart_and_put_together_is_the_line(given_batches: tuple[str, dict[str, str], list[Columns]]) -> None:
    site, kinds, blocks = given_batches
    encoder = LineEncoder(site, kinds)
    for block in blocks:
        for line in encoder.encode(block).text.split(b"\n")[:-1]:
            head, fields, at = fields_of(line)
            assert b"%b %b %b" % (head, b",".join(fields), at) == line
