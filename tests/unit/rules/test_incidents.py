"""One cause, one page: faults that are part of another one, groups, floods, chatter; and the trace that says what moved a fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from plantroom.clock import NS
from plantroom.model import Quality
from tests.kit.engine import RULES, Kit, event_text, pump, rule_text, site_text

GROUP = """
id: line_down
applies_to: connection
when_faults: {rule: jockey, share: 60 %, least: 2}
severity: normal
says: {zh: "{count:.0f}/{of:.0f}台失联", en: "{count:.0f} of {of:.0f} silent"}
do: {zh: 查网关, en: look at the gateway}
"""
HOUSE = {
    **RULES,
    "rules/packs/connection/line_down.yaml": GROUP,
    "rules/packs/fire_pump/wet.yaml": rule_text("wet", "jockey_fault", "normal", extra="inhibited_by: [phase_loss, phase_loss@fed_by]", for_="5s"),
    "rules/packs/monitor/alarm_flood.yaml": event_text("alarm_flood", clear_after="1h"),
    "rules/packs/monitor/alarm_chattering.yaml": event_text("alarm_chattering", "advisory"),
}
QUICK = {"rules/packs/fire_pump/jockey.yaml": rule_text("jockey", "jockey_fault", "normal", for_="0s", clear_after="1s")}


def only(*names: str) -> dict[str, str]:
    """The monitor's rules and these."""
    return {file: text for file, text in HOUSE.items() if "/monitor/" in file or file.split("/")[-1].removesuffix(".yaml") in names}


def kit_of(path: Path, rules: dict[str, str], text: str | None = None) -> Kit:
    kit = Kit(path)
    kit.configure(text or site_text(*(pump(n) for n in range(1, 6))), rules)
    kit.tick()
    return kit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = kit_of(tmp_path, only("phase_loss", "wet"))
    yield kit
    kit.close()


def parents(kit: Kit) -> dict[str, str | None]:
    names = {id_: f"{equipment}.{rule}" for id_, equipment, rule in kit.rows("SELECT id, equipment, rule FROM fault")}
    return {names[id_]: names.get(parent) for id_, parent in kit.rows("SELECT id, parent FROM fault ORDER BY raised_ns, id")}


def pages(kit: Kit, channel: str = "duty") -> list[tuple[str, str]]:
    """(equipment.rule, reason) of what is or was to be sent, what was dropped left out."""
    return kit.rows(
        "SELECT coalesce(f.equipment || '.' || f.rule, '-'), o.reason FROM outbox o LEFT JOIN fault f ON f.id = o.fault "
        "WHERE o.channel = ? AND o.state <> 'dropped' ORDER BY o.created_ns, o.id",
        channel,
    )


def test_a_fault_that_another_one_explains_is_its_child_with_no_order_and_no_page(kit: Kit) -> None:
    kit.stay(4, phase_loss=1)
    kit.stay(8, phase_loss=1, jockey_fault=1)
    kit.run()
    assert parents(kit) == {"fp-1.phase_loss": None, "fp-1.wet": "fp-1.phase_loss"}
    assert pages(kit) == [("fp-1.phase_loss", "raised")]
    assert kit.rows("SELECT work_order FROM fault WHERE rule = 'wet'") == [(None,)]


def test_a_child_that_came_first_joins_and_its_page_that_waited_is_dropped(kit: Kit) -> None:
    kit.stay(4, jockey_fault=1)
    kit.stay(2, jockey_fault=1, phase_loss=1)  # wet is raised in the fifth second, phase_loss in the sixth
    kit.stay(3, jockey_fault=1, phase_loss=1)
    kit.run()
    assert parents(kit) == {"fp-1.wet": "fp-1.phase_loss", "fp-1.phase_loss": None}
    assert pages(kit) == [("fp-1.phase_loss", "raised")]
    assert kit.rows("SELECT state, cause FROM work_order ORDER BY id") == [("closed", "part_of_incident"), ("open", None)]


def test_a_page_that_may_be_part_of_something_waits_ten_seconds_an_urgent_one_does_not(kit: Kit) -> None:
    kit.stay(8, jockey_fault=1)
    kit.stay(4, pump=2, phase_loss=1)
    kit.run()
    waits = {rule: due - created for rule, due, created in kit.rows("SELECT f.rule, o.due_ns, o.created_ns FROM outbox o JOIN fault f ON f.id = o.fault")}
    assert waits == {"wet": 10 * NS, "phase_loss": 0}


