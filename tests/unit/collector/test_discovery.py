"""Who is found on a line, with what questions, and what is made of the answers. A talk is played against a line that is a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from collector import identification
from collector.discovery import OPENERS, UNUSED, Discovery, Heard, Question, Survey, Unit, Ways
from collector.findings import as_json, fragment, summary
from collector.fingerprint import Hint, best, sample_of, samples
from collector.poll_plan import Read
from collector.probe_commands import unit_numbers
from plantroom.errors import BadInput
from plantroom.model import EquipmentState
from plantroom.profile_file import load_profile, parse_profile, profile_names
from plantroom.profiles import Profile, Table
from plantroom.site import Modbus, ModbusRtu, ModbusTcp, RtuOverTcp
from plantroom.site_file import load_site

SILENCE = Heard(why="no answer")
Line = Callable[[Question], Heard]

PUMP = """
profile: acme-pump
model: Acme pump
source: {document: "the test"}
identity: [{table: holding, address: 900, registers: 2, text: PUMP}]
points: {level: {table: holding, address: 10, range: [0, 100]}}
"""
FAN = """
profile: acme-fan
model: Acme fan
source: {document: "the test"}
identity: [{table: input, address: 3, values: [7]}, {table: input, address: 4, values: [1, 2]}]
points:
  speed: {table: input, address: 20, range: [0, 3000]}
  load: {table: input, address: 21, range: [0, 100]}
"""
PLAIN = """
profile: acme-plain
model: Acme meter
source: {document: "the test"}
points:
  a: {table: input, address: 30, range: [1, 500]}
  b: {table: input, address: 31, range: [1, 500]}
  c: {table: input, address: 32, range: [1, 500]}
