"""The tests inside a rule file: compact series -> samples: `300 x20, 80 x10, bad x5, - x5, 80..300 x20, 120`.

`bad` is a failed read (or a quality by name: sentinel, out_of_range ...), `-` no sample; a last value without xN goes on to the end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import partial

from plantroom import yaml_file as y
from plantroom.kinds import Kind, KindPoint, PointType
from plantroom.model import Quality
from plantroom.units import duration_s
from rules.condition import State
from rules.quantities import quantity
from rules.rule import Rule, RuleTest, Sample
from rules.types import FACTS

MOST_SAMPLES = 20_000
LONGEST_TEST_S = 40 * 86_400.0
_PART = re.compile(r"(?P<what>\S+?)(?:\s+x(?P<times>\d{1,5}))?")
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_RAMP = re.compile(rf"(?P<low>{_NUMBER})\.\.(?P<high>{_NUMBER})")
_STATES = tuple(state.value for state in State if state is not State.WITHDRAWN)
_BAD: Mapping[str, Quality] = {"bad": Quality.NO_ANSWER, **{quality.word: quality for quality in Quality if quality is not Quality.GOOD}}
_KEYS = ("name", "every", "expect", "parameters", "kind")


def read_tests(node: y.Node | None, rule: Rule, covered: tuple[Kind, ...], paper: y.Paper) -> tuple[RuleTest, ...]:
    """The tests of a rule; problems go on the paper."""
    found = []
    for number, entry in enumerate(y.entries(node, "tests", paper), 1):
        test = _test(y.Fields(entry, f"tests[{number}]", paper, "a test"), rule, covered)
        if test is not None:
            found.append(test)
    if found and not any(_changes(test) for test in found):
        said = "no series ever changes; show one that crosses over, as in `300 x20, 80 x10`: constants prove no instant and no return"
        paper.wrong(found[0].line, "tests", said)
    return tuple(found)


def _changes(test: RuleTest) -> bool:
    """A value becomes another, or is lost."""
    return any(len({(s.quality, s.value if s.quality is Quality.GOOD else 0.0) for s in series}) > 1 for series in test.series.values())


def _test(f: y.Fields, rule: Rule, covered: tuple[Kind, ...]) -> RuleTest | None:
    by_name = {kind.name: kind for kind in covered}
    name = f.need("name", y.text) or ""
    kind = by_name[f.may("kind", y.one_of(by_name, "a kind of this rule"), covered[0].name)]
    every = f.need("every", _spacing) or 1.0
    parameters = _parameters(f, rule)
    series: dict[str, tuple[Sample, ...]] = {}
    for point_name in [key for key in f.node.items if key not in _KEYS]:
        point = _fact(point_name) if point_name in FACTS else kind.points.get(point_name)
        if point is None:
            f.wrong(point_name, f"is no point of {kind.name}{y.nearest(point_name, kind.points)}")
        node = f.child(point_name)
        if point is not None and node is not None:
            series[point_name] = f.opt(point_name, partial(_series_of, point)) or ()
    longest = max(map(len, series.values()), default=0)
    for point_name, samples in series.items():
        if samples and len(samples) < longest and not _goes_on(f.node.items[point_name]):
            f.wrong(point_name, f"has {len(samples)} samples where another has {longest}; end with a value without xN and it goes on")
        series[point_name] = samples + samples[-1:] * (longest - len(samples))
    if not series:
        f.paper.wrong(f.node.line, f.where, "has no series; name a point: engine_speed: \"1500 x30\"")
    expect = _expect(f)
    f.done([key for key in f.node.items if key not in _KEYS])
    if not expect or not series:
        return None
    after_s = max(every, _length(rule, parameters, rule.for_), _length(rule, parameters, rule.clear_after))
    _look_in_time(f, expect, (longest - 1) * every, after_s)
    return RuleTest(name, f.node.line, kind.name, every, series, parameters, expect)


def _spacing(node: y.Node) -> float:
    if (spacing := y.duration(node)) <= 0.0:
        raise y.Wrong("is 0; write how far apart the samples are: 1s", node)
    return spacing


def _fact(name: str) -> KindPoint:
    """A fact of the site in a test: a yes/no like a point's; a bad one is unknown."""
    return KindPoint(name, PointType.BOOL, "", {}, {})


def _series_of(point: KindPoint, node: y.Node) -> tuple[Sample, ...]:
    return read_series(_text(node), point)