def test_an_order_that_somebody_has_taken_stays_his(kit: Kit) -> None:
    kit.stay(8, jockey_fault=1)
    kit.run()
    assert kit.command("accept", kit.order()) == "ok"
    kit.stay(5, jockey_fault=1, phase_loss=1)
    kit.run()
    assert parents(kit)["fp-1.wet"] == "fp-1.phase_loss"
    assert ("accepted",) in kit.rows("SELECT state FROM work_order")


def test_a_child_that_outlives_its_parent_stands_for_itself_after_a_minute(kit: Kit) -> None:
    kit.stay(4, phase_loss=1)
    kit.stay(8, phase_loss=1, jockey_fault=1)
    kit.stay(50, jockey_fault=1)
    kit.run()
    assert kit.rows("SELECT condition FROM fault WHERE rule = 'phase_loss'") == [("cleared",)]
    assert parents(kit)["fp-1.wet"] == "fp-1.phase_loss"
    kit.stay(20, jockey_fault=1)
    kit.run()
    assert parents(kit)["fp-1.wet"] is None
    assert ("fp-1.wet", "raised") in pages(kit)
    assert kit.one("SELECT state FROM work_order WHERE id = (SELECT work_order FROM fault WHERE rule = 'wet')") == "open"


def test_a_fault_of_what_feeds_a_machine_explains_one_here(tmp_path: Path) -> None:
    fed = pump(2).replace("    kind: fire_pump\n", "    kind: fire_pump\n    fed_by: fp-1\n")
    kit = kit_of(tmp_path, only("phase_loss", "wet"), site_text(pump(1), fed, pump(3)))
    for _ in range(10):
        kit.read(None, 1, phase_loss=1)
        kit.read(None, 2, jockey_fault=1)
        kit.read(None, 3, jockey_fault=1)
        kit.tick()
    kit.run()
    assert parents(kit) == {"fp-1.phase_loss": None, "fp-2.wet": "fp-1.phase_loss", "fp-3.wet": None}
    kit.close()


def test_a_feeder_in_commissioning_explains_nothing(tmp_path: Path) -> None:
    """Its fault has no order and pages nobody: a child of it would be seen by nobody."""
    fed = pump(2).replace("    kind: fire_pump\n", "    kind: fire_pump\n    fed_by: fp-1\n")
    kit = kit_of(tmp_path, only("phase_loss", "wet"), site_text(pump(1, "commissioning"), fed))
    for second in range(14):
        kit.read(None, 1, phase_loss=1)
        kit.read(None, 2, jockey_fault=int(second > 5))
        kit.tick()
    kit.run()
    assert kit.rows("SELECT equipment, mode FROM fault ORDER BY raised_ns") == [("fp-1", "commissioning"), ("fp-2", "live")]
    assert parents(kit) == {"fp-1.phase_loss": None, "fp-2.wet": None}
    assert pages(kit) == [("fp-2.wet", "raised")]
    kit.close()


FED = pump(2).replace("    kind: fire_pump\n", "    kind: fire_pump\n    fed_by: fp-1\n")
DRY = {"rules/packs/fire_pump/wet.yaml": rule_text("wet", "jockey_fault", "readiness", extra="inhibited_by: [phase_loss@fed_by]", for_="5s")}


def both(kit: Kit, seconds: int, *, feeder: int = 1, fed: int = 1) -> None:
    for _ in range(seconds):
        kit.read(None, 1, phase_loss=feeder)
        kit.read(None, 2, jockey_fault=fed)
        kit.tick()


