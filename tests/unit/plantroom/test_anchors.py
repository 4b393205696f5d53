"""E-1, P14: the chronicle's head is noted outside, by folder, mail and time stamp; what failed for a day is told; what was noted is compared."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from plantroom.anchor import Anchor
from plantroom.anchors import add_line, head_text, line_of, noted_in, proven, request_for
from plantroom.clock import NS, VirtualClock
from plantroom.errors import BadInput
from plantroom.journal import Entry
from plantroom.site import Site
from plantroom.site_file import load_site
from rules.notify import email
from rules.notify.anchoring import AGAIN_NS, MISSED_NS, Anchoring
from rules.notify.page import Answer, Page
from rules.notify.timestamp import stamp
from rules.outbox import Verdict

NOW = 1_796_000_000 * NS
HEAD = head_text(7, bytes(range(32)))
CONF = """
[ca]
[tsa]
default_tsa = t
[t]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
[req]
distinguished_name = dn
[dn]
[v3_ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[v3_tsa]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Tsa:
    """`openssl ts` behind a loopback port. mode: good, refuse (not 200), other (stamps something else)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mode, self.ca = folder, "good", folder / "ca.pem"
        (folder / "tsa.cnf").write_text(CONF.format(folder=folder))
        (folder / "serial").write_text("01")
        self._openssl(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-subj",
            "/CN=test ca",
            "-days",
            "3650",
            "-extensions",
            "v3_ca",
        )
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=test tsa")
        self._openssl(
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "3650",
            "-out",
            "tsa.pem",
            "-extfile",
            "tsa.cnf",
            "-extensions",
            "v3_tsa",
            config=False,
        )
        tsa = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = tsa.answer(body)
                self.send_response(500 if tsa.mode == "refuse" else 200)
                self.send_header("content-type", "application/timestamp-reply")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *said: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/tsr"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, body: bytes) -> bytes:
        query = request_for(head_text(8, bytes(32)))[0] if self.mode == "other" else body
        (self.folder / "query.tsq").write_bytes(query)
        self._openssl("ts", "-reply", "-queryfile", "query.tsq", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "reply.tsr")
        return (self.folder / "reply.tsr").read_bytes()

    def _openssl(self, *arguments: str, config: bool = True) -> None:
        more = ["-config", "tsa.cnf"] if config else []
        subprocess.run(["openssl", *arguments, *more], cwd=self.folder, check=True, capture_output=True)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    made = Tsa(tmp_path_factory.mktemp("tsa"))
    yield made
    made.close()


@pytest.fixture
def good_tsa(tsa: Tsa) -> Tsa:
    tsa.mode = "good"
    return tsa


def site(tmp_path: Path, anchor: str) -> Site:
    path = tmp_path / "hq.yaml"
    path.write_text(
        "site: {id: hq, name: HQ, zone: UTC, language: en}\nconnections: []\ndevices: []\nequipment: [{id: x, kind: asset, name: X}]\n"
        f"channels: [{{id: mail, type: email, host: mail.example.com, from: a@example.com, to: [b@example.com]}}]\n{anchor}\n"
    )
    return load_site(path, env={})


class Pages:
    """A diary that keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    async def note(self, entries: list[Entry]) -> None:
        self.said += [orjson.loads(entry.body) for entry in entries]


def anchoring(tmp_path: Path, clock: VirtualClock, anchor: Anchor) -> tuple[Anchoring, Pages]:
    pages = Pages()
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    made = Anchoring(site(tmp_path, ""), anchor, folder, clock, pages, lambda: (7, bytes(range(32))))  # type: ignore[arg-type]
    made._load()
    return made, pages


def look(made: Anchoring, clock: VirtualClock, seconds: float = 0) -> None:
    clock.advance(seconds)
    asyncio.run(made.look())


def test_the_site_file_says_where(tmp_path: Path) -> None:
    found = site(
        tmp_path,
        "anchor: {folder: /mnt/a, mail: mail, to: [c@example.com], timestamp: 'https://tsa.example.com', ca: /etc/tsa.pem, every: 6h}",
    )
    assert found.anchor is not None and found.anchor.ways == ("folder", "mail", "timestamp") and found.anchor.every_s == 21_600
    for wrong, why in (
        ("{every: 1h}", "nowhere"),
        ("{folder: a}", "whole path"),
        ("{mail: mail}", "belongs to `mail`"),
        ("{timestamp: 'http://a'}", "is missing"),
        ("{folder: /a, every: 25h}", "must be"),
    ):
        with pytest.raises(BadInput, match=why):
            site(tmp_path, f"anchor: {wrong}")


def test_a_line_a_day_in_the_folder_and_once_more_after_a_restart_without_its_state(tmp_path: Path) -> None:
    clock, outside = VirtualClock(NOW), tmp_path / "outside"
    outside.mkdir()
    made, pages = anchoring(tmp_path, clock, Anchor(folder=str(outside)))
    for _ in range(4 * 24):
        look(made, clock, 900)
    assert (outside / "hq.anchors").read_text().splitlines() == [line_of(NOW + 900 * NS, HEAD)]
    made, pages = anchoring(tmp_path, clock, Anchor(folder=str(outside)))
    look(made, clock)
    assert len((outside / "hq.anchors").read_text().splitlines()) == 1, "its state is kept over a restart"
    look(made, clock, 3600)
    assert len((outside / "hq.anchors").read_text().splitlines()) == 2
    assert [said["event"] for said in pages.said] == ["anchor_missed_over", "anchored"]
    assert noted_in(outside, "hq", None).heads == [(7, bytes(range(32)))] * 2


def test_a_folder_that_is_away_for_26_hours_is_told_and_its_return_too(tmp_path: Path) -> None:
    clock, outside = VirtualClock(NOW), tmp_path / "outside"
    made, pages = anchoring(tmp_path, clock, Anchor(folder=str(outside)))
    look(made, clock)
    assert [said["event"] for said in pages.said] == ["anchor_missed_over"] and not outside.exists(), "a mount that is away is not made"
    look(made, clock, MISSED_NS / NS)
    assert len(pages.said) == 1
    look(made, clock, 1)
    assert pages.said[-1]["event"] == "anchor_missed" and pages.said[-1]["way"] == "folder" and "FileNotFoundError" in pages.said[-1]["why"]
    look(made, clock, 60)
    assert len(pages.said) == 2, "once an hour is enough"
    outside.mkdir()
    look(made, clock, AGAIN_NS / NS)
    assert [said["event"] for said in pages.said[2:]] == ["anchored", "anchor_missed_over"]


def test_a_mail_to_each_address_has_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Page] = []

    async def send(settings: Any, page: Page, *, timeout_s: float) -> Answer:
        sent.append(page)
        return Answer(Verdict.ACCEPTED if page.to != "no@example.com" else Verdict.REFUSED, "550 no")

    monkeypatch.setattr(email, "send", send)
    clock = VirtualClock(NOW)
    made, pages = anchoring(tmp_path, clock, Anchor(mail="mail", to=("b@example.com", "c@example.com")))
    look(made, clock)
    assert [page.to for page in sent] == ["b@example.com", "c@example.com"] and sent[0].lines[1] == line_of(NOW, HEAD)
    assert pages.said[0]["ways"] == ["mail"]
    made.anchor = replace(made.anchor, to=("no@example.com",))
    look(made, clock, 86_400)
    assert made.ways["mail"].why == "ValueError: 550 no" and len(pages.said) == 2


