"""The examples in the documentation are real: what a reader copies works."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from plantroom import yaml_file as y
from plantroom.clock import to_ns
from plantroom.commands import SCHEMAS
from plantroom.kinds import parse_kind
from plantroom.profile_file import parse_profile
from plantroom.roster_check import findings
from plantroom.site_file import load_site
from rules.watch.watch_file import load_watch

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.S)


def test_the_smallest_site_file_loads_as_it_stands_on_the_page() -> None:
    example = DOCS / "site-example.yaml"
    assert blocks("site-file.md")[0] == example.read_text("utf-8")
    site = load_site(example, env={})
    assert len(site.equipment) == 8 and site.equipment["lift-4"].monitored


@pytest.mark.parametrize("page", ["site-file.md", "profiles.md", "kinds.md", "watch.md"])
def test_every_block_is_good_yaml(page: str) -> None:
    for block in blocks(page):
        paper = y.Paper(page)
        assert y.parse(block, paper) is not None and not paper.problems


def test_the_pieces_on_the_page_are_understood(tmp_path: Path) -> None:
    _, points, parts, each, _calendar, _watch = blocks("site-file.md")
    devices = "".join(f"  - {{id: {name}, profile: {profile}, connection: bus-1, unit: {unit}}}\n" for name, profile, unit in (
        ("fp1-ctl", "metron-fd4", 1), ("ai-1", "generic-8ai", 2), ("io-3", "generic-32di", 3), ("io-4", "generic-32di", 4),
    ))  # fmt: skip
    head = "site: {id: a, name: A, zone: UTC}\nconnections: [{id: bus-1, modbus_tcp: {host: 127.0.0.1}}]\n"
    points = points.replace("  - {device: fp1-ctl}  ", "  # ").replace("leave: [fuel_level]", "leave: [control_mode, pump_running]")
    lift_terminals, pump_terminals = "[common_fault, running, ~, {as: mains_ok, ", "[jockey_fault, flow_switch, ~, {as: phase_loss, "
    assert lift_terminals in points
    points = points.replace(lift_terminals, pump_terminals)
    indented = "".join(f"    {line}\n" for line in points.splitlines())
    path = tmp_path / "a.yaml"
    path.write_text(f"{head}devices:\n{devices}equipment:\n  - id: fp-1\n    kind: fire_pump\n{indented}", "utf-8")
    assert len(load_site(path, env={}).equipment["fp-1"].bindings) > 20
    amps = "  - {id: amps-1, profile: generic-8ai, connection: bus-1, unit: 9}\n"
    path.write_text(head + each.replace("equipment:\n", f"{amps}equipment:\n"), "utf-8")
    assert [len(lift.bindings) for lift in load_site(path, env={}).equipment.values()] == [4, 4, 0]
    path.write_text(head + parts, "utf-8")
    assert [len(machine.bindings) for machine in load_site(path, env={}).equipment.values()] == [7] * 8 + [2, 0]


def test_the_gateway_with_parts_on_the_page_is_understood(tmp_path: Path) -> None:
    """The profile of profiles.md in the site of gateways.md, and the formulas of makers' leaflets."""
    profile = next(block for block in blocks("profiles.md") if "profile: acme-lift-gateway" in block)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "acme-lift-gateway.yaml").write_text(profile, "utf-8")
    site = next(block for block in blocks("gateways.md") if "acme-lift-gateway" in block)
    head = "site: {id: a, name: A, zone: UTC}\nconnections: [{id: gw-1, modbus_tcp: {host: 127.0.0.1}}]\n"
    (tmp_path / "a.yaml").write_text(head + site, "utf-8")
    equipment = load_site(tmp_path / "a.yaml", env={}).equipment
    assert [len(equipment[f"lift-{n}"].bindings) for n in (1, 4)] == [2, 2] and len(equipment["ac-15"].bindings) == 7


def test_the_profile_and_the_kind_on_the_page_load() -> None:
    profile = parse_profile(blocks("profiles.md")[0], "acme-cx90.yaml")
    assert profile.points["chw_supply_temp"].range == (-10.0, 60.0)
    assert parse_kind(blocks("kinds.md")[0], "fire_pump.yaml").points["control_mode"].required


def test_the_roster_on_the_page_is_understood(tmp_path: Path) -> None:
    head = "site: {id: a, name: A, zone: Asia/Shanghai}\nchannels:\n" + "".join(
        f"  - {{id: {name}, type: webhook, url: 'https://example.com'}}\n" for name in ("duty", "sms")
    )
    (tmp_path / "a.yaml").write_text(head + blocks("on-call.md")[0], "utf-8")
    site = load_site(tmp_path / "a.yaml", env={"LI_WEI_PHONE": "13800138000", "CHIEF_PHONE": "13800138001"})
    assert findings(site, to_ns(datetime(2026, 11, 30, tzinfo=UTC))) == []  # its change has an effect, and nobody is missing
    paper = y.Paper("on-call.md")
    node = y.parse(head + blocks("on-call.md")[0], paper)
    assert node is not None and not [*Draft202012Validator(json.loads((SCHEMAS / "site.json").read_text("utf-8"))).iter_errors(y.plain(node))]


def test_both_ends_of_the_heartbeat_on_the_page_are_understood(tmp_path: Path) -> None:
    env = dict.fromkeys(("TOWER_WATCH_SECRET", "TOWER_CHECK_ID", "WATCH_DUTY_SECRET", "SMS_KEY", "SMS_SECRET", "CHIEF_PHONE", "HQ_WATCH_SECRET"), "s3cret")
    ours, theirs = blocks("watch.md")
    for block in (ours, blocks("site-file.md")[-1]):
        (tmp_path / "a.yaml").write_text(f"site: {{id: tower, name: A, zone: UTC}}\n{block}", "utf-8")
        watch = load_site(tmp_path / "a.yaml", env=env).watch
        assert watch is not None and watch.to and watch.hook == "/usr/local/bin/siren"
    (tmp_path / "watch.yaml").write_text(theirs, "utf-8")
    assert list(load_watch(tmp_path / "watch.yaml", env).installations) == ["tower"]


def test_every_test_named_in_the_table_of_what_dies_is_there() -> None:
    """A promise without its test is a wish."""
    table = (DOCS / "watch.md").read_text("utf-8").split("| what | who notices |")[1].split("\n\n")[0]
    tests = "\n".join(path.read_text("utf-8") for path in DOCS.parent.glob("tests/**/test_*watch*.py")) + "\n".join(
        path.read_text("utf-8") for path in DOCS.parent.glob("tests/unit/plantroom/heartbeat/*.py")
    )
    named = re.findall(r"`(\S*?_[a-z_.]+)(?:\[\w+\])?`", " ".join(row.split("|")[4] for row in table.splitlines() if row.count("|") > 4))
    assert len(named) > 8
    for name in named:
        assert re.search(rf"def test_\w*{name.strip('.').removeprefix('test_')}", tests), name