"""


def models() -> list[Profile]:
    return [parse_profile(text, f"{text.split()[1]}.yaml") for text in (PUMP, FAN, PLAIN)]


def played(line: Line, units: list[int], ways: Ways | None = None, profiles: list[Profile] | None = None) -> tuple[Survey, list[Question]]:
    known = models() if profiles is None else profiles
    discovery = Discovery(units, known, samples(known), ways or Ways())
    asked: list[Question] = []
    talk = discovery.talk()
    question = next(talk, None)
    while question is not None:
        asked.append(question)
        try:
            question = talk.send(line(question))
        except StopIteration:
            question = None
    return discovery.found, asked


def device(tables: Mapping[Table, Mapping[int, int]], otherwise: int = 2) -> Line:
    """One that has these cells and answers an exception beside them."""

    def answer(question: Question) -> Heard:
        read = question.read
        if read is None:
            return Heard(exception=1)
        cells = tables.get(read.table, {})
        if any(at not in cells for at in range(read.address, read.end)):
            return Heard(exception=otherwise, latency_s=0.02)
        return Heard(b"".join(cells[at].to_bytes(2, "big") for at in range(read.address, read.end)), latency_s=0.02)

    return answer


def line(units: Mapping[int, Line], otherwise: Heard = SILENCE) -> Line:
    return lambda question: units[question.unit](question) if question.unit in units else otherwise


PUMPS = {Table.HOLDING: {900: 0x5055, 901: 0x4D50, 10: 5}}
FANS = {Table.INPUT: {3: 7, 4: 2, 20: 1450, 21: 60}}
METERS = {Table.INPUT: {30: 230, 31: 231, 32: 229}}


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6])
def test_any_exception_but_a_gateways_is_somebody(code: int) -> None:
    found, _ = played(line({3: lambda _: Heard(exception=code)}), [2, 3, 4])
    assert [(unit.unit, unit.said, unit.profile) for unit in found.units] == [(3, f"exception {code}", None)]


@pytest.mark.parametrize("code", [10, 11])
def test_what_a_gateway_says_of_a_unit_is_nobody(code: int) -> None:
    found, asked = played(line({}, Heard(exception=code)), [2, 3, 4])
    assert found.units == []
    assert len(asked) == {10: 3, 11: 6}[code], "a path that is not there is asked once, a target that did not answer in the other table too"


def test_silence_is_nobody_and_costs_two_questions_a_unit() -> None:
    found, asked = played(line({}), [1, 2])
    assert found.units == [] and [(q.unit, q.read) for q in asked] == [(u, read) for u in (1, 2) for read in OPENERS]


def test_a_device_that_answers_only_for_its_own_table_is_found() -> None:
    shy = device({Table.INPUT: {0: 1}})
    found, _ = played(line({5: lambda q: shy(q) if q.read == OPENERS[1] else SILENCE}), [4, 5])
    assert [unit.unit for unit in found.units] == [5]


def test_models_are_told_by_their_registers_and_values_only_hint() -> None:
    found, _ = played(line({1: device(PUMPS), 2: device(FANS), 3: device(METERS)}), [1, 2, 3, 4])
    assert [(unit.unit, unit.profile, unit.hints) for unit in found.units] == [
        (1, "acme-pump", []),
        (2, "acme-fan", []),
        (3, None, [Hint("acme-plain", 3, 3)]),
    ]


def test_half_an_identity_is_none_and_its_rest_is_not_asked() -> None:
    found, asked = played(line({1: device({Table.INPUT: {3: 8, 4: 1, 20: 1, 21: 1}})}), [1])
    assert found.units[0].profile is None
    assert Read(Table.INPUT, 4, 1) not in [question.read for question in asked]


def test_small_numbers_alone_name_no_model_where_the_values_are_nonsense() -> None:
    found, _ = played(line({1: device({Table.INPUT: {3: 7, 4: 1, 20: 60_000, 21: 5}})}), [1])
    assert found.units[0].profile is None


def test_without_guessing_only_identification_registers_are_read() -> None:
    _, asked = played(line({1: device(METERS)}), [1], Ways(guess=False))
    assert [question.read for question in asked] == [OPENERS[0], Read(Table.HOLDING, 900, 2), Read(Table.INPUT, 3, 1)]


def test_no_read_is_sent_twice_to_one_unit() -> None:
    _, asked = played(line({1: device(METERS), 2: device({})}), [1, 2, 3])
    questions = [(q.unit, q.read) for q in asked]
    assert len(questions) == len(set(questions))


def test_a_busy_unit_is_asked_once_more() -> None:
    answers = iter([Heard(exception=2), Heard(exception=6), Heard(b"PUMP")])
    found, asked = played(line({1: lambda _: next(answers)}), [1])
    assert found.units[0].profile == "acme-pump"
    assert asked[1] == asked[2]


def test_who_answers_late_is_asked_again_with_more_patience() -> None:
    def slow(question: Question) -> Heard:
        if question.unit == 1 and question.patience_s < 3:
            return SILENCE
        if question.unit == 1:
            return Heard(exception=2, latency_s=2.5)
        return Heard(exception=11, late=((1, 2.5),))

    found, asked = played(slow, [1, 2])
    assert [unit.unit for unit in found.units] == [1]
    assert max(question.patience_s for question in asked) == 10.0, "four times its answer"


def test_a_gateways_late_word_about_a_unit_is_no_unit() -> None:
    found, _ = played(lambda q: Heard(exception=11, late=((1, 2.5),) if q.unit == 2 else ()), [1, 2])
    assert found.units == []


def test_a_device_that_does_not_look_at_the_number_is_one() -> None:
    same = device(PUMPS)
    found, asked = played(same, [1, 2, 3])
    assert found.any_number and [unit.unit for unit in found.units] == [1]
    assert [q.unit for q in asked if q.unit in UNUSED] == [247]


def test_a_full_line_is_not_taken_for_one_device() -> None:
    found, _ = played(line({n: device(PUMPS) for n in (1, 2, 3)}), [1, 2, 3])
    assert not found.any_number and len(found.units) == 3


def test_a_unit_that_falls_silent_is_left_alone() -> None:
    heard = iter([Heard(exception=2)])
    found, asked = played(line({1: lambda _: next(heard, SILENCE)}), [1])
    assert len(asked) == 3
    assert found.units[0].note.startswith("fell silent")


def talkative(question: Question) -> Heard:
    """Two objects a reply; regular identification without the basic objects, as some devices have it."""
    texts = {0: "Acme", 1: "P1", 2: "2.0", 4: "Pump"}
    if question.read is not None:
        return device(PUMPS)(question)
    wanted = [n for n in texts if n >= question.first and (n < 3) == (question.category == identification.BASIC)]
    told = {identification.OBJECTS[n]: texts[n] for n in wanted[:2]}
    return Heard(told=identification.Told(told, wanted[2] if len(wanted) > 2 else None))


def test_own_words_are_asked_only_when_wanted_and_followed_to_their_end() -> None:
    found, asked = played(line({1: talkative}), [1], Ways(identify=True))
    assert found.units[0].texts == {"vendor": "Acme", "product_code": "P1", "revision": "2.0", "product": "Pump"}
    assert [(q.category, q.first) for q in asked if q.read is None] == [(1, 0), (1, 2), (2, 3)]
    _, asked = played(line({1: talkative}), [1])
    assert all(question.read is not None for question in asked)


def test_own_words_that_go_round_in_a_circle_come_to_an_end() -> None:
    circle = Heard(told=identification.Told({"vendor": "Acme"}, 1))
    _, asked = played(line({1: lambda q: circle if q.read is None else Heard(exception=2)}), [1], Ways(identify=True))
    assert len([q for q in asked if q.read is None]) == 3


def test_a_device_that_refuses_to_name_itself_is_asked_once() -> None:
    _, asked = played(line({1: device({})}), [1], Ways(identify=True))
    assert [q.category for q in asked if q.read is None] == [identification.BASIC]


def test_a_table_of_zeros_fits_nothing() -> None:
    zeros = {table: dict.fromkeys(range(70), 0) for table in (Table.HOLDING, Table.INPUT)}
    found, _ = played(line({1: device(zeros)}), [1])
    assert found.units[0].hints == []


def test_the_likeliest_hint_first_and_bits_only_where_there_is_nothing_else() -> None:
    bits, few, half, all_ = Hint("bits", 0, 0), Hint("few", 2, 2), Hint("half", 4, 8), Hint("all", 3, 3)
    assert best([bits, few, half, all_]) == [all_, half]
    assert best([bits, few]) == [bits]


def test_every_shipped_profile_has_a_sample_it_accepts_itself_in_zeros_or_refuses() -> None:
    """A sample is one read within the profile's limits; its decoder takes exactly that many bytes."""
    shipped = [load_profile(name) for name in profile_names()]
    made = samples(shipped)
    assert len(made) >= 28
    for sample in made:
        sample.hint(bytes(sample.read.reply_bytes))


