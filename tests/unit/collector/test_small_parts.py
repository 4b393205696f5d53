"""Back-off, silence, contacts, bindings, the outlet: the collector's small parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.backoff import MOST_S, Backoff
from collector.bindings import Planner, limits_of, transform
from collector.cells import final_scale
from collector.debounce import Debounce
from collector.outlet import Outlet
from collector.poll_plan import Read
from collector.silence import Silence
from plantroom.clock import NS
from plantroom.journal.record import Entry, Kind, encode_batch
from plantroom.kinds import PointType
from plantroom.model import Batch, Frame, all_bad
from plantroom.model import Quality as Q
from plantroom.profiles import Encoding, Register, Sum, Table
from plantroom.site import Device
from tests.unit.collector.lines import bound, jobs_of, number, point, profile, register


def test_waits_double_up_to_ten_seconds_and_differ_by_chance() -> None:
    backoff = Backoff(Random(1))
    waits = [backoff.next_s() for _ in range(40)]
    assert max(waits) <= MOST_S and all(5.0 <= wait <= 10.0 for wait in waits[6:])
    assert len({round(wait, 6) for wait in waits}) == 40
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_a_device_is_silent_after_three_heartbeats_and_again_after_three_more() -> None:
    silence = Silence({"a": 1.0, "b": 10.0}, 0.0)
    assert silence.overdue(2.9) == [] and silence.overdue(3.0) == ["a"] and silence.overdue(5.9) == [] and silence.overdue(6.0) == ["a"]
    silence.heard("a", 6.5)
    assert silence.overdue(9.4) == [] and silence.next_s() == 9.5
    assert silence.overdue(30.0) == ["a", "b"]


def test_a_bad_sample_stays_bad_and_begins_the_waiting_anew() -> None:
    contact = Debounce({0: 0.2})
    seen = []
    script = [(0, 0, Q.GOOD), (1, 1, Q.GOOD), (2, np.nan, Q.NO_ANSWER), (3, 1, Q.GOOD), (4, 1, Q.GOOD), (5, 1, Q.GOOD)]
    for tenths, value, reason in script:
        values, quality = np.array([float(value)]), np.array([reason], np.uint8)
        contact.apply(tenths * NS // 10, values, quality)
        seen.append("bad" if quality[0] else values[0])
    assert seen == [0.0, 0.0, "bad", 0.0, 0.0, 1.0]


def test_an_absent_sample_is_no_interruption() -> None:
    contact = Debounce({0: 0.2})
    for tenths, value, reason in [(0, 0.0, 0), (1, 1.0, 0), (2, np.nan, Batch.ABSENT), (3, 1.0, 0)]:
        values, quality = np.array([value]), np.array([reason], np.uint8)
        contact.apply(tenths * NS // 10, values, quality)
    assert values[0] == 1.0


def test_four_to_twenty_milliampere_as_a_quantity_in_another_unit() -> None:
    gain, bias = transform(bound("p", "ai", span=(4.0, 20.0, 0.0, 1.6), factor=1000.0))
    assert (gain, bias) == (100.0, -400.0)
    assert transform(bound("p", "ai")) == (1.0, 0.0)
    assert transform(bound("p", "di", span=(0.0, 1.0, 3.0, 1.0))) == (-2.0, 3.0)


@given(
    st.integers(-(2**31), 2**32 - 1), st.sampled_from(["1", "0.1", "0.25", "0.001", "-0.01"]), st.integers(-5000, 5000),
    st.tuples(st.sampled_from([0.0, 4.0, 0.2]), st.sampled_from([20.0, 10.0, 1.0]), st.integers(-500, 500), st.integers(501, 9999)),
)  # fmt: skip
def test_what_a_person_writes_in_decimals_is_rounded_once(raw: int, factor: str, tenths: int, span: tuple[float, float, int, int]) -> None:
    """7.45 on paper is 7.45 in the journal, not 7.449999999999999."""
    offset, to = Fraction(tenths, 10), [Fraction(end, 10) for end in span[2:]]
    low, high = Fraction(str(span[0])), Fraction(str(span[1]))
    gain, bias = transform(bound("p", "ai", span=(*span[:2], *map(float, to))))
    exact = (raw * Fraction(factor) + offset - low) * (to[1] - to[0]) / (high - low) + to[0]
    assert final_scale(float(factor), float(offset), False, gain, bias)(raw) == float(exact)


def test_a_boolean_is_nought_or_one_and_an_enum_one_of_its_codes() -> None:
    assert limits_of(bound("p", "x", kind_point=number("x", PointType.BOOL))) == ((0.0, 1.0), None)
    assert limits_of(bound("p", "x", kind_point=number("x", PointType.ENUM, codes={"a": 4}))) == (None, frozenset({4}))
    assert limits_of(bound("p", "x", range=(1.0, 2.0))) == ((1.0, 2.0), None)


def test_one_device_point_may_feed_several_equipment_from_one_read() -> None:
    made = profile([register("level", 5)])
    (job,) = jobs_of(made, [bound("a", "level"), bound("b", "level", factor=0.1)])
    assert job.reads == (Read(Table.HOLDING, 5, 1),) and job.frame.points == ("a.level", "b.level")
    assert job.decoder.decode(b"\0\x0f")[0].tolist() == [15.0, 1.5]


def test_points_of_different_periods_are_read_apart_and_a_shared_one_at_its_shortest() -> None:
    made = profile([register("fast", 5), register("slow", 6)])
    jobs = jobs_of(made, [bound("a", "fast", 1.0), bound("a", "slow", 60.0), bound("b", "fast", 10.0)])
    assert [(job.period_s, job.frame.points) for job in jobs] == [(1.0, ("a.fast", "b.fast")), (60.0, ("a.slow",))]


def test_devices_of_one_profile_bound_alike_share_their_decoder() -> None:
    made, planner = profile([register("level", 5)]), Planner()
    one, two = (planner.jobs(Device(name, made, "bus", unit), [bound(name, "level")]) for unit, name in enumerate("ab"))
    assert one[0].decoder is two[0].decoder and one[0].frame != two[0].frame


def test_a_sum_is_read_in_one_request_however_far_its_parts_stand() -> None:
    parts = tuple((Register(Table.HOLDING, address, Encoding.U16), 1.0) for address in (0, 40))
    (job,) = jobs_of(profile([point("hours", Sum(parts))], max_hole=2), [bound("a", "hours")])
    assert job.reads == (Read(Table.HOLDING, 0, 41),)


def test_a_point_that_can_never_be_read_is_named_with_its_device() -> None:
    parts = tuple((Register(Table.HOLDING, address, Encoding.U16), 1.0) for address in (0, 40))
    made = profile([point("hours", Sum(parts))], max_registers=10)
    with pytest.raises(ValueError, match=r"devices\.d \(acme-x\): .*holding 0: a value of 41 cells exceeds a read of at most 10"):
        jobs_of(made, [bound("a", "hours")])


class SmallWriter:
    """The journal's writer with room for so many records."""

    def __init__(self, room: int) -> None:
        self.room, self.taken = room, list[Entry]()
        self.more = asyncio.Event()

    def put(self, entries: Sequence[Entry], done: Callable[[range], None] | None = None) -> None:
        if self.room < len(entries):
            raise asyncio.QueueFull("full")
        self.room -= len(entries)
        self._take(entries)
        if done is not None:
            done(range(0))

    def take(self, batch: Batch) -> None:
        self.put([encode_batch(batch)])

    async def append(self, entries: Sequence[Entry]) -> range:
        await self.more.wait()
        return self._take(entries)

    def _take(self, entries: Sequence[Entry]) -> range:
        self.taken += entries
        return range(len(self.taken) - len(entries), len(self.taken))


