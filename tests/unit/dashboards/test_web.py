"""The web service's address and its first line; the whole of it is in tests/integration/test_web.py."""

from __future__ import annotations

import pytest

from dashboards.console.web import address, announce
from plantroom.errors import BadInput


@pytest.mark.parametrize(
    ("text", "is_"), [("10.0.0.1:8600", ("10.0.0.1", 8600)), ("[::1]:80", ("::1", 80)), (":8600", ("127.0.0.1", 8600))]
)
def test_an_address_is_a_host_and_a_port_and_no_host_is_loopback(text: str, is_: tuple[str, int]) -> None:
    assert address(text) == is_


@pytest.mark.parametrize("text", ["", "8600x", "host", "host:99999", "host:-1", "host:"])
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="write HOST:PORT such as"):
        address(text)


def test_the_password_is_one_line_and_nothing_is_said_without_one(capsys: pytest.CaptureFixture[str]) -> None:
    announce(None, "127.0.0.1", 8600)
    assert capsys.readouterr().out == ""
    announce("abcde-fghjk", "::1", 8600)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "http://[::1]:8600 as admin with the password abcde-fghjk (shown only this once)" in said
