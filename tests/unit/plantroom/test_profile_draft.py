"""`profile new`: a vendor's table becomes a profile that loads, and nothing in the table is lost in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plantroom.cli import run
from plantroom.errors import BadInput
from plantroom.kinds import load_kind
from plantroom.profile_draft import draft
from plantroom.profile_file import parse_profile
from plantroom.profiles import Encoding, Profile, Register, Table

HEAD = "point,description,table,address_zero_based,type,word_order,scale,unit,enum_or_bits,source\n"


def drafted(rows: str, kind: str | None = None, head: str = HEAD) -> Profile:
    return parse_profile(draft(head + rows, "t.csv", "t", load_kind(kind) if kind else None), "t.yaml")


def register(profile: Profile, point: str) -> Register:
    source = profile.points[point].source
    assert isinstance(source, Register)
    return source


def test_a_row_is_a_point_with_its_register() -> None:
    profile = drafted('energy,Energy,input,52,s32,little (low word first),0.1,kWh,,"Manual rev C, p. 4"\n')
    assert register(profile, "energy") == Register(Table.INPUT, 52, Encoding.I32, low_word_first=True, scale=0.1)
    assert profile.points["energy"].unit == "kWh" and profile.source["document"] == "Manual rev C, p. 4"
    assert any("not proven" in caveat for caveat in profile.caveats)


@pytest.mark.parametrize(
    ("word", "encoding"),
    [("u16", "u16"), ("s16", "i16"), ("INT16", "i16"), ("uint32", "u32"), ("float32", "f32"), ("f32", "f32"), ("s64", "i64"), ("float", "f32")],
)
def test_types_are_known_by_their_usual_names(word: str, encoding: str) -> None:
    assert register(drafted(f"a,,holding,0x10,{word},big,1,,,\n"), "a") == Register(Table.HOLDING, 16, Encoding(encoding))


def test_a_word_of_bits_becomes_its_bits_but_not_twice() -> None:
    profile = drafted("st,,holding,3,u16 bits,,1,,0 run;1 trip; 2 n/a; 5 Ready To Start,\nalarm_trip,,holding bit,3,bit 1,,1,,0/1,\n")
    assert {name: register(profile, name).bit for name in profile.points} == {"st_run": 0, "st_ready_to_start": 5, "alarm_trip": 1}
    assert set(drafted("st,,holding,3,u16 bits,,1,,see manual,\n").points) == {"st"}


def test_a_number_at_the_end_of_its_width_that_means_something_is_a_sentinel() -> None:
    profile = drafted("t,,holding,5,s16,,0.1,degC,-32768 = not initialised,\ncode,,holding,6,u16,,1,,0 none; 65535 = bus lost; 3 = other,\n")
    assert register(profile, "t").sentinels == {0x8000: "not_initialised"}
    assert register(profile, "code").sentinels == {65535: "bus_lost"}


def test_with_a_kind_its_points_are_points_and_the_rest_is_extra() -> None:
    rows = (
        "mode,,holding,1,u16,,1,,0 auto;1 heat;4 cool (common layout),\n"
        "room_temp,,holding,5,s16,,0.1,degC,,\n"
        "setpoint,,holding,4,s16,,0.1,degC or degF,,\n"
        "vane,,holding,3,u16,,1,,,\n"
    )
    text = draft(HEAD + rows, "t.csv", "t", load_kind("fcu"))
    profile = parse_profile(text, "t.yaml")
    assert register(profile, "mode").values == {0: 0, 1: 1, 4: 4}
    points, extra = text.split("extra:")
    assert "  room_temp:" in points and "  vane:" in extra
    assert "  device_setpoint:" in extra and "unit: degC or degF" in extra  # its unit is open: not the kind's point until a person says so


def test_what_is_no_sample_is_said() -> None:
    profile = drafted("serial,,holding,0,string(40),,,,,\nstatus,,holding,,u16,,1,,,\na,,coil,9,bit,,1,,,\n")
    assert set(profile.points) == {"a"} and register(profile, "a") == Register(Table.COIL, 9, Encoding.BIT)
    assert [lack.split(":")[0] for lack in profile.lacks] == ["serial (0)", "status"]


def test_a_document_that_counts_from_one_stays_so() -> None:
    profile = drafted("a,holding,16100,u32\n", head="point,table,address_one_based,type\n")
    assert register(profile, "a").address == 16_099


@pytest.mark.parametrize(
    ("rows", "doubted"),
    [("a,holding,40001,u16\n", True), ("a,holding,39000,u16\n", False), ("a,holding,40001,u16\nb,holding,7,u16\n", False)],
)
def test_a_leading_four_is_doubted(rows: str, doubted: bool) -> None:
    text = draft("point,table,address_one_based,type\n" + rows, "t.csv", "t")
    assert ("take 40000 off each" in text) is doubted


def test_names_are_made_fit_and_unique() -> None:
    profile = drafted("Motor Temp (°C),,holding,1,u16,,1,,,\nMotor Temp (°C),,holding,2,u16,,1,,,\n3rd stage,,holding,3,u16,,1,,,\n")
    assert list(profile.points) == ["motor_temp_c", "motor_temp_c_2", "point_3rd_stage"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "t.csv:1: has no column point, table, type, address_zero_based"),
        ("point;table;type\n", "the cells are parted by commas, and the first line is"),
        ("point,table,type\n", "has no column address_zero_based"),
        (HEAD, "t.csv:1: has no row that is a point"),
        (HEAD + "a,,monitor,1,u16,,1,,,\n", "t.csv:2: table: 'monitor' names no table"),
        (HEAD + "a,,holding,1,u16,,1,,,\nb,,holding,65536,u16,,1,,,\n", "t.csv:3: address_zero_based: '65536' is no register number"),
        (HEAD + "a,,holding,40001-2,u16,,1,,,\n", "t.csv:2: address_zero_based: '40001-2' is no register number"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=re.escape(problem)):
        draft(text, "t.csv", "t")


def test_the_command_writes_a_profile_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "acme_cx90.csv").write_text(HEAD + "a,,holding,1,u16,,1,,,\n", "utf-8")
    command = ["profile", "new", "--csv", str(tmp_path / "acme_cx90.csv"), "--out", str(tmp_path / "profiles")]
    assert run(command) == 0
    assert "acme-cx90.yaml: 1 points" in capsys.readouterr().out
    path = tmp_path / "profiles" / "acme-cx90.yaml"
    assert set(parse_profile(path.read_text("utf-8"), str(path)).points) == {"a"}
    assert run(command) == 2 and "is there already" in capsys.readouterr().err
    assert run([*command, "--name", "metron-fd4"]) == 2 and "ships with Plantroom" in capsys.readouterr().err
    assert run([*command, "--kind", "boiler"]) == 2 and "'boiler' is no kind" in capsys.readouterr().err
    assert run(["profile", "new", "--csv", str(tmp_path / "no.csv")]) == 2


def test_a_draft_of_a_kind_names_the_points_that_no_row_is_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "t.csv"
    table.write_text("point,table,address_zero_based,type,scale,unit\nroom_temp,input,3,s16,0.1,degC\ntua,input,4,s16,0.1,degC\n", "utf-8")
    assert run(["profile", "new", "--csv", str(table), "--name", "my-fcu", "--kind", "fcu"]) == 0
    out = capsys.readouterr().out
    comment = " ".join(line.strip(" #") for line in out.split("extra:")[0].splitlines() if line.startswith("  #"))
    assert "points of a fcu that no row is called" in comment and "setpoint degC" in comment and "on_off" in comment
    assert "room_temp" not in comment
    assert list(parse_profile(out, "my-fcu.yaml").points) == ["room_temp", "tua"]
