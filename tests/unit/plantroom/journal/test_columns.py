from __future__ import annotations

import numpy as np
import pytest

from plantroom.journal.columns import frame_id_of, rows_of, size_of, stack
from plantroom.journal.record import decode_batch, encode_batch
from plantroom.model import Batch, Frame, Quality, all_bad, one_row

FRAME = Frame(("a.x", "a.y", "b.z"))


def batches() -> list[Batch]:
    """All layouts: float32-exact or not, with and without qualities, one row and three, stamped or not."""
    many = Batch(
        FRAME,
        np.array([30, 31, 32], np.int64),
        np.array([[0.1, 2.0, 3.0], [4.0, np.nan, 6.0], [7.0, 8.0, np.nan]]),
        np.array([[0, 0, 0], [0, 3, 0], [0, 0, 255]], np.uint8),
        stamped=True,
    )
    return [
        one_row(FRAME, 10, np.array([1.0, 2.5, -3.0]), np.zeros(3, np.uint8)),
        one_row(FRAME, 11, np.array([0.1, 0.2, 0.3]), np.zeros(3, np.uint8)),
        all_bad(FRAME, 12, Quality.NO_ANSWER),
        many,
        one_row(FRAME, 13, np.array([4.0, 5.0, 6.0]), np.zeros(3, np.uint8)),
    ]


def test_stacked_bodies_are_the_batches_one_below_the_other() -> None:
    bodies = [encode_batch(batch).body for batch in batches()]
    columns = stack(bodies, FRAME)
    single = [decode_batch(body, lambda _: FRAME) for body in bodies]
    assert columns.at_ns.tolist() == [at for batch in single for at in batch.at_ns.tolist()]
    np.testing.assert_array_equal(columns.values, np.concatenate([batch.values for batch in single]))
    np.testing.assert_array_equal(columns.quality, np.concatenate([batch.quality for batch in single]))


def test_a_value_that_is_not_finite_is_never_good() -> None:
    body = encode_batch(one_row(FRAME, 10, np.array([1.0, np.inf, np.nan]), np.zeros(3, np.uint8))).body
    assert stack([body], FRAME).quality.tolist() == [[0, Quality.DECODE, Quality.DECODE]]


def test_a_body_tells_its_frame_its_rows_and_its_size() -> None:
    for batch in batches():
        body = encode_batch(batch).body
        assert frame_id_of(body) == FRAME.id
        assert rows_of(body) == len(batch.at_ns)
        assert size_of(body, 3) == len(body)


@pytest.mark.parametrize("body", [b"", b"\x01\x00\x01", b"\x09" + bytes(40)])
def test_bytes_that_are_no_batch_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="telemetry body"):
        frame_id_of(body)


def test_a_short_body_is_refused_with_both_lengths() -> None:
    body = encode_batch(batches()[0]).body
    with pytest.raises(ValueError, match=f"{len(body) - 1} bytes where {len(body)} were announced"):
        stack([body[:-1]], FRAME)