def test_children_of_a_machine_that_is_put_into_commissioning_stand_for_themselves(tmp_path: Path) -> None:
    """What is in commissioning calls nobody any more, so nothing may be hidden in it; what was raised in service stays an order to be done."""
    rules = {**only("phase_loss"), **DRY}
    kit = kit_of(tmp_path, rules, site_text(pump(1), FED))
    both(kit, 10)
    kit.run()
    assert parents(kit) == {"fp-1.phase_loss": None, "fp-2.wet": "fp-1.phase_loss"}
    kit.configure(site_text(pump(1, "commissioning"), FED), rules)
    both(kit, 3)
    kit.run()
    assert parents(kit) == {"fp-1.phase_loss": None, "fp-2.wet": None}
    assert kit.rows("SELECT f.equipment, o.state FROM fault f JOIN work_order o ON o.id = f.work_order ORDER BY 1") == [("fp-1", "open"), ("fp-2", "open")]
    both(kit, 30, fed=0)
    both(kit, 10)
    kit.run()
    assert parents(kit) == {"fp-1.phase_loss": None, "fp-2.wet": None}  # nor does a later one join it
    assert pages(kit) == [("fp-1.phase_loss", "raised"), ("fp-2.wet", "raised"), ("fp-2.wet", "cleared"), ("fp-2.wet", "returned")]
    kit.close()


def test_a_child_that_is_put_into_commissioning_pages_nobody_when_its_parent_ends(tmp_path: Path) -> None:
    rules = {**only("phase_loss"), **DRY}
    kit = kit_of(tmp_path, rules, site_text(pump(1), FED))
    both(kit, 10)
    kit.configure(site_text(pump(1), FED.replace("in_service", "commissioning")), rules)
    both(kit, 30, feeder=0)
    kit.run()
    wet = "SELECT mode, condition, parent, work_order FROM fault WHERE rule = 'wet'"
    assert kit.rows(wet) == [("commissioning", "active", None, None)]
    assert {name for name, _ in pages(kit)} == {"fp-1.phase_loss"}
    kit.configure(site_text(pump(1), FED), rules)
    both(kit, 3, feeder=0)
    kit.run()
    assert kit.one("SELECT mode FROM fault WHERE rule = 'wet'") == "live"
    assert pages(kit)[-1] == ("fp-2.wet", "raised")
    kit.close()


def test_a_fault_that_leaves_commissioning_under_one_that_explains_it_is_its_child(tmp_path: Path) -> None:
    rules = {**only("phase_loss"), **DRY}
    kit = kit_of(tmp_path, rules, site_text(pump(1), FED.replace("in_service", "commissioning")))
    both(kit, 10)
    kit.configure(site_text(pump(1), FED), rules)
    both(kit, 3)
    kit.run()
    assert parents(kit) == {"fp-1.phase_loss": None, "fp-2.wet": "fp-1.phase_loss"}
    assert pages(kit) == [("fp-1.phase_loss", "raised")]
    kit.close()


def test_a_feeder_that_leaves_commissioning_with_its_fault_gathers_what_it_explains(tmp_path: Path) -> None:
    rules = {**only("phase_loss"), **DRY}
    kit = kit_of(tmp_path, rules, site_text(pump(1, "commissioning"), FED))
    both(kit, 10)
    kit.run()
    assert pages(kit) == [("fp-2.wet", "raised")]
    kit.configure(site_text(pump(1), FED), rules)
    both(kit, 3)
    kit.run()
    assert parents(kit) == {"fp-1.phase_loss": None, "fp-2.wet": "fp-1.phase_loss"}
    assert ("fp-1.phase_loss", "raised") in pages(kit)
    kit.close()


def test_a_group_that_is_no_more_ends_its_fault_and_its_children_stand_for_themselves(tmp_path: Path) -> None:
    """Its members are put into commissioning: nobody would ever end the fault of their line, and the one that stays would be hidden in it."""
    kit = kit_of(tmp_path, only("jockey", "line_down"))
    broken = [[0.0, 0.0, 1.0, 1.0]] * 5
    for _ in range(8):
        kit.bank(broken)
        kit.tick()
    kit.run()
    assert parents(kit)["fp-5.jockey"] == "@bus.line_down"
    kit.configure(site_text(*(pump(n, "commissioning") for n in range(1, 5)), pump(5)), only("jockey", "line_down"))
    for _ in range(70):
        kit.bank(broken)
        kit.tick()
    kit.run()
    assert kit.one("SELECT condition FROM fault WHERE rule = 'line_down'") == "withdrawn"
    assert parents(kit) == {**{f"fp-{n}.jockey": None for n in range(1, 6)}, "@bus.line_down": None}
    assert [name for name, reason in pages(kit) if reason == "raised"] == ["@bus.line_down", "fp-5.jockey"]
    kit.close()


