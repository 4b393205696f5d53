"""Charts: a gap stays a gap, a code is a step, ticks stand on round values and local times."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dashboards.console.axis import MOST_BUCKETS, step_ns, time_ticks, value_ticks
from dashboards.console.charts import Shape, svg
from plantroom.clock import NS, to_ns
from plantroom.history import Series
from plantroom.model import Quality

SHANGHAI = ZoneInfo("Asia/Shanghai")
T0 = 1_795_262_400 * NS


def series(values: list[float], every_s: int = 10, start_ns: int = T0) -> Series:
    v = np.array(values, float)
    at = start_ns + np.arange(len(values), dtype=np.int64) * every_s * NS
    quality = np.where(np.isnan(v), int(Quality.NO_ANSWER), 0).astype(np.uint8)
    return Series(at, v, v - 1, v + 1, v, quality, np.ones(len(values), np.int64))


def shape(seconds: int = 100, names: dict[int, str] | None = None, hold_s: int = 30) -> Shape:
    return Shape(T0, T0 + seconds * NS, SHANGHAI, names or {}, hold_s * NS)


def lines(chart: Markup) -> list[str]:
    return re.findall(r'<polyline class="line" points="([^"]+)"', chart) + re.findall(r'<path class="line" d="([^"]+)"', chart)


def test_one_line_where_every_sample_is_good() -> None:
    assert len(lines(svg(series([1.0, 2.0, 3.0, 2.0]), shape(), "t"))) == 1


def test_a_bad_sample_breaks_the_line_and_is_shaded() -> None:
    chart = svg(series([1.0, 2.0, np.nan, np.nan, 2.0, 1.0]), shape(), "t")
    assert len(lines(chart)) == 2
    (rect,) = re.findall(r'<rect class="bad" x="([\d.]+)" y="0" width="([\d.]+)"', chart)
    assert [float(v) for v in rect] == [200.0, 200.0]


def test_a_hole_longer_than_a_sample_stands_for_breaks_the_line_too() -> None:
    whole = series([1.0, 2.0, 3.0, 4.0])
    torn = Series(whole.at_ns + np.array([0, 0, 60, 60]) * NS, whole.mean, whole.min, whole.max, whole.last, whole.quality, whole.count)
    assert len(lines(svg(torn, shape(200), "t"))) == 2
    assert len(lines(svg(torn, shape(200, hold_s=120), "t"))) == 1, "the control"


def test_the_last_value_stands_only_as_long_as_a_sample_does() -> None:
    (line,) = lines(svg(series([1.0, 2.0]), shape(100, hold_s=30), "t"))
    assert line.split()[-1].startswith("400.0,"), "10 s + 30 s of 100 s"


def test_codes_are_steps_between_their_names() -> None:
    chart = svg(series([0.0, 0.0, 1.0, 1.0]), shape(names={0: "stop", 1: "auto"}), "t")
    (path,) = lines(chart)
    assert path.startswith("M0.0 750.0H100.0V750.0H200.0V250.0H300.0V250.0")
    assert ">stop</text>" in chart
    assert ">auto</text>" in chart


def test_a_code_nobody_named_is_shown_as_its_number() -> None:
    assert ">7</text>" in svg(series([7.0, 7.0]), shape(names={0: "stop"}), "t")


def test_names_are_escaped() -> None:
    chart = svg(series([0.0]), shape(names={0: "<script>"}), '"><script>')
    assert "<script>" not in chart


def test_a_chart_of_nothing_good_is_shaded_and_does_not_fail() -> None:
    chart = svg(series([np.nan, np.nan]), shape(), "t")
    assert not lines(chart)
    assert 'class="bad"' in chart


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_value_ticks_span_the_values_with_few_round_steps(low: float, span: float) -> None:
    bottom, top, ticks = value_ticks(low, low + span)
    fine = 1e-6 * max(1, abs(low), span)  # of what is shown: an axis over 25,000 need not tell 0 from -0.00001
    assert bottom <= low + fine
    assert top >= low + span - fine
    assert 2 <= len(ticks) <= 9
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)


@given(st.integers(1, 400 * 86_400))
def test_no_range_asks_for_more_than_its_share_of_buckets(seconds: int) -> None:
    step = step_ns(T0, T0 + seconds * NS)
    rows = seconds if step is None else seconds * NS / step
    assert rows <= max(MOST_BUCKETS, 1_200)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-07-01"])
def test_daily_ticks_stand_on_local_midnights_also_when_the_clock_changes(day: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = to_ns(datetime.fromisoformat(day).replace(tzinfo=zone)) - 2 * 86_400 * NS
    ticks = time_ticks(start, start + 5 * 86_400 * NS, zone)
    for tick in ticks:
        at = datetime.fromtimestamp((start + tick.at * 5 * 86_400 * NS) / NS, UTC).astimezone(zone)
        assert (at.hour, at.minute) == (0, 0)
    assert len(ticks) >= 4


def test_ticks_of_an_hour_are_local_and_round() -> None:
    assert [tick.text for tick in time_ticks(T0, T0 + 3600 * NS, SHANGHAI)][:3] == ["20:00", "20:10", "20:20"]
