"""Faults against the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plantroom.clock import NS, iso
from simulators.score import Raised, causes_of, score

START = 1_784_080_800 * NS
MACHINES = ["fp-1", "gen-1", "lift-1", "lift-2"]


def row(event: str, at_s: float, fault: str, **more: Any) -> dict[str, Any]:
    return {"at": iso(START + round(at_s * NS)), "event": event, "fault": fault, "found_by": fault, "leads_to": [], **more}


def fault(rule: str, equipment: str, raised_s: float, ended_s: float | None = None, severity: str = "normal") -> Raised:
    at = START + round(raised_s * NS)
    return Raised(rule, equipment, severity, at, at, None if ended_s is None else START + round(ended_s * NS))


def judged(truth: list[dict[str, Any]], raised: list[Raised]) -> dict[str, Any]:
    return score(causes_of(truth, MACHINES), raised, START + 10_000 * NS)


def test_what_was_caused_and_found_has_its_delay() -> None:
    truth = [row("begun", 10, "phase_loss", equipment="fp-1"), row("ended", 100, "phase_loss", equipment="fp-1")]
    got = judged(truth, [fault("phase_loss", "fp-1", 13.5)])
    assert got == {"caused": 1, "found": 1, "missed": [], "false": [], "own": [], "delay_s": {"p50": 3.5, "max": 3.5}}


def test_what_comes_too_late_or_on_another_machine_is_missed_and_false() -> None:
    truth = [row("begun", 10, "phase_loss", equipment="fp-1"), row("ended", 100, "phase_loss", equipment="fp-1")]
    got = judged(truth, [fault("phase_loss", "gen-1", 20), fault("phase_loss", "fp-1", 5000)])
    assert [m["equipment"] for m in got["missed"]] == ["fp-1"]
    assert [f["equipment"] for f in got["false"]] == ["gen-1", "fp-1"]


def test_declared_consequences_are_not_false_and_not_asked_for() -> None:
    truth = [row("begun", 10, "fan_drive_fault", equipment="lift-1", leads_to=["fan_fail_to_start"])]
    got = judged(truth, [fault("fan_fail_to_start", "lift-1", 50), fault("fan_drive_fault", "lift-1", 20)])
    assert (got["found"], got["missed"], got["false"]) == (1, [], [])
    assert judged(truth, [fault("fan_fail_to_start", "lift-1", 5)])["false"]  # before its cause


def test_what_a_sites_own_rule_raises_is_told_apart_and_not_judged_unless_an_upset_names_it() -> None:
    truth = [row("begun", 10, "phase_loss", equipment="fp-1", leads_to=["our_second"])]
    own = [replace(fault(rule, "fp-1", 20), own=True) for rule in ("our_first", "our_second")]
    got = judged(truth, [*own, fault("phase_loss", "fp-1", 13), fault("low_fuel", "fp-1", 20)])
    assert [f["rule"] for f in got["own"]] == ["our_first"], "the second is what an upset said it would bring"
    assert [f["rule"] for f in got["false"]] == ["low_fuel"]
    assert got["found"] == 1


def test_a_fault_that_is_open_already_counts_as_found() -> None:
    truth = [row("begun", 100, "low_fuel", equipment="gen-1")]
    assert judged(truth, [fault("low_fuel", "gen-1", 50)])["found"] == 1
    assert judged(truth, [fault("low_fuel", "gen-1", 50, 90)])["found"] == 0


def test_a_silent_wire_is_asked_of_all_it_touches() -> None:
    truth = [row("begun", 10, "silence", connection="bus", unit=1, found_by="device_offline", touches=["lift-1", "lift-2"])]
    got = judged(truth, [fault("device_offline", "lift-1", 45)])
    assert (got["caused"], got["found"]) == (2, 1) and got["missed"][0]["equipment"] == "lift-2"


def test_a_mains_failure_explains_what_it_is_said_to_bring_in_the_whole_building_and_has_no_rule_of_its_own() -> None:
    truth = [row("begun", 10, "mains_lost", equipment="gen-1", found_by=None, leads_to=["power_lost", "bank_half_out"])]
    brought = [fault("power_lost", "fp-1", 20), fault("bank_half_out", "@east", 30)]
    got = judged(truth, [*brought, fault("phase_loss", "fp-1", 20), fault("service_restarted", "monitor", 5)])
    assert (got["caused"], [f["rule"] for f in got["false"]], got["delay_s"]) == (0, ["phase_loss"], {})


def test_a_silent_line_explains_the_fault_of_its_group() -> None:
    truth = [
        row("begun", 10, "silence", connection="bus", found_by="device_offline", leads_to=["gateway_offline"], touches=["lift-1", "lift-2"])
    ]
    raised = [fault("device_offline", "lift-1", 45), fault("device_offline", "lift-2", 45), fault("gateway_offline", "@bus", 45)]
    assert judged(truth, raised)["false"] == []
    assert [f["equipment"] for f in judged(truth, [*raised, fault("gateway_offline", "@other", 45)])["false"]] == ["@other"]
