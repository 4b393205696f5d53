"""Kind files: all load, hold the words of the contract, and a broken one says where."""

from __future__ import annotations

import re

import pytest

from plantroom import units
from plantroom.errors import BadInput
from plantroom.kinds import Kind, PointType, kind_names, load_kind, load_kinds, parse_kind

KINDS = [
    *("elevator", "fire_pump", "fire_pump_set", "fire_water", "smoke_fan", "fire_panel", "ahu", "vav", "fcu", "chiller", "tower", "pump"),
    *("generator", "ats", "meter", "sump", "room", "asset", "area", "monitor", "connection", "bank"),
]


def test_every_kind_of_the_design_ships_and_loads() -> None:
    assert set(load_kinds()) == set(kind_names()) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_consistent(name: str) -> None:
    kind = load_kind(name)
    assert kind.name == name
    for point in kind.points.values():
        assert units.known(point.unit)
        assert point.says["zh"] != point.says["en"] and "{" not in "".join(point.says.values())
        assert (point.type in (PointType.ENUM, PointType.SET)) == bool(point.codes)
        if point.type in (PointType.BOOL, PointType.ENUM, PointType.SET, PointType.TIME):
            assert point.unit == ""
        if point.type is PointType.FLOAT:
            assert point.range is not None
        if point.safety:
            assert point.period_s <= 10
    assert len({point.says["zh"] for point in kind.points.values()}) == len(kind.points)
    assert kind.items or kind.name in ("connection", "bank"), "a group is what its members are"


def test_names_of_the_measured_air_handlers_are_points() -> None:
    columns = {
        *("supply_temp", "supply_temp_sp", "supply_temp_heat_sp", "supply_temp_cool_sp", "outdoor_temp", "mixed_temp", "return_temp"),
        *("fan_status", "return_fan_status", "fan_speed", "return_fan_speed", "oa_damper_cmd", "ra_damper_cmd", "ea_damper_cmd"),
        *("cool_valve_cmd", "heat_valve_cmd", "supply_static_pressure", "supply_static_pressure_sp", "occupied"),
    }
    assert columns <= set(load_kind("ahu").points)


def test_lifts_speak_the_words_and_numbers_of_bacnet() -> None:
    lift = load_kind("elevator").points
    assert lift["car_mode"].codes["inspection"] == 8 and lift["car_mode"].codes["occupant_evacuation"] == 13
    assert lift["car_door_status_1"].codes == lift["landing_door_status_64"].codes
    assert lift["car_door_status_1"].codes["limited_opened"] == 9
    assert lift["fault_signals"].codes["load_measurement"] == 16
    assert lift["registered_car_calls"].codes["floor_52"] == 51


def test_a_lift_seen_by_contacts_has_its_own_words() -> None:
    contacts = {
        *("common_fault", "available", "running", "inspection_switch", "lock_switch", "fire_recall_arrived", "passenger_alarm", "mains_ok"),
        *("motor_current", "overload", "car_door_zone"),
    }
    assert contacts <= set(load_kind("elevator").points)


def test_numbered_points_are_spelled_out() -> None:
    chiller = load_kind("chiller").points
    assert [name for name in chiller if name.startswith("compressor_starts")] == [f"compressor_starts_{n}" for n in (1, 2, 3, 4)]
    assert chiller["compressor_current_3"].says["zh"] == "压缩机 3 电流"


HEAD = "kind: thing\nsays: {zh: 物, en: Thing}\n"
SAYS = "says: {zh: 甲, en: A}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("points: {a: {type: flaot, SAYS}}", "t.yaml:3: points.a.type: 'flaot' is not a known word; did you mean 'float'?"),
        ("points: {a: {type: float, unit: bars, SAYS}}", "t.yaml:3: points.a.unit: 'bars' is no unit; did you mean 'bar'?"),
        ("points: {a: {type: float, says: {zh: 甲}}}", "t.yaml:3: points.a.says: must have exactly zh and en (en missing)"),
        ("points: {a: {type: enum, SAYS}}", "t.yaml:3: points.a.codes: a point of type enum needs codes"),
        ("points: {a: {type: bool, codes: {x: 1}, SAYS}}", "t.yaml:3: points.a.codes: a point of type bool has no codes"),
        ("points: {a: {type: enum, codes: {x: 1, y: 1}, SAYS}}", "t.yaml:3: points.a.codes: two words have the same number"),
        ("points: {a: {type: set, codes: {x: 52}, SAYS}}", "t.yaml:3: points.a.codes: a set has at most 52 members"),
        ("points: {a: {type: float, range: [5, 1], SAYS}}", "t.yaml:3: points.a.range: [5, 1] runs backwards"),
        ("points: {A: {type: float, SAYS}}", "t.yaml:3: points.A: 'A' is no point name; use snake_case"),
        ("points: {a_1: {type: bool, SAYS}, a: {type: bool, numbered: 2, says: {zh: 乙, en: B}}}", "a_1 is there already"),
        ("items: {x: both}", "t.yaml:3: items.x.says: must be {zh"),
        ("point: {}", "t.yaml:3: point: is not a key here; did you mean 'points'?"),
    ],
)
def test_a_broken_kind_says_where(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=re.escape(problem)):
        parse_kind(HEAD + text.replace("SAYS", SAYS), "t.yaml")


def test_an_unknown_kind_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_kind("../kinds/ahu")


def test_a_good_one_is_read_whole() -> None:
    point_text = f"{{type: float, unit: bar, range: [0, 1], required: true, safety: true, every: 2s, {SAYS}}}"
    text = f"{HEAD}points: {{a: {point_text}}}\nitems: {{f: {{zh: 丙, en: F}}}}\n"
    kind = parse_kind(text, "t.yaml")
    point = kind.points["a"]
    assert isinstance(kind, Kind) and kind.text == text and kind.items["f"].says["en"] == "F"
    assert (point.unit, point.range, point.required, point.safety, point.period_s) == ("bar", (0.0, 1.0), True, True, 2.0)