def test_a_group_of_which_fewer_are_left_is_judged_at_once(tmp_path: Path) -> None:
    """Four of five are out; with three of them in commissioning it is one of two."""
    kit = kit_of(tmp_path, only("jockey", "line_down"))
    state = [[0.0, 0.0, float(n != 5), 1.0] for n in range(1, 6)]
    for _ in range(8):
        kit.bank(state)
        kit.tick()
    kit.configure(site_text(*(pump(n, "commissioning") for n in range(1, 4)), pump(4), pump(5)), only("jockey", "line_down"))
    kit.bank(state)
    kit.tick()
    kit.run()
    assert kit.one("SELECT condition FROM fault WHERE rule = 'line_down'") == "cleared"
    kit.close()


def test_a_fault_is_no_part_of_a_lesser_one(tmp_path: Path) -> None:
    """An advisory pages nobody: what is more than that would be lost in it."""
    hint = {"rules/packs/fire_pump/hint.yaml": rule_text("hint", "pump_running", "advisory")}
    turned = {"rules/packs/fire_pump/wet.yaml": rule_text("wet", "jockey_fault", "normal", extra="inhibited_by: [hint]")}
    kit = kit_of(tmp_path, {**only(), **hint, **turned})
    kit.stay(4, pump_running=1)
    kit.stay(5, pump_running=1, jockey_fault=1)
    kit.run()
    assert parents(kit) == {"fp-1.hint": None, "fp-1.wet": None}
    assert ("fp-1.wet", "raised") in pages(kit)
    kit.close()


def test_an_urgent_fault_is_no_part_of_a_normal_one(tmp_path: Path) -> None:
    turned = {"rules/packs/fire_pump/phase_loss.yaml": rule_text("phase_loss", "phase_loss", "readiness", extra="inhibited_by: [jockey]")}
    kit = kit_of(tmp_path, {**only("jockey"), **turned})
    kit.stay(4, jockey_fault=1)
    kit.stay(5, jockey_fault=1, phase_loss=1)
    kit.run()
    assert parents(kit) == {"fp-1.jockey": None, "fp-1.phase_loss": None}
    kit.close()


def test_most_machines_of_a_connection_make_one_fault_that_has_theirs_as_children(tmp_path: Path) -> None:
    kit = kit_of(tmp_path, only("jockey", "line_down"))
    at_rest = [0.0, 0.0, 0.0, 1.0]
    for second in range(12):
        kit.bank([[0.0, 0.0, float(n * 2 <= second and n != 5), 1.0] for n in range(1, 6)])  # one after the other, the fifth never
        kit.tick()
    kit.run()
    assert parents(kit) == {**{f"fp-{n}.jockey": "@bus.line_down" for n in (1, 2, 3, 4)}, "@bus.line_down": None}
    assert pages(kit) == [("@bus.line_down", "raised")]
    assert kit.one("SELECT text_json FROM fault WHERE rule = 'line_down'") == '{"en":"3 of 5 silent","zh":"3/5台失联"}'
    said = orjson.loads(kit.one("SELECT message_json FROM outbox WHERE state <> 'dropped'"))
    assert said["zh"][0] == "〔一般〕3/5台失联 线路bus"
    for _ in range(5):
        kit.bank([at_rest] * 5)
        kit.tick()
    kit.run()
    assert {condition for _, _, condition in kit.faults()} == {"cleared"}
    kit.close()


def test_machines_in_commissioning_make_no_fault_of_their_line(tmp_path: Path) -> None:
    for state, made in (("commissioning", 0), ("in_service", 1)):
        (tmp_path / state).mkdir()
        kit = kit_of(tmp_path / state, only("jockey", "line_down"), site_text(*(pump(n, state) for n in range(1, 4)), pump(4), pump(5)))
        for _ in range(12):
            kit.bank([[0.0, 0.0, float(n != 5), 1.0] for n in range(1, 6)])
            kit.tick()
        kit.run()
        assert len(kit.rows("SELECT 1 FROM fault WHERE rule = 'jockey'")) == 4
        assert len(kit.rows("SELECT 1 FROM fault WHERE rule = 'line_down'")) == made
        kit.close()


