"""The simulator's encoder against the register images worked by hand, the other way round: expected values in, words out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import inf, nan
from pathlib import Path

import pytest

from plantroom import yaml_file as y
from plantroom.profile_file import load_profile, parse_profile
from plantroom.profiles import Dependent, Encoding, Profile, Register, Sum, registers_of
from simulators.encode import FUNCTION, HOLE, encode_registers, layout_of
from simulators.publish import encode_payload

CASES = Path(__file__).parents[2] / "cases" / "profiles"
MODBUS = sorted(path.parent.name for path in CASES.glob("*/registers.yaml"))
WORDS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


def yaml(name: str, file: str) -> dict:  # type: ignore[type-arg]
    node = y.parse((CASES / name / file).read_text("utf-8"), y.Paper(file))
    assert node is not None
    return y.plain(node)  # type: ignore[return-value]


def bits(register: Register, table: dict[int, int]) -> Iterator[int]:
    """What of the image belongs to a register: its words, or its bits of a word."""
    if register.encoding is Encoding.BIT and register.bit is not None and not register.table.bits:
        yield table.get(register.address, 0) >> register.bit & ((1 << register.bits) - 1)
    else:
        yield from (table.get(register.address + i, 0) for i in range(register.count))


def number(register: Register, words: list[int]) -> int:
    """The register's raw number, with its sign."""
    ordered = list(reversed(words)) if register.low_word_first else words
    raw = int.from_bytes(b"".join(word.to_bytes(2) for word in ordered)) if register.encoding is not Encoding.BIT else words[0]
    signed = register.encoding in (Encoding.I16, Encoding.I32, Encoding.I64)
    return raw - (1 << 16 * len(words)) if signed and raw >> (16 * len(words) - 1) else raw


@pytest.mark.parametrize("name", MODBUS)
def test_expected_values_encode_to_the_image_worked_by_hand(name: str) -> None:
    profile, expected = load_profile(name), yaml(name, "expected.yaml")
    image = {WORDS[table]: {int(a): int(w) for a, w in cells.items()} for table, cells in yaml(name, "registers.yaml")["tables"].items()}
    good = {point: float(e["value"]) for point, e in expected.items() if e["quality"] == "good"}
    cells = encode_registers(profile, layout_of(profile), good)
    assert len(good) >= 3
    for point in good:
        source = profile.points[point].source
        for register in registers_of(source):
            function = FUNCTION[register.table]
            want = number(register, list(bits(register, image[function])))
            got = number(register, list(bits(register, dict(cells[function]))))
            if register.values and register.encoding is not Encoding.F32:  # several raw numbers may mean the same
                assert register.values[want] == register.values[got], (point, want, got)
            elif isinstance(source, Sum) and source.union:
                pass  # any of several cells tells it; the codec's test reads them back
            else:
                assert want == got, (point, register, want, got)


@pytest.mark.parametrize("name", MODBUS)
def test_a_sensor_that_gives_nothing_shows_the_sentinel(name: str) -> None:
    profile, expected = load_profile(name), yaml(name, "expected.yaml")
    for point, wanted in expected.items():
        source = profile.points[point].source
        if wanted["quality"] == "sentinel" and isinstance(source, Register) and source.sentinels:
            cells = encode_registers(profile, layout_of(profile), {point: nan})[FUNCTION[source.table]]
            words = [cells[source.address + i] for i in range(source.count)]
            pattern = b"".join(word.to_bytes(2) for word in (reversed(words) if source.low_word_first else words))
            assert int.from_bytes(pattern) in source.sentinels


def test_a_value_that_depends_on_a_setting_says_both() -> None:
    """The first case of each: the device is set up so, and its number is that case's."""
    judged = 0
    for name in MODBUS:
        profile = load_profile(name)
        for point in profile.points.values():
            source = point.source
            if not isinstance(source, Dependent) or not source.cases or source.value.values:
                continue
            cells = encode_registers(profile, layout_of(profile), {point.name: 100.0})
            tells = number(source.by, list(bits(source.by, dict(cells[FUNCTION[source.by.table]]))))
            case = source.cases[0]
            assert case.lowest <= tells <= case.highest
            raw = number(source.value, list(bits(source.value, dict(cells[FUNCTION[source.value.table]]))))
            value = (raw * source.value.scale + source.value.offset) * case.factor + case.offset
            assert value == pytest.approx(100.0, abs=0.51 * abs(source.value.scale * case.factor))
            judged += 1
    assert judged or not any("by:" in load_profile(name).text for name in MODBUS)


