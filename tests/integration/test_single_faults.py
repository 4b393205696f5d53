"""P4, P5, P7: whatever single component fails, and when, a person is told of an urgent fault; nothing is raised and idle.

`make test` tries a handful of cells, `make soak` all of them at all instants, and prints the table (docs/watch.md has one).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from plantroom.clock import NS, SystemClock
from plantroom.supervisor import PATIENCE_S
from tests.kit import hasty_notify, idle_engine, oracle, powercut
from tests.kit.episodes import PERSON_S, TICK_S, Episode, Outcome
from tests.kit.single_faults import MATRIX, Cell, Component, Failure, Instant, Nonsense
from tests.kit.stricken_house import RULE, StrickenHouse
from tests.kit.stricken_site import Plan

ROUNDS = int(os.environ.get("SINGLE_FAULT_ROUNDS", "1"))
C, F, I = Component, Failure, Instant
SMALL = Plan(wired=20, radio=2, step_s=2.0, influx=False)
SHORT: list[tuple[Component, Failure, Instant, float | None]] = [  # the last: how long it lasts, None = as the matrix says
    (C.RULES, F.KILL, I.RAISING, None),
    (C.NOTIFY, F.KILL, I.SENT, None),
    (C.CHANNEL, F.CUT_OFF, I.ACCEPTED, 1.0),
    (C.NOTIFY, F.FREEZE, I.STEP, 1.5),
    (C.DISK, F.DISK_FULL, I.COMMITTED, 2.0),
]


def finally_wrong(house: StrickenHouse) -> list[str]:
    """What may not be when all is over, whatever failed: nothing lost, nothing raised twice, nothing called accepted that was not."""
    with suppress(AssertionError):  # orders nobody has taken go on calling: there is an instant between two calls
        house.wait_for(lambda: not oracle.lost(oracle.records(house.rows)), 10, "nothing waits")
    seen = oracle.records(house.rows)
    wrong = oracle.wrong_number(seen, house.flipped, RULE) + oracle.unpaged(seen, house.taken, RULE)
    return wrong + oracle.invented(seen, house.taken) + oracle.lost(seen)


def table(outcomes: Sequence[Outcome]) -> str:
    lines = [f"{'component':<11}{'failure':<10}{'instants':>9}{'to a person':>13}{'told of it':>12}{'twice':>7}  verdict"]
    for (component, failure), cell in MATRIX.items():
        these = [one for one in outcomes if (one.component, one.failure) == (component, failure)]
        if isinstance(cell, Nonsense):
            lines.append(f"{component:<11}{failure:<10}{'-':>9}{'':>13}{'':>12}{'':>7}  no such thing: {cell.why}")
        elif these:
            longest = [max((s for one in these if (s := of(one)) is not None), default=None) for of in (lambda o: o.paged_s, lambda o: o.told_s)]
            person, told = ("" if value is None else f"{value:.1f} s" for value in longest)
            wrong = [f"{one.instant}: {what}" for one in these for what in one.wrong]
            lines.append(f"{component:<11}{failure:<10}{len(these):>9}{person:>13}{told:>12}{max(one.twice for one in these):>7}  {'; '.join(wrong) or 'held'}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StrickenHouse]:
    house = StrickenHouse(tmp_path_factory.mktemp("house"), SMALL)
    try:
        house.start()
        print(f"\nits disk: {house.disk.means}")
        yield house
    finally:
        house.close()


@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize("component,failure,instant,lasts_s", SHORT, ids=[f"{one[0]} {one[1]} {one[2]}" for one in SHORT])
def test_a_component_fails(house: StrickenHouse, component: Component, failure: Failure, instant: Instant, lasts_s: float | None) -> None:
    cell = MATRIX[component, failure]
    assert isinstance(cell, Cell)
    outcome = Episode(house, component, failure, cell, instant, Random(f"{component} {failure}"), accept=False, lasts_s=lasts_s).run()
    print(f"\n{outcome}")
    assert outcome.wrong == []


if powercut.possible():  # a quota has no reserve to give back

    @pytest.mark.needs("mosquitto")
    def test_on_a_disk_that_fills_up_the_reserve_lets_alarms_pass_and_people_are_told(house: StrickenHouse) -> None:
        """The matrix fills what is given back as well. Where nobody does, a full disk is a page, and faults are paged as ever."""
        machine = house.next_machine(wired=True)
        house.disk.fill(greedy=False)
        try:
            house.show(machine, 1)
            house.wait_for(lambda: house.pages(machine), PERSON_S, "a page about a fault on a full disk")
            said = "SELECT 1 FROM fault f JOIN outbox o ON o.fault = f.id WHERE f.rule = 'disk_full' AND f.condition = 'active' AND o.state = 'accepted'"
            house.wait_for(lambda: house.rows(said), PERSON_S, "a page that it is full")
            assert not (house.data / "reserve").exists()
        finally:
            house.disk.free()
        house.wait_for(lambda: house.rows("SELECT 1 FROM fault WHERE rule = 'disk_full'") and not house.rows(said), PERSON_S, "it is over")


@pytest.mark.needs("mosquitto")
def test_in_the_end_nothing_is_lost_and_the_oracle_would_have_seen_it(house: StrickenHouse) -> None:
    """After what failed above; then each promise is broken in a copy of the very rows, or of what providers have taken."""
    assert house.flipped, "after the failures"
    assert finally_wrong(house) == []
    seen = oracle.records(house.rows)
    now_ns = SystemClock().read().wall_ns
    farthest_ns = round((SMALL.repeat_s + TICK_S) * NS)
    assert oracle.idle(seen, now_ns, farthest_ns) == []
    forgotten = replace(seen, calls={order: (*call[:2], None) for order, call in seen.calls.items()})
    assert any("raised and idle: nobody is called" in said for said in oracle.idle(forgotten, now_ns, farthest_ns))
    due = replace(seen, calls={order: (*call[:2], now_ns - 11 * NS) for order, call in seen.calls.items()})
    assert any("raised and idle: the next call is" in said for said in oracle.idle(due, now_ns, farthest_ns))
    later = replace(seen, calls={order: (*call[:2], now_ns + 600 * NS) for order, call in seen.calls.items()})
    assert any("raised and idle: the next call is" in said for said in oracle.idle(later, now_ns, farthest_ns))
    assert any("has no order" in said for said in oracle.idle(replace(seen, orders={}), now_ns, farthest_ns))
    machine = next(iter(house.flipped))
    about = {str(fault[0]) for fault in seen.faults if fault[1] == machine}
    pages = {str(page[0]) for page in seen.pages if str(page[3]) in about}
    others = [one for one in house.taken if one.key not in pages]
    assert any("nobody was told" in said for said in oracle.unpaged(seen, others, RULE))
    assert any("never took it" in said for said in oracle.invented(seen, others))
    assert oracle.wrong_number(replace(seen, faults=[f for f in seen.faults if f[1] != machine]), house.flipped, RULE) == [f"{machine}: shown 1 times, raised 0"]
    assert oracle.twice([*house.taken, *house.taken]) >= 1
    assert len(oracle.lost(replace(seen, pages=[(*page[:2], "queued", *page[3:]) for page in seen.pages]))) == len(seen.pages)


def test_the_table_leaves_no_cell_out() -> None:
    assert set(MATRIX) == {(component, failure) for component in Component for failure in Failure}
    assert len(Component) == 12 and all(cell.why for cell in MATRIX.values())


@pytest.mark.soak
@pytest.mark.needs("mosquitto", "influxd")
@pytest.mark.parametrize("component", Component)
def test_each_failure_at_each_instant(tmp_path: Path, component: Component) -> None:
    rng = Random(f"single faults, {component}")
    outcomes: list[Outcome] = []
    with closing(StrickenHouse(tmp_path)) as house:
        house.start()
        for failure in Failure:
            cell = MATRIX[component, failure]
            if isinstance(cell, Cell):
                for instant in [instant for _ in range(ROUNDS) for instant in Instant]:
                    outcomes.append(Episode(house, component, failure, cell, instant, rng).run())
                    print(outcomes[-1], flush=True)
        wrong = finally_wrong(house)
    print("\n" + table(outcomes))
    assert [str(one) for one in outcomes if one.wrong] + wrong == []


@pytest.mark.soak
@pytest.mark.needs("mosquitto")
def test_a_disk_that_stays_full_sends_no_page_again_and_again(tmp_path: Path) -> None:
    """What `notify` cannot write down it remembers: one that ended there was started again, and each time sent every waiting page anew."""
    cell = MATRIX[C.DISK, F.DISK_FULL]
    assert isinstance(cell, Cell)
    with closing(StrickenHouse(tmp_path, SMALL)) as house:
        house.start()
        outcome = Episode(house, C.DISK, F.DISK_FULL, cell, I.COMMITTED, Random("full"), accept=False, lasts_s=25.0).run()
        assert outcome.wrong == [] and outcome.twice == 0
        assert finally_wrong(house) == []


@pytest.mark.soak
@pytest.mark.needs("mosquitto")
def test_what_nobody_thaws_is_killed_and_the_fault_is_paged(tmp_path: Path) -> None:
    """In the matrix what is frozen goes on some day. Here it never does."""
    with closing(StrickenHouse(tmp_path, SMALL)) as house:
        house.start()
        time.sleep(2)  # until each loop has spoken
        for component in (C.COLLECT, C.RULES, C.NOTIFY, C.HISTORY, C.WEB):
            frozen = house.pid_of(component)
            began = time.monotonic()
            house.fail(component, F.FREEZE, frozen)
            machine = house.next_machine(wired=True)
            house.show(machine, 1)
            house.wait_for(lambda machine=machine: house.pages(machine), PATIENCE_S + PERSON_S, f"a page while {component} is frozen for good")
            paged_s = time.monotonic() - began
            house.wait_for(lambda component=component, frozen=frozen: house.services().get(component) not in (None, frozen), PATIENCE_S + 15, "a new one")
            print(f"\n{component} frozen for good: a page after {paged_s:.1f} s, a new process after {time.monotonic() - began:.1f} s")
        assert finally_wrong(house) == []


@pytest.mark.soak
@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize("broken,component,instant,said", [
    (idle_engine, Component.RULES, Instant.ACCEPTED, "raised and idle"),
    (hasty_notify, Component.NOTIFY, Instant.COMMITTED, "never took it"),
])  # fmt: skip
def test_the_control_a_house_that_breaks_its_promises_is_caught(
    tmp_path: Path, broken: ModuleType, component: Component, instant: Instant, said: str
) -> None:
    """Real processes: an engine that calls nobody again and is not audited; a `notify` that records an acceptance before it sends."""
    cell = MATRIX[component, Failure.KILL]
    assert isinstance(cell, Cell)
    rng, wrong = Random("control"), list[str]()
    with closing(StrickenHouse(tmp_path, SMALL, environment={"PYTHONPATH": str(broken.__path__[0])})) as house:
        house.start()
        for _ in range(8):  # the window between record and send is short
            wrong += Episode(house, component, Failure.KILL, cell, instant, rng, accept=False).run().wrong
            wrong += finally_wrong(house)
            if any(said in one for one in wrong):
                return
    raise AssertionError(f"not caught: {wrong}")
