"""A survey for people and programs: JSON, lines for a terminal, and a piece of a site file that `plantroom check` accepts. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from collector.discovery import Survey, Unit
from collector.fingerprint import Hint
from plantroom.kinds import load_kind
from plantroom.profiles import Profile
from plantroom.site import Modbus, ModbusRtu, RtuOverTcp

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def as_json(survey: Survey, link: Modbus, profiles: Mapping[str, Profile], broken: str = "") -> dict[str, Any]:
    """`{"address", "asked", "any_number", "broken_off", "units", "fragment"}`.

    A unit is `{"unit", "said", "latency_ms", "profile", "hints", "texts", "note"}`; profile: the model its registers name, else null;
    hints: profiles its values fit, the likeliest first.
    """
    return {
        "address": link.address,
        "asked": survey.asked,
        "any_number": survey.any_number,
        "broken_off": broken or None,
        "units": [
            {
                "unit": unit.unit,
                "said": unit.said,
                "latency_ms": round(1000 * unit.latency_s, 1),
                "profile": unit.profile,
                "hints": [{"profile": hint.profile, "fitting": hint.fitting, "judged": hint.judged} for hint in unit.hints],
                "texts": unit.texts,
                "note": unit.note or None,
            }
            for unit in survey.units
        ],
        "fragment": fragment(survey, link, profiles),
    }


def summary(survey: Survey, link: Modbus) -> str:
    """A comment over the fragment."""
    if survey.any_number:
        return f"# {link.address}: answers whatever the unit number, so it is one device"
    return f"# {link.address}: {len(survey.units) or 'none'} of {len(survey.asked)} unit numbers asked answered"


def fragment(survey: Survey, way: Modbus, profiles: Mapping[str, Profile]) -> str:
    """connections, devices, equipment. Only what registers named stands there as configuration; what values hint at is a comment."""
    if not survey.units:
        return ""
    link = f"line-{re.sub('[^A-Za-z0-9]+', '-', way.address).strip('-').lower()}"
    devices: list[str] = []
    equipment: list[str] = []
    for unit in survey.units:
        about = _about(unit)
        if unit.profile is None:
            devices += _unknown(unit, link, about)
        elif _stands_alone(profiles[unit.profile]):
            equipment += [f"  # {about}", f"  - {_equipment(unit, link, profiles[unit.profile])}"]
        else:
            devices += [f"  # {about}", f"  - {{id: {link}-u{unit.unit}, profile: {unit.profile}, connection: {link}, unit: {unit.unit}}}"]
    lines = ["connections:", f"  - {{id: {link}, {_connection(way)}}}"]
    for key, entries in (("devices", devices), ("equipment", equipment)):
        if entries:
            lines += [f"{key}:" if any(line.startswith("  - ") for line in entries) else f"# {key}:", *entries]
    return "\n".join(lines) + "\n"


def _connection(link: Modbus) -> str:
    """As the site file has it. A name that YAML might read otherwise is quoted."""
    if isinstance(link, ModbusRtu):
        return f"modbus_rtu: {{device: {_text(link.device)}, baud: {link.baud}, parity: {link.parity}, stop_bits: {link.stop_bits}}}"
    if isinstance(link, RtuOverTcp):
        return f"rtu_over_tcp: {{host: {_text(link.host)}, port: {link.port}, baud: {link.baud}}}"
    return f"modbus_tcp: {{host: {_text(link.host)}, port: {link.port}}}"


def _text(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(name)


def _equipment(unit: Unit, link: str, profile: Profile) -> str:
    name = json.dumps(f"{profile.model}, unit {unit.unit}", ensure_ascii=False)
    place = f"profile: {profile.name}, connection: {link}, unit: {unit.unit}"
    return f"{{id: {link}-u{unit.unit}, kind: {profile.kind}, name: {name}, state: commissioning, {place}}}"


def _unknown(unit: Unit, link: str, about: str) -> list[str]:
    if not unit.hints:
        return [f"  # {about}: no profile says so; see docs/add-a-device.md"]
    perhaps = unit.hints[0].profile
    return [
        f"  # {about}; its values fit {', '.join(_fits(hint) for hint in unit.hints)}. Look with `plantroom try {perhaps}`, then take:",
        f"  # - {{id: {link}-u{unit.unit}, profile: {perhaps}, connection: {link}, unit: {unit.unit}}}",
    ]


def _about(unit: Unit) -> str:
    said = f"unit {unit.unit}, {unit.said} after {1000 * unit.latency_s:.0f} ms"
    if unit.texts:
        said += f", calls itself {' '.join(unit.texts[key] for key in ('vendor', 'product_code', 'product', 'model') if key in unit.texts)}"
    return said + (f", {unit.note}" if unit.note else "")


def _fits(hint: Hint) -> str:
    return f"{hint.profile} ({hint.fitting} of {hint.judged} numbers)" if hint.judged else f"{hint.profile} (bits only: they prove nothing)"


def _stands_alone(profile: Profile) -> bool:
    """Whether the profile is one machine and offers all that its kind requires, so that one line makes equipment of it."""
    if profile.kind is None or any("." in name for name in profile.points):  # car_2.mode: several machines
        return False
    return all(point.name in profile.points for point in load_kind(profile.kind).points.values() if point.required)
