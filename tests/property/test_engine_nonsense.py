"""Whatever stands in a record that is no telemetry: the engine goes on, answers what it can, and a fault is raised as before."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import orjson
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plantroom.journal.record import Kind
from tests.kit.engine import Kit

EXAMPLES = 2_000 if os.environ.get("PLANTROOM_SOAK") == "1" else 40

LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12),
    st.sampled_from(["20m", "999999d", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00", "danger", "fp-1", "system", "accepted", "{x}", "\0"]),
)  # fmt: skip
JSON = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6)
IDS = st.sampled_from(["F", "O", "P", "other", "fp-1", "fp-9", "monitor", ""])
DOES = st.sampled_from(["accept", "arrive", "restore", "close", "reopen", "hold", "comment", "open", "shelve", "unshelve", "", "drop table"])
INSTANTS = st.sampled_from(["20m", "999999d", "0m", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00", 1e300, -5, 10**18, 2**64 - 1])
WORDS = st.sampled_from(["because", "\0", "x" * 10_000, "{x}", "😀"])
ARGS = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.one_of(INSTANTS, JSON) for name in ("eta", "until")},
        **{name: st.one_of(WORDS, JSON) for name in ("reason", "told", "text", "cause", "remedy", "second", "severity", "equipment", "x")},
    },
)
WHO = st.one_of(st.sampled_from(["li", "wang"]), JSON, st.fixed_dictionaries({"id": st.text(max_size=5), "name": JSON, "roles": JSON}))
COMMAND = st.fixed_dictionaries(
    {"command_id": st.one_of(st.text(min_size=1, max_size=8), JSON), "does": st.one_of(DOES, DOES, JSON), "who": WHO, "args": st.one_of(ARGS, ARGS, JSON)}
)
EVENTS = st.sampled_from(["service_restarted", "clock_step", "delivery_failed", "service_restarted_over", "nobody_knows", "_over", ""])
EVENT = st.fixed_dictionaries({"event": st.one_of(EVENTS, JSON)}, optional={"service": JSON, "step_s": JSON, "channel": JSON, "answer": JSON})
VERDICTS = st.sampled_from(["accepted", "retry", "refused"])
NUMBERS = st.sampled_from([0, 7, -1, 1e308, 1.5, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), True])
ATTEMPT = st.fixed_dictionaries(
    {
        "verdict": st.one_of(VERDICTS, VERDICTS, JSON), "answer": st.one_of(WORDS, JSON), "started_ns": st.one_of(NUMBERS, JSON),
        "ended_ns": st.one_of(NUMBERS, JSON),
    },
    optional={"retry_after_s": st.one_of(NUMBERS, JSON), "channel": JSON, "n": JSON},
)
SAID = st.one_of(
    st.tuples(st.just(Kind.COMMAND), COMMAND, IDS), st.tuples(st.just(Kind.EVENT), EVENT, IDS), st.tuples(st.just(Kind.ATTEMPT), ATTEMPT, IDS),
    st.tuples(st.sampled_from([Kind.COMMAND, Kind.EVENT, Kind.ATTEMPT]), JSON, IDS),
)  # fmt: skip


def target(kit: Kit, letter: str) -> str:
    table = {"F": "fault", "O": "work_order", "P": "outbox"}.get(letter)
    rows = kit.rows(f"SELECT id FROM {table} ORDER BY id DESC") if table else []
    return str(rows[0][0]) if rows else letter


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@example([(Kind.COMMAND, {"command_id": "a", "does": "accept", "who": "li", "args": {"eta": "999999d"}}, "O")], b"")
@example([(Kind.ATTEMPT, {"verdict": "retry", "answer": "", "started_ns": 2**63, "ended_ns": 0}, "P")], b"")
@example([(Kind.ATTEMPT, {"verdict": "retry", "answer": "", "started_ns": 0, "ended_ns": 0, "retry_after_s": 1e308}, "P")], b"\xff")
@given(st.lists(SAID, min_size=1, max_size=12), st.binary(max_size=30))
def test_no_record_of_people_or_services_stops_the_engine(said: list[tuple[Kind, object, str]], raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        try:
            kit.configure()
            kit.tick()
            kit.stay(4, phase_loss=1)
            kit.run()
            for kind, body, letter in said:
                id_ = target(kit, letter)
                kit.say(orjson.dumps({**body, "target": id_, "outbox": id_} if isinstance(body, dict) else body), kind)
                kit.say(raw, kind)
                kit.tick()
                kit.run()
            kit.stay(4, pump=2, jockey_fault=1)
            kit.run()
            assert ("fp-2", "jockey", "active") in kit.faults()
        finally:
            kit.close()
