"""The page of alert texts: the composer's own lines, for the rules that the engine would raise, and cheap."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dashboards.console import rule_texts
from dashboards.console.alert_texts import AlertText, AlertTexts, filled, matching, texts
from dashboards.console.roles import Role
from dashboards.console.sites import SiteView
from plantroom.clock import NS, VirtualClock
from plantroom.messages import COLUMNS, width
from plantroom.model import EquipmentState
from plantroom.site import Site
from plantroom.site_file import with_files
from rules.applies import settings_of, why_not
from rules.book import pack, rulebook
from tests.kit.console_client import client, logged_in, served
from tests.kit.console_site import Installation, site_file
from tests.kit.plant import tower
from tests.unit.dashboards.test_pages import Elements

NOW = 1_795_262_400 * NS
CPU_S = 0.1


@cache
def site() -> Site:
    made = tower()
    lift = next(m for m in made.equipment.values() if m.kind.name == "elevator")
    off = next(m for m in made.equipment.values() if m.kind.name == "ahu")
    machines = {
        **made.equipment,
        lift.id: replace(lift, rules_off={"device_offline": "x"}),
        off.id: replace(off, state=EquipmentState.OUT_OF_SERVICE),
    }
    return replace(with_files(made, {**made.files, **pack().files}), equipment=machines, rules_off={"low_fuel": "x"})


def view(of: Site) -> SiteView:
    return cast(SiteView, SimpleNamespace(id="hq", config=of, config_seq=7, language="zh"))


@cache
def found() -> list[AlertText]:
    return texts(view(site()), site())


def test_it_names_the_machines_at_which_the_engine_watches_a_rule_and_no_others() -> None:
    settings, checked = settings_of(site()), 0
    for kind in {machine.kind.name for machine in site().equipment.values()} - {"monitor"}:
        for rule in rulebook(site().files, proven=True).for_kind(kind):
            watched = [m.id for m in site().equipment.values() if m.kind.name == kind and why_not(rule, m, settings) is None]
            shown = [place.id for one in found() if (one.rule, one.kind) == (rule.id, kind) for place in one.machines]
            assert shown == watched, (kind, rule.id)
            checked += bool(watched)
    assert checked > 100
    assert not [one for one in found() if one.rule == "low_fuel"], "switched off at the site"


def test_what_people_report_and_what_happens_to_plantroom_and_to_lines_is_there_too() -> None:
    kinds = {one.kind for one in found()}
    assert {"monitor", "connection"} <= kinds
    assert any(one.kind == "elevator" and not rule.judged for one in found() for rule in rule_texts.by_kind(site())["elevator"] if rule.id == one.rule)


def test_the_lines_are_the_composers_with_the_class_the_machine_and_the_limit() -> None:
    for one in found():
        for lang in ("zh", "en"):
            first, second = one.lines[lang]
            assert width(first) <= COLUMNS[lang] or one.machines[0].names[lang] in first
            assert "{" not in first + second and "14:03" in second
        assert ("14:18前响应" in one.lines["zh"][1]) == (one.severity in ("danger", "readiness")), one.rule
    (low,) = [one for one in found() if one.rule == "low_oil_pressure" and one.kind == "generator"]
    assert "〔" in low.lines["zh"][0] and "N kPa" in low.lines["en"][0] and low.night == low.severity.value


def test_values_of_the_moment_stay_open() -> None:
    assert filled("Low {a:.0f} kPa of {name}, {{x}}") == "Low N kPa of …, {x}"


def test_a_search_takes_words_of_either_language_rule_or_machine() -> None:
    some = found()
    assert {one.rule for one in matching(some, "generator", "oil 油压")} <= {one.rule for one in some if "oil" in one.sought}
    assert matching(some, "", "low_oil_pressure") and not matching(some, "elevator", "low_oil_pressure") and not matching(some, "", "zzz")


def test_a_tower_costs_less_than_100_ms_and_nothing_the_second_time() -> None:
    rule_texts._read.cache_clear()
    kept, seen = AlertTexts(), view(site())
    began = time.process_time()
    first = kept.of(seen)
    took = time.process_time() - began
    print(f"{len(first)} texts, {1000 * took:.0f} ms CPU cold")
    assert kept.of(seen) is first
    cast(Any, seen).config_seq = 8
    began = time.process_time()
    assert kept.of(seen) is not first
    warm = time.process_time() - began
    print(f"{1000 * warm:.0f} ms after another configuration")
    assert warm < CPU_S


@pytest.fixture
def house(tmp_path: Any) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path, machine='<b>1号</b>"发电机'), VirtualClock(NOW))
    made.engine_at(1)
    yield made
    made.close()


def test_the_page_shows_them_in_both_languages_and_only_to_the_house(house: Installation) -> None:
    async def go() -> None:
        async with served(house.data, house.clock) as app:
            async with logged_in(app) as browser:
                page = Elements((await browser.get("/health/texts?lang=zh&kind=generator&q=失联")).text)
                assert '<b>1号</b>"发电机' in page.words() and "No answer" in page.words()
                plain = await browser.get("/health/texts?lang=en&page=99999")
                assert plain.status_code == 200 and len(re.findall('class="alert-text', plain.text)) <= 150
                assert (await browser.get("/health/texts?q=zzzz")).text.count("alert-text ") == 0
            async with logged_in(app, Role.VENDOR) as vendor:
                assert (await vendor.get("/health/texts")).status_code == 403
            async with client(app) as stranger:
                assert (await stranger.get("/health/texts")).status_code == 303

    asyncio.run(go())
