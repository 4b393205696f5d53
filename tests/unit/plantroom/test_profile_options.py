"""Options of a profile: what is set on the device itself and changes how it is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plantroom import yaml_file as y
from plantroom.errors import BadInput
from plantroom.profile_file import BUILTIN, load_profile, parse_profile, profile_names
from plantroom.profile_options import split_name
from plantroom.profiles import Profile, Register
from plantroom.site_file import load_site

TEXT = """profile: t
model: T
source: {document: d}
bus: {gap: 20ms, timeout: 10s}
points: {a: {table: holding, address: 7, type: i16, unit: degC}, b: {table: holding, address: 9}}
options:
  x10: {points: {a: {scale: 0.1}}}
  fahrenheit: {points: {a: {unit: degF}}}
  prompt: {bus: {timeout: 1s}}
  from_one: {source: {addressing: one_based}}
"""


def parsed(*options: str, text: str = TEXT) -> Profile:
    return parse_profile(text, "t.yaml", options=options)


def register(profile: Profile, point: str) -> Register:
    source = profile.points[point].source
    assert isinstance(source, Register)
    return source


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("intesis-inmbs", ("intesis-inmbs", ())),
        ("intesis-inmbs+x10+fahrenheit", ("intesis-inmbs", ("x10", "fahrenheit"))),
        ("plants+co/my.yaml", ("plants+co/my.yaml", ())),
        ("plants+co/my.yaml+x10", ("plants+co/my.yaml", ("x10",))),
        ("my.yml+x10", ("my.yml", ("x10",))),
    ],
)
def test_a_name_ends_with_the_options(name: str, parts: tuple[str, tuple[str, ...]]) -> None:
    assert split_name(name) == parts


def test_without_an_option_the_file_stands_as_written() -> None:
    profile = parsed()
    assert profile.name == "t"
    assert (register(profile, "a").scale, profile.points["a"].unit, profile.bus.timeout_s) == (1.0, "degC", 10.0)


def test_an_option_changes_only_what_it_names() -> None:
    profile = parsed("x10", "prompt")
    assert profile.name == "t+x10+prompt" and profile.text == TEXT
    a = register(profile, "a")
    assert (a.scale, a.address, a.encoding, profile.points["a"].unit) == (0.1, 7, "i16", "degC")
    assert register(profile, "b") == register(parsed(), "b")
    assert (profile.bus.timeout_s, profile.bus.gap_s) == (1.0, 0.02)


def test_two_switches_are_two_options() -> None:
    point = parsed("x10", "fahrenheit").points["a"]
    assert point.unit == "degF" and isinstance(point.source, Register) and point.source.scale == 0.1


def test_an_option_may_move_every_address() -> None:
    assert [register(parsed(option), "a").address for option in ("x10", "from_one")] == [7, 6]


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        (TEXT, ("x100",), "t.yaml:6: options: has no option 'x100'; did you mean 'x10'?"),
        (TEXT.partition("options")[0], ("x10",), "t.yaml:1: options: has no option 'x10'"),
        (TEXT.replace("{points: {a: {scale", "{pionts: {a: {scale"), ("x10",), "t.yaml:7: options.x10.pionts: is nothing an option changes"),
        (TEXT.replace("scale: 0.1", "scale: 0"), ("x10",), "t.yaml:7: points.a.scale: is 0"),
        (TEXT.replace("x10: {points: {a: {scale: 0.1}}}", "x10: 7"), ("x10",), "t.yaml:7: options.x10: must be a mapping"),
    ],
)
def test_a_broken_option_says_where(text: str, options: tuple[str, ...], problem: str) -> None:
    with pytest.raises(BadInput, match=re.escape(problem)):
        parsed(*options, text=text)


@pytest.mark.parametrize("name", profile_names())
def test_every_option_that_ships_can_be_chosen(name: str) -> None:
    node = y.parse(y.read_text(BUILTIN / f"{name}.yaml"), y.Paper(name))
    assert isinstance(node, y.Map)
    plain = load_profile(name)
    for option in y.mapping(node.items.get("options"), "options", y.Paper(name)).items:
        chosen = load_profile(f"{name}+{option}")
        assert set(chosen.points) == set(plain.points)
        assert (chosen.points, chosen.bus) != (plain.points, plain.bus)


def test_two_devices_of_one_profile_may_be_set_differently(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "t.yaml").write_text(TEXT, "utf-8")
    head = "site: {id: hq, name: HQ, zone: UTC}\nconnections: [{id: bus, modbus_tcp: {host: 192.0.2.1}}]\n"
    devices = "devices: [{id: d1, profile: t, connection: bus, unit: 1}, {id: d2, profile: t+x10, connection: bus, unit: 2}]\n"
    (tmp_path / "hq.yaml").write_text(head + devices, "utf-8")
    site = load_site(tmp_path / "hq.yaml")
    assert [register(site.devices[name].profile, "a").scale for name in ("d1", "d2")] == [1.0, 0.1]
    assert site.files["profiles/t.yaml"] == TEXT and "profiles/t+x10.yaml" not in site.files
