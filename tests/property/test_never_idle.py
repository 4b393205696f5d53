"""P4: whatever happens, an urgent fault has an order, an open order a next call that is near enough, an accepted one a watched way; and
of a matter of weight (R-3) each head has confirmed, or is called again soon enough, and no limit of theirs goes by unnoticed.

The oracle reads the rows as a stranger; it shares nothing with rules/calling.py or the auditor, which must find nothing to mend.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plantroom.clock import NS
from rules import engine
from tests.kit.engine import Kit
from tests.property.test_engine_grouping import ACTIONS, BITS, RELATED, SEVERITY, SITES, act

FARTHEST_NS = {"danger": 180 * NS, "readiness": 600 * NS}  # T4: the longest gap in any chain of these sites
ARRIVAL_NS = {"danger": 15 * 60 * NS, "readiness": 30 * 60 * NS}
URGENT = "('danger', 'readiness')"
HEADS_APART_NS = 5 * 60 * NS  # a third of R-3's 15 minutes
EXAMPLES = 1_000 if os.environ.get("PLANTROOM_SOAK") == "1" else 40
CLASSES = st.one_of(
    SEVERITY, SEVERITY,
    st.tuples(st.just("command"), st.sampled_from(["accept", "arrive", "restore", "reopen", "close"]), st.integers(0, 3)),
    st.tuples(st.just("stay"), st.integers(1, 2), BITS, st.integers(3, 5)),
    st.tuples(st.just("wait"), st.floats(1, 1200)),
    st.tuples(st.just("shelve"), st.integers(0, 3)),
)  # fmt: skip


def idle(kit: Kit) -> list[str]:
    """What nobody would be told of any more."""
    now_ns = kit.clock.read().wall_ns
    found = []
    for fault, order_state in kit.rows(
        f"SELECT f.id, o.state FROM fault f LEFT JOIN work_order o ON o.id = f.work_order WHERE f.severity IN {URGENT}"
        " AND f.condition IN ('active', 'recovering') AND f.mode = 'live' AND f.parent IS NULL"
    ):
        if order_state in (None, "closed"):
            found.append(f"{fault} has no order")
    for order, severity, state, next_ns, until_ns in kit.rows(
        "SELECT o.id, o.severity, c.state, c.next_ns, (SELECT max(shelved_until_ns) FROM fault WHERE work_order = o.id)"
        f" FROM work_order o LEFT JOIN call c ON c.work_order = o.id WHERE o.state = 'open' AND o.severity IN {URGENT}"
    ):
        if state != "calling" or next_ns is None or not now_ns - NS <= next_ns <= max(now_ns + FARTHEST_NS[severity], until_ns or 0):
            found.append(f"{order} is open and calls nobody: {state} {next_ns}")
    for order, severity, due_ns, breached_ns in kit.rows(
        "SELECT o.id, o.severity, k.due_ns, k.breached_ns FROM work_order o LEFT JOIN clock k ON k.work_order = o.id AND k.name = 'arrival'"
        f" AND k.round = o.round AND k.stopped_ns IS NULL WHERE o.state = 'accepted' AND o.severity IN {URGENT}"
    ):
        if due_ns is None or breached_ns is not None or due_ns > now_ns + ARRIVAL_NS[severity]:
            found.append(f"{order} is accepted and nobody looks whether they come")
    return found + unheard(kit, now_ns)


def unheard(kit: Kit, now_ns: int) -> list[str]:
    """R-3: heads nobody would tell of an open major fault any more. The rules and the site of the newest configuration count."""
    house = kit.engine.house
    majors = [rule.id for rule in house.book.rules if rule.major] if house is not None and house.site.major is not None else []
    wanted = {"engineering", "security", "service"} if majors else set()
    found = []
    for (order,) in kit.rows(
        "SELECT DISTINCT o.id FROM fault f JOIN work_order o ON o.id = f.work_order WHERE o.state <> 'closed' AND f.mode = 'live'"
        f" AND f.condition IN ('active', 'recovering') AND f.rule IN ({','.join('?' * len(majors))})", *majors
    ):  # fmt: skip
        heads = kit.rows(
            "SELECT h.head, h.state, h.due_ns, h.next_ns, h.missed_ns FROM head_call h JOIN work_order o ON o.id = h.work_order"
            " AND o.round = h.round WHERE o.id = ?", order
        )  # fmt: skip
        found += [f"{order} was told to no {head}" for head in sorted(wanted - {row[0] for row in heads})]
        missing = False
        for head, state, due_ns, next_ns, missed_ns in heads:
            if state != "calling":
                continue
            missing |= head != "manager" and missed_ns is not None
            if next_ns is None or not now_ns - NS <= next_ns <= now_ns + HEADS_APART_NS:
                found.append(f"{order}: {head} has not confirmed and is not called: {next_ns}")
            if due_ns < now_ns - NS and missed_ns is None:
                found.append(f"{order}: the limit of {head} went by")
        if missing and "manager" not in {row[0] for row in heads}:
            found.append(f"{order}: a head is missing and no manager was called")
    return found


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(ACTIONS, min_size=3, max_size=25))
def test_nothing_urgent_is_ever_raised_and_idle(actions: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        try:
            kit.configure(SITES[0], RELATED)
            for action in actions:
                act(kit, *action)  # type: ignore[arg-type]
                kit.tick(0.5)
                kit.run()
                kit.engine.memory()
                assert idle(kit) == [], action
            assert kit.rows("SELECT body FROM chronicle WHERE kind IN ('call.idle', 'head.idle')") == [], "the auditor had something to mend"
        finally:
            kit.close()


@settings(max_examples=EXAMPLES // 5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(CLASSES, min_size=4, max_size=20))
def test_no_order_of_changes_of_class_acceptances_and_clearings_leaves_an_urgent_fault_idle(actions: list[tuple[object, ...]]) -> None:
    """And no limit that runs ever becomes later, nor begins anew; a missed one stays missed."""
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        try:
            kit.configure(SITES[0], RELATED)
            kit.stay(4, phase_loss=1, jockey_fault=1)
            before: dict[tuple[object, ...], tuple[int, int, int | None]] = {}
            for action in actions:
                act(kit, *action)  # type: ignore[arg-type]
                kit.tick(0.5)
                kit.run()
                kit.engine.memory()
                assert idle(kit) == [], action
                for *key, started, due, breached in kit.rows("SELECT work_order, name, round, started_ns, due_ns, breached_ns FROM clock"):
                    if key[1] != "arrival" and (was := before.get(tuple(key))) is not None:  # one who accepts anew has an arrival clock anew
                        assert (started, due <= was[1], was[2] in (None, breached)) == (was[0], True, True), (action, key)
                    before[tuple(key)] = (started, due, breached)
            assert kit.rows("SELECT body FROM chronicle WHERE kind IN ('call.idle', 'head.idle')") == [], "the auditor had something to mend"
        finally:
            kit.close()


def test_the_oracle_sees_a_fault_that_became_grave_and_is_called_as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its negative control: without the new class's chain the next call is half an hour away."""
    monkeypatch.setattr("rules.reclass.calling.retune", lambda desk, house, order: [])
    monkeypatch.setattr(engine, "LOOKS", {name: look for name, look in engine.LOOKS.items() if name != "audit"})
    kit = Kit(tmp_path)
    kit.configure(SITES[0], RELATED)
    kit.stay(15, jockey_fault=1)
    kit.run()
    [fault] = [row[0] for row in kit.rows("SELECT id FROM fault WHERE rule = 'jockey'")]
    assert kit.command("severity", fault, severity="danger") == "ok"
    kit.engine.memory()
    [said] = idle(kit)
    assert "calls nobody" in said
    kit.close()