def test_one_broken_sensor_among_many_makes_no_other_model_of_it() -> None:
    many = PLAIN.replace("acme-plain", "acme-many") + "".join(f"  v{i}: {{table: input, address: {33 + i}, range: [1, 500]}}\n" for i in range(6))
    sample = sample_of(parse_profile(many, "acme-many.yaml"), None)
    assert sample is not None
    words = [230] * 9
    assert sample.hint(b"".join(word.to_bytes(2, "big") for word in words)) == Hint("acme-many", 9, 9)
    words[4] = 60_000
    assert sample.hint(b"".join(word.to_bytes(2, "big") for word in words)) == Hint("acme-many", 8, 9)
    words[5] = 60_000
    assert sample.hint(b"".join(word.to_bytes(2, "big") for word in words)) is None


def test_a_float_that_is_two_other_words_is_impossible() -> None:
    meter = sample_of(load_profile("eastron-sdm630"), None)
    assert meter is not None and meter.hint(b"\x00\x01\x00\x02" * (meter.read.count // 2)) is None


def test_the_fragment_takes_what_registers_named_and_comments_what_values_hint_at() -> None:
    found, _ = played(line({1: device(PUMPS), 3: device(METERS), 4: device({})}), [1, 2, 3, 4])
    text = fragment(found, ModbusTcp("10.0.0.7"), {profile.name: profile for profile in models()})
    assert "connections:\n  - {id: line-10-0-0-7-502, modbus_tcp: {host: 10.0.0.7, port: 502}}\n" in text
    assert "\n  - {id: line-10-0-0-7-502-u1, profile: acme-pump, connection: line-10-0-0-7-502, unit: 1}" in text
    assert "\n  # - {id: line-10-0-0-7-502-u3, profile: acme-plain," in text
    assert "unit 4, exception 2" in text and "add-a-device" in text
    assert summary(found, ModbusTcp("10.0.0.7")) == "# 10.0.0.7:502: 3 of 4 unit numbers asked answered"
    told = as_json(found, ModbusTcp("10.0.0.7"), {profile.name: profile for profile in models()})
    assert told["fragment"] == text and [unit["profile"] for unit in told["units"]] == ["acme-pump", None, None]


def test_nothing_found_makes_no_fragment() -> None:
    found, _ = played(line({}), [1])
    assert fragment(found, ModbusTcp("h"), {}) == ""
    assert summary(found, ModbusTcp("h")) == "# h:502: none of 1 unit numbers asked answered"


@pytest.mark.parametrize(("text", "numbers"), [("1-3", [1, 2, 3]), ("7", [7]), (" 1 , 3-4,1", [1, 3, 4]), ("0-0", [0]), ("255", [255])])
def test_unit_numbers(text: str, numbers: list[int]) -> None:
    assert unit_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-256", "1,,2", "-1", "1-"])
def test_what_is_no_unit_number_is_said(text: str) -> None:
    with pytest.raises(BadInput, match="unit number"):
        unit_numbers(text)


LINKS = [ModbusTcp("fe80::1"), RtuOverTcp("converter.example.com", 4001, 19_200), ModbusRtu("/dev/serial/by-id/usb-FT1", 9600, "N", 2)]


@pytest.mark.parametrize("link", LINKS, ids=["tcp", "rtu over tcp", "serial"])
def test_whatever_shipped_profile_is_named_the_site_file_takes_the_fragment(link: Modbus, tmp_path: Path) -> None:
    shipped = {name: load_profile(name) for name in profile_names()}
    wired = [name for name, profile in shipped.items() if profile.mqtt is None]
    found = Survey(list(range(1, 1 + len(wired))), [Unit(number, "an answer", 0.01, name) for number, name in enumerate(wired, 1)])
    path = tmp_path / "site.yaml"
    path.write_text("site: {id: hq, name: HQ, zone: Asia/Shanghai, language: en}\n" + fragment(found, link, shipped))
    site = load_site(path)
    assert {device.unit: device.profile.name for device in site.devices.values()} == dict(enumerate(wired, 1))
    assert [connection.link for connection in site.connections.values()] == [link]
    assert all(equipment.state is EquipmentState.COMMISSIONING for equipment in site.equipment.values() if equipment.kind.name != "monitor")