def test_the_payload_encodes_to_the_one_worked_by_hand() -> None:
    profile, expected = load_profile("mqtt-json-elevator"), yaml("mqtt-json-elevator", "expected.yaml")
    values = {point: float(e["value"]) for point, e in expected.items() if e["quality"] == "good"}
    got = json.loads(encode_payload(profile, values, 1_772_380_800_250_000_000))
    want = json.loads((CASES / "mqtt-json-elevator" / "payload.json").read_text("utf-8"))
    assert got["ts"] == want["ts"] and got["mode"] == want["mode"] and got["counters"] == want["counters"]
    assert got["car"] == want["car"] and got["safety"] == want["safety"] and got["stop"] == want["stop"] and got["fault"] == want["fault"]
    assert got["doors"][0] == want["doors"][0]
    assert "lock" not in got["switches"]  # what has no value is not said


def profile_of(points: str, bus: str = "bus: {max_hole: 2}") -> Profile:
    return parse_profile(f"profile: t\nmodel: t\nsource: {{document: d, addressing: zero_based}}\n{bus}\npoints:\n{points}", "t.yaml")


def words(profile: Profile, function: int = 3, **values: float) -> dict[int, int]:
    return dict(encode_registers(profile, layout_of(profile), values)[function])


def test_a_value_beyond_the_register_stands_at_its_end() -> None:
    profile = profile_of("  a: {table: holding, address: 0, type: i16, scale: 0.1}\n  b: {table: holding, address: 1, type: u16}")
    assert words(profile, a=4000.0, b=-3.0) == {0: 0x7FFF, 1: 0}
    assert words(profile, a=-4000.0, b=70_000.0) == {0: 0x8000, 1: 0xFFFF}
    assert words(profile, a=-0.1, b=1.0) == {0: 0xFFFF, 1: 1}


def test_word_order_is_the_devices() -> None:
    profile = profile_of(
        "  high: {table: holding, address: 0, type: u32}\n  low: {table: holding, address: 2, type: u32, words: low_first}\n"
        "  f: {table: holding, address: 4, type: f32}"
    )
    assert words(profile, high=70_000.0, low=70_000.0, f=1.5) == {0: 1, 1: 4464, 2: 4464, 3: 1, 4: 0x3FC0, 5: 0}


def test_a_missing_sensor_without_a_sentinel_shows_all_ones() -> None:
    assert words(profile_of("  a: {table: holding, address: 0, type: i16}"), a=nan) == {0: 0xFFFF}


def test_holes_worth_reading_through_answer_and_wider_ones_do_not() -> None:
    points = "".join(f"  {name}: {{table: holding, address: {at}, type: u16}}\n" for name, at in (("a", 0), ("b", 3), ("c", 7)))
    assert layout_of(profile_of(points)).cells == {3: {0: 0, 1: HOLE, 2: HOLE, 3: 0, 7: 0}}
    assert layout_of(profile_of(points, "bus: {max_hole: 2, barred: {holding: [1]}}")).cells == {3: {0: 0, 2: HOLE, 3: 0, 7: 0}}


def test_a_state_the_device_cannot_say_is_an_error_not_a_lie() -> None:
    profile = load_profile("metron-fd4")
    with pytest.raises(ValueError, match="control_mode"):
        encode_registers(profile, layout_of(profile), {"control_mode": 3.0})
    gateway = load_profile("techno-lift-gateway")
    layout = layout_of(gateway)
    closing = encode_registers(gateway, layout, {"car_door_status_1": 6.0})[3]
    assert closing[23] == closing[24] == 0  # neither open nor closed: that is how it says so


def test_hours_in_several_words_are_split_whole() -> None:
    profile = load_profile("smartgen-hgm4000n")
    cells = encode_registers(profile, layout_of(profile), {"engine_run_time": 12_345.75})[3]
    point = profile.points["engine_run_time"]
    total = sum(cells[r.address] * factor for r, factor in point.source.parts)  # type: ignore[union-attr]
    assert total == pytest.approx(12_345.75, abs=1 / 3600)


def test_an_infinite_value_is_refused() -> None:
    with pytest.raises(OverflowError):
        words(profile_of("  a: {table: holding, address: 0, type: u16}"), a=inf)


def test_a_value_stands_in_the_unit_the_device_is_set_to() -> None:
    profile = profile_of(
        "  unit: {table: holding, address: 0}\n"
        "  p: {table: holding, address: 1, unit: bar, depends: {address: 0, cases: {1: {}, 3: {unit: kPa}}}}\n"
        "  on: {table: holding, address: 2, bit: 1, sentinels: {0xFFFF: absent}}\n"
        "  bad: {table: holding, address: 2, bit: 2, sentinels: {0xFFFF: absent}}"
    )
    assert words(profile, p=16.0, unit=3.0) == {0: 3, 1: 1600, 2: 0}
    assert words(profile, p=16.0) == {0: 1, 1: 16, 2: 0}  # nobody has set it up: as the document says first
    assert words(profile, p=16.0, unit=7.0) == {0: 7, 1: 0, 2: 0}  # set to what is no pressure
    assert words(profile, on=1.0, bad=1.0)[2] == 6
    assert words(profile, bad=nan)[2] == 0xFFFF
