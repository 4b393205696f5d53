"""Site files: what is wrong is listed whole, with line and remedy; what is right becomes a Site."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.errors import BadInput
from plantroom.kinds import PointType
from plantroom.model import EquipmentState, Severity
from plantroom.site import Binding, ModbusRtu, ModbusTcp, Mqtt, RtuOverTcp, Site
from plantroom.site_file import load_site, load_texts

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "cases" / "site_files"
TOWER = ROOT / "simulators" / "sites" / "tower.yaml"
ENV = {"SET": "from-env", "EMPTY": ""}


def problems(path: Path) -> list[tuple[int, str, str]]:
    with pytest.raises(BadInput) as caught:
        load_site(path, env=ENV)
    assert {problem.file for problem in caught.value.problems} == {str(path)}
    return [(problem.line, problem.where, problem.text) for problem in caught.value.problems]


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_problem_of_a_case_is_found_and_no_other(case: Path) -> None:
    found = problems(case)
    wanted = [line for line in case.with_suffix(".expected").read_text("utf-8").splitlines() if line]
    shown = "\n".join(f"{line} {where}: {text}" for line, where, text in found)
    assert len(found) == len(wanted), shown
    for (line, where, text), expected in zip(found, wanted, strict=True):
        place, _, words = expected.partition(": ")
        number, _, path = place.partition(" ")
        assert (str(line), where) == (number, path), shown
        assert words in text, shown


def test_no_problem_ever_repeats_a_secret() -> None:
    told = "\n".join(text for _, _, text in problems(CASES / "secrets.yaml") + problems(CASES / "everything_at_once.yaml"))
    for secret in ("hunter2", "12345", "abcdef", "from-env", "my-token"):
        assert secret not in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01\x02", "is not YAML"),
        (b"site: \xff\xfe", "is not UTF-8 text"),
        (b"", "is empty"),
        (b"# " + b"x" * 10_000_000, "10,000,002 bytes"),
        (b"[" * 5_000, "is nested deeper"),
        (b'site: {name: "\\ud800"}', "surrogate"),
        (b"a: \x1b[31m", "is not YAML"),
        (b"%YAML 3.0\n---\na: 1", "is not YAML"),
    ],
)
def test_a_file_that_is_no_site_file_is_one_clear_problem(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(content)
    assert said in problems(path)[0][2]


def test_a_missing_file_and_a_folder_are_problems_too(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.yaml", tmp_path):
        assert "cannot be read" in problems(path)[0][2]


@pytest.fixture(scope="module")
def tower() -> Site:
    return load_site(TOWER, env={})


def test_the_tower_has_24_lifts_16_of_them_by_contacts_and_a_current_meter(tower: Site) -> None:
    lifts = [e for e in tower.equipment.values() if e.kind.name == "elevator"]
    by_contacts = [e for e in lifts if {tower.devices[b.device].profile.name for b in e.bindings} == {"generic-32di", "generic-8ai"}]
    assert (len(lifts), len(by_contacts)) == (24, 16)
    for lift in by_contacts:
        numbers = [b.kind_point.name for b in lift.bindings if b.kind_point.type is not PointType.BOOL]
        assert numbers == ["motor_current"]
    assert all(e.monitored and e.location and e.name != e.id for e in tower.equipment.values() if e.id != "monitor")


def test_no_two_points_of_the_tower_share_a_terminal(tower: Site) -> None:
    terminals = [(b.device, b.source) for e in tower.equipment.values() if e.kind.name != "ats" for b in e.bindings]
    assert len(terminals) == len(set(terminals))


def test_ports_of_the_tower_move_with_the_environment() -> None:
    moved = load_site(TOWER, env={"PLANTROOM_DEMO_MODBUS_1": "2001", "PLANTROOM_DEMO_MQTT": "2002"})
    assert moved.connections["lift-contacts"].link == ModbusTcp("127.0.0.1", 2001)
    assert moved.channels["building-bus"].settings["port"] == 2002


def test_a_bundle_gives_the_same_site_without_the_installed_files(
    tower: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("plantroom.kinds.BUILTIN", tmp_path)
    monkeypatch.setattr("plantroom.profile_file.BUILTIN", tmp_path)
    with pytest.raises(BadInput):  # the control: from disk nothing is found any more
        load_site(TOWER, env={})
    assert load_texts(tower.root, tower.files, {}) == tower


def test_one_changed_letter_changes_the_hash(tower: Site) -> None:
    changed = {path: text + ("#" if path == "kinds/ats.yaml" else "") for path, text in tower.files.items()}
    assert load_texts(tower.root, changed, {}).hash != tower.hash


SMALL = """
site: {{id: hq, name: HQ, zone: Europe/Berlin, language: en}}
connections:
  - {{id: bus-1, modbus_tcp: {{host: 127.0.0.1}}}}
  - {{id: broker, mqtt: {{host: broker.example.com, user: me, password: "${{SET}}", tls: true}}}}
