"""What the desk looks up instead of looking through: the same answers, whatever happens to the rows and the clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plantroom.clock import NS
from rules.indexed import Indexed
from rules.recent import NEVER, RECENT_NS, SETTLE_NS, Recent
from rules.rows import born

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
        assert rows.about(0, 1) == [plain[i] for i in sorted(plain, key=born) if {0, 1} & set(plain[i])]
        assert dict(rows) == plain