def test_a_time_stamp_is_proven_kept_and_proven_again(tmp_path: Path, good_tsa: Tsa) -> None:
    clock, outside = VirtualClock(NOW), tmp_path / "outside"
    outside.mkdir()
    made, pages = anchoring(tmp_path, clock, Anchor(folder=str(outside), timestamp=good_tsa.url, ca=str(good_tsa.ca)))
    look(made, clock)
    assert pages.said[0]["ways"] == ["folder", "timestamp"], made.ways
    noted = noted_in(outside, "hq", good_tsa.ca)
    assert noted.heads == [(7, bytes(range(32)))] and not noted.findings
    assert "not proven" in noted_in(outside, "hq", None).findings[0].why
    (outside / "hq.anchors").write_text(line_of(NOW, head_text(7, bytes(32))) + "\n")
    assert "does not hold" in noted_in(outside, "hq", good_tsa.ca).findings[0].why, "the line was changed, the stamp tells"


@pytest.mark.parametrize("mode", ["refuse", "other"])
def test_a_server_that_refuses_or_stamps_something_else_is_not_believed(tsa: Tsa, mode: str) -> None:
    tsa.mode = mode
    with pytest.raises(ValueError, match="answers 500" if mode == "refuse" else "does not hold"):
        asyncio.run(stamp(tsa.url, HEAD, str(tsa.ca), timeout_s=10))


def test_a_stamp_by_somebody_else_is_not_believed(tmp_path: Path, good_tsa: Tsa) -> None:
    token = asyncio.run(stamp(good_tsa.url, HEAD, str(good_tsa.ca), timeout_s=10))
    proven(token, HEAD, good_tsa.ca.read_bytes())
    other = tmp_path / "other"
    other.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "c.pem", "-subj", "/CN=other"],
        cwd=other,
        check=True,
        capture_output=True,
    )
    with pytest.raises(ValueError, match="does not hold"):
        proven(token, HEAD, (other / "c.pem").read_bytes())
    with pytest.raises(ValueError):
        proven(b"no token", HEAD, good_tsa.ca.read_bytes())


def test_lines_that_were_tampered_with_are_named(tmp_path: Path) -> None:
    add_line(tmp_path, "hq", line_of(NOW, head_text(9, bytes(32))))
    add_line(tmp_path, "hq", line_of(NOW + NS, head_text(8, bytes(32))))
    add_line(tmp_path, "hq", "nonsense")
    assert [one.where for one in noted_in(tmp_path, "hq", None).findings] == ["hq.anchors:2", "hq.anchors:3"]
    with pytest.raises(BadInput, match="holds no"):
        noted_in(tmp_path, "other", None)
