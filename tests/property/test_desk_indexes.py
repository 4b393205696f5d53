"""What the desk looks up instead of looking through: the same answers, whatever happens to the rows and the clock."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS, Reading
from plantroom.model import Severity
from plantroom.records import Records
from rules.desk import Desk
from rules.indexed import Indexed
from rules.ledger import Position
from rules.recent import NEVER, RECENT_NS, SETTLE_NS, Recent
from rules.rows import Fault, Page, born

KEYS = st.tuples(st.sampled_from(["fp-1", "fp-2"]), st.sampled_from(["a", "b"]))
HAPPENS = st.one_of(
    st.tuples(st.just("passes"), st.sampled_from([1, 9 * NS, 59 * NS, 60 * NS, 600 * NS, -30 * NS])),
    st.tuples(st.just("raised"), st.tuples(KEYS, st.sampled_from([0, SETTLE_NS, NEVER]))),
    st.tuples(st.just("taken back"), st.integers(0, 20)),
)


@given(st.lists(HAPPENS, max_size=40))
def test_recent_counts_what_looking_through_them_would(happens: list[tuple[str, object]]) -> None:
    """Of all those whose page left, of a condition those raised; looked through: (raised, key, shown)."""
    now, faults, recent = 10_000 * NS, list[tuple[int, tuple[str, str], int]](), Recent()
    for what, how in happens:
        if what == "passes":
            assert isinstance(how, int)
            now += how
        elif what == "raised":
            assert isinstance(how, tuple)
            key, wait = how
            one = (now, key, NEVER if wait == NEVER else now + wait)
            faults = [each for each in faults if 0 <= now - each[0] < RECENT_NS + SETTLE_NS] + [one]
            recent.add(*one, now)
        elif faults:
            assert isinstance(how, int)
            at, key, _ = faults[how % len(faults)]
            faults = [each for each in faults if each[:2] != (at, key)]
            recent.remove(at, key)
        for within in (60 * NS, RECENT_NS):
            assert recent.count(now, within) == sum(0 <= now - shown < within for _, _, shown in faults if shown != NEVER)
            for key in {key for _, key, _ in faults}:
                assert recent.count(now, within, key) == sum(0 <= now - at < within and of == key for at, of, _ in faults)


IDS = st.builds("F{}-{}".format, st.integers(1, 12), st.integers(1, 2))


@given(st.lists(st.tuples(IDS, st.none() | st.lists(st.integers(0, 3), max_size=2)), max_size=40))
def test_rows_are_found_by_what_they_are_about(happens: list[tuple[str, list[int] | None]]) -> None:
    rows, plain = Indexed[list[int]](lambda row: row), dict[str, list[int]]()
    for id_, row in happens:
        if row is not None:
            rows[id_] = plain[id_] = row
        elif id_ in plain:
            del rows[id_], plain[id_]
        for key in range(4):
            assert rows.about(key) == [plain[i] for i in sorted(plain, key=born) if key in plain[i]]
            assert rows.oldest(key) == next(iter(rows.about(key)), None)
        assert rows.about(0, 1) == [plain[i] for i in sorted(plain, key=born) if {0, 1} & set(plain[i])]
        assert dict(rows) == plain


def raised(desk: Desk, n: int) -> None:
    """Of three machines one each; open ones stay alone, as the records want it."""
    if desk.fault_of(f"fp-{n % 3}", "a") is None and not any(f.open and f.equipment == f"fp-{n % 3}" for f in desk.faults.values()):
        severity, id_ = list(Severity)[n % 4], desk.new_id("F")
        desk.put_fault(Fault(id_, "a", "h", f"fp-{n % 3}", "fire_pump", severity, "active", "live", False, 1, desk.now_ns, "{}", "{}", "{}"))


def of_fault(change: Callable[[Desk, Fault, int], None]) -> Callable[[Desk, int], None]:
    def does(desk: Desk, n: int) -> None:
        faults = desk.all_faults()
        if faults:
            change(desk, faults[n % len(faults)], n)
            desk.put_fault(faults[n % len(faults)])

    return does


def shelved(desk: Desk, fault: Fault, n: int) -> None:
    fault.shelved_until_ns = None if fault.shelved_until_ns is not None or not fault.open else desk.now_ns + n * NS


def joined(desk: Desk, fault: Fault, n: int) -> None:
    fault.parent = None if fault.parent is not None else desk.all_faults()[n // 7 % len(desk.faults)].id


def ended(desk: Desk, fault: Fault, n: int) -> None:
    fault.condition, fault.ended_ns, fault.shelved_until_ns = "cleared", desk.now_ns, None


def queued(desk: Desk, n: int) -> None:
    desk.put_page(Page(desk.new_id("P"), None, None, "app", "raised", list(Severity)[n % 4], "{}", desk.now_ns, desk.now_ns))


def sent(desk: Desk, n: int) -> None:
    if pages := desk.queued():
        pages[n % len(pages)].state = ("accepted", "dropped", "failed")[n % 3]
        desk.put_page(pages[n % len(pages)])


DEEDS: dict[str, Callable[[Desk, int], None]] = {
    "raised": raised, "raised again": raised, "queued": queued, "sent": sent, "shelved": of_fault(shelved), "joined": of_fault(joined), "ended": of_fault(ended),
}  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records without a row."""
    path = tmp_path_factory.mktemp("desk") / "empty.db"
    Records.open(path).close()
    return path


@settings(max_examples=20, deadline=None)
@given(happens=st.lists(st.tuples(st.sampled_from([*DEEDS, "flush", "undo", "restart"]), st.integers(0, 40)), min_size=12, max_size=40))
def test_what_every_tick_asks_for_is_what_looking_through_all_would_find(empty: Path, happens: list[tuple[str, int]]) -> None:
    """Faults that are shelved, that are part of another, the oldest urgent page: after whatever happens, what is taken back, and a restart."""
    with tempfile.TemporaryDirectory() as folder:
        records = Records.open(Path(shutil.copy(empty, folder)))
        _happen(records, happens)
        records.close()


def _happen(records: Records, happens: list[tuple[str, int]]) -> None:
    desk = Desk(records)
    kept = desk.kept()
    for seq, (what, n) in enumerate(happens, 1):
        desk.begin(seq, 10_000 * NS + seq)
        if what in DEEDS:
            DEEDS[what](desk, n)
        elif what == "undo":
            desk.undo(kept)
        else:
            desk.commit(Position(seq, Reading(10_000 * NS + seq, seq, "b")))
            desk = Desk(records) if what == "restart" else desk
            kept = desk.kept()
        faults = desk.all_faults()
        assert desk.shelved() == [fault for fault in faults if fault.shelved_until_ns is not None]
        assert desk.children() == [fault for fault in faults if fault.open and fault.parent is not None]
        for parent in {fault.parent for fault in faults} - {None}:
            assert desk.children(parent) == [fault for fault in faults if fault.open and fault.parent == parent]
        assert desk.oldest_urgent() == next((page for page in desk.queued() if page.severity.urgent), None)
