"""Any text is either a condition that evaluates, or a named mistake: no other exception, no long evaluation, no growth."""

from __future__ import annotations

import gc
import os
import random
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plantroom.kinds import load_kind
from plantroom.model import Batch
from rules.evaluate import KindEvaluator
from rules.graph import Form, Graph
from rules.language import parse
from rules.lexer import ExpressionError
from rules.types import Given, condition
from rules.virtual import machine
from tests.kit.rules import START, TIMES, made

GENERATOR = load_kind("generator")
GIVEN = Given(GENERATOR, "r", {"limit": "kPa", "wait": "s"})
LONGEST_S = 0.05
WORDS = """
oil_pressure coolant_temp engine_speed control_mode mains_ok warning_alarms number_of_starts limit wait auto test low_fuel_level silence
polls_missed true false and or not in ( ) , < <= > >= == != + - * / 5 0 1e90 12s 5m 2h11m 7d 5% 20kPa 3degC 1.5 avg( min( max( sum( delta(
rate( count( rises( falls( on_time( median( std( since( age( stale( changed( duration( has( contains( abs( sqrt( least( greatest( eval(
__class__ . é \x00 '
""".split()  # noqa: SIM905 (eighty words read better so)
NUMBERS = st.sampled_from([
    "oil_pressure", "oil_pressure * 2", "limit", "limit + 20", "least(oil_pressure, 1 bar)", "avg(oil_pressure, 5m)", "max(oil_pressure, 30s)",
    "oil_pressure / 0 * 1", "1e90 * oil_pressure * 1e90 * 1e90 * 1e90", "-oil_pressure", "abs(delta(oil_pressure, 1m))", "0.2 MPa",
])  # fmt: skip
SIGNS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
PLAIN = [
    "mains_ok", "stale(oil_pressure)", "changed(control_mode, 1m)", "control_mode in (auto, test)", "contains(warning_alarms, overspeed)",
    "has(mains_ok)", "age(oil_pressure) > 3s", "silence > 3", "rises(mains_ok, 10m) > 2", "duration(oil_pressure < limit) > wait",
    "since(mains_ok) > 5s", "true",
]  # fmt: skip
LEAVES = st.one_of(st.builds(lambda a, sign, b: f"{a} {sign} {b}", NUMBERS, SIGNS, NUMBERS), st.sampled_from(PLAIN))
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"({a}) and ({b})", inner, inner),
        st.builds(lambda a, b: f"({a}) or ({b})", inner, inner),
        inner.map(lambda a: f"not ({a})"),
        inner.map(lambda a: f"on_time({a}, 1m) > 3s"), inner.map(lambda a: f"duration({a}) >= 2s"),
    ),
    max_leaves=8,
)  # fmt: skip
SAMPLES = st.one_of(st.floats(allow_nan=True, allow_infinity=True, width=64), st.sampled_from([0.0, 1.0, 2.0, 50.0, 150.0, -1e308, 1e-308]))


def read(text: str) -> bool:
    """Parses and checks; True where it is a condition. Anything but ExpressionError escapes."""
    try:
        condition(parse(text), GIVEN, Graph())
    except ExpressionError as error:
        assert str(error)
        assert 0 <= error.at <= max(len(text), 2000)
        return False
    return True


def soup(seed: int) -> str:
    rolls = random.Random(seed)
    kind = rolls.random()
    if kind < 0.2:
        return "".join(chr(rolls.choice([rolls.randrange(32, 127), rolls.randrange(0x110000)])) for _ in range(rolls.randrange(40)))
    text = " ".join(rolls.choice(WORDS) for _ in range(rolls.randrange(1, 30)))
    if kind < 0.4:
        at = rolls.randrange(len(text))
        text = text[:at] + chr(rolls.randrange(32, 127)) + text[at + rolls.randrange(3) :]
    return text


def fuzz(count: int, seed: int) -> int:
    """Word soup through parser and typer; how many were conditions."""
    good = 0
    for number in range(seed, seed + count):
        text = soup(number)
        started = time.process_time()
        good += read(text)
        assert time.process_time() - started < LONGEST_S * 4, text
    return good


def test_fifty_thousand_word_soups_are_conditions_or_named_mistakes() -> None:
    tracemalloc.start()
    fuzz(2_000, 10_000_000)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    fuzz(46_000, 0)
    tracemalloc.start()
    fuzz(2_000, 20_000_000)
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown - before < 10 * 2**20


@pytest.mark.soak
def test_five_million_word_soups() -> None:
    assert fuzz(int(os.environ.get("FUZZ", "5000000")), 100_000_000) >= 0


@given(st.text(max_size=80))
@example("(" * 5000)
@example("not " * 400 + "mains_ok")
@example("1" * 1990)
@example("5 " * 900)
@example("oil_pressure < 5 \ud800")
@settings(max_examples=400 * TIMES, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    read(text)


@given(CONDITIONS, st.lists(st.tuples(SAMPLES, SAMPLES, st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=100 * TIMES, deadline=None)
def test_any_condition_evaluates_on_any_samples_quickly_and_three_valued(text: str, samples: list[tuple[float, float, int]]) -> None:
    parameters = "{limit: {value: 100, unit: kPa, range: [0, 900], source: nothing}, wait: {value: 2s, range: [0s, 9s], source: nothing}}"
    points = ["oil_pressure", "mains_ok", "control_mode", "warning_alarms"]
    try:
        said = "{limit:.0f} {wait:.0f}"  # every parameter is read somewhere
        rule = made(text, parameters=parameters, for_="1s", do=f'{{zh: "看 {said}", en: "look {said}"}}')
    except ValueError as error:
        assert "never changes" in str(error) or "more than" in str(error)
        return
    evaluator = KindEvaluator(GENERATOR, [machine(GENERATOR, points, 1.0)], [rule])
    count = len(evaluator.columns)
    for second, (one, other, quality) in enumerate(samples):
        values, qualities = np.full((1, count), np.nan), np.full((1, count), Batch.ABSENT, np.uint8)
        for name, value in zip(points, (one, other, other, one), strict=True):
            values[0, evaluator.columns[name]], qualities[0, evaluator.columns[name]] = value, quality if quality > 200 else 0
        gc.disable()  # a pause of the collector after ten thousand examples is not the evaluator's time
        started = time.process_time()
        evaluator.step(np.array([0]), np.array([START + second * 10**9]), values, qualities)
        took_s = time.process_time() - started
        gc.enable()
        assert took_s < LONGEST_S
        for index, node in enumerate(evaluator._graph.nodes):
            if node.type.form is Form.BOOL:
                true, false = evaluator.program.truth(index)
                assert not np.any(true & false), f"{node.op} is both true and false"
            else:
                assert not np.isinf(evaluator.program.number(index)).any(), f"{node.op} is infinite"
