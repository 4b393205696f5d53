"""Several machines behind one device: a profile's `parts`, and how a site takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.errors import BadInput
from plantroom.profile_file import parse_profile
from plantroom.profiles import Dependent, JsonPath, Profile, Register, Table, registers_of
from plantroom.site import Site
from plantroom.site_file import load_site, load_texts

CARS = """profile: gw
model: G
kind: elevator
source: {document: d}
groups: {slow: 60s}
parts: {car: {count: 4, stride: 100}}
points:
  car_position: {table: holding, address: 110, type: i16, unit: floor}
  overload: {table: holding, address: 111, bit: 3}
  car_door_status_1: {table: coil, one_hot: {opened: 23, closed: 24}}
extra:
  trips: {table: holding, address: 115, type: u32, group: slow, monotonic: true}
"""
SITE = """site: {id: s, name: S, zone: UTC}
connections: [{id: c, modbus_tcp: {host: 127.0.0.1}}]
devices:
  - {id: gw-1, profile: gw, connection: c}
equipment:
  - {each: 1..4, id: "lift-{n}", kind: elevator, points: [{device: gw-1, part: "{n}"}]}
"""


def profile(text: str = CARS, options: tuple[str, ...] = ()) -> Profile:
    return parse_profile(text, "profiles/gw.yaml", options=options)


def addresses(of: Profile, name: str) -> list[int]:
    return [register.address for register in registers_of(of.points[name].source)]


def site(folder: Path, text: str = SITE, gateway: str = CARS) -> Site:
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / "gw.yaml").write_text(gateway, "utf-8")
    (folder / "site.yaml").write_text(text, "utf-8")
    return load_site(folder / "site.yaml")


def test_each_part_stands_a_stride_further_in_every_table() -> None:
    gw = profile()
    assert list(gw.parts) == ["car_1", "car_2", "car_3", "car_4"] and [part.label for part in gw.parts.values()] == ["1", "2", "3", "4"]
    assert [addresses(gw, f"car_{n}.car_position") for n in (1, 2, 4)] == [[110], [210], [410]]
    assert addresses(gw, "car_3.car_door_status_1") == [223, 224]
    assert gw.parts["car_2"].points["trips"] is gw.points["car_2.trips"] and gw.own_points == {}
    assert gw.points["car_4.trips"].period_s == 60 and gw.points["car_4.trips"].monotonic


def test_a_stride_of_each_table_and_numbers_from_zero() -> None:
    gw = profile(CARS.replace("{count: 4, stride: 100}", "{count: 16, first: 0, stride: {coil: 16, holding: 20}}"))
    assert addresses(gw, "car_0.car_position") == [110] and addresses(gw, "car_15.car_position") == [410]
    assert addresses(gw, "car_15.car_door_status_1") == [263, 264]


def test_a_register_of_its_own_stride_and_one_that_all_parts_share() -> None:
    """A gateway may keep all floors in a row and the rest in blocks; a setting may hold for all cars."""
    gw = profile(
        CARS.replace("110, type: i16", "10, stride: 1, type: i16").replace(
            "  trips:",
            "  load: {table: holding, address: 120, unit: kg, depends: {address: 5, stride: 0, cases: {0: {}, 1: {factor: 10}}}}\n  trips:",
        )
    )
    assert [addresses(gw, f"car_{n}.car_position") for n in (1, 4)] == [[10], [13]]
    assert [addresses(gw, f"car_{n}.load") for n in (1, 4)] == [[120, 5], [420, 5]]


def test_names_instead_of_numbers() -> None:
    gw = profile(CARS.replace("count: 4, stride: 100", 'names: "{1..4}-{00..15}", stride: 100'))
    assert len(gw.parts) == 64 and list(gw.parts)[:2] == ["car_1-00", "car_1-01"] and list(gw.parts)[-1] == "car_4-15"
    assert addresses(gw, "car_1-15.car_position") == [1610] and addresses(gw, "car_4-15.car_position") == [6410]
    named = profile(CARS.replace("count: 4, stride: 100", "names: \"A{1..2}B\", stride: 100"))
    assert [part.label for part in named.parts.values()] == ["A1B", "A2B"]


def test_several_sorts_of_parts_and_points_of_the_device_itself() -> None:
    gw = profile(
        """model: G
