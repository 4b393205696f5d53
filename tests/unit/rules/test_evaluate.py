"""Samples in, transitions out: freshness, silence, order of arrival, clock steps, snapshots, new configurations."""

from __future__ import annotations

import math

import pytest

from plantroom.clock import NS
from plantroom.kinds import load_kind
from plantroom.model import EquipmentState, Quality
from plantroom.site import Binding, Equipment
from rules.applies import SiteSettings, caveat, why_not
from rules.condition import State
from rules.evaluate import KindEvaluator
from rules.snapshot import BadSnapshot
from tests.kit.rules import START, Watch, made

LOW = "oil_pressure < 100"
PATIENT = {"for_": "2s", "clear_after": "3s"}


def test_a_fault_is_raised_and_cleared_with_its_instants_values_and_parameters() -> None:
    rule = made("oil_pressure < limit", parameters="{limit: {value: 1, unit: bar, range: [0, 9], source: x}}", **PATIENT)
    watch = Watch(rule, ["oil_pressure"])
    for at in range(12):
        watch.see(at, oil_pressure=90 if 2 <= at < 6 else 300)
    assert watch.story == [(2, "pending"), (4, "active"), (6, "recovering"), (9, "cleared")]
    raised = watch.moved[1]
    assert (raised.equipment, raised.rule, raised.before, raised.onset_ns) == ("m0", "under_test", State.PENDING, START + 2 * NS)
    assert (dict(raised.values), dict(raised.parameters), raised.no_data) == ({"oil_pressure": 90.0}, {"limit": 1.0}, False)
    assert watch.moved[3].onset_ns == START + 2 * NS


def test_bad_samples_hold_everything() -> None:
    watch = Watch(made(LOW, **PATIENT), ["oil_pressure"])
    for at, value in enumerate([90, 90, 90, Quality.NO_ANSWER, Quality.DECODE, Quality.SENTINEL, Quality.OUT_OF_RANGE, Quality.STALE]):
        watch.see(at, oil_pressure=value)
    watch.tick(500)
    assert watch.state() is State.ACTIVE
    assert math.isnan(watch.evaluator.values(0, 0, START + 500 * NS)["oil_pressure"])


def test_a_retained_sample_says_nothing_about_now_and_takes_nothing_away() -> None:
    watch = Watch(made(LOW), ["oil_pressure"])
    watch.see(0, oil_pressure=90)
    watch.see(1, oil_pressure=Quality.NOT_FRESH)
    assert watch.evaluator.values(0, 0, START + NS)["oil_pressure"] == 90
    fresh = Watch(made("oil_pressure > 100"), ["oil_pressure"])
    fresh.see(0, oil_pressure=Quality.NOT_FRESH)
    assert math.isnan(fresh.evaluator.values(0, 0, START)["oil_pressure"])


@pytest.mark.parametrize(("period_s", "limit_s"), [(0.2, 5), (1, 5), (10, 30), (60, 180)])
def test_a_value_is_stale_after_three_periods_but_five_seconds_at_least(period_s: float, limit_s: float) -> None:
    watch = Watch(made(LOW, for_="1h"), ["oil_pressure"], period_s=period_s)
    watch.see(0, oil_pressure=90)
    watch.tick(limit_s - 0.001)
    assert watch.evaluator.values(0, 0, START + round((limit_s - 0.001) * NS))["oil_pressure"] == 90
    assert watch.evaluator.due() == START + round(limit_s * NS)
    watch.tick(limit_s)
    held = watch.evaluator.conditions()[0].held_ns
    watch.tick(limit_s + 100)
    assert watch.evaluator.conditions()[0].held_ns == held
    assert math.isnan(watch.evaluator.values(0, 0, START + round(limit_s * NS))["oil_pressure"])


def test_without_any_sample_nothing_is_raised_unless_the_rule_says_so() -> None:
    hold, raises = made(LOW, id="hold"), made(LOW, id="raises", on_missing="raise", for_="10s")
    watch = Watch([hold, raises], ["oil_pressure"])
    for at in range(20):
        watch.tick(at)
    assert (watch.state("hold"), watch.state("raises")) == (State.CLEARED, State.ACTIVE)
    assert watch.moved[-1].no_data
    watch.see(20, oil_pressure=300)
    assert watch.state("raises") is State.CLEARED


