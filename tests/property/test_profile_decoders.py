"""Whatever bytes a device of any shipped profile answers, its decoders give finite values or declared reasons, and raise nothing."""

from __future__ import annotations

import math
from functools import cache
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.bindings import device_column, plan_profile
from collector.codec import Decoder
from plantroom.model import Quality
from plantroom.profile_file import load_profile, profile_names
from plantroom.profiles import DevicePoint

WIRED = [name for name in profile_names() if load_profile(name).mqtt is None]
DECLARED = {Quality.GOOD, Quality.DECODE, Quality.SENTINEL, Quality.OUT_OF_RANGE, Quality.NO_ANSWER}
PATIENT = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
# words that sit on an edge: zeros, ones, the ends of signed numbers, NaN and infinity of floats, small codes
EDGES = (0, 1, 2, 3, 7, 15, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0xFFFE, 0x7F80, 0xFF80, 0x7FC0, 0x0080, 0x5555)


@cache
def decoders(name: str) -> list[tuple[Decoder, int, list[DevicePoint]]]:
    """(decoder, bytes it takes, its points) for each group of reads of a profile."""
    profile = load_profile(name)
    made = []
    for reads, brought in plan_profile(profile, list(profile.points)):
        points = [point for key, point in profile.points.items() if key in brought]
        made.append((Decoder(reads, [device_column(point) for point in points]), sum(read.reply_bytes for read in reads), points))
    return made


def check(name: str, data: bytes) -> None:
    for decoder, size, points in decoders(name):
        answer = (data * (size // len(data) + 1))[:size]
        values, quality = decoder.decode(answer, {0: Quality.NO_ANSWER} if len(data) % 5 == 0 else None)
        decoder.raw_text(answer)
        for point, value, code in zip(points, values.tolist(), quality.tolist(), strict=True):
            assert code in DECLARED, (point.name, code)
            assert math.isfinite(value) if code == Quality.GOOD else math.isnan(value), (point.name, value, code)
            if code == Quality.GOOD and point.range is not None:
                assert point.range[0] <= (1 - value if point.invert else value) <= point.range[1], (point.name, value)


@PATIENT
@given(name=st.sampled_from(WIRED), data=st.one_of(st.binary(min_size=1, max_size=250), st.lists(st.sampled_from(EDGES), min_size=1).map(lambda words: b"".join(word.to_bytes(2, "big") for word in words))))
def test_any_bytes(name: str, data: bytes) -> None:
    check(name, data)


@pytest.mark.soak
@pytest.mark.parametrize("name", WIRED)
def test_two_thousand_answers_of_each_profile(name: str) -> None:
    chance = Random(name)
    for _ in range(2_000):
        check(name, b"".join((chance.choice(EDGES) if chance.random() < 0.5 else chance.randrange(65_536)).to_bytes(2, "big") for _ in range(chance.randint(1, 125))))
