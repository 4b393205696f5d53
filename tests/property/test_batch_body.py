"""A telemetry body gives back what was put in, whatever the numbers; bytes that are no batch are refused, never misread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plantroom.journal.record import decode_batch, encode_batch
from plantroom.model import Batch, Frame


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


def test_numbers_that_float32_holds_take_half_the_room() -> None:
    frame = Frame(("gen-1.a", "gen-1.b"))
    sizes = [len(encode_batch(Batch(frame, np.array([1]), np.array([[v, 0.5]]), np.zeros((1, 2), np.uint8))).body) for v in (21.5, 0.1)]
    assert sizes[1] - sizes[0] == 8
