"""Values, clocks and ages in people's words; bodies of requests; hosts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.console.asking import instant, length_ns
from dashboards.console.forms import BadBody, clean, form_fields, json_fields
from dashboards.console.remaining import Limit, age_text, clock_text
from dashboards.console.shield import known_host, too_long
from dashboards.console.shown import code_text, derived_unit, names_of, number, parameter_text, recorded_text, value_text
from plantroom.clock import NS
from plantroom.errors import Refused
from plantroom.kinds import KindPoint, PointType, load_kinds
from plantroom.words import has
from rules.types import DERIVED


def point(type_: PointType, unit: str = "", codes: dict[str, int] | None = None) -> KindPoint:
    return KindPoint("p", type_, unit, {"zh": "点", "en": "Point"}, codes or {})


@pytest.mark.parametrize(
    ("value", "of", "zh", "en"),
    [
        (1284.6, point(PointType.FLOAT, "rpm"), "1,285", "1,285"),
        (0.8049, point(PointType.FLOAT, "MPa"), "0.805", "0.805"),
        (-0.01, point(PointType.FLOAT, "degC"), "0.0", "0.0"),
        (1.0, point(PointType.BOOL), "是", "yes"),
        (1.0, point(PointType.ENUM, codes={"stop": 0, "auto": 1}), "自动", "auto"),
        (9.0, point(PointType.ENUM, codes={"stop": 0}), "9", "9"),
        (5.0, point(PointType.SET, codes={"smoke": 0, "fire": 1, "overspeed": 2}), "烟感、超速", "smoke, overspeed"),
        (0.0, point(PointType.SET, codes={"smoke": 0}), "–", "–"),
        (1_795_262_400.0, point(PointType.TIME), "2026-11-21 12:00 UTC", "2026-11-21 12:00 UTC"),
        (float("nan"), point(PointType.FLOAT, "V"), "–", "–"),
        (1234567.0, point(PointType.COUNTER, "kWh"), "1,234,567", "1,234,567"),
    ],
)
def test_a_value_reads_as_people_say_it(value: float, of: KindPoint, zh: str, en: str) -> None:
    assert (value_text(value, of, "zh"), value_text(value, of, "en")) == (zh, en)


def test_a_traced_value_keeps_what_the_record_says() -> None:
    assert recorded_text(2.0, point(PointType.ENUM, codes={"manual": 2}), "en") == "manual"
    assert recorded_text("whatever", None, "en") == "whatever"
    assert recorded_text(None, None, "en") == "–"
    assert recorded_text(1.256, None, "en") == "1.26"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (60.0, "s", "60 s"), (0.5, "s", "0.50 s"), (1_800.0, "s", "30 min"), (7_200.0, "s", "2 h"), (172_800.0, "s", "2 d"), (100.0, "s", "100 s"),
        (124.0, "kPa", "124 kPa"), (26.5, "degC", "26.50 °C"), (3.0, "", "3"), (None, "kPa", "–"),
    ],
)  # fmt: skip
def test_a_parameter_has_its_unit(value: float | None, unit: str, said: str) -> None:
    assert parameter_text(value, unit, "en") == said


def test_what_samples_say_about_themselves_has_words_and_units() -> None:
    for name, unit in DERIVED.items():
        assert has(f"derived.{name}"), name
        assert derived_unit(name) == unit


def test_every_code_of_every_kind_has_some_name() -> None:
    for kind in load_kinds().values():
        for one in kind.points.values():
            for lang in ("zh", "en"):
                assert all(names_of(one, lang).values())
    assert code_text("nothing_we_know", "zh") == "nothing we know"


LEFT = {0: "0:00", 9: "0:09", 754: "12:34", 3753: "1:02:33", -190: "+3:10", 90_061: "25:01:01"}
AGES = [(-3, "0 s", "0秒"), (59.9, "59 s", "59秒"), (61, "1 min", "1分"), (7199, "119 min", "119分"), (7200, "2 h", "2小时")]
OURS = ["127.0.0.1:8600", "10.0.0.5", "[::1]:8600", "[fe80::1]", "localhost", "LOCALHOST:1", "plant.example.com", "plant.example.com:443"]
OTHERS = ["", "evil.example", "127.0.0.1.nip.io", "plant.example.com.evil", "localhost.evil", "1.2.3", "a b"]
INSTANTS = {
    "now": 1_000 * NS, "-6m": 640 * NS, "12.5": 12_500_000_000, "1970-01-01T00:00:10Z": 10 * NS, "1970-01-01T08:00:10 08:00": 10 * NS,
}  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), list(LEFT.items()))
def test_what_is_left_of_a_limit(seconds: int, text: str) -> None:
    assert clock_text(seconds) == text


@pytest.mark.parametrize(("seconds", "en", "zh"), AGES)
def test_a_rough_age(seconds: float, en: str, zh: str) -> None:
    assert (age_text(seconds, "en"), age_text(seconds, "zh")) == (en, zh)


def limit(stopped: int | None = None, breached: int | None = None) -> Limit:
    return Limit("response", 0, 720 * NS, 900 * NS, breached, stopped)


def test_a_limit_is_kept_at_its_very_instant_and_missed_after_it() -> None:
    assert limit().phase(719 * NS) == "running"
    assert limit().phase(720 * NS) == "warning"
    assert limit().phase(900 * NS) == "warning"
    assert limit().phase(900 * NS + 1) == "breached"
    assert limit(stopped=900 * NS).phase(9_999 * NS) == "kept"
    assert limit(stopped=901 * NS).phase(9_999 * NS) == "breached"
    assert limit(stopped=100 * NS, breached=900 * NS).phase(0) == "breached"
    assert limit(stopped=600 * NS).left_s(9_999 * NS) == 300, "a stopped clock shows what was left"
    assert limit().left_s(899 * NS + 1) == 1, "the last second is shown to its end"


@pytest.mark.parametrize(("text", "ns"), list(INSTANTS.items()))
def test_an_instant_is_a_length_before_now_epoch_seconds_or_iso(text: str, ns: int) -> None:
    assert instant(text, 1_000 * NS) == ns


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_instants_and_lengths(text: str) -> None:
    for read in (lambda: instant(text, 0), lambda: length_ns(text)):
        try:
            read()
        except Refused as refused:
            assert str(refused)


@given(st.binary(max_size=300))
def test_no_body_breaks_the_reading_of_forms_and_objects(body: bytes) -> None:
    for read in (form_fields, json_fields):
        try:
            assert isinstance(read(body), dict)
        except BadBody as bad:
            assert str(bad)


def test_a_form_keeps_what_people_wrote_without_control_characters() -> None:
    fields = form_fields(b"text=%E7%94%B5%E6%A2%AF%0D%0Ab%00c%E2%80%AE&empty=&text=last")
    assert fields == {"text": "last", "empty": ""}
    assert clean("电梯\r\nb\x00c\u202e ") == "电梯\nbc"


@pytest.mark.parametrize("host", OURS)
def test_our_own_hosts_are_known(host: str) -> None:
    assert known_host(host, frozenset({"plant.example.com"}))


@pytest.mark.parametrize("host", OTHERS)
def test_other_hosts_are_not(host: str) -> None:
    assert not known_host(host, frozenset({"plant.example.com"}))


def test_a_length_that_is_no_number_counts_as_too_long() -> None:
    assert [too_long(v) for v in (None, b"0", b"65536", b"65537", b"-1", b"1e3")] == [False, False, False, True, True, True]


def test_a_rounded_zero_has_no_sign() -> None:
    assert [number(-0.04, 1), number(-0.06, 1), number(-1234.5, 0)] == ["0.0", "-0.1", "-1,234"]
