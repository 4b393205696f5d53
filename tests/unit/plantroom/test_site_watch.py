"""`watch:` of a site file: every key, every fault with its line, and the hook that cannot be run here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from plantroom import yaml_file as y
from plantroom.commands import SCHEMAS, check_site
from plantroom.errors import BadInput
from plantroom.heartbeat.heart import allowed_for
from plantroom.heartbeat.standing import Allowed
from plantroom.site import Site
from plantroom.site_file import load_site, load_texts
from plantroom.watch import Watch, Watcher

HEAD = "site: {id: hq, name: Tower, zone: UTC, language: en}\nequipment: [{id: ahu-1, kind: ahu, name: AHU 1}]\n"
ENV = {"W": "s3cret-of-it"}
FULL = """watch:
  to:
    - {url: "https://watch.example.com/heartbeat", secret: "${W}", ca: /etc/ca.pem}
    - {url: "https://hc.example.com/ping/${W}", form: ping}
  every: 10s
  stale_after: 40s
  pages_after: 60s
  outside_after: 2m
  hook: /usr/local/bin/siren
"""


def load(folder: Path, text: str) -> Site:
    path = folder / "site.yaml"
    path.write_text(HEAD + text, "utf-8")
    return load_site(path, env=ENV)


def test_every_key_is_read(tmp_path: Path) -> None:
    office = Watcher("https://watch.example.com/heartbeat", "plantroom", "s3cret-of-it", "/etc/ca.pem")
    public = Watcher("https://hc.example.com/ping/s3cret-of-it", "ping")
    assert load(tmp_path, FULL).watch == Watch((office, public), 10, 40, 60, 120, "/usr/local/bin/siren")


def test_without_the_key_nobody_is_told_and_nothing_is_wrong(tmp_path: Path) -> None:
    assert load(tmp_path, "").watch is None


def test_an_old_record_is_read_where_its_secret_is_gone(tmp_path: Path) -> None:
    site = load(tmp_path, "watch: {to: [{url: 'https://a.example', secret: '${W}'}]}\n")
    watch = load_texts(site.root, site.files, {}).watch
    assert watch is not None and watch.to[0].secret is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("watch: {}", "tells nobody"),
        ("watch: {every: 5s}", "tells nobody"),
        ("watch: {to: [{url: 'https://a.example'}]}", r"site.yaml:3: watch.to\[0\].secret: is missing"),
        ("watch: {to: [{url: 'https://a.example', secret: hunter2}]}", "written in clear"),
        ("watch: {to: [{url: 'https://a.example', form: ping, secret: '${W}'}]}", "belongs to the form"),
        ("watch: {to: [{url: 'https://a.example', form: pong}]}", "did you mean 'ping'"),
        ("watch: {to: [{url: 'ftp://a.example', form: ping}]}", "is no address"),
        ("watch: {hook: siren}", "whole path"),
        ("watch: {hook: /bin/true, every: 30s}", "0.2 to 20 s"),
        ("watch: {hook: /bin/true, stale_after: 20s}", "1.25 times `every`"),
        ("watch: {hook: /bin/true, evry: 20s}", "did you mean 'every'"),
        ("watch: [a]", "must be a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        load(tmp_path, text + "\n")


def test_the_editors_schema_takes_what_we_take(tmp_path: Path) -> None:
    schema = Draft202012Validator(json.loads((SCHEMAS / "site.json").read_text("utf-8")))
    good = y.parse(HEAD + FULL, y.Paper("a"))
    bad = y.parse(HEAD + "watch: {every: 20s}\n", y.Paper("a"))
    assert good is not None and bad is not None
    assert not list(schema.iter_errors(y.plain(good))) and list(schema.iter_errors(y.plain(bad)))


@pytest.mark.parametrize(("mode", "code"), [(None, 1), (0o644, 1), (0o755, 0)])
def test_check_tells_of_a_hook_that_cannot_be_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: int | None, code: int) -> None:
    hook = tmp_path / "siren"
    if mode is not None:
        hook.write_text("#!/bin/sh\n")
        hook.chmod(mode)
    site = tmp_path / "site.yaml"
    site.write_text(f"{HEAD}watch:\n  hook: {hook}\n", "utf-8")
    assert check_site(site, as_json=False) == code
    assert ("site.yaml:4: watch.hook" in capsys.readouterr().err) is bool(code)


POLLED = """connections: [{id: bus, modbus_tcp: {host: 127.0.0.1}}, {id: broker, mqtt: {host: 127.0.0.1}}]
equipment:
"""
METER = "  - {id: m-1, kind: meter, name: M, profile: eastron-sdm630, connection: bus, unit: 1}\n"
PEOPLE = "channels: [{id: duty, type: webhook, url: 'https://a.example'}]\npeople: [{id: li.wei, contacts: {duty: li}}]\n"
LIFT = "  - {id: lift-1, kind: elevator, name: L, profile: mqtt-json-elevator, connection: broker}\n"


@pytest.mark.parametrize(
    ("equipment", "allowed"),
    [
        (METER, Allowed()),
        (METER + LIFT, Allowed()),  # what is polled has to move
        (LIFT, Allowed(spoken=True)),
        ("  - {id: ahu-1, kind: ahu, name: A}\n", Allowed(None, True)),
        (METER + PEOPLE, Allowed(push_s=26 * 3600)),  # who has an address has a test page a day
    ],
)
def test_what_has_to_move_follows_from_the_devices(tmp_path: Path, equipment: str, allowed: Allowed) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(f"site: {{id: hq, name: T, zone: UTC}}\n{POLLED}{equipment}", "utf-8")
    assert allowed_for(load_site(path, env=ENV), Watch()) == allowed