def test_more_than_ten_in_ten_minutes_are_a_flood_whose_normal_pages_are_one(tmp_path: Path) -> None:
    names = [pump(n) for n in range(1, 9)]
    kit = kit_of(tmp_path, {**only("phase_loss"), **QUICK}, site_text(*names))
    for n in range(1, 9):  # each comes back: sixteen faults
        for value in (1, 0, 0, 1):
            kit.read(None, n, jockey_fault=value)
            kit.tick(20.0)
    kit.run()
    assert kit.one("SELECT condition FROM fault WHERE rule = 'alarm_flood'") == "active"
    alone = [what for what in pages(kit) if what[0].endswith("jockey") and what[1] in ("raised", "returned")]
    assert len(alone) < 14
    gathered = kit.rows("SELECT message_json, due_ns - created_ns FROM outbox WHERE reason = 'monitor' AND channel = 'duty'")
    told = sum(orjson.loads(message)["count"] for message, _ in gathered)
    assert len(alone) + told >= 16 and all(0 < wait <= 600 * NS for _, wait in gathered)
    assert orjson.loads(gathered[0][0])["zh"][0].startswith("〔报警潮〕又有")
    before = kit.clock.read().wall_ns
    kit.stay(4, phase_loss=1)
    kit.run()
    urgent = kit.rows("SELECT due_ns, reason FROM outbox WHERE severity = 'readiness' AND channel = 'duty'")
    assert [reason for _, reason in urgent] == ["raised"] and before < urgent[0][0] <= kit.clock.read().wall_ns
    for _ in range(70):
        kit.tick(10.0)
    kit.run()
    assert kit.one("SELECT condition FROM fault WHERE rule = 'alarm_flood'") == "cleared"
    kit.close()


SIX = range(2, 8)
FEEDS_SIX = site_text(pump(1), *(pump(n).replace("    kind: fire_pump\n", "    kind: fire_pump\n    fed_by: fp-1\n") for n in SIX))


def twice_wet(severity: str = "normal", extra: str = "inhibited_by: [phase_loss@fed_by]") -> dict[str, str]:
    """Two faults of each machine, so that six make a dozen."""
    two = {f"rules/packs/fire_pump/{name}.yaml": rule_text(name, "jockey_fault", severity, extra=extra, for_="5s") for name in ("wet", "damp")}
    return {**only("phase_loss"), **two}


def outage(path: Path, rules: dict[str, str], *, feeder_after: int, seconds: int = 30) -> Kit:
    """Machines that one feeds have their faults after five seconds; its own is seen after so many and raised three later."""
    kit = kit_of(path, rules, FEEDS_SIX)
    for second in range(seconds):
        for n in SIX:
            kit.read(None, n, jockey_fault=1)
        kit.read(None, 1, phase_loss=int(second >= feeder_after))
        kit.tick()
    kit.run()
    return kit


def floods(kit: Kit) -> int:
    return int(kit.one("SELECT count(*) FROM fault WHERE rule = 'alarm_flood'"))