def test_a_sample_a_little_older_than_the_last_tick_is_judged_now() -> None:
    watch = Watch(made(LOW), ["oil_pressure"])
    watch.tick(10)
    watch.see(9.8, oil_pressure=90)
    assert watch.story == [(10, "active")]


def test_a_sample_older_than_its_points_newest_is_counted_and_never_judged() -> None:
    watch = Watch(made(LOW), ["oil_pressure", "coolant_temp"])
    watch.see(10, oil_pressure=300)
    watch.see(9, oil_pressure=90, coolant_temp=80)
    assert (watch.state(), watch.evaluator.late) == (State.CLEARED, 1)
    watch.see(10, oil_pressure=90)  # the same instant again: the later word counts
    assert (watch.state(), watch.evaluator.late) == (State.ACTIVE, 1)


def test_a_sample_that_comes_too_late_is_stale_when_it_comes() -> None:
    watch = Watch(made(LOW), ["oil_pressure"])
    watch.tick(3600)
    watch.see(10, oil_pressure=90)
    assert watch.state() is State.CLEARED


def test_points_of_one_machine_may_come_in_different_records() -> None:
    watch = Watch(made("oil_pressure < 100 and engine_speed > 300"), ["oil_pressure", "engine_speed"])
    watch.see(0, oil_pressure=90)
    assert watch.state() is State.CLEARED
    watch.see(0.5, engine_speed=1500)
    assert watch.state() is State.ACTIVE


def test_machines_do_not_touch_each_other() -> None:
    watch = Watch(made(LOW), ["oil_pressure"], machines=3)
    watch.rows(0, {2: {"oil_pressure": 90}, 0: {"oil_pressure": 300}})
    assert [watch.state(machine=n) for n in range(3)] == [State.CLEARED, State.CLEARED, State.ACTIVE]
    watch.rows(1, {0: {"oil_pressure": 90}, 1: {"oil_pressure": 90}, 2: {"oil_pressure": 300}})
    assert [t.equipment for t in watch.moved] == ["m2", "m0", "m1", "m2"]


def test_parameters_of_one_machine_count_before_the_sites_before_the_rules() -> None:
    rule = made("oil_pressure < limit", parameters="{limit: {value: 100, unit: kPa, range: [0, 900], source: x}}")
    site = SiteSettings(parameters={"under_test": {"limit": 200}})
    watch = Watch(rule, ["oil_pressure"], parameters=[{}, {"limit": 300}, {"under_test.limit": "4 bar", "limit": 300}], site=site)
    watch.rows(0, {n: {"oil_pressure": 250} for n in range(3)})
    assert [watch.state(machine=n) for n in range(3)] == [State.CLEARED, State.ACTIVE, State.ACTIVE]
    assert [watch.evaluator.parameters_of(0, n)["limit"] for n in range(3)] == [200, 300, 400]


def test_patience_may_be_a_parameter_of_the_machine() -> None:
    rule = made(LOW, for_="after", parameters="{after: {value: 2s, range: [1s, 9s], source: x}}")
    watch = Watch(rule, ["oil_pressure"], parameters=[{}, {"after": "5s"}])
    for at in range(8):
        watch.rows(at, {n: {"oil_pressure": 90} for n in range(2)})
    assert [(t.equipment, (t.at_ns - START) / NS) for t in watch.moved if t.after is State.ACTIVE] == [("m0", 2), ("m1", 5)]


def test_a_rule_may_ask_whether_a_machine_has_a_point() -> None:
    when = "has(crank_failure) and crank_failure or not has(crank_failure) and engine_speed < 100"
    for points, values, active in (
        (["engine_speed"], {"engine_speed": 0}, True),
        (["engine_speed", "crank_failure"], {"engine_speed": 0, "crank_failure": 0}, False),
        (["engine_speed", "crank_failure"], {"engine_speed": 1500, "crank_failure": 1}, True),
    ):
        watch = Watch(made(when), points)
        watch.see(0, **values)
        assert (watch.state() is State.ACTIVE) is active


# --- silence


def silent(shortest: str = "10s") -> Watch:
    return Watch(made(f"silence > {shortest} and polls_missed >= 3", clear_when="silence < 1s"), ["oil_pressure", "coolant_temp"])


