"""Profile files: all load with what their documents say, and a broken one says where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plantroom import units
from plantroom.errors import BadInput
from plantroom.kinds import load_kind
from plantroom.profile_file import load_profile, parse_profile, profile_names
from plantroom.profiles import Encoding, JsonPath, OneHot, Profile, Register, Sum, Table, registers_of

PROFILES = profile_names()
FIRST = {"smartgen-hgm4000n", "metron-fd4", "systemair-topvex", "techno-lift-gateway", "generic-32di", "generic-8ai", "mqtt-json-elevator"}


def register(profile: Profile, point: str) -> Register:
    source = profile.points[point].source
    assert isinstance(source, Register)
    return source


def one_hot(profile: Profile, point: str) -> OneHot:
    source = profile.points[point].source
    assert isinstance(source, OneHot)
    return source


def test_every_profile_of_the_first_release_ships() -> None:
    assert set(PROFILES) >= FIRST


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_consistent_with_its_kind_and_says_where_it_comes_from(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name and profile.source["document"] and profile.caveats
    kind = load_kind(profile.kind) if profile.kind else None
    for point in profile.points.values():
        known = kind.points.get(point.name.rpartition(".")[2]) if kind else None
        assert known is None or units.compatible(point.unit, known.unit)
        assert isinstance(point.source, JsonPath) == (profile.mqtt is not None)
        for cell in registers_of(point.source):
            assert 0 <= cell.address <= 65_536 - cell.count
            assert cell.alone or (cell.table, cell.address) not in profile.bus.barred


def test_the_generators_mode_is_one_of_four_coils_and_its_hours_four_registers() -> None:
    smartgen = load_profile("smartgen-hgm4000n")
    codes = load_kind("generator").points["control_mode"].codes
    cells = one_hot(smartgen, "control_mode").registers
    assert [cells[codes[word]].address for word in ("test", "auto", "manual", "stop")] == [40, 41, 42, 43]
    assert all(cell.table is Table.COIL and cell.encoding is Encoding.BIT for cell in cells.values())
    hours = smartgen.points["engine_run_time"].source
    assert isinstance(hours, Sum)
    assert [(cell.address, round(1 / factor, 6)) for cell, factor in hours.parts] == [(42, 0.0001), (43, 1), (44, 60), (45, 3600)]
    assert register(smartgen, "oil_temp").sentinels == {32767: "no_ecu_data", 32766: "sensor_open"}
    assert register(smartgen, "fuel_used").encoding is Encoding.U32
    assert smartgen.points["charger_ok"].invert


def test_the_fire_pumps_inferred_words_are_declared() -> None:
    metron = load_profile("metron-fd4")
    assert any("inferred" in caveat for caveat in metron.caveats)
    assert any("no analogue" in lack for lack in metron.lacks)
    assert register(metron, "pump_running") == Register(Table.HOLDING, 1, Encoding.BIT, bit=2)


def test_the_air_handler_keeps_its_bus_rules() -> None:
    topvex = load_profile("systemair-topvex")
    assert topvex.bus.max_registers == 47
    alone = {cell.address for point in topvex.points.values() for cell in registers_of(point.source) if cell.alone}
    assert alone == {address for _, address in topvex.bus.barred} == {323, 324, 325, 374}


def test_a_current_loop_is_bad_below_and_above_its_limits() -> None:
    point = load_profile("generic-8ai").points["ai_8"]
    assert point.unit == "mA" and point.range == (3.6, 21.0)


def test_a_lift_over_mqtt_has_its_own_stamp_and_a_last_will() -> None:
    shape = load_profile("mqtt-json-elevator").mqtt
    assert shape is not None and (shape.at, shape.at_format) == ("ts", "ms")
    assert [words.topic for words in shape.availability] == ["lifts/{device}/status"]
    doors = load_profile("mqtt-json-elevator").points["car_door_status_1"].source
    assert isinstance(doors, JsonPath) and doors.values["closed"] == doors.values["0"] == 0


HEAD = "profile: t\nmodel: T\nsource: {document: d}\n"


def parsed(text: str, head: str = HEAD) -> Profile:
    return parse_profile(head + text, "t.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("points: {a: {table: holding, address: 65536}}", "t.yaml:4: points.a.address: 65536 is outside 0..65535"),
        ("points: {a: {table: holding, address: -1}}", "points.a.address: -1 is outside"),
        ("points: {a: {table: holding, address: 65535, type: u32}}", "points.a.address: 2 words from 65535 run past 65535"),
        ("points: {a: {table: coil, address: 65530, numbered: 8}}", "points.a.address: 1 words from 65536 run past"),
        ("points: {a: {table: holdin, address: 1}}", "'holdin' is not a table; did you mean 'holding'?"),
        ("points: {a: {address: 1}}", "points.a.table: is missing"),
        ("points: {a: {table: holding, address: 1, type: u24}}", "'u24' is not an encoding"),
        ("points: {a: {table: coil, address: 1, type: u16}}", "a coil is one bit"),
        ("points: {a: {table: holding, address: 1, type: bit}}", "points.a.bit: is missing"),
        ("points: {a: {table: holding, address: 1, bit: 14, bits: 4}}", "bits 14..17 of a bit do not exist"),
        ("points: {a: {table: holding, address: 1, unit: furlong}}", "'furlong' is no unit"),
        ("points: {a: {table: holding, address: 1, scale: 0}}", "points.a.scale: is 0"),
        ("points: {a: {table: holding, address: 1, sum: [1]}}", "needs exactly one of address, any, one_hot, sum, set; has address, sum"),
        ("points: {a: {table: holding, sum: [{address: 1}, {table: input, address: 2}]}}", "different tables"),
        ("points: {a: {table: holding, one_hot: {1: 4, 2: {table: input, address: 2}}}}", "different tables"),
        ("points: {a: {table: holding, sum: [0, 200]}}", "points.a: spans 201 cells; one read takes at most 125"),
        ("points: {a: {table: holding, address: 1, sentinels: {0x10000: x}}}", "is no raw value of 16 bits"),
        ("points: {a: {table: holding, address: 1, adress: 2}}", "points.a.adress: is not a key here; did you mean 'address'?"),
        ("kind: ahu\npoints: {suply_temp: {table: input, address: 1}}", "ahu has no point 'suply_temp'; did you mean 'supply_temp'?"),
        ("kind: ahu\npoints: {supply_temp: {table: input, address: 1, unit: bar}}", "bar cannot become degC"),
        ("kind: ahu\npoints: {supply_temp: {table: input, address: 1}}", "a plain number cannot become degC"),
        ("kind: ahu\npoints: {unit_mode: {table: input, address: 1}}", "values: is missing: which number is which of stopped, startup"),
        ("kind: ahu\npoints: {unit_mode: {table: input, address: 1, values: {0: stoped}}}", "unit_mode; did you mean 'stopped'?"),
        ("kind: ahu\nextra: {a: {table: input, address: 1, values: {0: idle}}}", "extra.a.values: 'idle': a point of no kind has no words"),
        ("kind: ahu\nextra: {supply_temp: {table: input, address: 1, unit: degC}}", "it belongs under points"),
        ("kind: boiler\npoints: {a: {table: input, address: 1}}", "kind: 'boiler' is no kind"),
        ("points: {}", "points: has no points"),
        ("points: 7", "points: must be a mapping"),
        ("bus: {max_registers: 126}\npoints: {a: {table: coil, address: 1}}", "126 is outside 1..125"),
        ("bus: {gap: 20}\npoints: {a: {table: coil, address: 1}}", "bus.gap: must be a length of time"),
        ("bus: {barred: {coils: [1]}}\npoints: {a: {table: coil, address: 1}}", "'coils' is no table"),
        ("bus: {}\nmqtt: {topic: x}\npoints: {a: {path: b}}", "not both"),
        ("mqtt: {topic: 'a/#/b'}\npoints: {a: {path: b}}", "'a/#/b' is no topic"),
        ("mqtt: {topic: a}\npoints: {a: {path: 'b..c'}}", "'b..c' is no path"),
        ("mqtt: {topic: a}\npoints: {a: {table: coil, address: 1}}", "points.a.path: is missing"),
    ],
)
def test_a_broken_profile_says_where(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=re.escape(problem)):
        parsed(text)


def test_a_profile_must_name_its_document_and_its_file() -> None:
    with pytest.raises(BadInput, match="must name its document"):
        parsed("points: {a: {table: coil, address: 1}}", "profile: t\nmodel: T\n")
    with pytest.raises(BadInput, match="give both one name"):
        parsed("points: {a: {table: coil, address: 1}}", "profile: other\nmodel: T\nsource: {document: d}\n")


def test_documents_that_count_from_one_are_moved_to_the_wire() -> None:
    head = "profile: t\nmodel: T\nsource: {document: d, addressing: one_based}\nbus: {barred: {holding: [10]}}\n"
    profile = parsed("points: {a: {table: holding, address: 1}, b: {table: holding, address: 65536}}", head)
    assert [register(profile, name).address for name in "ab"] == [0, 65_535]
    assert profile.bus.barred == {(Table.HOLDING, 9)}
    with pytest.raises(BadInput, match="0 is outside 1..65536"):
        parsed("points: {a: {table: holding, address: 0}}", head)


def test_cells_inherit_table_and_type_of_their_point() -> None:
    profile = parsed(
        "kind: fire_pump\n"
        "points:\n"
        "  control_mode:\n"
        "    {table: coil, one_hot: {auto: {address: 1}, 'off': 7}, none: manual, first_wins: true}\n"
    )
    source = one_hot(profile, "control_mode")
    assert source.registers == {1: Register(Table.COIL, 1, Encoding.BIT), 0: Register(Table.COIL, 7, Encoding.BIT)}
    assert (source.none, source.first_wins) == (2, True)


def test_a_set_is_a_sum_of_its_bits() -> None:
    profile = parsed("kind: elevator\npoints: {fault_signals: {table: coil, set: {controller: 5, load_measurement: 9}}}")
    source = profile.points["fault_signals"].source
    assert isinstance(source, Sum)
    assert [(cell.address, factor) for cell, factor in source.parts] == [(5, 1.0), (9, 65_536.0)]


def test_a_truth_in_a_whole_register_is_only_zero_or_one() -> None:
    profile = parsed("kind: elevator\npoints: {overload: {table: holding, address: 12}}")
    assert register(profile, "overload").values == {0: 0, 1: 1}


def test_a_negative_sentinel_is_its_bit_pattern() -> None:
    profile = parsed("points: {a: {table: input, address: 1, type: i16, sentinels: {-1: lost, 0x8000: none}}}")
    assert register(profile, "a").sentinels == {0xFFFF: "lost", 0x8000: "none"}


def test_an_unknown_name_offers_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no profile 'metron-fd5' ships with Plantroom or stands in profiles/; did you mean 'metron-fd4'\?"):
        load_profile("metron-fd5")
    path = tmp_path / "t.yaml"
    path.write_text(HEAD + "points: {a: {table: coil, address: 3}}", "utf-8")
    assert load_profile(path) == parse_profile(path.read_text("utf-8"), str(path))


def test_a_profile_is_also_found_by_name_in_the_folder_one_works_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the site file of that folder finds it; `try`, `reads` and `profile prove` then need no path."""
    (tmp_path / "profiles").mkdir()
    text = "model: M\nsource: {document: d}\npoints: {a: {table: input, address: 7}}\noptions: {other: {points: {a: {address: 8}}}}\n"
    (tmp_path / "profiles" / "my-io.yaml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert register(load_profile("my-io"), "a").address == 7 and register(load_profile("my-io+other"), "a").address == 8
    assert load_profile("generic-32di").name == "generic-32di"
    with pytest.raises(BadInput, match=r"no profile 'my_io' ships with Plantroom or stands in profiles/; did you mean 'my-io'"):
        load_profile("my_io")
    (tmp_path / "profiles" / "generic-32di.yaml").write_text(text, "utf-8")
    with pytest.raises(BadInput, match=r"a profile named 'generic-32di' also ships"):
        load_profile("generic-32di")


STYLE = """model: acme-cx90
kind: chiller
source: {document: "CX90 Modbus map rev C", pages: "12-14", addressing: one_based}
bus: {max_registers: 60, max_hole: 4, barred: {input: [1051]}}
points:
  chw_supply_temp: {table: input, address: 1040, type: i16, scale: 0.1, unit: degC, sentinels: {0x7FFF: sensor_open}, range: [-10, 60]}
  energy: {table: input, address: 1042, type: u32, words: low_first, unit: kWh, monotonic: true}
extra:
  mode: {table: holding, address: 2001, type: enum, values: {0: 0, 1: 1, 9: 2}}
caveats: [{text: "energy restarts at 0 after a board swap", seen: site-7 2024-03}, plain words]
"""


def test_the_short_form_without_a_name_of_its_own_an_enum_a_counter_and_a_caveat_with_its_place() -> None:
    profile = parse_profile(STYLE, "profiles/acme-cx90.yaml")
    assert (profile.name, profile.model) == ("acme-cx90", "acme-cx90")
    assert profile.caveats == ("energy restarts at 0 after a board swap (seen: site-7 2024-03)", "plain words")
    mode = register(profile, "mode")
    assert (mode.address, mode.encoding, mode.values) == (2000, Encoding.U16, {0: 0, 1: 1, 9: 2})
    assert profile.points["energy"].monotonic and not profile.points["chw_supply_temp"].monotonic
    assert profile.bus.barred == {(Table.INPUT, 1050)}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("values: {0: 0, 1: 1, 9: 2}", "scale: 1", "extra.mode.values: is missing: which number is which word"),
        ("model: acme-cx90", "profile: acme\nmodel: x", "profile: is 'acme', but the file is acme-cx90.yaml"),
        ("range: [-10, 60]", "monotonic: true", "points.chw_supply_temp.monotonic: chw_supply_temp is no counter of its kind"),
        ("seen: site-7", "sen: site-7", "caveats.sen: is not a key here; did you mean 'seen'?"),
        ("text: \"energy", "txt: \"energy", "caveats.text: is missing"),
    ],
)
def test_a_broken_short_form_says_where(old: str, new: str, problem: str) -> None:
    assert old in STYLE
    with pytest.raises(BadInput, match=re.escape(problem)):
        parse_profile(STYLE.replace(old, new), "acme-cx90.yaml")
