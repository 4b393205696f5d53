from __future__ import annotations

import pytest

from collector.store.answers import MOST_RETRY_AFTER_S, MOST_TEXT, Verdict, judge
from plantroom.clock import NS

NOW = 1_763_683_200 * NS  # Fri, 21 Nov 2025 00:00:00 GMT

V1_PARSE = b"""{"error":"unable to parse 'fire_pump,site=hq x= 1': missing field value"}"""
V1_CONFLICT = (
    b'{"error":"partial write: field type conflict: input field \\"x\\" on measurement \\"m\\" is type float, '
    b'already exists as type string dropped=1"}'
)
V1_RETENTION = b'{"error":"partial write: points beyond retention policy dropped=2"}'
V1_DATABASE = b'{"error":"database not found: \\"hq\\""}'
V1_SERIES = b'{"error":"partial write: max-series-per-database limit exceeded: (1000000) dropped=1"}'
V2_PARSE = b"""{"code":"invalid","message":"unable to parse 'm x': missing fields","line":3}"""
V2_CONFLICT = b'{"code":"unprocessable entity","message":"failure writing points: partial write: field type conflict dropped=1"}'
V2_ORG = b'{"code":"invalid","message":"please provide either orgID or org"}'
V3_PARTIAL = b'{"error":"partial write of line protocol occurred","data":[{"line_number":1,"error_message":"bad"}]}'


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (204, b"", Verdict.STORED),
        (200, b"<html>Please log in</html>", Verdict.REFUSED),
        (302, b"", Verdict.REFUSED),
        (400, V1_PARSE, Verdict.BAD_LINES),
        (400, V1_CONFLICT, Verdict.BAD_LINES),
        (400, V1_RETENTION, Verdict.BAD_LINES),
        (400, V1_SERIES, Verdict.REFUSED),
        (400, V2_PARSE, Verdict.BAD_LINES),
        (422, V2_CONFLICT, Verdict.BAD_LINES),
        (400, V3_PARTIAL, Verdict.BAD_LINES),
        (400, V2_ORG, Verdict.REFUSED),
        (400, b"", Verdict.REFUSED),
        (401, b'{"code":"unauthorized","message":"unauthorized access"}', Verdict.REFUSED),
        (403, b"", Verdict.REFUSED),
        (404, V1_DATABASE, Verdict.REFUSED),
        (413, b"", Verdict.TOO_LARGE),
        (429, b"", Verdict.LATER),
        (500, b'{"error":"timeout"}', Verdict.LATER),
        (502, b"<html>bad gateway</html>", Verdict.LATER),
        (503, b"", Verdict.LATER),
    ],
)
def test_each_answer_has_one_meaning(status: int, body: bytes, verdict: Verdict) -> None:
    assert judge(status, {}, body, 10, NOW).verdict is verdict


def test_when_every_line_is_too_old_there_is_nothing_to_look_for() -> None:
    assert judge(400, {}, V1_RETENTION, 2, NOW).verdict is Verdict.ALL_BAD


def test_a_bad_request_about_something_else_kills_no_line() -> None:
    """A wrong organisation must not turn a month of samples into dead letters."""
    assert judge(400, {}, b'{"code":"invalid","message":"precision is bad"}', 1, NOW).verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Fri, 21 Nov 2025 00:01:30 GMT", 90.0),
        ("Thu, 20 Nov 2025 00:00:00 GMT", 0.0),
        ("99999999", MOST_RETRY_AFTER_S),
        ("-5", 0.0),
        ("soon", None),
        ("nan", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"retry-after": header}
    assert judge(503, headers, b"", 1, NOW).after_s == seconds


def test_the_servers_own_words_are_kept_short_and_on_one_line() -> None:
    text = judge(500, {}, b"a\n" * 10_000, 1, NOW).text
    assert len(text) <= MOST_TEXT + 10
    assert "\n" not in text
    assert judge(400, {}, V3_PARTIAL, 1, NOW).text == "400: partial write of line protocol occurred; bad"
    assert judge(200, {}, b"", 1, NOW).text.endswith("is this InfluxDB's own address?)")