@pytest.mark.parametrize("quality", [Quality.NO_ANSWER, Quality.EXCEPTION, Quality.DECODE, Quality.STALE, Quality.NOT_FRESH, None])
def test_what_is_no_answer_is_silence(quality: Quality | None) -> None:
    watch = silent()
    watch.see(0, oil_pressure=300)
    watch.stay(1, 13, oil_pressure=quality, coolant_temp=quality)
    assert watch.state() is State.ACTIVE
    assert watch.moved[0].values["silence"] == pytest.approx(10.5)


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.SENTINEL, Quality.OUT_OF_RANGE, Quality.CLOCK_SKEW, Quality.UNCONFIRMED])
def test_a_device_that_speaks_is_not_silent_whatever_it_says(quality: Quality) -> None:
    watch = silent()
    watch.stay(0, 30, oil_pressure=5.0 if quality is Quality.GOOD else quality)
    assert watch.state() is State.CLEARED


def test_silence_runs_from_the_first_look_where_nothing_was_ever_heard() -> None:
    watch = silent()
    for at in range(12):
        watch.tick(at)
    assert watch.story == [(11, "active")]


def two_devices() -> KindEvaluator:
    kind = load_kind("generator")
    bindings = (
        Binding("g.oil_pressure", "fast", "a", kind.points["oil_pressure"], period_s=1),
        Binding("g.fuel_level", "slow", "b", kind.points["fuel_level"], period_s=60),
    )
    rule = made("polls_missed >= 3 and silence > 10s", id="offline")
    return KindEvaluator(kind, [Equipment("m0", kind, "G", bindings=bindings)], [rule])


@pytest.mark.parametrize(("dead", "after_s"), [("oil_pressure", 11), ("fuel_level", 180)])
def test_of_two_devices_the_one_that_missed_most_polls_counts(dead: str, after_s: int) -> None:
    watch = Watch(made(LOW), ["oil_pressure", "fuel_level"])
    watch.evaluator = two_devices()
    watch.see(0, oil_pressure=300, fuel_level=50)
    for at in range(1, 240):
        values = {"oil_pressure": 300.0} if at % 60 else {"oil_pressure": 300.0, "fuel_level": 50.0}
        values.pop(dead, None)
        if values:
            watch.see(at, **values)
        watch.tick(at + 0.5)
    assert watch.moved[0].after is State.ACTIVE
    assert (watch.moved[0].at_ns - START) / NS == pytest.approx(after_s, abs=1)


# --- time functions, clock, memory


def test_age_and_stale_speak_of_the_last_good_sample() -> None:
    old, stale = made("age(oil_pressure) > 3s", id="old"), made("stale(oil_pressure)", id="stale")
    watch = Watch([old, stale], ["oil_pressure"])
    watch.see(0, oil_pressure=300)
    for at in range(1, 8):
        watch.see(at, oil_pressure=Quality.SENTINEL)
    assert [((t.at_ns - START) / NS, t.rule) for t in watch.moved] == [(4, "old"), (5, "stale")]
    watch.see(8, oil_pressure=300)
    assert [watch.state(rule) for rule in ("old", "stale")] == [State.CLEARED, State.CLEARED]


def test_a_window_sees_what_was_between_the_looks() -> None:
    watch = Watch(made("avg(oil_pressure, 10s) < 150"), ["oil_pressure"])
    for at in range(30):
        watch.see(at, oil_pressure=300 if at < 20 else 0)
    raised = [t for t in watch.moved if t.after is State.ACTIVE]
    assert [(t.at_ns - START) / NS for t in raised] == [25]


def test_a_wall_clock_step_changes_no_length() -> None:
    rules = [
        made("duration(oil_pressure < 100) > 5s", id="lasting"), made(LOW, id="patient", for_="7s"),
        made("silence > 20s", id="silent"), made("rises(oil_pressure < 100, 30s) > 0", id="rising"), made("age(coolant_temp) > 9s", id="aged"),
    ]  # fmt: skip

    def story(step_s: int) -> list[tuple[float, str, str]]:
        watch = Watch(rules, ["oil_pressure", "coolant_temp"])
        before = 0
        for at in range(60):
            if at == 4:
                watch.evaluator.shift(step_s * NS)
                before = len(watch.moved)
            real = at + (step_s if at >= 4 else 0)
            watch.see(real, oil_pressure=90 if at % 20 < 12 else 300) if at < 35 else watch.tick(real)
        return [((t.at_ns - START) / NS - step_s, t.rule, t.after.value) for t in watch.moved[before:]]

    assert {rule for _, rule, _ in story(0)} == {rule.id for rule in rules}
    assert story(3600) == story(0)
    assert story(-3600) == story(0)


