"""What `check` says of channels: it stops no start, and nothing of it is found out at three in the morning."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.channel_check import findings
from plantroom.site_file import load_site
from tests.kit.console_site import site_file


def said(folder: Path, channels: str, people: str = "") -> list[tuple[str, str]]:
    file = site_file(folder)
    file.write_text(file.read_text() + f"channels:\n{channels}\n" + people)
    return [(problem.where, problem.text) for problem in findings(load_site(file))]


@pytest.mark.parametrize(("url", "private", "wanted"), [
    ("http://10.1.2.3:8080/x", "", "private: [10.1.2.3]"), ("http://[fd00::5]/", "", "private: [fd00::5]"), ("http://localhost:9/", "", "private: [127.0.0.1]"),
    ("http://10.1.2.3/", ", private: 10.1.0.0/16", ""), ("http://gateway.house/", "", ""), ("https://8.8.8.8/", "", ""), ("http://10.1.2.3/", ", private: [10.9.0.0/16]", "private: [10.1.2.3]"),
])  # fmt: skip
def test_a_private_address_that_is_not_listed_is_named_with_what_to_write(tmp_path: Path, url: str, private: str, wanted: str) -> None:
    found = said(tmp_path, f"  - {{id: a, type: webhook, url: '{url}'{private}}}")
    assert [where for where, _ in found] == (["channels.a.url"] if wanted else [])
    assert not found or wanted in found[0][1]


OWN = "people:\n  - {id: li.wei, name: 李伟, contacts: {a: liwei}}\n"
EVERYONE = "escalation: {danger: {steps: [{after: 0s, tell: [li.wei, everyone]}], repeat: 3m}}\n"


@pytest.mark.parametrize(("channel", "where"), [
    ("webhook, url: 'https://a.example'", "channels.a"), ("mqtt, host: broker", "channels.a"), ("ntfy, topic: all", "channels.a"), ("ntfy", ""), ("email, host: m, from: p@a", ""),
])  # fmt: skip
def test_a_group_that_everyone_leaves_out_is_named(tmp_path: Path, channel: str, where: str) -> None:
    people = OWN.replace("liwei", "liwei@a.example")
    found = said(tmp_path, f"  - {{id: a, type: {channel}}}\n  - {{id: b, type: ntfy, topic: b}}", people + EVERYONE)
    assert [place for place, _ in found] == ([where] if where else [])
    assert not found or "li.wei has an address on it" in found[0][1]


def test_buttons_nobody_hears_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S", "s3cret-of-it")
    app = "  - {id: a, type: wecom_app, corp: ww1, agent: 1, secret: '${S}', buttons: true"
    assert "callback_token and callback_secret" in said(tmp_path, app + "}")[0][1]
    assert "web.public_url" in said(tmp_path, app + ", callback_token: '${S}', callback_secret: '${S}'}")[0][1]
    assert said(tmp_path, app + ", callback_token: '${S}', callback_secret: '${S}'}", "web: {public_url: 'https://plant.example.com'}\n") == []
