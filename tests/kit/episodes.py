"""One urgent fault of a machine, and one failure of a component at a given instant of the fault's way: what became of both."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from random import Random

from plantroom.clock import NS, SystemClock
from tests.kit import oracle
from tests.kit.outside import SHORT
from tests.kit.single_faults import Cell, Component, Counts, Failure, Instant
from tests.kit.stricken_house import RULE, StrickenHouse

PERSON_S = 30.0  # T2 with one component dying in between
TOLD_S = SHORT.told
QUIET_S = 40.0  # until everything that waits has been taken, a pause between two tries of a page included
AGAIN_S = 20.0  # a next call may be late by, where what makes it was away
REST_S = 3.0
TICK_S = 2.0  # what is due is taken at a tick
QUEUED = f"SELECT o.id FROM outbox o JOIN fault f ON f.id = o.fault WHERE f.rule = '{RULE}' AND f.equipment = ?"
CALLING = (
    "SELECT next_ns FROM call c JOIN work_order o ON o.id = c.work_order JOIN fault f ON f.id = o.fault"
    f" WHERE c.state = 'calling' AND f.rule = '{RULE}' AND o.equipment = ?"
)
CALLED = (  # somebody is being called about what is not heard or not written, since an earlier failure: what fails again says nothing new
    "SELECT 1 FROM fault f JOIN call c ON c.work_order = f.work_order WHERE f.condition = 'active' AND c.state = 'calling'"
    " AND (f.rule IN ('device_offline', 'disk_full') OR f.equipment LIKE '@%')"
)
TWICE = 1  # duplicates of any one page that a failure may cost


@dataclass(slots=True)
class Outcome:
    """Seconds: paged_s from when it counts (single_faults.Counts), told_s from the failure; None: not within the time. wrong: what may not be."""

    component: Component
    failure: Failure
    instant: Instant
    paged_s: float | None = None
    told_s: float | None = None
    twice: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = [f"{self.component} {self.failure} {self.instant}:"]
        said += [f"{name} {'never' if value is None else f'{value:.1f} s'}" for name, value in (("person", self.paged_s), ("told", self.told_s))]
        return " ".join([*said, f"twice {self.twice}", *self.wrong])


class Episode:
    """One of a house's. accept: a person takes it in the end; else it goes on calling. lasts_s: instead of the cell's."""

    def __init__(
        self, house: StrickenHouse, component: Component, failure: Failure, cell: Cell, instant: Instant, rng: Random,
        *, accept: bool = True, lasts_s: float | None = None,
    ) -> None:  # fmt: skip
        self._house, self._cell, self._rng = house, cell, rng
        self._component, self._failure, self._instant = component, failure, instant
        self._accept, self._lasts_s = accept, cell.lasts_s if lasts_s is None else lasts_s
        self._struck, self._struck_s = threading.Event(), 0.0
        self._once = threading.Lock()
        self._machine = house.next_machine(wired=component is not Component.BROKER and (component is not Component.COLLECT or rng.random() < 0.7))
        self._pid: int | None = None
        self._committed: list[tuple[object, ...]] = []
        self._farthest_ns = round((house.plan.repeat_s + TICK_S) * NS)  # T4 of this house
        self.outcome = Outcome(component, failure, instant)

    def run(self) -> Outcome:
        house, said = self._house, self.outcome
        began = len(house.taken)
        if self._component in tuple(Component)[:6]:
            self._pid = house.pid_of(self._component)
        if not self._rested():
            said.wrong.append("people outside were not told that what failed before is over")
        if self._instant is Instant.BEFORE:
            self._strike()
            time.sleep(self._rng.uniform(0.5, 1.5))
        flipped_s = self._flip_and_strike()
        self._last(flipped_s)
        mended_s = time.monotonic()
        try:
            house.mend(self._component, self._failure)
        except AssertionError as error:
            said.wrong.append(f"it does not come back: {str(error)[:300]}")
            return said
        self._person(flipped_s, mended_s)
        said.twice = oracle.twice(house.taken[began:])
        if said.twice > TWICE:
            said.wrong.append(f"a page came {said.twice + 1} times")
        return said

    def _rested(self) -> bool:
        """Until nothing of what failed before is still being told, or about to be."""
        until, since = time.monotonic() + QUIET_S, time.monotonic()
        while time.monotonic() < until:
            if not self._house.at_rest():
                since = time.monotonic()
            if self._lasts_s is not None or time.monotonic() - since > REST_S:
                return True
            time.sleep(0.1)
        return False

    def _flip_and_strike(self) -> float:
        """The device shows it, and the component fails at its instant; returns when the device showed it."""
        house, machine = self._house, self._machine
        if self._instant in (Instant.SENT, Instant.ACCEPTED):
            house.watches["came" if self._instant is Instant.SENT else "answered"] = self._on_page
        flipped_s = house.show(machine, 1)
        if self._instant is Instant.RAISING:
            time.sleep(self._rng.uniform(0, 0.6))
            self._strike()
        elif self._instant is Instant.COMMITTED:
            if self._seen(lambda: house.rows(QUEUED, machine)):
                self._committed = house.rows(QUEUED, machine)
                time.sleep(self._rng.uniform(0, 0.005))
                self._strike()
        elif self._instant is Instant.STEP and self._seen(lambda: house.pages(machine) and house.rows(CALLING, machine)):
            [(next_ns,)] = house.rows(CALLING, machine)
            wait_s = (int(str(next_ns)) - SystemClock().read().wall_ns) / NS + self._rng.uniform(-0.3, 0.3)
            time.sleep(max(wait_s, 0))
            self._strike()
        if not self._struck.wait(PERSON_S if self._instant in (Instant.SENT, Instant.ACCEPTED) else 0):
            self.outcome.wrong.append("the instant did not come")
            self._strike()
        house.watches.clear()
        return flipped_s

    def _on_page(self, channel: str, body: dict[str, object]) -> None:
        mine = oracle.about(body) == (RULE, self._machine) and (self._component is not Component.CHANNEL or channel == "first")
        if mine:
            self._strike()

    def _strike(self) -> None:
        with self._once:
            if self._struck.is_set():
                return
            self._struck_s = time.monotonic()
            self._house.fail(self._component, self._failure, self._pid, swallowed=self._rng.random() < 0.7)
            self._struck.set()

    def _last(self, flipped_s: float) -> None:
        """Until it may be mended: so long, or until people were told that the monitor does not work."""
        house, said = self._house, self.outcome
        if self._lasts_s is not None:
            time.sleep(self._lasts_s)
            return
        until = self._struck_s + TOLD_S + 2
        while time.monotonic() < until and (told := house.told(self._struck_s, self._cell.own)) is None:
            time.sleep(0.02)
        told = house.told(self._struck_s, self._cell.own)
        if told is None and not (self._cell.own and house.rows(CALLED)):
            said.wrong.append(f"nobody was told of it within {TOLD_S:g} s")
        elif told is not None:
            said.told_s = told - self._struck_s

    def _person(self, flipped_s: float, mended_s: float) -> None:
        """Somebody is told of the fault; the chain goes on; nothing is idle, nothing waits."""
        house, said, machine = self._house, self.outcome, self._machine
        last_s = max(flipped_s, mended_s if self._cell.counts is Counts.MEND else flipped_s)
        if not self._seen(lambda: house.pages(machine), last_s + PERSON_S - time.monotonic()):
            said.wrong.append(f"nobody was told of the fault within {PERSON_S:g} s")
            self._seen(lambda: house.pages(machine), PERSON_S)
        first = next(iter(house.pages(machine)), None)
        if first is not None:
            said.paged_s = first - (flipped_s if first < mended_s else last_s)
            after_s = max(first, mended_s)
            if not self._seen(lambda: house.pages(machine, after_s, "escalated"), house.plan.step_s + AGAIN_S):
                said.wrong.append("nobody was called again")
        if not self._seen(lambda: house.rows("SELECT 1 FROM position") and not oracle.idle(oracle.records(house.rows), self._now_ns(), self._farthest_ns), 10):
            said.wrong += oracle.idle(oracle.records(house.rows), self._now_ns(), self._farthest_ns)
        if gone := set(self._committed) - set(house.rows(QUEUED, machine)):
            said.wrong.append(f"pages that stood in the outbox are gone: {sorted(map(str, gone))}")
        if self._accept and first is not None:
            house.accept(machine)
        house.show(machine, 0)
        if not self._seen(lambda: not oracle.lost(oracle.records(house.rows)), QUIET_S):
            said.wrong += oracle.lost(oracle.records(house.rows))

    def _seen(self, happened: object, within_s: float = PERSON_S) -> bool:
        until = time.monotonic() + within_s
        while True:
            if happened():  # type: ignore[operator]
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.002)

    def _now_ns(self) -> int:
        return SystemClock().read().wall_ns