def test_a_snapshot_restores_everything_and_refuses_another_layout() -> None:
    rules = [made("avg(oil_pressure, 10s) < 150 and duration(oil_pressure < 200) > 3s", id="one", for_="2s"), made("silence > 5s", id="two")]
    points = ["oil_pressure"]
    watch, copy = Watch(rules, points, machines=2), Watch(rules, points, machines=2)
    for at in range(8):
        watch.see(at, machine=1, oil_pressure=100)
    blob = watch.evaluator.snapshot()
    copy.evaluator.restore(blob)
    assert copy.evaluator.snapshot() == blob
    assert copy.evaluator.conditions() == watch.evaluator.conditions()
    for broken in (blob[:-1], blob[:40], b"", blob[:100] + b"x" + blob[101:]):
        with pytest.raises(BadSnapshot, match="torn"):
            copy.evaluator.restore(broken)
    others = (
        Watch(rules, points, machines=3),
        Watch(rules[:1], points, machines=2),
        Watch(rules, [*points, "coolant_temp"], machines=2),
        Watch(rules, points, machines=2, period_s=2),
    )
    for other in others:
        before = other.evaluator.snapshot()
        with pytest.raises(BadSnapshot, match="other equipment"):
            other.evaluator.restore(blob)
        assert other.evaluator.snapshot() == before


# --- a new configuration


def test_what_is_the_same_goes_on_over_a_new_configuration() -> None:
    kept = made("avg(oil_pressure, 10s) < 150", id="kept", for_="5s")
    watch, new = Watch([kept], ["oil_pressure"]), Watch([made(LOW, id="another"), kept], ["oil_pressure", "coolant_temp"], machines=2)
    for at in range(12):
        watch.see(at, oil_pressure=100)
    assert watch.evaluator.conditions()[0].state is State.PENDING
    assert new.evaluator.adopt(watch.evaluator, START + 12 * NS) == []
    assert [c for c in new.evaluator.conditions() if c.rule == "kept"] == watch.evaluator.conditions()
    for at in range(12, 15):
        new.see(at, oil_pressure=100)
    assert [(t.at_ns - START) / NS for t in new.moved if t.rule == "kept"] == [watch.moved[0].at_ns / NS - START / NS + 5]


def test_a_changed_rule_drops_what_is_pending_and_judges_what_is_open() -> None:
    old_rule, new_rule = made(LOW, for_="5s"), made("oil_pressure < 50", for_="5s", clear_after="1s")
    for seconds, told in ((3, [State.WITHDRAWN]), (8, [])):
        watch, new = Watch(old_rule, ["oil_pressure"]), Watch(new_rule, ["oil_pressure"])
        for at in range(seconds):
            watch.see(at, oil_pressure=90)
        moved = new.evaluator.adopt(watch.evaluator, START + seconds * NS)
        assert [t.after for t in moved] == told
        if not told:
            assert new.state() is State.ACTIVE
            assert new.evaluator.conditions()[0].since_ns == START
            new.stay(seconds, seconds + 3, oil_pressure=90)
            assert new.state() is State.CLEARED


def test_a_changed_parameter_is_a_changed_rule_for_its_machine_alone() -> None:
    rule = made("oil_pressure < limit", for_="5s", parameters="{limit: {value: 100, unit: kPa, range: [0, 900], source: x}}")
    watch, new = Watch(rule, ["oil_pressure"], machines=2), Watch(rule, ["oil_pressure"], parameters=[{}, {"limit": 95}])
    for at in range(3):
        watch.rows(at, {n: {"oil_pressure": 90} for n in range(2)})
    moved = new.evaluator.adopt(watch.evaluator, START + 3 * NS)
    assert [(t.equipment, t.after) for t in moved] == [("m1", State.WITHDRAWN)]
    assert [c.equipment for c in new.evaluator.conditions()] == ["m0"]


