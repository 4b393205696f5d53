"""Bodies of requests: urlencoded forms and JSON objects, bounded, nothing else. No multipart: there is nothing to upload here."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

MOST_FIELDS = 1_000  # a round of a hundred machines is one form
LONGEST_TEXT = 4_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class BadBody(ValueError):
    """A body that is no form or JSON object of ours; the text says what was expected."""


async def read_fields(request: Request) -> dict[str, Any]:
    """The fields of a form or the members of a JSON object; {} for no body. Raises BadBody."""
    body = await request.body()
    if not body:
        return {}
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/x-www-form-urlencoded":
        return form_fields(body)
    if content_type == "application/json":
        return json_fields(body)
    raise BadBody(f"a body of type {content_type or 'unknown'}; send application/json or a plain form")


def form_fields(body: bytes) -> dict[str, str]:
    """Later fields of one name win; control characters go, line ends become \\n. Raises BadBody."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as wrong:
        raise BadBody(f"the form cannot be read: {wrong}") from None
    return {name: clean(value) for name, value in pairs}


def json_fields(body: bytes) -> dict[str, Any]:
    """Raises BadBody for anything but one flat-enough object."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as wrong:
        raise BadBody(f"the body is no JSON: {wrong}") from None
    if not isinstance(value, dict) or len(value) > MOST_FIELDS:
        raise BadBody(f"the body must be one JSON object of at most {MOST_FIELDS} members")
    return {name: clean(item) if isinstance(item, str) else item for name, item in value.items()}


def clean(text: str) -> str:
    """Text as people meant it: no control or direction-turning characters, at most 4,000 characters. Raises BadBody when longer."""
    tidy = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(tidy) > LONGEST_TEXT:
        raise BadBody(f"a text of {len(tidy)} characters; at most {LONGEST_TEXT}")
    return tidy