class Tap:
    def __init__(self) -> None:
        self.open = True
        self.opened = asyncio.Event()

    def pause(self) -> None:
        self.open = False

    def resume(self) -> None:
        self.open = True
        self.opened.set()


def test_a_full_journal_pauses_the_links_and_loses_nothing() -> None:
    async def play() -> None:
        writer, tap, done = SmallWriter(room=2), Tap(), list[int]()
        outlet = Outlet(writer)
        outlet.join(tap)
        async with asyncio.TaskGroup() as group:
            run = group.create_task(outlet.run())
            for n in range(5):
                entry = Entry(Kind.EVENT, str(n).encode())
                outlet.put([entry], lambda _, n=n: done.append(n))  # type: ignore[misc]
            assert not tap.open and done == [0, 1]
            writer.more.set()
            await tap.opened.wait()
            run.cancel()
        assert [entry.body for entry in writer.taken] == [b"0", b"1", b"2", b"3", b"4"], "in order"
        assert done == [0, 1, 2, 3, 4]

    asyncio.run(play())


def test_what_is_said_and_what_is_taken_stand_in_the_journal_in_their_order_although_it_was_full() -> None:
    async def play() -> None:
        writer, tap = SmallWriter(room=3), Tap()
        outlet = Outlet(writer)
        outlet.join(tap)
        async with asyncio.TaskGroup() as group:
            run = group.create_task(outlet.run())
            for name in "bc":
                outlet.take(all_bad(Frame((f"a.{name}",)), 0, Q.NO_ANSWER))
            outlet.say("bus-1", "down", "refused")
            assert tap.open
            outlet.take(all_bad(Frame(("a.d",)), 0, Q.NO_ANSWER))
            outlet.take(all_bad(Frame(("a.e",)), 0, Q.NO_ANSWER))
            assert not tap.open
            writer.more.set()
            await tap.opened.wait()
            run.cancel()
        assert [entry.frame and entry.frame.points[0] for entry in writer.taken] == ["a.b", "a.c", None, "a.d", "a.e"]
        assert orjson.loads(writer.taken[2].body) == {"event": "connection", "connection": "bus-1", "state": "down", "reason": "refused"}

    asyncio.run(play())
