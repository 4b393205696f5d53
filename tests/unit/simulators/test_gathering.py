"""Reads between two beats as one row."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from plantroom.model import Batch, Frame, Qualities, Quality, Values, all_bad, one_row
from simulators.gathering import Gathering

PUMP, LIFT = Frame(("fp-1.pressure", "fp-1.running")), Frame(("lift-1.running",))


class Doubling:
    """A decoder: a byte is a value, twice itself. asked: how many replies each time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def decode_many(self, replies: Sequence[bytes]) -> list[tuple[Values, Qualities]]:
        self.asked.append(len(replies))
        return [(np.array([[2.0 * byte for byte in data]]), np.zeros((1, len(data)), np.uint8)) for data in replies]


@pytest.fixture
def gathering() -> Gathering:
    return Gathering(("lift-1.running", "fp-1.running", "fp-1.pressure"), 10)


def read(frame: Frame, at_ns: int, *values: float, stamped: bool = False) -> Batch:
    return one_row(frame, at_ns, np.array(values), np.zeros(len(values), np.uint8), stamped=stamped)


def test_the_newest_of_each_point_is_one_row_at_the_beat(gathering: Gathering) -> None:
    for batch in (read(PUMP, 5, 7.0, 0.0), read(LIFT, 6, 1.0), read(PUMP, 8, 7.5, 1.0)):
        assert gathering.add(batch)
    row = gathering.taken(10)
    assert row is not None and row.at_ns.tolist() == [10] and not row.stamped
    assert dict(zip(row.frame.points, row.values[0], strict=True)) == {"lift-1.running": 1.0, "fp-1.running": 1.0, "fp-1.pressure": 7.5}
    assert not row.quality.any()


def test_what_did_not_come_is_absent_and_what_failed_is_bad(gathering: Gathering) -> None:
    gathering.add(read(LIFT, 1, 1.0))
    gathering.taken(2)
    gathering.add(all_bad(PUMP, 3, Quality.NO_ANSWER))
    row = gathering.taken(4)
    assert row is not None and row.quality[0].tolist() == [Batch.ABSENT, Quality.NO_ANSWER, Quality.NO_ANSWER]
    assert np.isnan(row.values).all()


def test_nothing_came(gathering: Gathering) -> None:
    assert gathering.taken(1) is None


def test_what_a_device_has_stamped_keeps_its_instants(gathering: Gathering) -> None:
    assert not gathering.add(read(LIFT, 1, 1.0, stamped=True))
    assert not gathering.add(Batch(LIFT, np.array([1, 2]), np.zeros((2, 1)), np.zeros((2, 1), np.uint8)))
    assert gathering.taken(3) is None


def test_what_a_device_has_stamped_with_the_beats_own_instant_is_in_its_row(gathering: Gathering) -> None:
    assert gathering.add(read(LIFT, 10, 1.0, stamped=True))
    row = gathering.taken(10)
    assert row is not None and not row.stamped and row.values[0, 0] == 1.0
    gathering.due_ns = 20
    assert not gathering.add(read(LIFT, 10, 1.0, stamped=True)) and gathering.add(read(LIFT, 20, 0.0, stamped=True))


def reading(frame: Frame, decoder: Doubling, *data: int) -> SimpleNamespace:
    return SimpleNamespace(job=SimpleNamespace(decoder=decoder, frame=frame), data=bytes(data))


def test_readings_of_one_shape_are_decoded_together_at_the_beat(gathering: Gathering) -> None:
    decoder, other = Doubling(), Doubling()
    gathering.keep(reading(PUMP, decoder, 1, 2))
    gathering.keep(reading(LIFT, other, 9))
    gathering.keep(reading(PUMP, decoder, 3, 4))
    row = gathering.taken(10)
    assert row is not None and (decoder.asked, other.asked) == ([2], [1])
    assert dict(zip(row.frame.points, row.values[0], strict=True)) == {"lift-1.running": 18.0, "fp-1.running": 8.0, "fp-1.pressure": 6.0}
    assert not row.quality.any() and gathering.taken(11) is None


def test_what_comes_after_a_reading_is_not_overtaken_by_it(gathering: Gathering) -> None:
    gathering.keep(reading(PUMP, Doubling(), 1, 2))
    gathering.add(all_bad(PUMP, 3, Quality.NO_ANSWER))
    row = gathering.taken(4)
    assert row is not None and row.quality[0].tolist() == [Batch.ABSENT, Quality.NO_ANSWER, Quality.NO_ANSWER]
    gathering.add(all_bad(PUMP, 5, Quality.NO_ANSWER))
    gathering.keep(reading(PUMP, Doubling(), 1, 2))
    row = gathering.taken(6)
    assert row is not None and row.quality[0].tolist() == [Batch.ABSENT, Quality.GOOD, Quality.GOOD]