source: {document: d}
parts:
  car: {count: 2, stride: 10, kind: elevator, points: {car_position: {table: input, address: 10, unit: floor}}}
  fan: {count: 2, stride: 1, kind: smoke_fan, extra: {speed_raw: {table: input, address: 50}}}
points:
  fire_input: {table: coil, address: 0}
"""
    )
    assert list(gw.points) == ["fire_input", "car_1.car_position", "car_2.car_position", "fan_1.speed_raw", "fan_2.speed_raw"]
    assert list(gw.own_points) == ["fire_input"] and gw.kind is None
    assert {name: part.kind for name, part in gw.parts.items()} == {
        "car_1": "elevator", "car_2": "elevator", "fan_1": "smoke_fan", "fan_2": "smoke_fan"
    }  # fmt: skip


def test_a_part_that_is_not_there_has_no_values() -> None:
    gw = profile(CARS.replace("stride: 100}", "stride: 100, present: {table: coil, address: 20}}").replace(
        "  car_door_status_1: {table: coil, one_hot: {opened: 23, closed: 24}}\n", ""
    ) + "  online: {table: coil, address: 20}\n")  # fmt: skip
    source = gw.points["car_2.overload"].source
    assert isinstance(source, Dependent) and (source.by.table, source.by.address) == (Table.COIL, 120) and source.by.sentinels == {0: "absent"}
    assert isinstance(gw.points["car_2.online"].source, Register), "the cell itself is read as it stands"


def test_flags_of_all_parts_in_a_row_sixteen_to_a_register() -> None:
    gw = profile(CARS.replace("count: 4, stride: 100", "count: 40, stride: 20, present: {table: input, address: 3, bit: 2, bit_stride: 1}").replace(
        "  car_door_status_1: {table: coil, one_hot: {opened: 23, closed: 24}}\n", ""
    ) + "  fan: {table: input, address: 9, bit: 4, bits: 4, bit_stride: 4}\n")  # fmt: skip
    by = [source.by for n in (1, 14, 15, 31, 40) if isinstance(source := gw.points[f"car_{n}.overload"].source, Dependent)]
    assert [(register.address, register.bit) for register in by] == [(3, 2), (3, 15), (4, 0), (5, 0), (5, 9)]
    fans = [source.value for n in (1, 3, 4, 40) if isinstance(source := gw.points[f"car_{n}.fan"].source, Dependent)]
    assert [(register.address, register.bit, register.bits) for register in fans] == [(9, 4, 4), (9, 12, 4), (10, 0, 4), (19, 0, 4)]


def test_a_part_of_a_payload() -> None:
    gw = parse_profile(
        "model: G\nkind: elevator\nsource: {document: d}\nmqtt: {topic: a}\nparts: {car: {count: 2, first: 0}}\n"
        'points: {car_position: {path: "cars[{part}].floor", unit: floor}}\n',
        "gw.yaml",
    )
    assert [point.source.path for point in gw.points.values() if isinstance(point.source, JsonPath)] == ["cars[0].floor", "cars[1].floor"]


def test_an_option_may_say_how_many_there_are() -> None:
    text = CARS + "options: {eight: {parts: {car: {count: 8}}, groups: {slow: 10s}}}\n"
    assert len(profile(text).parts) == 4
    eight = profile(text, ("eight",))
    assert list(eight.parts)[-1] == "car_8" and eight.points["car_8.trips"].period_s == 10


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("stride: 100", "stride: 22000", "gw.yaml:8: points.car_position.address: 1 words from 66110 of part 4 run past"),
        ("stride: 100", "stride: 5", "gw.yaml:6: parts.car.stride: car_1.trips and car_2.car_position both stand at holding 115"),
        ("count: 4, stride: 100", "count: 4", "gw.yaml:6: parts.car.stride: all parts read the same registers"),
        ("count: 4", "cuont: 4", "gw.yaml:6: parts.car.count: needs exactly one of count (how many) and names"),
        ("count: 4", "count: 0", "gw.yaml:6: parts.car.count: 0 is outside 1..1000"),
        ("count: 4", 'names: "{1..40}-{1..40}"', "parts.car.names: '{1..40}-{1..40}' must be 1 to 1000 different names"),
        ("count: 4", "names: a b", "parts.car.names: 'a b' is no name"),
        ("count: 4", "names: A, first: 0", "parts.car.first: goes with count"),
        ("stride: 100", "stride: {coils: 100}", "parts.car.stride.coils: is not a key here; did you mean 'coil'?"),
        ("stride: 100", "stirde: 100", "parts.car.stirde: is not a key here; did you mean 'stride'?"),
        ("bit: 3", "bit: 3, bit_stride: 1, stride: 2", "points.overload.bit_stride: goes without stride"),
        ("bit: 3", "bit: 3, bits: 2, bit_stride: 1", "points.overload.bit_stride: belongs to a bit of a register, and is no smaller than"),
        ("bit: 3", "bit: 3, bits: 4, bit_stride: 6", "points.overload.bit_stride: puts bits 15..18 of part 3 across two registers"),
        ("address: 111, bit: 3", "address: 111, bit_stride: 1, values: {0: false, 1: true}", "points.overload.bit_stride: belongs to a bit"),
        ("stride: 100}", "stride: 100}, fan: {count: 2, stride: 100}", "parts.fan.points: is missing: of several sorts"),
        ("stride: 100}", "stride: 100, present: {table: coil, address: 20}}", "parts.car.present: cannot speak for car_door_status_1"),
        ("group: slow", "group: slwo", "gw.yaml:12: extra.trips.group: 'slwo' is none of the profile's groups; did you mean 'slow'?"),
        ("group: slow", "group: slow, every: 1s", "extra.trips.every: is told by the group slow already"),
        ("unit: floor", "unit: floor, monotonic: true", "points.car_position.monotonic: car_position is no counter of its kind"),
        ("parts: {car: {count: 4, stride: 100}}\n", "", "" ),
        ("parts: {car: {count: 4, stride: 100}}", "extra_: 1", "extra_: is not a key here"),
    ],
)  # fmt: skip
def test_a_wrong_part_says_where(old: str, new: str, problem: str) -> None:
    assert old in CARS
    text = CARS.replace(old, new)
    if not problem:
        assert profile(text).parts == {}
        return
    with pytest.raises(BadInput) as caught:
        profile(text)
    assert problem in "\n".join(map(str, caught.value.problems))


def test_a_stride_without_parts_is_no_key() -> None:
    with pytest.raises(BadInput, match=r"points.car_position.stride: is not a key here"):
        profile(CARS.replace("parts: {car: {count: 4, stride: 100}}\n", "").replace("unit: floor", "unit: floor, stride: 1"))


def test_a_site_takes_each_part_as_one_equipment(tmp_path: Path) -> None:
    made = site(tmp_path)
    bound = {b.point: b.source for b in made.bindings_of_device("gw-1")}
    assert bound["lift-1.car_position"] == "car_1.car_position" and bound["lift-4.car_door_status_1"] == "car_4.car_door_status_1"
    assert len(bound) == 12
    again = load_texts(made.root, made.files)
    assert again.bindings_of_device("gw-1") == made.bindings_of_device("gw-1") and again.hash == made.hash


def test_a_part_by_its_whole_name_by_points_and_in_order(tmp_path: Path) -> None:
    gateway = CARS + "  di: {table: discrete, address: 0, numbered: 3}\n"
    text = SITE.split("equipment:")[0] + (
        "equipment:\n"
        "  - {id: lift-1, kind: elevator, points: [{device: gw-1, part: car_1, leave: [overload]}]}\n"
        "  - id: lift-2\n    kind: elevator\n    points:\n"
        "      - {device: gw-1, part: 2, take: {car_position: car_position}}\n"
        "      - {device: gw-1, part: 2, start: di_2, take: [overload, {as: running, invert: true}]}\n"
    )
    bound = {b.point: b.source for b in site(tmp_path, text, gateway).bindings_of_device("gw-1")}
    assert bound == {
        "lift-1.car_position": "car_1.car_position", "lift-1.car_door_status_1": "car_1.car_door_status_1",
        "lift-2.car_position": "car_2.car_position", "lift-2.overload": "car_2.di_2", "lift-2.running": "car_2.di_3",
    }  # fmt: skip


def test_a_site_may_read_a_group_more_often(tmp_path: Path) -> None:
    text = SITE.replace("connection: c}", "connection: c, groups: {slow: 5s}}").replace(
        'part: "{n}"}', 'part: "{n}"}, {device: gw-1, part: "{n}", take: {trips: trip_count}}'
    )
    periods = {b.source: b.period_s for b in site(tmp_path, text, CARS).bindings_of_device("gw-1")}
    assert periods["car_2.trips"] == 5 and periods["car_2.car_position"] == 1


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('part: "{n}"', 'part: "{n}0"', "site.yaml:6: equipment.lift-1.points[0].part: '10' is no part of gw; there is: car_1, car_2"),
        ('part: "{n}"', "part: 2", "site.yaml:6: equipment.lift-2.points[0]: car_2 of gw-1 is 'lift-1' already"),
        (', part: "{n}"', "", "site.yaml:6: equipment.lift-1.points[0]: gw is 4 parts: say which one, part: 1"),
        (', part: "{n}"', ", take: {overload: overload}", "gw (gw-1) has no point 'overload'; it is in parts: say which one with part"),
        ('part: "{n}"', 'part: "{n}", take: {overlaod: overload}', "car_1 of gw (gw-1) has no point 'overlaod'; did you mean 'overload'?"),
        ("kind: elevator", "kind: pump", "car_1 of gw speaks for elevator, not for pump"),
        ("connection: c}", "connection: c, groups: {slwo: 5s}}", "site.yaml:4: devices.gw-1.groups.slwo: gw has no group 'slwo'; did you"),
        ("connection: c}", "connection: c, groups: {slow: 5}}", "site.yaml:4: devices.gw-1.groups.slow: must be a length of time"),
        ("profile: gw", "profile: generic-32di", "generic-32di has no parts; every device of it is one machine"),
    ],
)
def test_a_site_that_takes_a_part_wrongly_says_where(old: str, new: str, problem: str, tmp_path: Path) -> None:
    assert old in SITE
    with pytest.raises(BadInput) as caught:
        site(tmp_path, SITE.replace(old, new))
    assert problem in "\n".join(map(str, caught.value.problems))


def test_two_sorts_need_the_whole_name_where_a_number_says_too_little(tmp_path: Path) -> None:
    gateway = """model: G
source: {document: d}
parts:
  car: {count: 2, stride: 10, kind: elevator, points: {car_position: {table: input, address: 10, unit: floor}}}
  fan: {count: 2, stride: 1, kind: smoke_fan, extra: {speed_raw: {table: input, address: 50}}}
"""
    with pytest.raises(BadInput, match=r"'1' may be car_1 or fan_1 of gw; write its whole name"):
        site(tmp_path, SITE, gateway)
    text = SITE.replace("1..4", "1..2").replace('part: "{n}"', 'part: "car_{n}"')
    assert [b.source for b in site(tmp_path, text, gateway).bindings_of_device("gw-1")] == ["car_1.car_position", "car_2.car_position"]
