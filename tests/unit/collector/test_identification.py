"""43/14 on the wire: the standard's own example, what is not ours, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.identification import Refused, Told, Unreadable, read, request, whole

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def frame(pdu: bytes, transaction: int = 9, unit: int = 5) -> bytes:
    return transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu


def reply(*objects: tuple[int, bytes], more: int = 0, following: int = 0, category: int = 1) -> bytes:
    listed = b"".join(bytes([number, len(text)]) + text for number, text in objects)
    return frame(bytes([43, 14, category, 1, more, following, len(objects)]) + listed)


def test_the_request_is_the_standards() -> None:
    assert request(9, 5, 1) == bytes.fromhex("0009 0000 0005 05 2B 0E 01 00")
    assert request(9, 5, 2, 4) == bytes.fromhex("0009 0000 0005 05 2B 0E 02 04")


def test_the_standards_example_is_read() -> None:
    """Application Protocol V1.1b3, 6.21.4: company identification, product code XX, version V2.11."""
    told = read(reply((0, b"Company identification"), (1, b"Product code XX"), (2, b"V2.11")), 9, 5)
    assert told == Told({"vendor": "Company identification", "product_code": "Product code XX", "revision": "V2.11"}, None)


def test_more_follows_from_the_object_it_names() -> None:
    assert read(reply((0, b"A"), more=0xFF, following=2), 9, 5) == Told({"vendor": "A"}, 2)


def test_an_exception_is_a_refusal() -> None:
    assert read(frame(b"\xab\x01"), 9, 5) == Refused(1)


@pytest.mark.parametrize(("transaction", "unit"), [(8, 5), (9, 6)])
def test_what_is_not_ours_is_passed_over(transaction: int, unit: int) -> None:
    assert read(reply((0, b"A")), transaction, unit) is None


@pytest.mark.parametrize(
    "bad",
    [
        frame(b"\x03\x02\x00\x01"),
        frame(b"\x2b\x0d\x01\x01\x00\x00\x00"),
        frame(b"\x2b\x0e\x01\x01\x00"),
        reply((0, b"A"))[:-1],
        frame(b"\x2b\x0e\x01\x01\x00\x00\x02\x00\x01A"),
        b"\0\x09\0\0",
    ],
    ids=["another function", "another MEI", "short head", "object cut", "an object too few", "half a header"],
)
def test_what_cannot_be_read_is_said(bad: bytes) -> None:
    assert isinstance(read(bad, 9, 5), Unreadable)


def test_texts_that_are_no_ascii_are_shown_harmlessly() -> None:
    told = read(reply((0, b"A\xffB\nC  "), (1, b"\0\0"), (0x80, b"private")), 9, 5)
    assert told == Told({"vendor": "A?B?C"}, None)


@pytest.mark.parametrize(("data", "length"), [(b"", None), (b"\0\x09\0\0\0", None), (b"\0\x09\0\0\0\x05", 11), (b"\0\x09\0\x01\0\x05", 0), (b"HTTP/1", 0)])
def test_where_a_frame_ends(data: bytes, length: int | None) -> None:
    assert whole(data) == length


@PATIENT
@given(st.binary(max_size=270))
def test_any_bytes_are_told_refused_unreadable_or_not_ours(data: bytes) -> None:
    whole(data)
    found = read(data, 9, 5)
    assert found is None or isinstance(found, Told | Refused | Unreadable)


@PATIENT
@given(st.binary(max_size=250))
def test_any_body_of_an_identification_is_told_or_unreadable(body: bytes) -> None:
    assert isinstance(read(frame(b"\x2b\x0e" + body), 9, 5), Told | Unreadable)
