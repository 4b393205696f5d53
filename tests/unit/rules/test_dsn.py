"""Delivery reports as mail servers write them, and as nobody should: bounded, and never believed without its ENVID."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.notify import dsn
from rules.notify.dsn import MOST_BYTES, MOST_RECIPIENTS, MOST_TEXT, Action, Recipient, Report, read

ENVID = "0123456789abcdef" * 2


def report(
    action: str = "failed", status: str = "5.1.1", envid: str | None = ENVID, *, kind: str = "delivery-status", extra: str = "",
    diagnostic: str = "smtp; 550 5.1.1 <zhang@example.com>: Recipient address\r\n    rejected: User unknown",
) -> bytes:  # fmt: skip
    """As Postfix writes one."""
    about = f"Original-Envelope-Id: {envid}\r\n" if envid is not None else ""
    return (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.com (Mail Delivery System)\r\nTo: plant@example.com\r\nSubject: Undelivered Mail\r\n"
        f"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={kind};\r\n"
        '\tboundary="9C2F.1/mx"\r\n\r\nThis is a MIME-encapsulated message.\r\n\r\n--9C2F.1/mx\r\nContent-Description: Notification\r\n'
        "Content-Type: text/plain; charset=utf-8\r\n\r\nThis is the mail system.\r\n\r\n--9C2F.1/mx\r\nContent-Description: Delivery report\r\n"
        f"Content-Type: message/delivery-status\r\n\r\n{about}Reporting-MTA: dns; mx.example.com\r\nArrival-Date: Sat, 21 Nov 2026 14:20:03 +0800\r\n\r\n"
        f"Final-Recipient: rfc822; z.wei@inner.example.com\r\nOriginal-Recipient: rfc822;zhang@example.com\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {diagnostic}\r\n\r\n{extra}--9C2F.1/mx\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        "Message-ID: <P12-1@tower.plantroom>\r\nSubject: x\r\n\r\n--9C2F.1/mx--\r\n"
    ).encode()


def test_a_bounce_says_who_why_and_of_which_envelope() -> None:
    words = "550 5.1.1 <zhang@example.com>: Recipient address rejected: User unknown"
    assert read(report()) == Report(ENVID, (Recipient(Action.FAILED, "5.1.1", words, "zhang@example.com"),))
    for action in Action:
        found = read(report(action.value.upper(), "2.0.0 (ok)"))
        assert found is not None and (found.recipients[0].action, found.recipients[0].status) == (action, "2.0.0")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x00" * 100, b"Subject: I am on holiday\r\n\r\nBack on Monday.\r\n", report(kind="disposition-notification"),
        report().replace(b"multipart/report", b"multipart/mixed"), report().replace(b"message/delivery-status", b"text/plain"),
        report("eaten"), report().replace(b"Action: failed\r\n", b""), report()[:700], report().replace(b"--9C2F.1/mx\r\nContent-Desc", b"x"),
        report().replace(b"report-type=delivery-status", b"report-type*=utf-8''delivery-status"),
    ],
)  # fmt: skip
def test_what_is_no_delivery_report_is_none(raw: bytes) -> None:
    assert read(raw) is None


@pytest.mark.parametrize("envid", [None, "", "P12-1", ENVID.upper(), ENVID + "0", ENVID[:-1], f"{ENVID} {ENVID}", "rfc822;" + ENVID, "+30" * 32])
def test_an_envelope_that_cannot_be_ours_is_none_of_ours(envid: str | None) -> None:
    found = read(report(envid=envid))
    assert found is not None and found.envid is None


def test_a_report_inside_another_mail_counts_for_nothing() -> None:
    """Who answers us with a report of their making attached has sent no report."""
    outer = b"From: a@b\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n"
    mixed = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + report() + b"\r\n--o--\r\n"
    assert read(outer + report()) is None and read(mixed) is None


def test_size_depth_and_number_are_bounded() -> None:
    block = "Final-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.0.0\r\n\r\n"
    many = read(report(extra=block * 500))
    assert many is not None and len(many.recipients) == MOST_RECIPIENTS
    long = read(report(diagnostic="smtp; " + "x" * 5_000))
    assert long is not None and len(long.recipients[0].words) <= MOST_TEXT
    assert read(report() + b"y" * 5_000_000) == read(report())
    assert read(b"X: y\r\n" * MOST_BYTES + report()) is None, "what stands behind the bound is not looked at"
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3_000))
    began = time.process_time()
    assert read(deep) is None
    assert read(b"Content-Type: message/rfc822\r\n\r\n" * 3_000) is None
    assert time.process_time() - began < 0.2


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_whatever_the_bytes_are_the_answer_is_a_bounded_report_or_none(seed: int, cuts: int) -> None:
    """Bytes changed, cut out, doubled and moved in a real report: never an exception, never an ENVID that did not stand there whole."""
    rng, raw = random.Random(seed), bytearray(report())
    pieces = (b"\r\n", b"\r\n\r\n", b"--9C2F.1/mx", b"boundary=", b"=?utf-8?q?", b"\xff\xfe", b"\x00", b"message/rfc822", b";", b'"', b"Action: ")
    for _ in range(cuts):
        at, n = rng.randrange(len(raw) + 1), rng.randrange(1, 60)
        match rng.randrange(4):
            case 0:
                raw[at : at + 1] = rng.randbytes(1)
            case 1:
                del raw[at : at + n]
            case 2:
                raw[at:at] = raw[rng.randrange(len(raw) + 1) :][:n]
            case _:
                raw[at:at] = rng.choice(pieces)
    found = read(bytes(raw))
    if found is not None:
        assert found.envid is None or found.envid.encode() in raw
        assert 0 < len(found.recipients) <= MOST_RECIPIENTS
        for each in found.recipients:
            assert len(each.words) <= MOST_TEXT and len(each.address) <= MOST_TEXT and (each.words + each.address).isprintable()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_bytes_that_are_no_mail_are_no_report(raw: bytes) -> None:
    assert read(raw) is None


def test_the_fuzz_would_see_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its control: the parser does fail on some of it, and that is caught here alone."""
    def breaks(self: object, raw: bytes) -> object:
        raise IndexError("as email._header_value_parser did on an address that ends early")

    monkeypatch.setattr(dsn.BytesParser, "parsebytes", breaks)
    assert read(report()) is None