def test_what_is_gone_is_withdrawn_visibly() -> None:
    gone, stays = made(LOW, id="gone"), made(LOW, id="stays")
    watch = Watch([gone, stays], ["oil_pressure"], machines=2)
    watch.rows(0, {n: {"oil_pressure": 90} for n in range(2)})
    new = Watch(stays, ["oil_pressure"])
    moved = new.evaluator.adopt(watch.evaluator, START + NS)
    assert sorted((t.equipment, t.rule, t.after.value) for t in moved) == [
        ("m0", "gone", "withdrawn"), ("m1", "gone", "withdrawn"), ("m1", "stays", "withdrawn")
    ]  # fmt: skip
    assert [(c.equipment, c.rule) for c in new.evaluator.conditions()] == [("m0", "stays")]
    assert [t.after for t in new.evaluator.withdraw(START + 2 * NS)] == [State.WITHDRAWN]
    assert new.evaluator.conditions() == []


def test_a_person_releases_a_latched_fault_and_a_reopened_one_is_judged_again() -> None:
    watch = Watch(made(LOW, latch="true", clear_after="1s"), ["oil_pressure"])
    watch.see(0, oil_pressure=90)
    watch.stay(1, 20, oil_pressure=300)
    assert watch.state() is State.ACTIVE
    (released,) = watch.evaluator.release("m0", "under_test", START + 20 * NS)
    assert (released.after, released.onset_ns) == (State.CLEARED, START)
    plain = Watch(made(LOW, clear_after="1s"), ["oil_pressure"])
    plain.tick(0)
    plain.evaluator.reopen("m0", "under_test", START - 50 * NS)
    plain.stay(1, 4, oil_pressure=300)
    assert plain.story == [(1, "recovering"), (2, "cleared")]
    assert plain.moved[-1].onset_ns == START - 50 * NS


# --- where a rule applies


def machine_with(*points: str, **more: object) -> Equipment:
    watch = Watch(made(LOW), points)
    found = watch.machines[0]
    return Equipment(found.id, found.kind, found.name, bindings=found.bindings, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("machine", "site", "says"),
    [
        (machine_with("oil_pressure"), SiteSettings(), None),
        (machine_with("coolant_temp"), SiteSettings(), "no source for oil_pressure"),
        (machine_with(), SiteSettings(), "m0 has no device"),
        (machine_with("oil_pressure", rules_off={"under_test": "sender broken"}), SiteSettings(), "switched off for m0: sender broken"),
        (machine_with("oil_pressure"), SiteSettings(rules_off={"under_test": "not here"}), "switched off for the site: not here"),
        (machine_with("oil_pressure", state=EquipmentState.OUT_OF_SERVICE), SiteSettings(), "m0 is out_of_service"),
        (machine_with("oil_pressure", state=EquipmentState.COMMISSIONING), SiteSettings(), None),
    ],
)  # fmt: skip
def test_why_a_rule_does_not_apply(machine: Equipment, site: SiteSettings, says: str | None) -> None:
    assert (why_not(made(LOW), machine, site) or "").startswith(says or "")
    assert (why_not(made(LOW), machine, site) is None) is (says is None)


def test_a_parameter_only_the_site_can_know_keeps_a_rule_off_until_it_is_given() -> None:
    rule = made("oil_pressure < limit", parameters="{limit: {unit: kPa, range: [0, 900], source: nameplate}}")
    machine = machine_with("oil_pressure")
    assert why_not(rule, machine, SiteSettings()) == "the site must set under_test.limit"
    assert why_not(rule, machine, SiteSettings(parameters={"under_test": {"limit": 5}})) is None


def test_a_rule_on_short_events_says_what_a_slow_poll_misses() -> None:
    slow = Watch(made(LOW), ["oil_pressure"], period_s=30).machines[0]
    assert "shorter than 30 s" in (caveat(made(LOW, cov="true"), slow) or "")
    assert caveat(made(LOW), slow) is None


@pytest.mark.parametrize("for_s", [20, 59, 60, 61])
def test_one_look_of_a_slow_poll_is_no_fault_and_the_second_makes_it_one(for_s: int) -> None:
    """Polled each 60 s where a second is usual: what is gone at the next look was seen once, whatever `for` is beside the period."""
    for gone in (True, False):
        watch = Watch(made(LOW, for_=f"{for_s}s"), ["oil_pressure"], period_s=60)
        watch.see(0, oil_pressure=50)
        for at in range(1, 60):
            watch.tick(at)
        assert watch.state() is State.PENDING
        watch.see(60, oil_pressure=300 if gone else 50)
        for at in range(61, 100):
            watch.tick(at)
        assert any(moved.after is State.ACTIVE for moved in watch.moved) == (not gone)
