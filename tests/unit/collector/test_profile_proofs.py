"""What a register image must hold so that it would betray a mistake: no field zero, and what the profile's types allow.

A profile may have several images (`second/` beside the first): a flag that is off in one is on in another, so that no two are confused.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from collector.image import ByHand, Image, load_image
from plantroom.profile_file import load_profile
from plantroom.profiles import DevicePoint, Encoding, Profile, Register, Table, registers_of

IMAGES = Path(__file__).parents[2] / "cases" / "profiles"
NAMES = sorted(path.parent.name for path in IMAGES.glob("*/registers.yaml"))
WIDE = (Encoding.U32, Encoding.I32, Encoding.U64, Encoding.I64, Encoding.F32, Encoding.F64)
SIGNED = (Encoding.I16, Encoding.I32, Encoding.I64, Encoding.F32, Encoding.F64)
Judged = Iterator[tuple[DevicePoint, ByHand, Image]]

NO_NEGATIVE = {"techno-lift-gateway": "its one signed register counts floors, and its only negative number means that there is none"}


@cache
def loaded(name: str) -> Profile:
    return load_profile(name)


@cache
def images_of(name: str) -> list[tuple[Image, dict[str, ByHand]]]:
    return [load_image(path.parent) for path in sorted(IMAGES.glob("*/**/registers.yaml")) if path.relative_to(IMAGES).parts[0] == name]


def judged(name: str) -> Judged:
    profile = loaded(name)
    for image, expected in images_of(name):
        for point, hand in expected.items():
            yield profile.points[point], hand, image


def held(register: Register, image: Image) -> int:
    """The raw pattern in the image, worked out here and not by the decoder."""
    table = image.get(register.table, {})
    words = [table.get(register.address + i, 0) for i in range(register.count)]
    if register.bit is not None and not register.table.bits:
        return words[0] >> register.bit & (1 << register.bits) - 1
    number = 0
    for word in reversed(words) if register.low_word_first else words:
        number = number << 16 | word
    return number


def signed(register: Register, raw: int) -> bool:
    """Whether the pattern is a number below zero; floats too have their sign in the first bit."""
    return register.encoding in SIGNED and raw >> (16 * register.count - 1) == 1


def to_judge(name: str) -> set[str]:
    """Every point. Of many parts, which differ in nothing but their place, the first, the last and two more are enough."""
    profile, done = loaded(name), {point.name for point, _, _ in judged(name)}
    if len(profile.parts) <= 16:
        return set(profile.points)
    parts = [part for part, its in profile.parts.items() if any(point.name in done for point in its.points.values())]
    assert len(parts) >= 4 and {parts[0], parts[-1]} == {next(iter(profile.parts)), list(profile.parts)[-1]}
    return {*profile.own_points, *(point.name for part in parts for point in profile.parts[part].points.values())}


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_judged_by_hand(name: str) -> None:
    assert to_judge(name) == {point.name for point, _, _ in judged(name)}


@pytest.mark.parametrize("name", NAMES)
def test_no_field_is_zero_in_all_images(name: str) -> None:
    """A cell nobody has filled in is zero too: a point that reads the wrong one would not be noticed."""
    seen = {point.name for point, _, image in judged(name) if any(held(register, image) for register in registers_of(point.source))}
    assert sorted(to_judge(name) - seen) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_with_sentinels_shows_one(name: str) -> None:
    """A float is one by itself: not-a-number."""
    if any(register.sentinels or register.encoding in (Encoding.F32, Encoding.F64) for register in registers(loaded(name))):
        assert any(hand.quality == "sentinel" and hand.value is None for _, hand, _ in judged(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_with_signed_registers_shows_a_negative_number(name: str) -> None:
    if not any(register.encoding in SIGNED for register in registers(loaded(name))) or name in NO_NEGATIVE:
        return
    assert any(
        hand.value is not None and hand.value < 0 and any(signed(register, held(register, image)) for register in registers_of(point.source))
        for point, hand, image in judged(name)
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_width_of_whole_numbers_goes_beyond_the_16_bit_edge(name: str) -> None:
    """In each order of words the profile has: a number below 65,536 reads the same in half of the wrong ways."""
    wide = {(r.encoding, r.low_word_first) for r in registers(loaded(name)) if r.encoding in WIDE}
    shown = {
        (register.encoding, register.low_word_first)
        for point, hand, image in judged(name)
        for register in registers_of(point.source)
        if register.encoding in WIDE and hand.value is not None and 65_535 < held(register, image) < 1 << (16 * register.count)
    }
    assert wide <= shown


def registers(profile: Profile) -> list[Register]:
    return [register for point in profile.points.values() for register in registers_of(point.source)]


def test_the_conditions_would_notice() -> None:
    """An image of nothing but zeros passes none of them."""
    register = Register(Table.HOLDING, 5, Encoding.I32, low_word_first=True)
    assert held(register, {}) == 0 and held(register, {Table.HOLDING: {5: 1, 6: 0x8000}}) == 0x8000_0001
    assert signed(register, 0x8000_0001) and not signed(register, 0x7FFF_FFFF)