def test_what_turns_out_to_be_part_of_a_fault_before_its_page_left_makes_no_flood(tmp_path: Path) -> None:
    kit = outage(tmp_path, twice_wet(), feeder_after=9)
    assert sorted(set(parents(kit).values()), key=str) == [None, "fp-1.phase_loss"]
    assert kit.one("SELECT count(*) FROM fault WHERE parent IS NOT NULL AND presented = 0") == 12
    assert (floods(kit), pages(kit)) == (0, [("fp-1.phase_loss", "raised")])
    assert kit.again("cut.db", [len(kit.journal) // 2]) == kit.dump()
    kit.close()


def test_what_is_left_alone_until_its_page_leaves_makes_a_flood_then(tmp_path: Path) -> None:
    kit = outage(tmp_path, twice_wet(), feeder_after=999)
    [(raised, last)] = kit.rows("SELECT raised_ns, (SELECT max(raised_ns) FROM fault WHERE rule = 'wet') FROM fault WHERE rule = 'alarm_flood'")
    assert 10 * NS <= raised - last <= 11 * NS
    kit.close()


def test_what_joins_after_its_page_left_has_been_seen_and_counts(tmp_path: Path) -> None:
    kit = outage(tmp_path, twice_wet(), feeder_after=20)
    assert kit.one("SELECT count(*) FROM fault WHERE parent IS NOT NULL AND presented <> 0") == 12
    assert floods(kit) == 1
    kit.close()


def test_urgent_faults_that_join_have_paged_and_count(tmp_path: Path) -> None:
    kit = outage(tmp_path, twice_wet("readiness"), feeder_after=9)
    assert kit.one("SELECT count(*) FROM fault WHERE parent IS NOT NULL AND presented = 1") == 12
    assert floods(kit) == 1
    kit.close()


def test_an_engine_that_starts_again_while_faults_wait_counts_them_when_they_count(tmp_path: Path) -> None:
    kit = outage(tmp_path, twice_wet(), feeder_after=999, seconds=9)
    assert floods(kit) == 0
    kit.restart()
    for _ in range(12):
        kit.tick()
    kit.run()
    assert floods(kit) == 1
    kit.close()


def test_advisories_make_no_flood_before_a_restart_or_after(tmp_path: Path) -> None:
    kit = outage(tmp_path, twice_wet("advisory", extra=""), feeder_after=999)
    kit.restart()
    kit.tick()
    kit.run()
    assert (len(kit.rows("SELECT 1 FROM fault WHERE severity = 'advisory'")), floods(kit)) == (12, 0)
    kit.close()


def test_what_comes_and_goes_three_times_a_minute_is_shelved_for_half_an_hour(tmp_path: Path) -> None:
    kit = kit_of(tmp_path, {**only("phase_loss"), **QUICK})
    for _ in range(4):
        kit.read(jockey_fault=1)
        kit.tick()
        kit.stay(3)
    kit.run()
    raised = kit.rows("SELECT shelf_json FROM fault WHERE rule = 'jockey' ORDER BY raised_ns")
    assert len(raised) == 4
    assert kit.one("SELECT count(*) FROM chronicle WHERE kind = 'fault.shelved'") == 2
    assert kit.one("SELECT condition FROM fault WHERE rule = 'alarm_chattering'") == "active"
    assert sum(reason in ("raised", "returned") for name, reason in pages(kit) if name == "fp-1.jockey") == 2
    kit.stay(1, jockey_fault=1)
    kit.stay(1_805, jockey_fault=1)
    kit.run()
    assert pages(kit)[-2:] == [("fp-1.jockey", "returned"), ("fp-1.jockey", "breach")]  # its clock ran on
    kit.close()


def test_an_urgent_fault_that_chatters_pages_each_time(tmp_path: Path) -> None:
    quick = {"rules/packs/fire_pump/phase_loss.yaml": rule_text("phase_loss", "phase_loss", "readiness", for_="0s", clear_after="1s")}
    kit = kit_of(tmp_path, {**only(), **quick})
    for _ in range(4):
        kit.read(phase_loss=1)
        kit.tick()
        kit.stay(3)
    kit.run()
    assert sum(reason in ("raised", "returned") for _, reason in pages(kit)) == 4
    assert kit.one("SELECT count(*) FROM fault WHERE shelved_until_ns IS NOT NULL") == 0
    kit.close()


def test_a_trace_holds_the_samples_that_began_raised_and_ended_it(kit: Kit) -> None:
    kit.stay(4, phase_loss=1)
    kit.stay(2, phase_loss=0)
    kit.stay(2, phase_loss=1)
    kit.stay(6, phase_loss=0)
    kit.run()
    trace = orjson.loads(kit.one("SELECT trace_json FROM fault WHERE rule = 'phase_loss'"))
    moved = [(moment["to"], moment["values"]["phase_loss"]) for moment in trace["moved"]]
    assert moved == [("pending", 1.0), ("active", 1.0), ("recovering", 0.0), ("active", 1.0), ("recovering", 0.0), ("cleared", 0.0)]
    assert [moment["at_ns"] for moment in trace["moved"]] == sorted(moment["at_ns"] for moment in trace["moved"])
    assert all(kit.journal[moment["seq"] - 1].seq == moment["seq"] for moment in trace["moved"])


def test_a_failed_read_ends_no_child_and_no_group(tmp_path: Path) -> None:
    kit = kit_of(tmp_path, only("jockey", "line_down"))
    for _ in range(6):
        kit.bank([[0.0, 0.0, 1.0, 1.0]] * 5)
        kit.tick()
    for n in range(1, 6):
        kit.stay(20, pump=n, bad=Quality.NO_ANSWER)
    kit.run()
    assert {condition for _, _, condition in kit.faults()} == {"active"}
    kit.close()
