"""Whatever is written into a site, profile or kind file: a result or a list of problems with places, nothing else."""

from __future__ import annotations

import json
import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plantroom import yaml_file as y
from plantroom.errors import BadInput
from plantroom.kinds import parse_kind
from plantroom.profile_file import parse_profile
from plantroom.site_file import load_texts

ROOT = Path(__file__).parents[2]
SITE = """site: {id: hq, name: 总部, zone: Asia/Shanghai}
connections:
  - {id: bus-1, modbus_tcp: {host: 127.0.0.1, port: "${PORT:-502}"}}
  - {id: broker, mqtt: {host: 127.0.0.1, user: a, password: "${SECRET:-}"}}
devices:
  - {each: 1..2, id: "io-{n}", profile: generic-32di, connection: bus-1, unit: "{n}"}
equipment:
  - id: p-1
    kind: pump
    parameters: {limit: 5 bar, settle: 12s}
    points:
      - {device: io-1, take: {di_1: running, di_2: {as: control_mode, values: {0: manual, 1: auto}}}}
      - {device: io-2, start: di_3, take: [fault, ~, {as: run_command, debounce: 200ms}]}
channels:
  - {id: duty, type: webhook, url: "https://example.com", severities: [danger]}
rules: {off: {phase_loss: reason}}
people: [{id: li.wei, name: 李伟, roles: [technician], contacts: {duty: "${PHONE:-}"}, certificates: [{name: 电工, kinds: pump, until: 2027-06-30}]}]
roster:
  needs: {pump: 电工}
  teams:
    crew:
      shifts: [{people: li.wei, hours: "20:00-08:00", days: [mon-fri, sun], turn: 2d, since: 2026-11-02}, {calendar: a.ics}]
      changes: [{from: 2026-12-24T08:00, to: 2026-12-24T20:00, in: li.wei}]
escalation: {danger: {steps: [{after: 0s, tell: [crew, everyone]}, {after: 3m, tell: li.wei, by: [duty]}], repeat: 3m}}
"""
EVENT = "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Asia/Shanghai:20261102T200000\nDURATION:PT12H\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU;COUNT=9\nATTENDEE;CN=李伟:mailto:a@b\nEND:VEVENT\n"
CALENDAR = f"BEGIN:VCALENDAR\nVERSION:2.0\n{EVENT}{EVENT}END:VCALENDAR\n"
SHIPPED = [*(ROOT / "plantroom" / "kinds").glob("*.yaml"), *(ROOT / "plantroom" / "profiles").glob("*.yaml")]
FILES = {f"{path.parent.name}/{path.name}": path.read_text("utf-8") for path in SHIPPED}
PROFILES = ["metron-fd4", "mqtt-json-elevator", "generic-8ai", "techno-lift-gateway"]
JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(-(10**12), 10**12), st.text(max_size=8)), lambda inner: st.lists(inner, max_size=4), max_leaves=12
)
SNIPPETS = [
    "{", "}", "[", "]", ":", ": ", "- ", "\n", "  ", "'", "\"", "#", "&a", "*a", "!!x", "~", "null", "0x", "-1",
    "1e400", ".nan", "${", "{n}", "{x}", "each: 1..3, ", "\t", "|\n", "? ", "%", "@", "é", "\u2028",
    "99999999999999999999999", "true", "---\n", "id: p-1", "\\", "..", "unit: 1, ",
]


@st.composite
def mangled(draw: st.DrawFn, text: str) -> str:
    """The text with up to six pieces cut out, doubled or put in."""
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 40))
        piece = draw(st.sampled_from(SNIPPETS))
        text = draw(st.sampled_from((text[:at] + piece + text[at:], text[:at] + text[at + length :], text[: at + length] + text[at:])))
    return text


def judged(problems: BadInput) -> None:
    assert problems.problems
    for problem in problems.problems:
        assert problem.text and problem.line >= 0 and problem.file
        assert "Traceback" not in problem.text and "object at 0x" not in problem.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mangled(SITE))
def test_a_mangled_site_file_is_read_or_refused_with_places(text: str) -> None:
    try:
        site = load_texts("site.yaml", {**FILES, "calendars/a.ics": CALENDAR, "site.yaml": text}, {}, strict=True)
    except BadInput as error:
        judged(error)
    else:
        points = [binding.point for equipment in site.equipment.values() for binding in equipment.bindings]
        assert len(points) == len(set(points))
        assert all(math.isfinite(b.factor) and math.isfinite(b.offset) for e in site.equipment.values() for b in e.bindings)
        units = [(device.connection, device.unit) for device in site.devices.values() if device.profile.mqtt is None]
        assert len(units) == len(set(units))
        told = site.roster.on_duty("crew", 1_798_000_000 * 10**9, "pump")
        assert all(chain.steps and chain.repeat_s > 0 for chain in site.chains.values()) and set(told) <= set(site.people)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mangled(CALENDAR))
def test_a_mangled_calendar_is_read_or_refused_with_places(text: str) -> None:
    try:
        site = load_texts("site.yaml", {**FILES, "calendars/a.ics": text, "site.yaml": SITE}, {}, strict=True)
    except BadInput as error:
        judged(error)
    else:
        assert site.roster.turns("crew", 1_798_000_000 * 10**9, 1_800_000_000 * 10**9)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PROFILES).flatmap(lambda name: mangled(FILES[f"profiles/{name}.yaml"])))
def test_a_mangled_profile_is_read_or_refused_with_places(text: str) -> None:
    try:
        profile = parse_profile(text, "x.yaml")
    except BadInput as error:
        judged(error)
    else:
        assert profile.points


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mangled(FILES["kinds/ats.yaml"]))
def test_a_mangled_kind_is_read_or_refused_with_places(text: str) -> None:
    try:
        kind = parse_kind(text, "x.yaml")
    except BadInput as error:
        judged(error)
    else:
        assert all(len(set(point.codes.values())) == len(point.codes) for point in kind.points.values())


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_tree_or_a_problem(text: str) -> None:
    paper = y.Paper("x.yaml")
    node = y.parse(text, paper)
    assert node is None or not isinstance(node, (str, bytes))
    assert all(problem.text for problem in paper.problems)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_what_json_writes_is_read_back(value: object) -> None:
    paper = y.Paper("x.yaml")
    node = y.parse(json.dumps(value, ensure_ascii=True), paper)
    if paper.problems:  # YAML refuses lone surrogates, which JSON spells \\ud800
        assert "surrogate" in paper.problems[0].text
    else:
        assert node is not None and y.plain(node) == value
