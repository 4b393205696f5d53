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
