"""What a duty head is asked to do: by the matter and the department, from the catalogue (`major.task.<matter>.<head>`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plantroom.words import LANGUAGES, say
from rules.rows import Fault, HeadCall

GENERAL = "general"
# By rule, else by the kind of machine: what sort of matter it is.
OF_RULE: Mapping[str, str] = {
    "unintended_movement": "lift", "overspeed": "lift", "lift_recall_failed": "fire", "gas_alarm": "gas", "fuel_leak": "gas",
    "fuel_store_leak": "gas", "room_water": "water", "room_smoke": "fire", "mains_lost_no_transfer": "power", "cable_overheated": "fire",
    "fan_runs_in_fire": "fire", "smoke_alarm_duct": "fire",
}  # fmt: skip
OF_KIND: Mapping[str, str] = {
    "elevator": "trapped", "fire_panel": "fire", "fire_pump": "fire", "fire_pump_set": "fire", "fire_water": "fire", "smoke_fan": "fire",
    "sump": "water", "ats": "power", "generator": "power", "meter": "power",
}  # fmt: skip
MATTERS = (*sorted({*OF_RULE.values(), *OF_KIND.values()}), GENERAL)


def matter_of(rule: str, kind: str) -> str:
    return OF_RULE.get(rule) or OF_KIND.get(kind, GENERAL)


def task_of(row: HeadCall, fault: Fault | None, missing: Sequence[str]) -> Mapping[str, str]:
    """By language. missing: the departments that have not confirmed, which is what the manager is told."""
    if row.head == "manager":
        who = {lang: say("oncall.and", lang).join(say(f"major.short.{head}", lang) for head in missing) for lang in LANGUAGES}
        return {lang: say("major.manager", lang, who=who[lang]) for lang in LANGUAGES}
    matter = matter_of(fault.rule, fault.kind) if fault is not None else GENERAL
    return {lang: say(f"major.task.{matter}.{row.head}", lang) for lang in LANGUAGES}
