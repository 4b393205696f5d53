"""A telemetry body gives back what was put in, whatever the numbers; bytes that are no batch are refused, never misread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plantroom.journal.columns import stack
from plantroom.journal.encoder import TRIED_ANEW, Encoder
from plantroom.journal.record import decode_batch, encode_batch
from plantroom.model import Batch, Frame, one_row


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    rows, points = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    width = draw(st.sampled_from((32, 64)))
    values = draw(arrays(np.float64, (rows, points), elements=st.floats(width=width, allow_nan=True, allow_infinity=True)))
    quality = draw(arrays(np.uint8, (rows, points), elements=st.integers(0, 255)))
    at = draw(arrays(np.int64, (rows,), elements=st.integers(0, 2**62)))
    frame = Frame(tuple(f"gen-1.p{n}" for n in range(points)))
    columns_first = draw(st.booleans())
    return Batch(frame, at, np.asfortranarray(values) if columns_first else values, quality, draw(st.booleans()))


@given(batches())
def test_a_body_gives_back_the_batch(batch: Batch) -> None:
    back = decode_batch(encode_batch(batch).body, lambda _: batch.frame)
    np.testing.assert_array_equal(back.values, batch.values)
    np.testing.assert_array_equal(back.quality, batch.quality)
    np.testing.assert_array_equal(back.at_ns, batch.at_ns)
    assert (back.frame, back.stamped) == (batch.frame, batch.stamped)


@given(batches(), st.data())
def test_a_cut_or_longer_body_is_refused(batch: Batch, data: st.DataObject) -> None:
    body = encode_batch(batch).body
    cut = st.integers(0, len(body) - 1).map(lambda n: body[:n])
    longer = st.binary(min_size=1, max_size=9).map(lambda more: body + more)
    wrong = data.draw(st.one_of(cut, longer))
    with pytest.raises(ValueError, match="telemetry body"):
        decode_batch(wrong, lambda _: batch.frame)


def size(*values: float, quality: int = 0) -> int:
    """Bytes of a value in a body of one row, its head and time left out."""
    frame = Frame(tuple(f"gen-1.p{n}" for n in range(len(values))))
    codes = np.full((1, len(values)), quality, np.uint8)
    return (len(encode_batch(Batch(frame, np.array([1]), np.array([values]), codes)).body) - 20) // len(values)


def test_a_number_takes_the_room_it_needs() -> None:
    assert size(21.5, 0.1, -3276.7) == 2
    assert size(21.5, 0.1234, 3276.8) == 4
    assert size(-32768.0, 32767.0) == 2
    assert size(1 / 3, 0.5) == 8
    assert size(float(np.float32(1 / 3)), 0.5) == 4
    assert size(1e12, 0.5) == 8
    assert size(-0.0, 0.1) == 8, "a zero's sign comes back too"
    assert size(np.nan, 0.1) == 8, "a good sample that is no number is kept as it came"
    assert size(np.nan, np.nan, quality=3) == 3, "two bytes and the quality"


@given(st.lists(st.tuples(st.integers(-40_000, 40_000), st.integers(0, 4), st.sampled_from((0, 0, 0, 1))), min_size=1, max_size=8), st.data())
def test_what_registers_hold_comes_back_in_whatever_form_is_tried_first(cells: list[tuple[int, int, int]], data: st.DataObject) -> None:
    values = np.array([[np.nan if bad else n / 10**decimals for n, decimals, bad in cells]])
    quality = np.array([[bad for _, _, bad in cells]], np.uint8)
    batch = Batch(Frame(tuple(f"gen-1.p{n}" for n in range(len(cells)))), np.array([1]), values, quality)
    tried = data.draw(st.sampled_from([None, 0, 4, *(8 | narrow | decimals << 4 for narrow in (0, 4) for decimals in range(6))]))
    entry = encode_batch(batch, tried)
    back = decode_batch(entry.body, lambda _: batch.frame)
    np.testing.assert_array_equal(back.values, values)
    np.testing.assert_array_equal(stack([entry.body], batch.frame).values, values)
    assert len(encode_batch(batch).body) <= 20 + 5 * len(cells), "never wider than an int32 and a quality"


def test_an_encoder_keeps_to_a_form_until_it_fails_and_looks_for_a_smaller_one_now_and_then() -> None:
    frame, encode = Frame(("gen-1.a",)), Encoder()
    sizes = [len(encode(one_row(frame, n, np.array([value]), np.zeros(1, np.uint8))).body) - 20 for n, value in enumerate([0.5, 9e4, 0.5])]
    assert sizes == [2, 4, 4]
    later = [len(encode(one_row(frame, n, np.array([0.5]), np.zeros(1, np.uint8))).body) - 20 for n in range(2 * TRIED_ANEW)]
    assert later[-1] == 2


@given(st.lists(st.tuples(st.sampled_from((1, 2, 3)), st.integers(-40_000, 40_000), st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=12))
def test_many_at_once_come_back_as_they_were_in_their_order(cells: list[tuple[int, int, int, int]]) -> None:
    """Of three frames, most of them good, some bad, some that fit no decimals."""
    batches = []
    for points, n, decimals, bad in cells:
        values = np.full(points, n / 10**decimals if n % 7 else 1 / 3)
        quality = np.zeros(points, np.uint8)
        if not bad:
            values[0], quality[0] = np.nan, 3
        batches.append(one_row(Frame(tuple(f"gen-1.p{i}" for i in range(points))), n & 0xFF, values, quality, stamped=n % 11 == 0))
    many = Encoder()
    for _ in range(2):
        entries = many.many(batches)
        assert [entry.frame for entry in entries] == [batch.frame for batch in batches]
        for entry, batch in zip(entries, batches, strict=True):
            back = decode_batch(entry.body, lambda _, batch=batch: batch.frame)
            np.testing.assert_array_equal(back.values, batch.values)
            np.testing.assert_array_equal(back.quality, batch.quality)
            assert (back.at_ns.tolist(), back.stamped) == (batch.at_ns.tolist(), batch.stamped)
