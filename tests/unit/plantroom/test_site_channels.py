"""Channels of a site file: every type with its keys, every fault of one with its line; the editor's schema says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from plantroom import site_channels as channels
from plantroom import yaml_file as y
from plantroom.references import is_secret, resolved
from plantroom.site import Channel
from rules.notify import template
from rules.notify.channels import limit_of, send_of

ENV = {"KEY": "k3y-of-it", "SECRET": "s3cret-of-it", "URL": "pover://us3r@t0ken", "LOG": "syslog://x", "ROBOT": "dingtalk://t0ken"}
SCHEMA = Path(channels.__file__).parent / "schemas" / "site.json"
GATEWAY = "provider: {p}, access_key: '${{KEY}}', access_secret: '${{SECRET}}', template: 1001"
ALIYUN, TENCENT = GATEWAY.format(p="aliyun"), GATEWAY.format(p="tencent") + ", app: 1400006666"

GOOD = {  # as short and as long as each can be
    "webhook": ["url: 'https://a.example'", "url: 'http://10.1.2.3', private: 10.1.2.3, secret: '${SECRET}', ca: /etc/ca.pem"],
    "duty_room": ["severities: [danger, readiness]", "language: zh"],
    "mqtt": ["host: broker", "host: broker, port: 8883, tls: true, user: u, password: '${SECRET}'"],
    "wecom_app": ["corp: ww1, agent: 1000002, secret: '${SECRET}'", "corp: ww1, agent: 1000002, secret: '${SECRET}', buttons: true, callback_token: '${KEY}', callback_secret: '${SECRET}', url: 'https://a.example', ca: /a"],
    "wecom_robot": ["token: '${KEY}'", "token: '${KEY}', url: 'https://a.example', ca: /a"],
    "dingtalk_robot": ["token: '${KEY}'", "token: '${KEY}', secret: '${SECRET}', url: 'https://a.example', ca: /a"],
    "feishu_robot": ["token: '${KEY}'", "token: '${KEY}', secret: '${SECRET}'"],
    "lark_robot": ["token: '${KEY}'", "token: '${KEY}', secret: '${SECRET}'"],
    "email": ["host: mail.example.com, from: plant@example.com", "host: m, from: p@a, to: [a@a, b@a], port: 465, security: tls, user: u, password: '${SECRET}', ca: /a", "host: m, from: p@a, to: a@a, imap_host: i, imap_port: 1993, imap_user: u, imap_password: '${SECRET}', imap_folder: Plantroom.DSN, imap_ca: /a"],
    "sms": [f"{ALIYUN}, signature: 机房", f"{TENCENT}, signature: 机房, region: ap-beijing, variables: [machine, place], variable_length: 12, callback_token: '${{KEY}}', url: 'https://a.example', ca: /a"],
    "voice": [ALIYUN, TENCENT, f"{ALIYUN}, caller: '057112345678', accepted: TTS_2, play_times: 3, variables: [text], callback_token: '${{KEY}}'"],
    "ntfy": ["topic: plant", "token: '${KEY}'", "topic: plant, user: u, password: '${SECRET}', url: 'https://a.example', ca: /a"],
    "bark": ["severities: [danger]", "token: '${KEY}', url: 'https://a.example', ca: /a"],
    "gotify": ["url: 'https://a.example'", "url: 'https://a.example', token: '${KEY}', ca: /a, private: [10.0.0.0/8, 'fd00::/8']"],
    "apprise": ["secret: '${URL}'", "secret: '${URL}', private: [127.0.0.1]"],
    "webpush": ["subject: 'mailto:ops@example.com'", "subject: 'https://example.com', services: ['https://push.example.com', 'https://10.0.0.9:8443'], url: 'https://a.example', ca: /a"],
    "telegram": ["token: '${KEY}'", "token: '${KEY}', chat: '-1001', callback_token: '${KEY}', language: en"],
}  # fmt: skip
CASES = [(kind, keys) for kind, all_ in GOOD.items() for keys in all_]


def read(text: str, env: dict[str, str] = ENV, *, strict: bool = True) -> tuple[Channel | None, list[str], y.Node]:
    paper = y.Paper("hq.yaml")
    tree = y.parse(text, paper)
    assert tree is not None
    found = channels.channel(y.Fields(resolved(tree, "", paper, env, strict=strict), "channels.a", paper), {})
    return found, [f"{problem.line} {problem.where} {problem.text}" for problem in paper.problems], tree


@pytest.mark.parametrize(("kind", "keys"), CASES)
def test_a_channel_is_read_and_the_editor_agrees(kind: str, keys: str) -> None:
    found, problems, tree = read(f"{{id: a, type: {kind}, {keys}}}")
    assert problems == [] and found is not None and (found.id, found.type) == ("a", kind)
    assert not [secret for secret in ENV.values() if secret in repr(found)], "settings are never shown"
    assert editor(tree) == []


def test_every_type_has_a_good_case_a_module_and_a_place_in_the_schema() -> None:
    assert set(GOOD) == set(channels.TYPES) == {entry["properties"]["type"]["const"] for entry in entries()}
    for kind in channels.TYPES:
        limit = limit_of(kind)
        assert callable(send_of(kind)) and (limit is None or (limit[0] >= 4 and limit[1] > 0))


@pytest.mark.parametrize("kind", [kind for kind in channels.TYPES if kind != "mqtt"])
def test_the_schema_has_the_same_keys_and_needs_the_same(kind: str) -> None:
    made = channels.TYPES[kind]
    for entry in (entry for entry in entries() if entry["properties"]["type"]["const"] == kind):
        own = made.of.get(entry["properties"].get("provider", {}).get("const", ""), {})
        others = {key for keys in made.of.values() for key in keys} - set(own)
        assert set(entry["properties"]) - {"each", "id", "type", "severities", "language"} == ({*made.needs, *made.may} - others)
        assert set(entry.get("required", [])) == {*made.needs, *(key for key, must in own.items() if must)}
        for key, value in entry["properties"].items():
            assert (value.get("$ref") == "#/$defs/secret") == is_secret(key), f"{key}: a secret is one in both"


@pytest.mark.parametrize(("kind", "keys"), CASES)
def test_what_is_left_out_is_named_with_its_line(kind: str, keys: str) -> None:
    if not (kind in channels.TYPES and channels.TYPES[kind].needs):
        return
    _, problems, tree = read(f"id: a\ntype: {kind}")
    assert problems == [f"1 channels.a.{key} is missing" for key in channels.TYPES[kind].needs]
    assert editor(tree)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id: a\ntype: webhok", "2 channels.a.type 'webhok' is not a channel; did you mean 'webhook'?"),
        ("id: a\ntype: wecom_robot\ntoken: abc", "3 token a secret written in clear"),
        ("id: a\ntype: wecom_robot\ntoken: '${KEY}'\nsecret: '${SECRET}'", "4 channels.a.secret is not a key here"),
        ("id: a\ntype: wecom_robot\ntoken: '${KEY}'\nurl: qyapi.weixin.qq.com", "4 channels.a.url 'qyapi.weixin.qq.com' is no address; write http://host or https://host"),
        ("id: a\ntype: wecom_robot\ntoken: '${KEY}'\nca: ca.pem", "4 channels.a.ca 'ca.pem' must be the whole path of a PEM file"),
        ("id: a\ntype: wecom_app\ncorp: ww1\nagent: mine\nsecret: '${SECRET}'", "4 channels.a.agent must be a whole number, not 'mine'"),
        (f"{{id: a, type: sms, {GATEWAY.format(p='tencent')}, signature: x}}", "1 channels.a.app is missing"),
        (f"{{id: a, type: sms, {ALIYUN}, signature: x, app: 1}}", "1 channels.a.app is not a key here"),
        (f"{{id: a, type: voice, {TENCENT}, accepted: TTS_2}}", "1 channels.a.accepted is not a key here"),
        (f"{{id: a, type: voice, {GATEWAY.format(p='twilio')}}}", "1 channels.a.provider 'twilio' is not a provider; there is: aliyun, tencent"),
        (f"{{id: a, type: sms, {ALIYUN}, signature: x, variables: [machin]}}", "1 channels.a.variables 'machin' is not a variable; did you mean 'machine'?"),
        (f"{{id: a, type: sms, {ALIYUN}, signature: x, variables: [place, place]}}", "1 channels.a.variables names a variable twice"),
        (f"{{id: a, type: sms, {ALIYUN}, signature: x, variables: place}}", "1 channels.a.variables must be a list such as"),
        ("{id: a, type: apprise, secret: '${KEY}'}", "1 channels.a.secret the Apprise URL is none; write one such as pover://user@token"),
        ("{id: a, type: apprise, secret: '${LOG}'}", "1 channels.a.secret syslog:// is not sent by Apprise here: it is a log, no way to a person"),
        ("{id: a, type: apprise, secret: '${ROBOT}'}", "1 channels.a.secret dingtalk:// is not sent by Apprise here: use type dingtalk_robot"),
        ("{id: a, type: ntfy, private: 10.1.2}", "1 channels.a.private '10.1.2' is no address or network such as 10.1.2.3 or 10.1.0.0/16"),
        ("{id: a, type: ntfy, private: 0.0.0.0/0}", "1 channels.a.private '0.0.0.0/0' is too wide; at most /8"),
        ("{id: a, type: ntfy, private: []}", "1 channels.a.private lists no address; leave it out"),
        ("{id: a, type: email, host: m, from: plant}", "1 channels.a.from 'plant' is no e-mail address"),
        ("{id: a, type: email, host: m, from: p@a, to: [a@a, b]}", "1 channels.a.to 'b' is no e-mail address"),
        ("{id: a, type: email, host: m, from: p@a, to: []}", "1 channels.a.to names nobody; leave it out"),
        ("{id: a, type: email, host: m, from: p@a, security: ssl}", "1 channels.a.security 'ssl' is not a kind of security"),
        (f"{{id: a, type: voice, {ALIYUN}, play_times: 4}}", "1 channels.a.play_times 4 is outside 1..3"),
    ],
)  # fmt: skip
def test_a_fault_is_said_with_its_line(text: str, problem: str) -> None:
    _, problems, tree = read(text)
    assert len(problems) == 1 and problem in problems[0], problems
    assert editor(tree) or any(key in problem for key in ("a.url", "a.ca", "a.private", "mail address", "Apprise")), "the editor underlines it too"


def test_an_old_record_reads_where_its_secrets_are_gone() -> None:
    found, problems, _ = read("{id: a, type: dingtalk_robot, token: '${GONE}', secret: '${GONE}'}", {}, strict=False)
    assert found is not None and found.settings == {} and problems == []


def test_a_templates_variables_are_the_modules() -> None:
    assert channels.VARIABLES == template.VARIABLES


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(SCHEMA.read_text("utf-8"))["properties"]["channels"]["items"]["oneOf"]
    return found


def editor(tree: y.Node) -> list[str]:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    one = {**schema["properties"]["channels"]["items"], "$defs": schema["$defs"]}
    return [error.message for error in Draft202012Validator(one).iter_errors(y.plain(tree))]


def test_the_table_of_the_documentation_has_every_type_its_keys_and_whom_it_reaches() -> None:
    table = {}
    for line in (Path(channels.__file__).parents[1] / "docs" / "channels.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].startswith("`"):
            table[cells[0].strip("`")] = cells
    assert set(table) == set(channels.TYPES)
    for kind, (_, keys, reach, _, limit) in table.items():
        made = channels.TYPES[kind]
        assert reach.split(":")[0] == made.reach
        assert bool(limit) == (limit_of(kind) is not None)
        bold, all_ = set(re.findall(r"\*\*`(\w+)`\*\*", keys)), set(re.findall(r"`(\w+)`", keys))
        if kind not in ("webhook", "mqtt"):
            tied = {key: must for own in made.of.values() for key, must in own.items()}
            assert bold == set(made.needs) | {key for key, must in tied.items() if must}
            assert all_ | {"url", "ca", "private"} == {*made.needs, *made.may, "url", "ca", "private"}
