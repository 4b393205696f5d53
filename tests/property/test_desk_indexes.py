"""What the desk looks up instead of looking through: the same answers, whatever happens to the rows and the clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plantroom.clock import NS
from rules.indexed import Indexed
from rules.recent import RECENT_NS, Recent
from rules.rows import born

KEYS = st.tuples(st.sampled_from(["fp-1", "fp-2"]), st.sampled_from(["a", "b"]))
HAPPENS = st.one_of(
    st.tuples(st.just("passes"), st.sampled_from([1, 59 * NS, 60 * NS, 600 * NS, -30 * NS])),
    st.tuples(st.just("shown"), KEYS),
    st.tuples(st.just("taken back"), st.integers(0, 20)),
)


@given(st.lists(HAPPENS, max_size=40))
def test_recent_counts_what_looking_through_them_would(happens: list[tuple[str, object]]) -> None:
    now, shown, recent = 10_000 * NS, list[tuple[int, tuple[str, str]]](), Recent()
    for what, how in happens:
        if what == "passes":
            assert isinstance(how, int)
            now += how
        elif what == "shown":
            assert isinstance(how, tuple)
            shown = [(at, key) for at, key in shown if 0 <= now - at < RECENT_NS] + [(now, how)]
            recent.add(now, how, now)
        elif shown:
            assert isinstance(how, int)
            gone = shown[how % len(shown)]
            shown = [each for each in shown if each != gone]
            recent.remove(*gone)
        for within in (60 * NS, RECENT_NS):
            assert recent.count(now, within) == sum(0 <= now - at < within for at, _ in shown)
            for key in {key for _, key in shown}:
                assert recent.count(now, within, key) == sum(0 <= now - at < within and of == key for at, of in shown)


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
