"""A fault's small drawings: which points, how long, how heavy, and that no page waits for them."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.console import why
from dashboards.console.charts import Shape
from dashboards.console.sites import SiteView
from dashboards.console.small_chart import Limit, Mark, draw, thinned
from dashboards.console.tables import Fault
from plantroom.clock import NS, VirtualClock
from plantroom.history import Series
from plantroom.model import Quality
from tests.kit.console_client import logged_in, served
from tests.kit.console_site import Installation, site_file

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = 1_795_262_400 * NS
FULL = 3_000  # bytes of one drawing, its words included


def fault(**values: Any) -> Fault:
    base = dict.fromkeys(Fault.__slots__, None) | {
        "id": "F1-1", "rule": "low_fuel", "kind": "generator", "equipment": "gen-1", "condition": "active", "onset_ns": NOW - 122 * NS,
        "raised_ns": NOW - 120 * NS, "trace": {},
    }  # fmt: skip
    return Fault(**(base | values))


def series(values: list[float], start_ns: int = NOW - 1200 * NS, every_s: float = 1.0) -> Series:
    v = np.array(values, float)
    at = start_ns + (np.arange(len(v)) * every_s * NS).astype(np.int64)
    quality = np.where(np.isnan(v), int(Quality.NO_ANSWER), 0).astype(np.uint8)
    return Series(at, v, v, v, v, quality, np.ones(len(v), np.int64))


def shape(names: dict[int, str] | None = None, seconds: int = 1200) -> Shape:
    return Shape(NOW - seconds * NS, NOW, SHANGHAI, names or {}, 15 * NS)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path), VirtualClock(NOW))
    made.samples("gen-1", 900)
    made.fault("F1-1", "gen-1", "danger", rule="low_fuel", values={"fuel_level": 12.0, "engine_speed": 0.0, "control_mode": 1.0, "nothing": 1.0})
    made.engine_at(1)
    yield made
    made.close()


def test_the_stretch_goes_from_before_the_onset_to_after_the_raise_or_an_end_that_came_soon() -> None:
    short = why.stretch(fault(), NOW)
    assert (short.start_ns, short.end_ns, short.step_ns) == (NOW - 722 * NS, NOW, None)
    slow = why.stretch(fault(onset_ns=NOW - 36_120 * NS), NOW)
    assert slow.start_ns == NOW - 36_120 * NS - 7200 * NS and slow.step_ns is not None and (slow.end_ns - slow.start_ns) / slow.step_ns < 300
    soon = why.stretch(fault(onset_ns=NOW - 7002 * NS, raised_ns=NOW - 7000 * NS, ended_ns=NOW - 5000 * NS), NOW)
    late = why.stretch(fault(onset_ns=NOW - 7002 * NS, raised_ns=NOW - 7000 * NS, ended_ns=NOW - 100 * NS), NOW)
    assert soon.end_ns == NOW - 4400 * NS and late.end_ns == NOW - 6400 * NS
    assert why.stretch(fault(onset_ns=NOW + 5 * NS, raised_ns=NOW + 5 * NS), NOW - 3600 * NS).end_ns > NOW - 600 * NS, "a clock set back"


def test_at_most_four_points_those_of_the_first_moment_first(house: Installation) -> None:
    bound = {b.kind_point.name: b for b in house.site.equipment["gen-1"].bindings}
    moved = [{"at_ns": 1, "to": "pending", "values": {"control_mode": 1.0, "oil_pressure": None}}, {"at_ns": 2, "to": "active", "values": {"engine_speed": 3.0}}]
    values = {"coolant_temp": 1.0, "engine_speed": 1.0, "oil_pressure": 2.0, "fuel_level": 3.0, "silence": 4.0}
    assert [b.kind_point.name for b in why.points_of(fault(trace={"moved": moved, "values": values}), bound)] == [
        "control_mode", "engine_speed", "coolant_temp", "oil_pressure",
    ]  # fmt: skip
    assert why.points_of(fault(trace={"values": "as an old release had it"}), bound) == []


def test_only_parameters_of_the_points_own_unit_are_drawn(house: Installation) -> None:
    bound = {b.kind_point.name: b for b in house.site.equipment["gen-1"].bindings}
    given_ = fault(trace={"parameters": {"limit": 30.0, "critical": None, "delay": 60.0, "other": True}})
    units = {"limit": "%", "critical": "%", "delay": "s"}
    assert [(one.value, one.text) for one in why.limits_of(given_, bound["fuel_level"], units, "en")] == [(30.0, "alarm limit 30 %")]
    assert why.limits_of(given_, bound["control_mode"], units, "zh") == []


def test_the_drawing_says_in_words_what_it_shows(house: Installation) -> None:
    bound = {b.kind_point.name: b for b in house.site.equipment["gen-1"].bindings}
    raised = fault(ended_ns=NOW - 60 * NS, condition="cleared", trace={"parameters": {"limit": 30.0}})
    values = [40.0] * 1079 + [12.0] * 71 + [np.nan] * 10 + [50.0] * 40
    made = why.plot(raised, bound["fuel_level"], series(values), why.Stretch(NOW - 1200 * NS, NOW), SHANGHAI, {"limit": "%"}, "zh")
    assert made is not None
    (said,) = re.findall(r'aria-label="([^"]+)"', made.svg)
    for part in ("最低 12 %，最高 50 %", "报警 19:58:00 时为 12 %", "恢复 19:59:00 时为 12 %", "阴影处数据无效", "30 %"):
        assert part in said, said
    assert made.svg.count('class="mark"') == 3 and made.svg.count('class="limit"') == 1 and made.svg.count('class="bad"') == 1
    states = why.plot(raised, bound["control_mode"], series([0.0] * 600 + [1.0] * 600), why.Stretch(NOW - 1200 * NS, NOW), SHANGHAI, {}, "en")
    assert states is not None and re.search(r'class="line" d="M0 \d+H500V\d+H1000"', states.svg)
    assert why.plot(raised, bound["fuel_level"], series([]), why.Stretch(NOW - 1200 * NS, NOW), SHANGHAI, {}, "zh") is None


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)), min_size=1, max_size=60),
    st.integers(1, 60), st.booleans(), st.lists(st.floats(-1e6, 1e6), max_size=3), st.lists(st.integers(-10, 1210), max_size=3),
)  # fmt: skip
def test_whatever_came_it_stays_small_and_inside(values: list[float], again: int, coded: bool, limits: list[float], instants: list[int]) -> None:
    """As many runs, bad stretches and turns as a history can hold."""
    v = np.array(values * again, float)
    if coded:
        v = np.floor(v % 3)
    marks = [Mark(NOW - 1200 * NS + s * NS, "报警", before=s % 2 == 0, low=s % 3 == 0) for s in instants]
    codes = {0: "停", 1: "自动", 2: "手动"} if coded else {}
    drawn = draw(series(list(v), every_s=1200 / len(v)), shape(codes), marks, [Limit(one, "润滑油压力低限 103 kPa") for one in limits], "x" * 300)
    assert len(drawn.encode()) <= FULL
    places = [float(n) for path in re.findall(r'class="line" d="([^"]*)"', drawn) for n in re.findall(r"-?\d+", path)]
    assert all(-1 <= n <= 1001 for n in places)


def test_thinning_keeps_the_peak_and_both_ends() -> None:
    at, v = np.arange(5000, dtype=np.int64), np.sin(np.arange(5000) / 50.0)
    v[1234], v[4321] = 99.0, -99.0
    thin_at, thin = thinned(at, v, 90)
    assert len(thin) <= 90 and 99.0 in thin and -99.0 in thin and thin_at[0] == 0 and thin_at[-1] == 4999 and np.all(np.diff(thin_at) > 0)


def visit(house: Installation, monkeypatch: pytest.MonkeyPatch | None = None, query: Any = None) -> tuple[int, str, float]:
    async def go() -> tuple[int, str, float]:
        async with served(house.data, house.clock) as app:
            if monkeypatch is not None:
                monkeypatch.setattr(SiteView, "query", query)
            async with logged_in(app) as browser:
                began = asyncio.get_running_loop().time()
                answer = await browser.get("/faults/F1-1?lang=zh")
                return answer.status_code, answer.text, asyncio.get_running_loop().time() - began

    return asyncio.run(go())


def test_the_page_draws_every_point_of_the_trace(house: Installation) -> None:
    status, html, _ = visit(house)
    assert status == 200 and html.count('<svg class="chart"') == 3 and "走势图未显示" not in html
    assert "<script" not in html.partition('id="plots"')[2].partition("</section>")[0]


def test_a_history_that_fails_leaves_the_page_standing(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("parquet: magic bytes")

    status, html, _ = visit(house, monkeypatch, broken)
    assert status == 200 and "走势图未显示" in html and "magic" not in html and "<svg class=\"chart\"" not in html


def test_a_history_that_hangs_costs_the_page_less_than_300_ms(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def hangs(*_: object) -> object:
        go_on.wait(20)
        return {}

    assert why.PATIENCE_S < 0.3
    monkeypatch.setattr(why, "PATIENCE_S", 0.05)
    status, html, took = visit(house, monkeypatch, hangs)
    go_on.set()
    assert status == 200 and "走势图未显示" in html and took < 10


def test_a_slow_answer_is_there_for_who_comes_back_and_few_wait_at_once(house: Installation) -> None:
    go_on, asked = threading.Event(), []

    class Slow:
        def whole(self, view: object) -> Slow:
            return self

        def query(self, ids: list[str], *_: object) -> dict[str, Series]:
            asked.append(ids)
            go_on.wait(20)
            return {name: series([1.0] * 1200) for name in ids}

    class View:
        id, zone = "hq", SHANGHAI

    bound = {b.kind_point.name: b for b in house.site.equipment["gen-1"].bindings}

    async def go() -> None:
        plots, view = why.Plots(Slow()), View()  # type: ignore[arg-type]
        ask = [fault(id=f"F{n}", trace={"values": {"fuel_level": 1.0}}) for n in range(9)]
        got = await asyncio.gather(*(plots.of(view, one, bound, {}, "zh", NOW) for one in (*ask, ask[0])))  # type: ignore[arg-type]
        assert got == [None] * 10 and len(asked) == why.AT_ONCE
        go_on.set()
        await asyncio.gather(*(answer for _, _, answer in plots._asked.values()))
        again = await plots.of(view, ask[0], bound, {}, "zh", NOW)  # type: ignore[arg-type]
        assert again is not None and len(again) == 1 and len(asked) == why.MOST_WAITING
        plots.close()

    asyncio.run(go())