def read_series(text: str, point: KindPoint) -> tuple[Sample, ...]:
    """Raises Wrong, saying what to write."""
    found: list[Sample] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise y.Wrong(f"{part.strip()!r} is no part of a series; write 300 x20, 80 x10, bad x5, - x5, 80..300 x20")
        times = int(match["times"] or 1)
        if not times or len(found) + times > MOST_SAMPLES:
            raise y.Wrong(f"a series has 1 to {MOST_SAMPLES} samples")
        found += _samples(match["what"], times, point)
    return tuple(found)


def _samples(what: str, times: int, point: KindPoint) -> list[Sample]:
    if what == "-":
        return [Sample(math.nan, None)] * times
    if what in _BAD:
        return [Sample(math.nan, _BAD[what])] * times
    if ramp := _RAMP.fullmatch(what):
        low, high = float(ramp["low"]), float(ramp["high"])
        return [Sample(low + (high - low) * n / max(1, times - 1), Quality.GOOD) for n in range(times)]
    return [Sample(value_of(what, point), Quality.GOOD)] * times


def value_of(word: str, point: KindPoint) -> float:
    """A number, true/false, an enum's name or the members of a set (`low_fuel+overspeed`). Raises Wrong."""
    if word in point.codes and point.type is PointType.ENUM:
        return float(point.codes[word])
    if point.type is PointType.BOOL and word in ("true", "false"):
        return float(word == "true")
    if point.type is PointType.SET and all(member in point.codes for member in word.split("+")):
        return float(sum(2 ** point.codes[member] for member in set(word.split("+"))))
    if re.fullmatch(_NUMBER, word):
        return float(word)
    raise y.Wrong(f"{word!r} is no value of {point.name}{y.nearest(word, point.codes) if point.codes else '; write a number'}")


def _parameters(f: y.Fields, rule: Rule) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for name, node in y.mapping(f.child("parameters"), f.path("parameters"), f.paper).items.items():
        if name not in rule.parameters:
            f.paper.wrong(node.line, f"{f.where}.parameters", f"{name!r} is no parameter of this rule{y.nearest(name, rule.parameters)}")
        elif isinstance(node, y.Scalar) and isinstance(node.value, (int, float, str)) and not isinstance(node.value, bool):
            try:
                found[name] = quantity(node.value, rule.parameters[name].unit)
            except ValueError as error:
                f.paper.wrong(node.line, f"{f.where}.parameters.{name}", str(error))
    return found


def _expect(f: y.Fields) -> Mapping[float, tuple[str, int]]:
    found: dict[float, tuple[str, int]] = {}
    items = y.mapping(f.child("expect"), f.path("expect"), f.paper)
    if not items.items:
        f.wrong("expect", "must say what is seen when: {19s: cleared, 22s: active}")
    for key, node in items.items.items():
        try:
            at = duration_s(key)
            state = y.one_of(_STATES, "a state")(node)
        except ValueError as error:
            f.paper.wrong(node.line, f.path("expect"), str(error))
            continue
        if at > LONGEST_TEST_S:
            f.paper.wrong(node.line, f.path("expect"), f"{key} is later than {LONGEST_TEST_S / 86_400:g}d")
        found[at] = (state, node.line)
    return dict(sorted(found.items()))


def _look_in_time(f: y.Fields, expect: Mapping[float, tuple[str, int]], last_s: float, after_s: float) -> None:
    """An expectation long after the last sample is refused: nothing is known there, so it holds whatever the rule says.

    after_s: what may still come due by itself: `for` or `clear_after`, or the sample that would have followed.
    """
    for at, (_, line) in expect.items():
        if at > last_s + after_s + 1e-6:
            said = f"{at:g}s is {at - last_s:g}s after the last sample, where every value is unknown and no rule shows what it does"
            said += f"; ask within {after_s:g}s of it, or write the samples up to there: `80 x600`, and `- x600` where none shall come"
            f.paper.wrong(line, f.path("expect"), said)


def _length(rule: Rule, given: Mapping[str, float], time: float | str) -> float:
    """Of `for` or `clear_after`, seconds; 0 for a parameter that the site must set and the test does not."""
    if not isinstance(time, str):
        return time
    known = rule.parameters.get(time)
    return given.get(time, known.value if known is not None and known.value is not None else 0.0)


def _text(node: y.Node) -> str:
    if isinstance(node, y.Scalar) and isinstance(node.value, bool):
        return "true" if node.value else "false"
    return y.text(node)


def _goes_on(node: y.Node) -> bool:
    return not re.search(r"x\d+\s*$", _text(node))