def test_the_oracle_sees_calls_that_have_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its negative control: without the looks at calls and their audit nothing comes after the first page."""
    monkeypatch.setattr("rules.engine.calling.take", lambda desk, house, work_order: None)
    monkeypatch.setattr(engine, "LOOKS", {name: look for name, look in engine.LOOKS.items() if name != "audit"})
    kit = Kit(tmp_path)
    kit.configure(SITES[0], RELATED)
    kit.stay(5, pump_running=1)
    kit.run()
    kit.engine.memory()
    assert idle(kit) == []
    kit.stay(200, pump_running=1)
    kit.run()
    kit.engine.memory()
    [said] = idle(kit)
    assert "calls nobody" in said
    kit.close()


def test_the_oracle_sees_heads_whom_nobody_tells_any_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its negative control: without the looks at heads and their audit nothing comes after their first page."""
    monkeypatch.setattr("rules.engine.heads.take", lambda desk, house, work_order, head: None)
    monkeypatch.setattr(engine, "LOOKS", {name: look for name, look in engine.LOOKS.items() if name != "audit"})
    kit = Kit(tmp_path)
    kit.configure(SITES[0], RELATED)
    kit.stay(5, pump_running=1)
    kit.run()
    kit.engine.memory()
    assert idle(kit) == []
    kit.stay(16 * 60, pump_running=1)
    kit.run()
    kit.engine.memory()
    said = "; ".join(idle(kit))
    assert "security has not confirmed and is not called" in said and "the limit of service went by" in said
    kit.close()