devices:
  - {{id: io-1, profile: generic-32di, connection: bus-1, unit: 9}}
  - {{id: ai-1, profile: generic-8ai, connection: bus-1, unit: 10}}
equipment:
{equipment}
{more}
"""


def small(tmp_path: Path, equipment: str = "", more: str = "", env: dict[str, str] | None = None) -> Site:
    path = tmp_path / "hq.yaml"
    path.write_text(SMALL.format(equipment=equipment or "  []", more=more), "utf-8")
    return load_site(path, env=ENV if env is None else env)


def bound(site: Site, point: str) -> Binding:
    equipment, _, _ = point.partition(".")
    return next(b for b in site.equipment[equipment].bindings if b.point == point)


def test_a_span_ends_in_the_unit_of_the_kind(tmp_path: Path) -> None:
    take = "{ai_2: {as: suction_pressure, from: [4, 20], to: [0, 1.6], unit: MPa}}"
    site = small(tmp_path, f"  - {{id: p, kind: pump, points: [{{device: ai-1, take: {take}}}]}}")
    b = bound(site, "p.suction_pressure")
    low, high, to_low, to_high = b.span or (0.0, 0.0, 0.0, 0.0)
    assert ((12.0 - low) / (high - low) * (to_high - to_low) + to_low) * b.factor + b.offset == pytest.approx(8.0)  # half of 16 bar
    assert (b.device, b.source, b.kind_point.unit) == ("ai-1", "ai_2", "bar")


def test_a_contact_may_say_two_words_of_an_enum(tmp_path: Path) -> None:
    take = "{di_1: {as: control_mode, values: {0: manual, 1: auto}}}"
    site = small(tmp_path, f"  - {{id: p, kind: pump, points: [{{device: io-1, take: {take}}}]}}")
    b = bound(site, "p.control_mode")
    assert b.span == (0.0, 1.0, b.kind_point.codes["manual"], b.kind_point.codes["auto"])


def test_terminals_in_order_skip_the_unused_one(tmp_path: Path) -> None:
    take = "[running, ~, {as: fault, invert: true, debounce: 300ms}]"
    site = small(tmp_path, f"  - {{id: p, kind: pump, points: [{{device: io-1, start: di_9, take: {take}}}]}}")
    assert [(b.source, b.point, b.invert, b.debounce_s) for b in site.equipment["p"].bindings] == [
        ("di_9", "p.running", False, 0.0),
        ("di_11", "p.fault", True, 0.3),
    ]


def test_a_period_comes_from_the_entry_else_the_kind(tmp_path: Path) -> None:
    take = "{ai_1: {as: current, from: [4, 20], to: [0, 9], unit: A}, ai_2: {as: power, from: [4, 20], to: [0, 9], unit: kW, period: 5m}}"
    site = small(tmp_path, f"  - {{id: p, kind: pump, points: [{{device: ai-1, take: {take}}}]}}")
    assert [bound(site, f"p.{name}").period_s for name in ("current", "power")] == [10.0, 300.0]


def test_equipment_with_a_device_of_its_own_takes_all_of_it_and_more(tmp_path: Path) -> None:
    own = "profile: smartgen-hgm4000n, connection: bus-1, unit: 3"
    site = small(tmp_path, f"  - {{id: gen-1, kind: generator, {own}, points: [{{device: io-1, take: {{di_1: fuel_leak}}}}]}}")
    sources = {b.kind_point.name: b.device for b in site.equipment["gen-1"].bindings}
    assert site.devices["gen-1"].unit == 3
    assert sources["engine_speed"] == "gen-1" and sources["fuel_leak"] == "io-1"
    assert bound(site, "gen-1.oil_pressure").safety


def test_its_own_device_can_be_taken_in_part(tmp_path: Path) -> None:
    level = "{device: ai-1, take: {ai_1: {as: fuel_level, from: [4, 20], to: [0, 100], unit: '%'}}}"
    own = "profile: smartgen-hgm4000n, connection: bus-1, unit: 3"
    site = small(tmp_path, f"  - {{id: gen-1, kind: generator, {own}, points: [{{device: gen-1, leave: [fuel_level]}}, {level}]}}")
    assert bound(site, "gen-1.fuel_level").device == "ai-1"


def test_a_point_of_another_machines_device_is_taken_by_name(tmp_path: Path) -> None:
    site = small(
        tmp_path,
        "  - {id: ats-1, kind: ats, points: [{device: gen-1, take: {mains_ok: normal_ok}}]}\n"
        "  - {id: gen-1, kind: generator, profile: smartgen-hgm4000n, connection: bus-1, unit: 3}",
    )
    assert bound(site, "ats-1.normal_ok").source == bound(site, "gen-1.mains_ok").source == "mains_ok"


def test_plantroom_itself_is_always_there_and_unmonitored_equipment_may_be(tmp_path: Path) -> None:
    parameters = "{filter_final_dp: 250, settle: 12s}"
    site = small(tmp_path, f"  - {{id: ahu-1, kind: ahu, state: commissioning, parameters: {parameters}, ledger: {{model: X1}}}}")
    ahu = site.equipment["ahu-1"]
    assert (ahu.monitored, ahu.state, ahu.name) == (False, EquipmentState.COMMISSIONING, "ahu-1")
    assert ahu.parameters == {"filter_final_dp": 250.0, "settle": "12s"} and ahu.ledger == {"model": "X1"}
    assert site.equipment["monitor"].kind.name == "monitor"
    assert (site.language, site.practice) == ("en", "nfpa")


def test_checks_of_others_can_say_the_line(tmp_path: Path) -> None:
    equipment = "  - id: ahu-1\n    kind: ahu\n    parameters:\n      filter_final_dp: 250 Pa\n    rules_off:\n      filter_dirty: no gauge"
    site = small(tmp_path, equipment, "rules:\n  parameters:\n    low_fuel:\n      limit: 30")
    lines = (tmp_path / "hq.yaml").read_text("utf-8").splitlines()
    for where, words in {
        "equipment.ahu-1": "id: ahu-1",
        "equipment.ahu-1.parameters.filter_final_dp": "filter_final_dp: 250 Pa",
        "equipment.ahu-1.rules_off.filter_dirty": "filter_dirty: no gauge",
        "rules.parameters.low_fuel.limit": "limit: 30",
    }.items():
        assert words in lines[site.lines[where] - 1]


def test_secrets_are_resolved_and_never_shown(tmp_path: Path) -> None:
    more = (
        "channels:\n"
        "  - {id: a, type: webhook, url: 'https://example.com/x', secret: '${SET}', severities: [danger], language: zh}\n"
        "  - {id: b, type: mqtt, connection: broker}\n"
        "influxdb: {url: 'http://127.0.0.1:8086', api: 1, database: plant, user: u, password: '${SET}'}\n"
    )
    site = small(tmp_path, more=more)
    link = site.connections["broker"].link
    assert isinstance(link, Mqtt) and (link.port, link.password) == (8883, "from-env")
    assert site.channels["a"].settings == {"url": "https://example.com/x", "secret": "from-env"}
    assert site.channels["a"].severities == {Severity.DANGER}
    assert site.channels["b"].settings["password"] == "from-env" and site.channels["b"].settings["tls"] is True
    assert site.influxdb is not None and site.influxdb.password == "from-env"
    assert "from-env" not in repr(site)
    assert "from-env" not in "".join(site.files.values())


@pytest.mark.parametrize("url", ["ftp://a", "http://", "https://a:0", "http://a:70000", "http://a b", "example.com", "http:///x"])
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadInput, match="is no address; write http://host or https://host"):
        small(tmp_path, more=f"channels: [{{id: a, type: webhook, url: '{url}'}}]")


@pytest.mark.parametrize("url", ["http://a", "https://a.example.com:8443/x?y=1", "http://[::1]:80/", "http://127.0.0.1:15090/page"])
def test_what_is_an_address_is_taken(tmp_path: Path, url: str) -> None:
    assert small(tmp_path, more=f"channels: [{{id: a, type: webhook, url: '{url}'}}]").channels["a"].settings["url"] == url


def test_a_secret_file_is_read_without_its_last_newline(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n", "utf-8")
    site = small(tmp_path, more=f"channels: [{{id: a, type: webhook, url: 'https://example.com', secret: 'file:{secret}'}}]")
    assert site.channels["a"].settings["secret"] == "s3cret"


def test_an_old_record_loads_where_its_secrets_are_gone(tmp_path: Path) -> None:
    site = small(tmp_path)
    link = load_texts(site.root, site.files, {}).connections["broker"].link
    assert isinstance(link, Mqtt) and link.password is None
    with pytest.raises(BadInput, match="SET is not set"):
        load_texts(site.root, site.files, {}, strict=True)


def test_text_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    site = small(tmp_path, "  - {id: 007, kind: ahu, name: 1.50, location: '${SET}'}", env={"SET": "0010"})
    made = site.equipment["007"]
    assert (made.name, made.location) == ("1.50", "0010")


def test_a_profile_beside_the_site_file_is_used_and_travels_with_it(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    text = "profile: my-io\nmodel: M\nsource: {document: d}\npoints: {in_1: {table: coil, address: 65535}}\n"
    (tmp_path / "profiles" / "my-io.yaml").write_text(text, "utf-8")
    path = tmp_path / "hq.yaml"
    path.write_text(SMALL.format(equipment="  []", more="").replace("io-1, profile: generic-32di", "io-1, profile: my-io"), "utf-8")
    site = load_site(path, env=ENV)
    assert site.devices["io-1"].profile.points["in_1"].name == "in_1"
    assert site.files["profiles/my-io.yaml"] == text
    (tmp_path / "profiles" / "my-io.yaml").write_text(text.replace("65535", "65536"), "utf-8")
    with pytest.raises(BadInput) as caught:
        load_site(path, env=ENV)
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [(str(tmp_path / "profiles" / "my-io.yaml"), 4)]


def test_a_flag_judged_by_its_whole_word_is_a_contact(tmp_path: Path) -> None:
    head = "site: {id: hq, name: HQ, zone: UTC}\nconnections: [{id: bus, modbus_tcp: {host: 192.0.2.1}}]\n"
    device = "devices: [{id: d, profile: grundfos-cim-booster, connection: bus}]\n"
    taken = "equipment: [{id: p, kind: pump, points: [{device: d, take: {pump_on_1: running, pump_hours_1: run_hours}}]}]\n"
    (tmp_path / "hq.yaml").write_text(head + device + taken, "utf-8")
    assert [binding.source for binding in load_site(tmp_path / "hq.yaml").equipment["p"].bindings] == ["pump_on_1", "pump_hours_1"]
    wrong = taken.replace("pump_on_1: running", "pump_alarm_code_1: running")
    (tmp_path / "hq.yaml").write_text(head + device + wrong, "utf-8")
    with pytest.raises(BadInput, match="running is true or false, but pump_alarm_code_1 of grundfos-cim-booster is a number"):
        load_site(tmp_path / "hq.yaml")


def test_a_profile_may_not_hide_one_that_ships(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "generic-8ai.yaml").write_text("profile: generic-8ai", "utf-8")
    with pytest.raises(BadInput, match="also ships with Plantroom; give yours another name"):
        small(tmp_path)


def test_serial_lines_and_what_they_mean_where_nothing_is_said(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("""
site: {id: hq, name: HQ, zone: Asia/Shanghai}
connections:
  - {id: a, modbus_rtu: {device: /dev/ttyS0, baud: 19200}}
  - {id: b, modbus_rtu: {device: /dev/ttyS1, baud: 9600, parity: none}}
  - {id: c, modbus_rtu: {device: /dev/ttyS2, baud: 9600, parity: O, stop_bits: 2}}
  - {id: d, rtu_over_tcp: {host: converter, port: 4001}}
""")
    connections = load_site(site).connections
    assert {id: connection.link for id, connection in connections.items()} == {
        "a": ModbusRtu("/dev/ttyS0", 19_200, "E", 1),
        "b": ModbusRtu("/dev/ttyS1", 9600, "N", 2),  # no parity, so a second stop bit: 11 bits all the same
        "c": ModbusRtu("/dev/ttyS2", 9600, "O", 2),
        "d": RtuOverTcp("converter", 4001, 9600),
    }
