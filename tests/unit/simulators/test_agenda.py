"""Virtual time."""

from __future__ import annotations

from plantroom.clock import NS
from simulators.agenda import Agenda

START = 1_784_080_800 * NS


def test_things_happen_in_the_order_of_time_and_then_of_asking() -> None:
    agenda, said = Agenda(START), list[str]()
    agenda.after(2.0, lambda: said.append("two"))
    agenda.after(1.0, lambda: said.append("one"))
    agenda.after(2.0, lambda: said.append("two again"))
    agenda.after(3.0, lambda: said.append("three"))
    agenda.run(START + 2 * NS)
    assert said == ["one", "two", "two again"] and agenda.now_ns == START + 2 * NS


def test_what_is_asked_for_the_past_happens_now() -> None:
    agenda, at = Agenda(START), list[int]()
    agenda.after(5.0, lambda: agenda.at(START, lambda: at.append(agenda.now_ns)))
    agenda.run(START + 60 * NS)
    assert at == [START + 5 * NS]


def test_a_beat_goes_on_without_drift() -> None:
    agenda, at = Agenda(START), list[int]()
    agenda.every(0.1, lambda: at.append(agenda.now_ns - START))
    agenda.run(START + NS)
    assert at == [i * NS // 10 for i in range(11)]


def test_it_is_a_clock() -> None:
    agenda = Agenda(START)
    before = agenda.read()
    agenda.run(START + 3 * NS)
    after = agenda.read()
    assert (after.wall_ns - before.wall_ns, after.boot_ns - before.boot_ns, after.boot) == (3 * NS, 3 * NS, before.boot)
    assert agenda.boot_to_ns(after.boot_ns / NS) == after.wall_ns


def test_a_leap_is_made_only_where_nothing_else_is_due_before_it() -> None:
    agenda, said = Agenda(START), list[tuple[bool, int]]()

    def leap(seconds: int) -> None:
        leapt = agenda.leap(START + seconds * NS)
        said.append((leapt, (agenda.now_ns - START) // NS))

    agenda.after(1.0, lambda: leap(2))
    agenda.after(4.0, lambda: leap(5))
    agenda.after(5.0, lambda: leap(60))
    agenda.run(START + 9 * NS)
    assert said == [(True, 2), (False, 4), (False, 5)] and agenda.now_ns == START + 9 * NS
    assert agenda.boot_s == agenda.read().boot_ns / NS
