"""JSON schemas for editors: every shipped file validates, what the loaders refuse does not, and the word lists are the code's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from plantroom import yaml_file as y
from plantroom.commands import SCHEMAS
from plantroom.kinds import PointType
from plantroom.model import EquipmentState, Severity
from plantroom.people import ROLES
from plantroom.profiles import Encoding, Table
from plantroom.units import UNITS

ROOT = Path(__file__).parents[3]
SHIPPED = {
    "site": [*ROOT.glob("simulators/sites/*.yaml"), *ROOT.glob("docs/*.yaml")],
    "profile": [*ROOT.glob("plantroom/profiles/*.yaml")],
    "kind": [*ROOT.glob("plantroom/kinds/*.yaml")],
    "rule": [*ROOT.glob("rules/packs/*/*.yaml")],
    "plan": [*ROOT.glob("rules/plans/*.yaml")],
    "scenario": [*ROOT.glob("simulators/scenarios/*.yaml")],
}


RULE = """id: a
applies_to: pump
when: running
severity: normal
says: {zh: b, en: c}
do: {zh: b, en: c}
tests: [{name: d, expect: {1s: active}}]
"""  # without on_missing


def schema(name: str) -> dict[str, Any]:
    found = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def errors(name: str, text: str) -> list[str]:
    node = y.parse(text, y.Paper("x.yaml"))
    assert node is not None
    found = Draft202012Validator(schema(name)).iter_errors(y.plain(node))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def test_there_is_a_schema_for_each_format_and_each_is_one() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(SHIPPED)
    for name in SHIPPED:
        Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_validates(name: str) -> None:
    assert SHIPPED[name]
    for path in SHIPPED[name]:
        assert errors(name, path.read_text("utf-8")) == [], path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("site", "connections: []"),
        ("site", "site: {id: a, name: b, zone: UTC}\ndevcies: []"),
        ("site", "site: {id: a, name: b, zone: UTC}\nconnections: [{id: c, mqtt: {host: d, password: hunter2}}]"),
        ("site", "site: {id: a, name: b, zone: UTC}\ndevices: [{id: c, profile: d, connection: e, unit: 256}]"),
        ("profile", "profile: a\nmodel: b\nsource: {document: c}\npoints: {d: {table: coil, address: 65537}}"),
        ("profile", "profile: a\nmodel: b\nsource: {}\npoints: {d: {table: coil, address: 1}}"),
        ("profile", "profile: a\nmodel: b\nsource: {document: c}\npoints: {d: {table: coil}}"),
        ("kind", "kind: a\nsays: {zh: b}\npoints: {}\nitems: {}"),
        ("kind", "kind: a\nsays: {zh: b, en: c}\npoints: {d: {type: real, says: {zh: b, en: c}}}\nitems: {}"),
        ("rule", RULE),
        ("site", "site: {id: a, name: b, zone: UTC}\nplan: {go_live: tomorrow}"),
        ("plan", "kind: a\nentries: {b: {every: 1 fortnight}}"),
        ("scenario", "events: [{at: 2, upset: {equipment: a, fault: b}}]"),
        ("scenario", "events: [{at: 2s, upset: {equipment: a, fault: b}, monitor: {service: rules, fault: kill}}]"),
    ],
)
def test_what_the_loader_refuses_the_editor_underlines(name: str, text: str) -> None:
    assert errors(name, text)


def test_word_lists_are_the_codes_own() -> None:
    kind, profile, site, rule = (schema(name)["$defs"] for name in ("kind", "profile", "site", "rule"))
    assert kind["point"]["properties"]["type"]["enum"] == list(PointType)
    assert profile["table"]["enum"] == list(Table)
    assert profile["encoding"]["enum"] == list(Encoding)
    assert site["severity"]["enum"] == rule["severity"]["enum"] == list(Severity)
    assert schema("site")["properties"]["equipment"]["items"]["properties"]["state"]["enum"] == list(EquipmentState)
    roles = schema("site")["properties"]["people"]["items"]["properties"]["roles"]["anyOf"]
    assert roles[0]["enum"] == roles[1]["items"]["enum"] == list(ROLES)
    for defs in (kind, profile, site, rule):
        assert defs["unit"]["anyOf"][0]["enum"] == sorted(UNITS)
