"""Which records are taken together never changes a row: live = rebuild, whatever the batches, over steps, configurations and restarts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plantroom.clock import NS, at_utc
from plantroom.model import Quality, Severity
from rules import flood
from tests.kit.engine import PEOPLE, RULES, Kit, event_text, peopled, pump, rule_text, site_text

PUMPS = st.integers(1, 3)
BITS = st.fixed_dictionaries({"phase_loss": st.integers(0, 1), "pump_running": st.integers(0, 1), "jockey_fault": st.integers(0, 1)})
HEADS = PEOPLE.replace(
    "escalation:", "escalation:\n  major: {heads: {engineering: engineering, security: wang.fang, service: managers}, manager: chief}"
)
SITES = (
    peopled(HEADS, pump(1), pump(2), pump(3)),
    site_text(pump(1), pump(2, "commissioning")),
    site_text(pump(2), pump(3)),
)
OTHER_RULES = {**RULES, "rules/packs/fire_pump/jockey.yaml": rule_text("jockey", "jockey_fault", "normal", for_="0s", clear_after="1s")}
GROUP = """
id: line_down
applies_to: connection
when_faults: {rule: jockey, share: 60 %, least: 2}
severity: normal
says: {zh: 失联, en: silent}
do: {zh: 查网关, en: look at the gateway}
"""
# one cause, one page: children, a group, chatter and a flood that two or three faults make
RELATED = {
    **OTHER_RULES,
    "rules/packs/connection/line_down.yaml": GROUP,
    "rules/packs/fire_pump/ran.yaml": rule_text("ran", "pump_running", "danger", extra="major: true"),
    "rules/packs/fire_pump/wet.yaml": rule_text("wet", "jockey_fault", "normal", for_="1s", extra="inhibited_by: [phase_loss]"),
    "rules/packs/fire_pump/phase_loss.yaml": rule_text("phase_loss", "phase_loss", "readiness", extra="disables: [start_on_demand]"),
    "rules/packs/monitor/alarm_flood.yaml": event_text("alarm_flood", clear_after="1h"),
    "rules/packs/monitor/alarm_chattering.yaml": event_text("alarm_chattering", "advisory"),
}

AGES = st.lists(st.floats(0, 30), min_size=1, max_size=4).map(lambda ages: sorted(ages, reverse=True))
HOUR = 3600 * NS
DEEDS = ("accept", "arrive", "restore", "close", "reopen", "comment", "hold", "acknowledge")
SEVERITY = st.tuples(st.just("severity"), st.integers(0, 5), st.sampled_from(list(Severity)))
ACTIONS = st.one_of(
    st.tuples(st.just("stay"), PUMPS, BITS, st.integers(1, 5)),
    st.tuples(st.just("stay"), PUMPS, BITS, st.integers(1, 5)),
    st.tuples(st.just("read"), PUMPS, BITS),
    st.tuples(st.just("bad"), PUMPS, st.integers(1, 4)),
    st.tuples(st.just("bank"), st.lists(st.lists(st.integers(0, 1), min_size=4, max_size=4), min_size=1, max_size=3), AGES, st.booleans()),
    st.tuples(st.just("tick"), st.integers(1, 4)),
    st.tuples(st.just("wait"), st.floats(0.1, 1200)),
    st.tuples(st.just("step"), st.sampled_from([-3600, -5, 3, 7200])),
    st.tuples(st.just("site"), st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just("command"), st.sampled_from(DEEDS), st.integers(0, 5)),
    st.tuples(st.just("shelve"), st.integers(0, 5)),
    SEVERITY,
    st.tuples(st.just("attempt"), st.integers(0, 5), st.sampled_from(["accepted", "retry", "refused"])),
    st.tuples(st.just("roster"), st.sampled_from(["stand_in", "swap", "drop_change"]), st.integers(-2, 30), st.integers(1, 26)),
    st.tuples(st.just("shift"), st.sampled_from(["hand_over", "take_over"]), st.integers(0, 5)),
    st.tuples(st.just("event"), st.sampled_from(["service_restarted", "journal_gap", "nobody_knows"])),
)


def act(kit: Kit, what: str, *args: object) -> None:
    match what, args:
        case "stay", (int(number), dict(bits), int(seconds)):
            kit.stay(seconds, number, **bits)
        case "read", (int(number), dict(bits)):
            kit.read(None, number, **bits)
        case "bad", (int(number), int(seconds)):
            kit.stay(seconds, number, Quality.NO_ANSWER)
        case "bank", (list(values), list(ages), bool(stamped)):
            kit.bank(values, ages, stamped=stamped)
        case "tick", (int(seconds),):
            kit.ticks(seconds)
        case "wait", (float(seconds),):
            kit.clock.advance(seconds)
        case "step", (int(seconds),):
            kit.clock.step_wall(seconds)
        case "site", (int(which), int(rules)):
            kit.configure(SITES[which], (RULES, OTHER_RULES, RELATED)[rules])
        case "command", (str(does), int(which)):
            kit.run(1)
            orders = [row[0] for row in kit.rows("SELECT id FROM work_order ORDER BY opened_ns, id")]
            target = orders[which % len(orders)] if orders else "O0-0"
            head, roles = ("engineering", "security", "service", "manager")[which % 4], ("technician", "engineer", "supervisor")
            words = {"cause": "worn", "reason": "spare part", "told": "tenant", "text": "a word"}
            kit.command(does, target, who=("li", "wang")[which % 2], roles=roles, head=head, **words)
        case "shelve", (int(which),):
            kit.run(1)
            faults = [row[0] for row in kit.rows("SELECT id FROM fault ORDER BY raised_ns, id")]
            kit.command("shelve", faults[which % len(faults)] if faults else "F0-0", roles=["engineer"], until="5m", reason="test", second="wang")
        case "severity", (int(which), Severity() as to):
            kit.run(1)
            faults = [row[0] for row in kit.rows("SELECT id FROM fault ORDER BY raised_ns DESC, id DESC LIMIT 6")]
            target = faults[which % len(faults)] if faults else "F0-0"
            kit.command("severity", target, roles=["technician", "engineer"], severity=to.value, reason="seen", second="wang")
        case "attempt", (int(which), str(verdict)):
            kit.run(1)
            pages = [row[0] for row in kit.rows("SELECT id FROM outbox ORDER BY created_ns, id")]
            kit.attempt(pages[which % len(pages)] if pages else "P0-0", verdict, "said so")
        case "roster", (str(does), int(begins), int(hours)):
            kit.run(1)
            at = [(kit.clock.read().wall_ns + (begins + more) * HOUR) // NS for more in (0, hours, hours + 1, hours + 3)]
            times = [f"{at_utc(each * NS):%Y-%m-%dT%H:%M:%SZ}" for each in at]
            changes = [row[0] for row in kit.rows("SELECT id FROM roster_change ORDER BY rowid")]
            target = (changes[hours % len(changes)] if changes else "R0-0") if does == "drop_change" else "engineering"
            out, come = ("li.wei", "wang.fang") if hours % 2 else ("wang.fang", "chief")
            span = {"from": times[0], "until": times[1], "out": out, "in": come, "reason": "ill"}
            swap = {"one": out, "one_from": times[0], "one_until": times[1], "other": come, "other_from": times[2], "other_until": times[3]}
            kit.command(does, target, roles=["engineer"], **{"stand_in": span, "swap": swap, "drop_change": {}}[does])
        case "shift", (str(does), int(which)):
            kit.run(1)
            given = [row[0] for row in kit.rows("SELECT id FROM handover ORDER BY rowid")]
            target = ("engineering", "")[which % 2] if does == "hand_over" else (given[-1] if given else "H0-0")
            kit.command(does, target, who=("li", "wang")[which // 2 % 2], text="keys in the box")
        case "event", (str(name),):
            kit.event(name, service="collect", first=1, last=2)


@pytest.fixture(scope="module", autouse=True)
def small_flood() -> Iterator[None]:
    """A flood of three, so that these few machines can make one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flood, "MORE_THAN", 2)
        patch.setattr(flood, "FEWER_THAN", 2)
        yield


EXAMPLES = 1_000 if os.environ.get("PLANTROOM_SOAK") == "1" else 30


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(ACTIONS, min_size=3, max_size=25), st.data())
def test_regrouping_and_restarting_change_nothing(actions: list[tuple[object, ...]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        try:
            kit.configure(SITES[0], data.draw(st.sampled_from([RULES, RELATED])))
            kit.tick()
            for action in actions:
                act(kit, *action)  # type: ignore[arg-type]
            kit.run(1)
            kit.engine.memory()
            expected = kit.dump()
            places = st.integers(0, len(kit.journal))
            assert kit.again("whole.db", []) == expected
            assert kit.again("cut.db", sorted(data.draw(st.lists(places, max_size=8)))) == expected
            assert kit.restarted(data.draw(places), data.draw(places)) == expected
        finally:
            kit.close()

