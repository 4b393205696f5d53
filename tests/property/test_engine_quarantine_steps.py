"""An evaluator that raises at any step: only that step is lost, a person is told, every other fault is raised exactly once, and the same
rows come out however the records were grouped and wherever the process died."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plantroom.journal.record import Kind, Record
from rules import quarantine
from rules.condition import Transition
from rules.evaluate import KindEvaluator
from rules.rollback import Indexes
from tests.kit.engine import RULES, Kit, event_text, pump, site_text

SOAK = os.environ.get("PLANTROOM_SOAK") == "1"
ALL_RULES = {**RULES, "rules/packs/monitor/record_skipped.yaml": event_text("record_skipped", "readiness", "1h")}
POISON = 7.0  # of control_mode: a value on which the broken rule breaks


class Broken(RuntimeError):
    """What no one has foreseen."""



@contextmanager
def poisoned(ticks: frozenset[int] = frozenset(), *, raises: bool = True) -> Iterator[None]:
    """A row with POISON, and a tick at one of these instants for fp-2, raise when the memory has moved already.

    Not raises: they are left out instead, which is what should come of it.
    """
    step, tick = KindEvaluator.step, KindEvaluator.tick

    def bad_step(self: KindEvaluator, rows: Indexes, at_ns: Any, values: Any, quality: Any, columns: Indexes | None = None) -> list[Transition]:
        column = self.columns["control_mode"] if columns is None else columns.tolist().index(self.columns["control_mode"])
        good = np.flatnonzero(values[:, column] != POISON)
        if raises or good.size == rows.size:
            came = step(self, rows, at_ns, values, quality, columns)
            if good.size < rows.size:
                raise Broken(f"object at {hex(id(self) + len(came))}")
            return came
        return step(self, rows[good], at_ns[good], values[good], quality[good], columns) if good.size else []

    def bad_tick(self: KindEvaluator, now_ns: int, rows: Indexes | None = None) -> list[Transition]:
        among = np.arange(len(self.rows)) if rows is None else rows
        others = among[among != self.rows.get("fp-2", -1)]
        if now_ns in ticks and others.size < among.size:
            if not raises:
                return tick(self, now_ns, others) if others.size else []
            tick(self, now_ns, rows)
            raise Broken("a tick")
        return tick(self, now_ns, rows)

    KindEvaluator.step, KindEvaluator.tick = bad_step, bad_tick  # type: ignore[method-assign]
    try:
        yield
    finally:
        KindEvaluator.step, KindEvaluator.tick = step, tick  # type: ignore[method-assign]


BITS = st.fixed_dictionaries({"phase_loss": st.integers(0, 1), "pump_running": st.integers(0, 1), "jockey_fault": st.integers(0, 1)})
MODES = st.sampled_from([1, 1, 0, POISON])
BANK = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1), MODES), min_size=3, max_size=3)
ACTIONS = st.one_of(
    st.tuples(st.just("stay"), st.integers(1, 3), BITS, MODES, st.integers(1, 5)),
    st.tuples(st.just("bank"), BANK, st.sampled_from([(0.0,), (3.0, 1.0), (0.5, 0.0)])),
    st.tuples(st.just("tick"), st.booleans()),
    st.tuples(st.just("step"), st.sampled_from([-3600, 7200])),
    st.tuples(st.just("accept")),
    st.tuples(st.just("site"), st.integers(0, 1)),
)
SITES = (site_text(pump(1), pump(2), pump(3)), site_text(pump(1), pump(2, "commissioning"), pump(3)))


def play(kit: Kit, actions: list[tuple[Any, ...]]) -> frozenset[int]:
    """Writes the journal; the instants of the ticks that break."""
    bad: set[int] = set()
    kit.configure(SITES[0], ALL_RULES)
    kit.tick()
    for what, *args in actions:
        match what:
            case "stay":
                number, bits, mode, seconds = args
                kit.stay(seconds, number, **bits, control_mode=mode)
            case "bank":
                kit.bank(*args)
            case "tick":
                at = kit.tick().at.wall_ns
                bad |= {at} if args[0] else set()
            case "step":
                kit.clock.step_wall(args[0])
            case "accept":
                kit.say({"command_id": f"c{len(kit.journal)}", "does": "accept", "target": "O9-1", "who": {"id": "li"}, "args": {}}, Kind.COMMAND)
            case "site":
                kit.configure(SITES[args[0]], ALL_RULES)
    kit.stay(4, 1, phase_loss=1)  # whatever was before: an engine that stopped raises none of these
    kit.stay(4, 3, jockey_fault=1)
    return frozenset(bad)


def faults(kit: Kit) -> list[tuple[Any, ...]]:
    columns = "equipment, rule, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why"
    return kit.rows(f"SELECT {columns} FROM fault WHERE rule <> 'record_skipped' ORDER BY raised_ns, equipment, rule, onset_ns")


@settings(max_examples=300 if SOAK else 10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(ACTIONS, min_size=1, max_size=12), st.data())
def test_only_the_step_that_raises_is_lost(actions: list[tuple[Any, ...]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        try:
            ticks = play(kit, actions)
            places = st.integers(0, len(kit.journal))
            with poisoned(ticks):
                kit.run(data.draw(st.sampled_from([1, 7, 1_000])))
                kit.engine.memory()
                expected = kit.dump()
                assert kit.again("cut.db", sorted(data.draw(st.lists(places, max_size=6)))) == expected
                assert kit.restarted(data.draw(places), data.draw(places)) == expected
            found, told = faults(kit), kit.rows("SELECT coalesce(sum(count), 0), count(*) FROM skipped")[0]
            raised = kit.rows("SELECT count(*) FROM fault WHERE rule = 'record_skipped'")[0][0]
            pages = kit.rows("SELECT count(*) FROM outbox WHERE message_json LIKE '%record_skipped%' AND reason = 'raised'")[0][0]
            lost = told[0]
            assert (raised > 0) is (pages > 0) is (lost > 0)
            assert len(kit.rows("SELECT n FROM chronicle WHERE kind = 'record.skipped'")) == told[1]
            kit.close()
            kit.open("ideal.db")
            kit._done = 0
            with poisoned(ticks, raises=False):
                kit.run()
            assert found == faults(kit)
        finally:
            kit.close()


def test_without_the_quarantine_one_bad_record_ends_all_alerting_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same journal, records applied as they come, the process started again whenever it ends."""

    def plain(self: quarantine.Quarantine, records: list[Record]) -> bool:
        self._engine.run(records)
        return self._engine.commit()

    kit = Kit(tmp_path)
    play(kit, [("bank", [(0, 0, 0, 1), (0, 0, 0, POISON), (0, 0, 0, 1)], (0.0,))])
    with poisoned():
        with monkeypatch.context() as without:
            without.setattr(quarantine.Quarantine, "take", plain)
            for _ in range(5):
                with pytest.raises(Broken):
                    kit.run(1)
                kit.restart()
            assert faults(kit) == []
        kit.run(1)
    assert [fault[:2] for fault in faults(kit)] == [("fp-1", "phase_loss"), ("fp-3", "jockey")]
    kit.close()
